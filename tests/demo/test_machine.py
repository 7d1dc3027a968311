"""The simulated koala, watched by the product's own watch through the program called ssh that leads there."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import tomllib
from collections.abc import AsyncIterator
from contextlib import aclosing
from urllib.parse import urlsplit

import httpx
import pytest

from tests.collector.far import shows, watching
from tests.demo.waiting import chat
from tests.waiting import until
from tui.config.load import parse_config
from tui.demo import machine_session
from tui.demo.control import Control
from tui.demo.fleet import DemoFleet
from tui.fleet.gpu_snapshot import GpuProcess, GpuSnapshot
from tui.fleet.machine_channel import BOOT, WatchedUnit, collector_source, ssh_command
from tui.fleet.machine_watch import MachineWatch, UnitActionFailed
from tui.fleet.snapshot import MachineState, UnitSnapshot, UnitState

UNIT = "llama-swap.service"
MORE_THAN_BUFFERS_HOLD = 6 * 1024 * 1024
REMOTE = f"exec python3 -I -u -c '{BOOT}'"


@pytest.fixture
async def koala(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[DemoFleet]:
    """A fleet with its machine; loads take about 50 ms, the unit's starts 12."""
    async with DemoFleet(speed=40, services=["llama-swap", "ollama"], machine=True) as fleet:
        monkeypatch.setenv("PATH", fleet.env["PATH"])
        yield fleet


@pytest.fixture
async def watch(koala: DemoFleet) -> AsyncIterator[MachineWatch]:
    config = parse_config(koala.config_toml(), koala.folder / "config.toml")
    unit = config.services["llama-swap"].unit
    assert unit == UNIT
    async with watching(config.machines["koala"], [WatchedUnit(unit)], refresh=0.02) as watch:
        await until(watch.looked_once.is_set, "the machine was looked at")
        yield watch


def gpu(watch: MachineWatch) -> GpuSnapshot:
    assert watch.snapshot.gpus
    return watch.snapshot.gpus[0]


def holders(watch: MachineWatch, name: str) -> list[GpuProcess]:
    return [process for process in gpu(watch).processes or () if process.name == name]


def unit(watch: MachineWatch) -> UnitSnapshot:
    (found,) = watch.snapshot.units
    return found


async def test_it_is_a_machine_with_a_gpu_memory_processors_and_a_unit(watch: MachineWatch) -> None:
    machine = watch.snapshot
    assert (machine.state, machine.channel, machine.hostname) == (MachineState.UP, "ssh", "koala")
    assert gpu(watch).name == "NVIDIA GeForce RTX 4090"
    assert gpu(watch).total == 24_564 << 20
    assert [process.name for process in gpu(watch).processes or ()] == ["Xorg"]
    assert machine.memory is not None
    assert 0 < machine.memory.used < machine.memory.total
    assert unit(watch).state is UnitState.ACTIVE
    assert unit(watch).reason == ""
    await shows(watch, lambda machine: 0 < (machine.cpu_percent or 0) < 100, "the processors' load is known")


async def test_memory_is_held_by_the_models_that_the_servers_list(
    koala: DemoFleet, watch: MachineWatch, client: httpx.AsyncClient
) -> None:
    for name in ("llama3.2:latest", "mixtral:8x7b"):
        await koala.ollama.load(name)
    await koala.llama_swap.load("qwen3")
    whole = 19_112_604_467
    loaded = "the model is loaded"
    await shows(watch, lambda machine: whole in [one.bytes for one in holders(watch, "llama-server")], loaded)
    seen = gpu(watch)
    assert seen.used == sum(process.bytes or 0 for process in seen.processes or ())
    assert (seen.used or 0) + (seen.reserved or 0) + (seen.free or 0) == seen.total
    running = (await client.get(f"{koala.llama_swap.url}/running")).json()["running"]
    port = urlsplit(running[0]["proxy"]).port
    by_unit = {process.unit: process for process in holders(watch, "llama-server")}
    assert by_unit[UNIT].command[1:3] == ("--port", str(port))
    assert by_unit[UNIT].bytes == whole
    assert by_unit[UNIT].parent == unit(watch).main_pid
    on_gpu = [row["size_vram"] for row in (await client.get(f"{koala.ollama.url}/api/ps")).json()["models"]]
    of_ollama = [process.bytes for process in holders(watch, "llama-server") if process.unit == "ollama.service"]
    assert sorted(on_gpu) == sorted(size or 0 for size in of_ollama), "what finds no room is on the CPU"
    await koala.llama_swap.unload("qwen3")
    await shows(watch, lambda machine: UNIT not in [one.unit for one in holders(watch, "llama-server")], "it is free")


