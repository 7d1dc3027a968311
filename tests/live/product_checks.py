"""The panel's core and command line, end to end, against the real servers."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.live.checks import Check, Stage
from tests.live.llama_swap_server import FAILURE
from tests.live.recording import asking, until
from tui.config.load import parse_config
from tui.config.schema import Config
from tui.control.loading import LoadingFailed, load_model, unload_model
from tui.fleet.monitor import Monitor
from tui.fleet.snapshot import ModelSnapshot, ModelState, ServiceSnapshot, ServiceState
from tui.routing.locality import locality

LIMIT = 2.0
"""Seconds within which a llama-swap that is killed is shown down, and one that is back up with its models."""
RESTARTS = 50
KEY_VARIABLE = "FLEETDECK_LIVE_KEY"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the command line printed, and how it ended."""

    code: int
    output: str
    errors: str


def _config(folder: Path, **services: str) -> Config:
    lines = ["[machines.here]", "local = true"]
    for kind, url in services.items():
        name = kind.replace("_", "-")
        lines += [f"[services.{name}]", f'kind = "{name}"', f'url = "{url}"']
        if name == "litellm":
            lines.append(f'key = {{ env = "{KEY_VARIABLE}" }}')
    path = folder / "config.toml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return parse_config(path.read_text(encoding="utf-8"), path)


@asynccontextmanager
async def _watching(config: Config) -> AsyncIterator[Monitor]:
    monitor = Monitor(config)
    running = asyncio.create_task(monitor.run())
    try:
        await monitor.first_look(10)
        yield monitor
    finally:
        running.cancel()
        await asyncio.wait([running])


async def _fleetdeck(config: Config, *arguments: str, environment: dict[str, str] | None = None) -> Answer:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tui", "--config", str(config.path), *arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **(environment or {})},
    )
    output, errors = await process.communicate()
    assert process.returncode is not None
    return Answer(process.returncode, output.decode(), errors.decode())


def _service(monitor: Monitor, name: str) -> ServiceSnapshot:
    service = monitor.snapshot.service(name)
    assert service is not None
    return service


def _model(monitor: Monitor, model_id: str) -> ModelSnapshot:
    found = monitor.snapshot.find_model(model_id)
    assert found is not None, f"{model_id} is not listed"
    return found[1]


async def a_load_is_shown_step_by_step(stage: Stage) -> None:
    server = await stage.llama_swap()
    config = _config(stage.folder, llama_swap=server.url)
    async with _watching(config) as monitor:
        seen: list[ModelState] = []

        async def note() -> None:
            async for snapshot in monitor.subscribe():
                found = snapshot.find_model("llama-swap/bird")
                if found and (not seen or seen[-1] is not found[1].state):
                    seen.append(found[1].state)

        noting = asyncio.create_task(note())
        await load_model(monitor, config, "llama-swap/bird", timeout=30)
        assert _model(monitor, "llama-swap/bird").ttl == 300 or _model(monitor, "llama-swap/bird").until
        await unload_model(monitor, config, "llama-swap/bird", timeout=30)
        noting.cancel()
        assert seen[:3] == [ModelState.IDLE, ModelState.STARTING, ModelState.READY], seen
        assert seen[-1] is ModelState.IDLE, seen
        shown = " ".join(answer.text for answer in _service(monitor, "llama-swap").answers)
        assert "sk-not-to-be-shown" not in shown


async def a_failed_load_says_why(stage: Stage) -> None:
    server = await stage.llama_swap()
    config = _config(stage.folder, llama_swap=server.url)
    async with _watching(config) as monitor, asking(server.url) as client:
        # It is unlisted, and so not shown before something is known of it: here, that somebody's request failed.
        await client.get("/upstream/broken/")
        await until(lambda: FAILURE in _reason(monitor, "broken"), "the row says why")
        refusal = ""
        try:
            await load_model(monitor, config, "llama-swap/broken", timeout=30)
        except LoadingFailed as error:
            refusal = str(error)
        assert "upstream command exited prematurely" in refusal, refusal


def _reason(monitor: Monitor, name: str) -> str:
    model = _service(monitor, "llama-swap").model(name)
    return model.reason if model is not None else ""


async def down_and_up_again_within_two_seconds(stage: Stage) -> None:
    server = await stage.llama_swap()
    config = _config(stage.folder, llama_swap=server.url)
    async with _watching(config) as monitor:
        for _ in range(3):
            await server.kill()
            killed = time.monotonic()
            await until(lambda: _service(monitor, "llama-swap").state is ServiceState.DOWN, "shown down", LIMIT)
            down_after = time.monotonic() - killed
            await server.start()
            started = time.monotonic()
            await until(lambda: _is_whole(monitor), "shown up, with its models", LIMIT)
            print(f"    down after {down_after:.2f} s, up after {time.monotonic() - started:.2f} s")


