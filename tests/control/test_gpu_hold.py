"""Lending a GPU: what ran on it goes, routing is told, and the driver is believed when it shows the memory free."""

from __future__ import annotations

import asyncio
import contextlib
import os
import stat
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from tests.collector.systemd import RUNNING, FakeSystemd
from tests.control.here import STOPPED, UNIT, set_environment
from tests.fakenvml import GPU, FakeDriver, NoCompiler, build
from tests.fleet.watching import demo_config, model_state, row, service, watching
from tests.waiting import until
from tui.config.paths import modes_file, state_home
from tui.config.schema import Config, MachineSettings, PanelSettings
from tui.control import units
from tui.control.gpu_hold import HoldFailed, end_hold, free_gpu
from tui.control.lending import disturbed_by_hold, recall
from tui.demo.fleet import DemoFleet
from tui.demo.fleet_config import KEY_VARIABLE, MASTER_KEY
from tui.fleet.monitor import Monitor
from tui.fleet.snapshot import MachineSnapshot, ModelState
from tui.routing.modes import read_modes

GIB = 1024**3
SIZES = {"qwen3": 17 * GIB, "gemma": 9 * GIB, "llama3.2:latest": 2 * GIB}
SCREEN = 300 * 1024**2
"""What the desktop holds."""


class Koala:
    """A simulated fleet on this machine, whose driver shows a process for every model that is loaded."""

    def __init__(self, fleet: DemoFleet, driver: FakeDriver, config: Config) -> None:
        self.fleet = fleet
        self.driver = driver
        self.config = config
        self.monitor: Monitor
        self.stuck: dict[str, int] = {}
        """Processes that stay although their models are gone, and the bytes that they hold."""
        self.leak = 0
        """Bytes in use by nobody."""
        self.silent = False
        self._processes: dict[str, asyncio.subprocess.Process] = {}

    @property
    def machine(self) -> MachineSettings:
        return self.config.machines["koala"]

    @property
    def loaded(self) -> dict[str, str]:
        """The models that are loaded, and how their processes are called."""
        swapped = {one.name: f"--port {one.port}" for one in self.fleet.llama_swap.processes.running()}
        return swapped | dict.fromkeys(self.fleet.ollama.loaded, "--model /ollama/blobs/sha256-ab")

    async def load(self, *model_ids: str) -> None:
        for model_id in model_ids:
            service_name, _, name = model_id.partition("/")
            await (self.fleet.llama_swap if service_name == "llama-swap" else self.fleet.ollama).load(name)
            self.monitor.look_now(service_name)
        await until(lambda: self.shown() == {*model_ids}, f"{model_ids} hold memory")

    @property
    def seen(self) -> MachineSnapshot:
        (koala,) = self.monitor.snapshot.machines
        return koala

    def shown(self) -> set[str]:
        return {holder.who for gpu in self.seen.gpus or () for holder in gpu.holders if "/" in holder.who}

    async def run_processes(self) -> None:
        """The driver follows the fleet."""
        while True:
            for name, words in self.loaded.items():
                if name not in self._processes:
                    command = [sys.executable, "-c", "import sys; sys.stdin.read()", *words.split()]
                    self._processes[name] = await asyncio.create_subprocess_exec(
                        *command, stdin=asyncio.subprocess.PIPE
                    )
            held = {name: SIZES[name] for name in self.loaded} | self.stuck
            lines = [f"compute {self._processes[name].pid} {size}" for name, size in held.items()]
            used = SCREEN + self.leak + sum(held.values())
            text = f"{GPU}used {used}\nreserved 0\n" + "\n".join(lines) + f"\ngraphics {os.getpid()} {SCREEN}\n"
            if not self.silent:
                self.driver.set(text)
            await asyncio.sleep(0.03)

    async def end(self) -> None:
        for process in self._processes.values():
            process.kill()
            await process.communicate()


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    try:
        return build(tmp_path_factory.mktemp("nvml"))
    except NoCompiler as error:
        pytest.skip(str(error))


