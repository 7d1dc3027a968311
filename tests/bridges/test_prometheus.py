"""The fleet's metrics: what Prometheus would scrape, read by the parser of its own client library."""

from __future__ import annotations

import asyncio
import math
import signal
import socket
import subprocess
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.cli.conftest import house  # noqa: F401  (a fixture)
from tests.cli.house import House
from tests.waiting import until
from tui.bridges.prometheus import Scene, scrape
from tui.config.schema import Config
from tui.fleet.gpu_snapshot import GpuHolder, GpuSnapshot, HolderKind
from tui.fleet.snapshot import (
    FleetSnapshot,
    MachineSnapshot,
    MachineState,
    ModelSnapshot,
    ModelState,
    Seen,
    ServiceSnapshot,
    ServiceState,
)
from tui.ledger.counts import counts
from tui.routing.mode_files import Flip, flip_external
from tui.routing.modes import Mode, Modes

NOW = 1_000_000.0
JUST_NOW = Seen(NOW, 10.0)
LONG_AGO = Seen(NOW - 3600, 10.0)
PATIENCE = 30.0
Metrics = dict[tuple[str, frozenset[tuple[str, str]]], float]


def read(text: str) -> Metrics:
    """All samples; fails where one is there twice, as Prometheus would."""
    found: Metrics = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation, family.name
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in found, key
            found[key] = sample.value
    return found


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    """The one sample of this name that has these labels, perhaps beside others; None: there is none."""
    found = [number for (of, all_of), number in metrics.items() if of == name and labels.items() <= set(all_of)]
    assert len(found) <= 1, (name, labels)
    return found[0] if found else None


def metrics_of(snapshot: FleetSnapshot, modes: Modes | None = None) -> Metrics:
    return read(scrape(lambda: Scene(Config(), snapshot, modes or Modes(), NOW)))


@pytest.fixture(autouse=True)
def no_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


def service(**fields: object) -> ServiceSnapshot:
    known = ServiceSnapshot(
        name="s", kind="ollama", url="http://127.0.0.1:1", state=ServiceState.UP, reason="", seen=JUST_NOW,
        latency=0.002, models_seen=JUST_NOW,
    )  # fmt: skip
    return replace(known, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("state", "up"),
    [
        (ServiceState.UP, 1),
        (ServiceState.BUSY, 1),
        (ServiceState.STARTING, 0),
        (ServiceState.DOWN, 0),
        (ServiceState.UNKNOWN, None),
    ],
)
def test_whether_a_service_is_up(state: ServiceState, up: int | None) -> None:
    assert value(metrics_of(FleetSnapshot(at=NOW, services=(service(state=state),))), "fleetdeck_service_up") == up


def test_what_is_stale_or_unknown_is_absent_and_never_zero() -> None:
    model = ModelSnapshot(name="m")
    gpu = GpuSnapshot(index=0, name="GPU", total=None, used=None)
    old_gpu = GpuSnapshot(index=0, name="GPU", total=10, used=5)
    machines = (
        MachineSnapshot(name="a", state=MachineState.UP, seen=JUST_NOW, gpus=(gpu,), gpus_seen=JUST_NOW),
        MachineSnapshot(name="b", state=MachineState.UP, seen=LONG_AGO, gpus=(old_gpu,), gpus_seen=LONG_AGO),
    )
    services = (service(models=(model,), latency=None), service(name="old", seen=LONG_AGO))
    metrics = metrics_of(
        FleetSnapshot(at=NOW, services=services, machines=machines), Modes(others_problem="modes.json cannot be read")
    )
    assert value(metrics, "fleetdeck_service_up", service="old") is None
    assert value(metrics, "fleetdeck_service_last_look_timestamp_seconds", service="old") == NOW - 3600
    assert value(metrics, "fleetdeck_machine_up", machine="a") == 1
    assert value(metrics, "fleetdeck_machine_up", machine="b") is None
    assert value(metrics, "fleetdeck_mode_enabled", mode="external") == 0
    assert value(metrics, "fleetdeck_mode_enabled", mode="private") is None
    unread = metrics_of(FleetSnapshot(at=NOW), Modes(external_problem="its file cannot be read"))
    assert value(unread, "fleetdeck_mode_enabled", mode="external") is None
    assert value(unread, "fleetdeck_mode_enabled", mode="private") == 0
    names = {name for name, _ in metrics}
    for absent in (
        "service_latency_seconds",
        "model_ready",
        "model_loaded",
        "machine_memory_size_bytes",
        "requests_total",
    ):
        assert f"fleetdeck_{absent}" not in names
    assert not any(name.startswith(("fleetdeck_gpu_memory", "fleetdeck_request")) for name in names)


