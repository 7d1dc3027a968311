"""``fleetdeck status``: what scripts rely on."""

from __future__ import annotations

import json
import re
import signal
import time
from datetime import UTC, datetime
from typing import Literal

import msgspec

from tests.cli.demo_process import PATIENCE, DemoProcess, next_line

Time = str


class ModeDocument(msgspec.Struct):
    enabled: bool


class ExternalDocument(msgspec.Struct):
    enabled: bool
    activated_at: Time | None
    reason: str | None


class ModesDocument(msgspec.Struct):
    external: ExternalDocument
    private: ModeDocument
    hold: dict[str, ModeDocument]


class MemoryDocument(msgspec.Struct):
    total: int
    used: int


class HolderDocument(msgspec.Struct):
    who: str
    pid: int
    bytes: int | None


class GpuMemoryDocument(msgspec.Struct):
    total: int | None
    used: int | None
    reserved: int | None


class GpuDocument(msgspec.Struct):
    index: int
    name: str
    memory: GpuMemoryDocument | None
    utilization_percent: float | None
    temperature_c: float | None
    power_w: float | None
    power_limit_w: float | None
    holders: list[HolderDocument]


class MachineDocument(msgspec.Struct):
    name: str
    state: Literal["up", "down", "unknown"]
    stale: bool
    reason: str
    age_s: float | None
    cpu_percent: float | None
    memory: MemoryDocument | None
    gpus: list[GpuDocument]


class UnitDocument(msgspec.Struct):
    name: str
    state: str
    sub: str
    since: Time | None
    reason: str


class ModelDocument(msgspec.Struct):
    id: str
    state: Literal["ready", "starting", "stopping", "idle", "unknown"]
    where: Literal["local", "cloud"]
    vram: int | None
    until: Time | None


class ServiceDocument(msgspec.Struct):
    name: str
    kind: str
    machine: str | None
    url: str
    state: Literal["up", "busy", "starting", "down", "unknown"]
    stale: bool
    reason: str
    age_s: float | None
    latency_ms: float | None
    version: str | None
    unit: UnitDocument | None
    models: list[ModelDocument]


class ProblemDocument(msgspec.Struct):
    about: str
    since: Time | None
    text: str


class StatusDocument(msgspec.Struct):
    """``status --json`` as it is promised: every field is there, of this type."""

    schema: Literal[1]
    at: Time
    modes: ModesDocument
    machines: list[MachineDocument]
    services: list[ServiceDocument]
    problems: list[ProblemDocument]

    def service(self, name: str) -> ServiceDocument:
        return next(service for service in self.services if service.name == name)


def status_of(text: str) -> StatusDocument:
    return msgspec.json.decode(text, type=StatusDocument)


def test_json_holds_every_promised_field_with_its_type(demo: DemoProcess) -> None:
    demo.steer("qdrant/scene/down")
    demo.steer("ollama/models/llama3.2:latest/load")
    before = datetime.now(UTC)
    result = demo.run("status", "--json")
    assert (result.returncode, result.stderr) == (0, "")
    status = status_of(result.stdout)
    assert abs((datetime.fromisoformat(status.at) - before).total_seconds()) < 30
    assert status.at.endswith("Z")
    assert [service.name for service in status.services] == ["llama-swap", "ollama", "litellm", "qdrant", "k3s"]
    up = status.service("llama-swap")
    assert (up.state, up.stale, up.reason, up.machine, up.version) == ("up", False, "", "koala", "v250")
    assert up.latency_ms is not None
    assert 0 < up.latency_ms < 5000
    assert up.age_s is not None
    assert {model.id: model.state for model in up.models}["llama-swap/qwen3"] == "idle"
    down = status.service("qdrant")
    assert (down.state, down.reason) == ("down", "connection refused")
    assert status.problems[0].about == "qdrant"
    assert status.problems[0].text == "qdrant does not answer: connection refused"
    assert status.problems[0].since is not None
    loaded = {model.id: model for model in status.service("ollama").models}["ollama/llama3.2:latest"]
    assert loaded.state == "ready"
    assert loaded.vram is not None
    assert loaded.vram > 1024**3
    assert loaded.until is not None
    assert datetime.fromisoformat(loaded.until) > before
    assert status.machines[0].name == "koala"
    assert status.machines[0].state == "up"


def test_what_is_not_known_is_null_and_never_0(demo: DemoProcess) -> None:
    demo.steer("qdrant/scene/down")
    raw = json.loads(demo.run("status", "--json").stdout)
    down = next(service for service in raw["services"] if service["name"] == "qdrant")
    assert down["latency_ms"] is None
    assert down["version"] is None
    assert down["unit"] is None
    idle = next(model for service in raw["services"] for model in service["models"] if model["state"] == "idle")
    assert idle["vram"] is None
    assert idle["until"] is None


def test_watch_prints_a_snapshot_a_line_as_things_change_and_ends_with_130(demo: DemoProcess) -> None:
    with demo.started("status", "--watch", "--json") as watching:
        first = status_of(next_line(watching))
        assert first.service("llama-swap").state == "up"
        demo.steer("llama-swap/models/gemma/load")
        states = []
        while "ready" not in states:
            models = status_of(next_line(watching)).service("llama-swap").models
            states.append({model.id: model.state for model in models}["llama-swap/gemma"])
        assert "starting" in states
        watching.send_signal(signal.SIGINT)
        assert watching.wait(PATIENCE) == 130
        assert watching.stderr is not None
        assert "Traceback" not in watching.stderr.read()


def test_a_server_that_hangs_holds_up_no_other_and_is_unknown_after_the_timeout(demo: DemoProcess) -> None:
    demo.steer("ollama/scene/hang")
    before = time.monotonic()
    result = demo.run("status", "--json", "--timeout", "0.3")
    assert time.monotonic() - before < 2.5
    assert result.returncode == 0, "a look that finds something broken is a look that was made"
    status = status_of(result.stdout)
    assert status.service("ollama").state == "unknown"
    assert status.service("llama-swap").state == "up"


def test_the_table_says_the_same_in_words(demo: DemoProcess) -> None:
    demo.steer("qdrant/scene/down")
    result = demo.run("status")
    assert result.returncode == 0
    lines = result.stdout.splitlines()
    assert lines[0] == "external off · private off"
    assert re.match(r"● llama-swap\s+up\s+[\d.]+ m?s\s+v250\s+koala\s+5 idle", lines[1])
    assert re.match(r"× qdrant\s+down\s+–.*connection refused", next(line for line in lines if "qdrant" in line))


def test_without_a_terminal_fleetdeck_is_status(demo: DemoProcess) -> None:
    assert demo.run().stdout.splitlines()[0] == "external off · private off"