@pytest.fixture
def environment(library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeDriver:
    driver = FakeDriver(library, tmp_path)
    set_environment(monkeypatch, driver.environment, {KEY_VARIABLE: MASTER_KEY, "XDG_STATE_HOME": str(tmp_path)})
    monkeypatch.setattr(units, "STAYS_UP", 0.1)
    return driver


@contextlib.asynccontextmanager
async def koala_running(driver: FakeDriver, **machine: object) -> AsyncIterator[Koala]:
    async with DemoFleet(speed=20, services=["llama-swap", "ollama"]) as fleet:
        facts: Mapping[str, object] = {"name": "koala", "addresses": ("127.0.0.1",), "local": True, **machine}
        config = replace(
            demo_config(fleet),
            machines={"koala": MachineSettings(**facts)},  # type: ignore[arg-type]
            panel=PanelSettings(refresh=0.2),
        )
        if "on_hold" in machine:
            swap = replace(config.services["llama-swap"], unit=UNIT)
            config = replace(config, services={**config.services, "llama-swap": swap})
        koala = Koala(fleet, driver, config)
        following = asyncio.create_task(koala.run_processes())
        try:
            async with watching(config) as monitor:
                koala.monitor = monitor
                await monitor.first_look(5.0)
                await until(lambda: all(one.models for one in monitor.snapshot.services), "all models are listed")
                yield koala
        finally:
            following.cancel()
            await koala.end()


@pytest.fixture
async def koala(environment: FakeDriver) -> AsyncIterator[Koala]:
    async with koala_running(environment) as koala:
        yield koala


async def test_a_gpu_is_lent_and_comes_back_with_what_ran(koala: Koala) -> None:
    await koala.load("llama-swap/qwen3", "ollama/llama3.2:latest")
    said: list[str] = []
    asked = disturbed_by_hold(koala.monitor.snapshot, koala.config, koala.machine)
    assert asked == ("Unloads llama-swap/qwen3 (17.0 GiB), ollama/llama3.2:latest (3.7 GiB).",)
    freed = await free_gpu(koala.monitor, koala.config, "koala", "a game", timeout=5.0, tell=said.append)
    assert freed.worked
    assert freed.unloaded == ("llama-swap/qwen3", "ollama/llama3.2:latest")
    assert (freed.still, freed.unproved) == ((), "")
    assert freed.free == 25_757_220_864 - SCREEN
    assert freed.words.startswith("the GPU of koala is lent; 23.7 GiB of 24.0 GiB are free; ")
    assert said[0] == "unloading llama-swap/qwen3"
    hold = read_modes(Path("/nowhere"), modes_file()).hold["koala"]
    assert (hold.enabled, hold.reason) == (True, "a game")
    assert stat.S_IMODE((state_home() / "held.json").stat().st_mode) == 0o600

    returned = await end_hold(koala.monitor, koala.config, "koala")
    assert returned.worked
    assert returned.words == "the GPU of koala is back; llama-swap/qwen3, ollama/llama3.2:latest run again"
    assert model_state(koala.monitor, "llama-swap/qwen3") is ModelState.READY
    assert set(koala.loaded) == {"qwen3", "llama3.2:latest"}
    assert not read_modes(Path("/nowhere"), modes_file()).hold
    assert recall("koala").models == ()


async def test_the_hold_is_recorded_before_anything_is_unloaded(koala: Koala) -> None:
    """A request that came between would load the model again."""
    await koala.load("llama-swap/qwen3")
    holds: list[bool] = []

    def note(words: str) -> None:
        holds.append("koala" in read_modes(Path("/nowhere"), modes_file()).hold)

    await free_gpu(koala.monitor, koala.config, "koala", timeout=5.0, tell=note)
    assert holds
    assert all(holds)


async def test_what_still_holds_memory_is_named(koala: Koala) -> None:
    await koala.load("llama-swap/qwen3")
    koala.stuck["qwen3"] = SIZES["qwen3"]
    freed = await free_gpu(koala.monitor, koala.config, "koala", timeout=0.5)
    assert not freed.worked
    assert [holder.who for holder in freed.still] == ["llama-swap/qwen3"]
    assert "llama-swap/qwen3 still holds 17.0 GiB" in freed.words


async def test_memory_that_nobody_owns_any_more_is_not_free(koala: Koala) -> None:
    """A process can be gone before its driver has taken its memory back, or that can fail."""
    await koala.load("llama-swap/qwen3")
    freeing = asyncio.create_task(free_gpu(koala.monitor, koala.config, "koala", timeout=0.5))
    await until(lambda: "koala" in read_modes(Path("/nowhere"), modes_file()).hold, "it is lent")
    koala.leak = 5 * GIB
    freed = await freeing
    assert not freed.worked
    assert "what no process accounts for still holds 5.0 GiB" in freed.words


async def test_what_was_loaded_since_the_last_look_goes_too(koala: Koala) -> None:
    await koala.load("llama-swap/qwen3")
    await koala.fleet.ollama.load("llama3.2:latest")
    freed = await free_gpu(koala.monitor, koala.config, "koala", timeout=5.0)
    assert freed.worked, freed.words
    assert freed.unloaded == ("llama-swap/qwen3", "ollama/llama3.2:latest")


async def test_a_model_that_cannot_be_unloaded_is_named_and_the_others_go(koala: Koala) -> None:
    await koala.load("llama-swap/qwen3", "ollama/llama3.2:latest")
    koala.stuck["qwen3"] = SIZES["qwen3"]
    await koala.fleet.llama_swap.scene("down")
    freed = await free_gpu(koala.monitor, koala.config, "koala", timeout=0.5)
    assert not freed.worked
    assert freed.unloaded == ("ollama/llama3.2:latest",)
    assert [holder.who for holder in freed.still] == ["llama-swap/qwen3"]
    assert "connection refused" in freed.words
    assert "koala" in read_modes(Path("/nowhere"), modes_file()).hold, "routing is to leave it alone all the same"


async def test_a_model_that_went_by_itself_is_no_failure(koala: Koala) -> None:
    await koala.load("llama-swap/qwen3")
    await koala.fleet.llama_swap.scene("down")
    freed = await free_gpu(koala.monitor, koala.config, "koala", timeout=5.0)
    assert freed.worked, "the driver shows its memory free, whatever llama-swap did not answer"


@pytest.mark.parametrize(
    ("driver", "words"),
    [
        ("error nvmlDeviceGetCount_v2 999\n", "the NVIDIA driver on koala fails: "),
        ("", "its driver does not say who holds its memory"),
    ],
)
async def test_without_the_drivers_word_nothing_is_proved(koala: Koala, driver: str, words: str) -> None:
    await koala.load("llama-swap/qwen3")
    koala.silent = True
    silence = "".join(
        f"error nvmlDeviceGet{kind}RunningProcesses{version} 4\n"
        for kind in ("Compute", "Graphics")
        for version in ("_v3", "_v2")
    )
    koala.driver.set(GPU + silence, driver=driver)
    await until(lambda: not koala.shown() or koala.seen.gpu_reason, "the driver says nothing")
    freed = await free_gpu(koala.monitor, koala.config, "koala", timeout=5.0)
    assert freed.worked
    assert freed.unloaded == ("llama-swap/qwen3",)
    assert words in freed.words


async def test_a_machine_seen_through_its_services_alone_is_lent_unproved(environment: FakeDriver) -> None:
    async with koala_running(environment, local=False) as koala:
        await koala.fleet.llama_swap.load("qwen3")
        await until(lambda: model_state(koala.monitor, "llama-swap/qwen3") is ModelState.READY, "it is loaded")
        freed = await free_gpu(koala.monitor, koala.config, "koala", timeout=5.0)
        assert freed.worked
        assert freed.unloaded == ("llama-swap/qwen3",)
        assert (freed.free, freed.total) == (None, None)
        assert freed.words.endswith("that its memory is free is not proved: koala is seen through its services alone")


async def test_a_unit_is_stopped_where_the_person_wants_it_so(
    environment: FakeDriver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    systemd = FakeSystemd(tmp_path)
    set_environment(monkeypatch, systemd.environment)
    async with koala_running(environment, on_hold="stop-unit") as koala:
        await koala.load("llama-swap/qwen3", "ollama/llama3.2:latest")
        asked = disturbed_by_hold(koala.monitor.snapshot, koala.config, koala.machine)
        assert asked[0] == f"Stops {UNIT} on koala."
        systemd.show(**STOPPED)
        freeing = asyncio.create_task(free_gpu(koala.monitor, koala.config, "koala", timeout=5.0))
        await until(lambda: any(" stop " in call for call in systemd.calls), "it is stopped")
        await koala.fleet.llama_swap.unload("qwen3")
        freed = await freeing
        assert freed.worked, freed.words
        assert freed.stopped == ("llama-swap",)
        assert freed.unloaded == ("llama-swap/qwen3", "ollama/llama3.2:latest")

        systemd.show(**RUNNING | {"InvocationID": "2d90"})
        returned = await end_hold(koala.monitor, koala.config, "koala")
        assert returned.worked, returned.words
        assert (returned.started, returned.loaded) == (("llama-swap",), ("llama-swap/qwen3", "ollama/llama3.2:latest"))


async def test_lending_twice_brings_back_what_ran_before_the_first(koala: Koala) -> None:
    await koala.load("llama-swap/qwen3")
    await free_gpu(koala.monitor, koala.config, "koala", "first", timeout=5.0)
    await koala.load("ollama/llama3.2:latest")
    again = await free_gpu(koala.monitor, koala.config, "koala", timeout=5.0)
    assert again.mode.reason == "first"
    assert recall("koala").models == ("llama-swap/qwen3", "ollama/llama3.2:latest")


async def test_what_does_not_come_back_is_told(koala: Koala) -> None:
    await koala.load("llama-swap/gemma")
    await free_gpu(koala.monitor, koala.config, "koala", timeout=5.0)
    await koala.fleet.llama_swap.scene("down")
    await until(lambda: row(koala.monitor, "llama-swap").state == "down", "llama-swap is down")
    returned = await end_hold(koala.monitor, koala.config, "koala")
    assert not returned.worked
    assert "connection refused" in returned.words
    assert not read_modes(Path("/nowhere"), modes_file()).hold


async def test_ending_a_hold_that_is_none_says_so(koala: Koala) -> None:
    returned = await end_hold(koala.monitor, koala.config, "koala")
    assert (returned.worked, returned.words) == (True, "the GPU of koala was not lent")


async def test_what_cannot_be_recorded_is_not_begun(koala: Koala) -> None:
    await koala.load("llama-swap/qwen3")
    with pytest.raises(HoldFailed, match="there is no machine emu; there are koala"):
        await free_gpu(koala.monitor, koala.config, "emu")
    modes_file().parent.mkdir(parents=True, exist_ok=True)
    modes_file().write_text("nonsense", encoding="utf-8")
    with pytest.raises(HoldFailed, match="not what a mode file holds"):
        await free_gpu(koala.monitor, koala.config, "koala")
    assert set(koala.loaded) == {"qwen3"}


def test_nothing_is_disturbed_where_nothing_of_ours_is() -> None:
    config = Config(
        machines={"koala": MachineSettings(name="koala")}, services={"q": service("q", "qdrant", "http://k")}
    )
    assert disturbed_by_hold(Monitor(config).snapshot, config, config.machines["koala"]) == ()