def test_a_gpu_and_who_holds_it() -> None:
    holders = (
        GpuHolder("llama-swap/qwen3", 1, 600, HolderKind.MODEL),
        GpuHolder("Xorg", 2, 100, HolderKind.PROCESS),
        GpuHolder("Xorg", 3, 50, HolderKind.PROCESS),
        GpuHolder("hidden", 4, None, HolderKind.PROCESS),
    )
    gpu = GpuSnapshot(index=1, name="RTX", total=1000, used=750, utilization_percent=63, power_w=312.5, holders=holders)
    machine = MachineSnapshot(name="koala", state=MachineState.UP, seen=JUST_NOW, gpus=(gpu,), gpus_seen=JUST_NOW)
    metrics = metrics_of(FleetSnapshot(at=NOW, machines=(machine,)), Modes(hold={"koala": Mode(True)}))
    assert value(metrics, "fleetdeck_gpu_memory_used_bytes", machine="koala", gpu="1") == 750
    assert value(metrics, "fleetdeck_gpu_utilization_ratio", gpu="1") == 0.63
    assert value(metrics, "fleetdeck_gpu_power_watts", gpu="1") == 312.5
    assert value(metrics, "fleetdeck_gpu_memory_held_bytes", holder="Xorg") == 150
    assert value(metrics, "fleetdeck_gpu_memory_held_bytes", holder="llama-swap/qwen3", kind="model") == 600
    assert value(metrics, "fleetdeck_gpu_memory_held_bytes", holder="hidden") is None
    assert value(metrics, "fleetdeck_machine_hold_enabled", machine="koala") == 1


def test_names_that_anybody_made_up_break_no_scrape() -> None:
    names = ('a"b\\c\nd', "\x1b[31mred", "\x1b[31mred"[:1] + "[31mred", "\ud83d", "\ud83e", "x" * 20_000, "")
    models = tuple(ModelSnapshot(name=name, state=ModelState.READY) for name in dict.fromkeys(names))
    text = scrape(lambda: Scene(Config(), FleetSnapshot(at=NOW, services=(service(models=models),)), Modes(), NOW))
    assert "\x1b" not in text
    assert max(len(line) for line in text.splitlines()) < 400
    assert any("x" * 100 in str(labels) for _, labels in read(text))