async def test_the_gpu_works_while_a_model_answers(
    koala: DemoFleet, watch: MachineWatch, client: httpx.AsyncClient
) -> None:
    assert gpu(watch).utilization_percent == 0
    asking = asyncio.create_task(
        client.post(f"{koala.llama_swap.url}/v1/chat/completions", json=chat("gemma", "write 600 tokens"))
    )
    await shows(watch, lambda machine: (gpu(watch).utilization_percent or 0) > 50, "it is busy")
    assert (gpu(watch).power_w or 0) > 200
    await asking
    await shows(watch, lambda machine: gpu(watch).utilization_percent == 0, "it is idle again")


async def test_a_model_that_loads_takes_memory_bit_by_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    async with DemoFleet(speed=6, services=["llama-swap", "ollama"], machine=True) as fleet:
        loading = asyncio.create_task(fleet.llama_swap.load("coder"))
        sizes = set()
        while not loading.done():
            sizes.update(process["bytes"] for process in fleet.machine.gpu()["processes"])  # type: ignore[attr-defined]
            await asyncio.sleep(0.02)
        assert len([size for size in sizes if 0 < size < 18 << 30]) > 3
        assert fleet.machine.gpu()["memory"]["used"] > 18 << 30  # type: ignore[index]


async def test_stop_and_start_act_on_the_server_through_systemds_states(
    koala: DemoFleet, watch: MachineWatch, client: httpx.AsyncClient
) -> None:
    await koala.llama_swap.load("gemma")
    before = unit(watch)
    await watch.request("stop", UNIT)
    await shows(watch, lambda machine: unit(watch).state is UnitState.DEACTIVATING, "it is stopping")
    await shows(watch, lambda machine: unit(watch).state is UnitState.INACTIVE, "it is stopped")
    assert (unit(watch).reason, unit(watch).main_pid) == ("", None)
    with pytest.raises(httpx.ConnectError):
        await client.get(f"{koala.llama_swap.url}/health")
    await shows(watch, lambda machine: not holders(watch, "llama-server"), "its models are gone")
    await watch.request("start", UNIT)
    await shows(watch, lambda machine: unit(watch).state is UnitState.ACTIVATING, "it is starting")
    await shows(watch, lambda machine: unit(watch).state is UnitState.ACTIVE, "it runs")
    assert unit(watch).invocation != before.invocation
    assert (unit(watch).since or 0) > (before.since or 0)
    assert (await client.get(f"{koala.llama_swap.url}/health")).text == "OK"


async def test_the_last_of_several_requests_holds(koala: DemoFleet, watch: MachineWatch) -> None:
    for verb in ("stop", "restart", "start", "stop"):
        await watch.request(verb, UNIT)  # type: ignore[arg-type]
    await shows(watch, lambda machine: unit(watch).state is UnitState.INACTIVE, "it is stopped")
    await watch.request("restart", UNIT)
    await shows(watch, lambda machine: unit(watch).state is UnitState.ACTIVE, "a stopped one is started by a restart")
    assert koala.llama_swap.playing.name == "normal"


async def test_a_start_that_fails_says_why(koala: DemoFleet, watch: MachineWatch) -> None:
    koala.machine.unit.missing_program = True
    await watch.request("restart", UNIT)
    await shows(watch, lambda machine: unit(watch).state is UnitState.FAILED, "it failed")
    assert "its program is missing" in unit(watch).reason
    koala.machine.unit.missing_program = False
    await watch.request("start", UNIT)
    await shows(watch, lambda machine: unit(watch).state is UnitState.ACTIVE, "it runs")