async def fifty_restarts_leak_nothing(stage: Stage) -> None:
    server = await stage.llama_swap()
    config = _config(stage.folder, llama_swap=server.url)
    process = psutil.Process()
    async with _watching(config) as monitor:
        counts: list[tuple[int, int, int]] = []
        for number in range(RESTARTS + 5):
            await server.restart()
            await until(lambda: _is_whole(monitor), "up with its models", 10)
            if number == 4:
                gc.collect()
                counts.append((len(asyncio.all_tasks()), process.num_fds(), process.memory_info().rss))
        gc.collect()
        counts.append((len(asyncio.all_tasks()), process.num_fds(), process.memory_info().rss))
        (tasks, files, memory), (tasks_after, files_after, memory_after) = counts
        grown = (memory_after - memory) / 1024**2
        print(f"    tasks {tasks} → {tasks_after}, files {files} → {files_after}, memory {grown:+.1f} MB")
        assert tasks_after <= tasks + 1, counts
        assert files_after <= files + 2, counts
        assert grown < 8, counts


def _is_whole(monitor: Monitor) -> bool:
    service = _service(monitor, "llama-swap")
    bird = service.model("bird")
    return service.state is ServiceState.UP and bird is not None and bird.state is ModelState.IDLE


async def ollama_loads_and_shows_its_memory(stage: Stage) -> None:
    server = await stage.ollama()
    config = _config(stage.folder, ollama=server.process.url)
    name = "ollama/tiny:latest"
    async with _watching(config) as monitor:
        assert _model(monitor, name).state is ModelState.IDLE
        loaded = await load_model(monitor, config, name, timeout=120)
        assert loaded.size, loaded
        assert loaded.vram is not None, loaded
        assert loaded.until is not None, loaded
        answer = await _fleetdeck(config, "ps", "--json")
        assert [model["id"] for model in json.loads(answer.output)["models"]] == [name], answer
        assert (await unload_model(monitor, config, name, timeout=60)).state is ModelState.IDLE


async def litellm_groups_are_listed_and_placed(stage: Stage) -> None:
    server = await stage.litellm()
    os.environ[KEY_VARIABLE] = server.key
    config = _config(stage.folder, litellm=server.process.url)
    async with _watching(config) as monitor:
        service = _service(monitor, "litellm")
        assert service.state is ServiceState.UP, service.reason
        assert "db none" in service.remarks, service.remarks
        assert service.models
        assert all(model.deployments for model in service.models), service.models
        for model in service.models:
            place = locality(f"litellm/{model.name}", config, monitor.snapshot)
            print(f"    {model.name}: {place.where}, {place.reason}")
    os.environ[KEY_VARIABLE] = "sk-wrong"
    async with _watching(config) as monitor:
        service = _service(monitor, "litellm")
        assert service.state is ServiceState.BUSY, service
        assert "key refused" in service.reason, service.reason


async def the_command_line_says_the_same(stage: Stage) -> None:
    llama_swap, litellm = await stage.llama_swap(), await stage.litellm()
    config = _config(stage.folder, llama_swap=llama_swap.url, litellm=litellm.process.url)
    answer = await _fleetdeck(config, "status", "--json", environment={KEY_VARIABLE: litellm.key})
    assert answer.code == 0, answer
    document = json.loads(answer.output)
    assert document["schema"] == 1
    assert {service["name"]: service["state"] for service in document["services"]} == {
        "llama-swap": "up",
        "litellm": "up",
    }, document["services"]
    assert litellm.key not in answer.output + answer.errors
    loaded = await _fleetdeck(config, "load", "llama-swap/owl")
    assert loaded.code == 0, loaded
    assert "llama-swap/owl" in (await _fleetdeck(config, "ps")).output
    assert (await _fleetdeck(config, "unload", "--all", "llama-swap")).code == 0


CHECKS = (
    Check(
        "fleetdeck on llama-swap: idle, starting, ready, idle, without its key on screen", a_load_is_shown_step_by_step
    ),
    Check("fleetdeck on llama-swap: a failed start is told with its reason", a_failed_load_says_why),
    Check("fleetdeck on llama-swap: kill -9 is seen within 2 s, the return too", down_and_up_again_within_two_seconds),
    Check("fleetdeck on llama-swap: 50 restarts leak nothing", fifty_restarts_leak_nothing),
    Check("fleetdeck on Ollama: a model is loaded, measured and unloaded", ollama_loads_and_shows_its_memory),
    Check("fleetdeck on LiteLLM: groups, their places, a wrong key", litellm_groups_are_listed_and_placed),
    Check("fleetdeck's command line: status, load, ps, unload", the_command_line_says_the_same),
)