async def test_one_scrape_tells_of_the_fleet_and_of_what_was_asked(house: House) -> None:  # noqa: F811
    assert counts() is None, "asking makes no ledger"
    assert (await house.call("invoke", "-m", "llama-swap/qwen3", "hello")).code == 0
    assert (await house.call("invoke", "-m", "litellm/gpt-5.2", "hello")).code == 0
    assert (await house.call("invoke", "-m", "ollama/nobody", "hello")).code == 1
    flip_external(house.external_file, Flip.ON)
    ran = await house.call("metrics")
    assert (ran.code, ran.err) == (0, "")
    metrics = read(ran.out)
    for name in house.fleet.servers:
        assert value(metrics, "fleetdeck_service_up", service=name) == 1
    assert value(metrics, "fleetdeck_model_ready", model="llama-swap/qwen3", where="local") == 1
    assert value(metrics, "fleetdeck_model_ready", model="llama-swap/coder", where="local") == 0
    assert value(metrics, "fleetdeck_mode_enabled", mode="external") == 1
    of = {"face": "cli", "model": "llama-swap/qwen3", "where": "local", "outcome": "finished"}
    assert value(metrics, "fleetdeck_requests_total", **of) == 1
    assert value(metrics, "fleetdeck_request_duration_seconds_count", **of) == 1
    assert (value(metrics, "fleetdeck_request_output_tokens_total", **of) or 0) > 10
    assert (value(metrics, "fleetdeck_request_cost_dollars_total", model="litellm/gpt-5.2", where="cloud") or 0) > 0
    assert value(metrics, "fleetdeck_requests_total", model="", outcome="failed") == 1
    assert value(metrics, "fleetdeck_ledger_readable") == 1
    assert math.isfinite(sum(metrics.values()))


async def test_a_ledger_that_is_none_costs_its_own_metrics_alone(house: House) -> None:  # noqa: F811
    house.ledger_file.parent.mkdir(parents=True, exist_ok=True)
    house.ledger_file.write_text("not a ledger" * 1000)
    metrics = read((await house.call("metrics")).out)
    assert value(metrics, "fleetdeck_ledger_readable") == 0
    assert value(metrics, "fleetdeck_service_up", service="ollama") == 1


async def served_at(process: asyncio.subprocess.Process) -> str:
    assert process.stderr is not None
    line = (await asyncio.wait_for(process.stderr.readline(), PATIENCE)).decode()
    assert "metrics at http://127.0.0.1:" in line, line
    return line.split()[-1]


async def scraped_until(client: httpx.AsyncClient, url: str, service: str, up: int) -> None:
    try:
        async with asyncio.timeout(PATIENCE):
            while value(read((await client.get(url)).text), "fleetdeck_service_up", service=service) != up:
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"still not so: {service} is told to be {up}") from None


async def test_served_metrics_are_the_newest_and_end_with_the_program(house: House) -> None:  # noqa: F811
    often = house.config.read_text().replace("[services.qdrant]", "[services.qdrant]\nrefresh = 0.2")
    house.config.write_text(often)
    process = await house.started("metrics", "--port", "0", stdin=subprocess.DEVNULL)
    try:
        url = await served_at(process)
        async with httpx.AsyncClient(trust_env=False) as client:
            assert (await client.get(url)).headers["content-type"].startswith("text/plain")
            await scraped_until(client, url, "qdrant", 1)
            await house.fleet.qdrant.scene("down")
            await scraped_until(client, url, "qdrant", 0)
            house.config.write_text(often.replace("[services.k3s]", "[services.renamed]"))
            await scraped_until(client, url, "renamed", 1)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), PATIENCE) == 128 + signal.SIGTERM
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_what_is_changed_during_the_first_look_is_taken_up(house: House) -> None:  # noqa: F811
    await house.fleet.qdrant.scene("hang")
    process = await house.started("metrics", "--port", "0", "--timeout", str(PATIENCE), stdin=subprocess.DEVNULL)
    try:
        await until(lambda: house.fleet.qdrant.requests, "the first look is under way", timeout=PATIENCE)
        house.config.write_text(house.config.read_text().replace("[services.k3s]", "[services.renamed]"))
        await house.fleet.qdrant.scene("normal")
        url = await served_at(process)
        async with httpx.AsyncClient(trust_env=False) as client:
            await scraped_until(client, url, "renamed", 1)
    finally:
        process.kill()
        await process.wait()


async def test_a_port_that_is_taken_is_said(house: House) -> None:  # noqa: F811
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        ran = await house.call("metrics", "--port", port)
    assert ran.code == 1
    assert ran.err == f"fleetdeck: nothing can be served on 127.0.0.1 port {port}: address already in use\n"
    assert (await house.call("metrics", "--listen", "0.0.0.0")).code == 2