async def test_a_server_that_is_killed_is_a_unit_that_failed(koala: DemoFleet, watch: MachineWatch) -> None:
    await koala.llama_swap.scene("down")
    await shows(watch, lambda machine: unit(watch).state is UnitState.FAILED, "it failed")
    assert "SIGKILL" in unit(watch).reason
    await koala.llama_swap.scene("normal")
    await shows(watch, lambda machine: unit(watch).state is UnitState.ACTIVE, "somebody started it")


async def test_a_unit_that_there_is_not(koala: DemoFleet) -> None:
    config = parse_config(koala.config_toml(), koala.folder / "config.toml")
    async with watching(config.machines["koala"], [WatchedUnit("ollama.service")]) as watch:
        await until(watch.looked_once.is_set, "the machine was looked at")
        assert unit(watch).reason == "there is no unit ollama.service on koala"
        with pytest.raises(UnitActionFailed, match="there is no unit"):
            await watch.request("start", "ollama.service")


async def test_the_journal_goes_on_behind_its_cursor_when_the_connection_broke(
    koala: DemoFleet, watch: MachineWatch
) -> None:
    said: list[str] = []

    async def read() -> None:
        async with aclosing(watch.follow(UNIT, lines=30)) as entries:
            async for entry in entries:
                said.append(entry.text)

    reading = asyncio.create_task(read())
    await until(lambda: len(said) >= 30, "the last lines have come")
    assert any("POST /v1/chat/completions" in line for line in said)
    koala.llama_swap.proxy_log.write("[INFO] before\n")
    await until(lambda: said[-1] == "[INFO] before", "a new line comes at once")
    koala.machine.break_connections()
    koala.llama_swap.proxy_log.write("[INFO] mean")
    koala.llama_swap.proxy_log.write("while\n[INFO] and \x1b[31mthis\n")
    await until(lambda: said[-1] == "[INFO] and this", "what was written meanwhile came")
    assert said[-3:] == ["[INFO] before", "[INFO] meanwhile", "[INFO] and this"]
    assert len(said) == 33
    reading.cancel()


async def test_it_comes_back_by_itself_after_its_connection_broke(koala: DemoFleet, watch: MachineWatch) -> None:
    koala.machine.break_connections()
    await shows(watch, lambda machine: machine.state is not MachineState.UP, "the connection is lost")
    assert watch.snapshot.gpus, "what was known stays"
    await shows(watch, lambda machine: machine.state is MachineState.UP, "it is up again")


async def run_ssh(koala: DemoFleet, *words: str) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        str(koala.folder / "bin" / "ssh"),
        *words,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await asyncio.wait_for(process.communicate(), 5)
    return process.returncode, said.decode().strip()


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("iguana", "true"), 255, "ssh: Could not resolve hostname iguana: Name or service not known"),
        (("-Z", "koala"), 255, "unknown option -- Z"),
        (("-o", "BatchMode=yes", "-T", "--", "koala", "exec nvidia-smi -L"), 127, "nvidia-smi: command not found"),
        (("me@koala",), 1, "no shell for people"),
        (("koala", "exec python3 -c 'print(1)'"), 1, "runs nothing but a collector"),
        (("-G", "koala"), 0, "hostname 127.0.0.1"),
        ((), 255, "usage: ssh"),
    ],
)
async def test_its_ssh_refuses_what_it_does_not_do(
    koala: DemoFleet, words: tuple[str, ...], status: int, said: str
) -> None:
    ended, output = await run_ssh(koala, *words)
    assert (ended, said in output) == (status, True), output


async def started(koala: DemoFleet) -> asyncio.subprocess.Process:
    """An ssh whose collector has said hello."""
    pipe = asyncio.subprocess.PIPE
    command = ssh_command("koala", REMOTE)
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=pipe)
    assert process.stdin is not None
    assert process.stdout is not None
    source = collector_source()
    process.stdin.write(b'%d\n%b{"interval": 1.0, "units": []}\n' % (len(source), source))
    assert b'"hello"' in await asyncio.wait_for(process.stdout.readline(), 5)
    return process


async def test_the_end_of_its_input_ends_it_and_the_far_side(koala: DemoFleet) -> None:
    process = await started(koala)
    assert process.stdin is not None
    process.stdin.close()
    assert await asyncio.wait_for(process.wait(), 5) == 0
    await until(lambda: not koala.machine.sessions, "the far side is gone")


async def test_a_killed_one_leaves_nothing_on_the_far_side(koala: DemoFleet) -> None:
    process = await started(koala)
    process.kill()
    await process.wait()
    await until(lambda: not koala.machine.sessions, "the far side is gone")


async def test_silence_ends_the_far_side(koala: DemoFleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_session, "SILENCE", 0.1)
    process = await started(koala)
    assert await asyncio.wait_for(process.wait(), 5) == 0


async def test_the_end_of_the_fleet_is_a_connection_that_was_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    async with DemoFleet(services=[], machine=True) as fleet:
        monkeypatch.setenv("PATH", fleet.env["PATH"])
        process = await started(fleet)
    _, said = await asyncio.wait_for(process.communicate(), 5)
    assert (process.returncode, said.decode().strip()) == (255, "Connection to koala closed by remote host.")


async def test_the_end_of_the_fleet_ends_a_session_that_nobody_listens_to() -> None:
    async with DemoFleet(services=[], machine=True) as fleet:
        before = asyncio.all_tasks()
        fleet.machine.journal.write("x" * MORE_THAN_BUFFERS_HOLD, identifier="llama-swap", pid=1)
        address = (fleet.folder / "bin" / "ssh").read_text().split()
        source = collector_source()
        with socket.create_connection(("127.0.0.1", int(address[address.index("koala") + 1]))) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            units = json.dumps({"interval": 60.0, "units": [[UNIT, "user"]]}).encode()
            log = json.dumps({"do": "log", "request": 1, "unit": UNIT, "lines": 1, "after": None}).encode()
            connection.sendall(b"%d\n%b%b\n%b\n" % (len(source), source, units, log))
            await until(lambda: len(asyncio.all_tasks() - before) == 4, "it samples, obeys and tells of the journal")
            connection.shutdown(socket.SHUT_WR)
            await until(lambda: len(asyncio.all_tasks() - before) == 1, "it has ended, but for what it said last")
            await fleet.close()
            # asyncio.run would cancel it, and asyncio complain of that on the terminal.
            assert asyncio.all_tasks() <= before


async def test_other_programs_are_found_as_before(koala: DemoFleet) -> None:
    path = koala.env["PATH"]
    assert shutil.which("ssh", path=path) == str(koala.folder / "bin" / "ssh")
    assert shutil.which("sh", path=path) == shutil.which("sh")
    assert path.endswith(os.pathsep + os.environ["PATH"])


async def test_a_fleet_without_a_machine_starts_nothing(fleet: DemoFleet) -> None:
    tables = tomllib.loads(fleet.config_toml())
    assert "ssh" not in tables["machines"]["koala"]
    assert not any("local" in machine for machine in tables["machines"].values())
    assert "unit" not in tables["services"]["llama-swap"]
    assert "PATH" not in fleet.env
    with pytest.raises(RuntimeError, match="without a machine"):
        _ = fleet.machine


async def test_the_machine_is_steered_from_outside(koala: DemoFleet, client: httpx.AsyncClient) -> None:
    control = Control(koala)
    await control.open()
    try:
        told = (await client.get(control.url)).json()["machine"]
        assert told["unit"]["active"] == "active"
        assert told["gpu"]["memory"]["total"] == 24_564 << 20
        session = await started(koala)
        assert (await client.post(f"{control.url}/machine/disconnect")).status_code == 200
        assert await asyncio.wait_for(session.wait(), 5) == 255
        await client.post(f"{control.url}/machine/unit/lose-program")
        await client.post(f"{control.url}/machine/unit/restart")
        await until(lambda: koala.machine.unit.properties.active == "failed", "the start failed")
        assert (await client.get(f"{control.url}/machine")).json()["machine"]["unit"]["status"] == 203
        refused = await client.post(f"{control.url}/machine/unit/explode")
        assert (refused.status_code, refused.json()["error"]) == (400, "the machine cannot unit/explode")
    finally:
        await control.close()
