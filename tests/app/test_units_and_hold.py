"""The keys that act on a machine, pressed on the simulated koala: what they ask, do and tell."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import pytest

from tests.app.panel import Panel, open_panel
from tests.waiting import until
from tui.app.screens.logs import LogsScreen
from tui.app.screens.machine import MachineScreen
from tui.app.widgets.key_line import KeyLine
from tui.demo.fleet import DemoFleet
from tui.fleet.snapshot import UnitState
from tui.ledger.history import Wanted, actions
from tui.ledger.store import Ledger

LLAMA_SWAP = "service llama-swap"
VERBS = ("Start", "Stop", "Restart")


@pytest.fixture
async def koala(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[DemoFleet]:
    """A fleet with its machine; loads take 50 ms."""
    async with DemoFleet(speed=40, services=["llama-swap", "ollama"], machine=True) as fleet:
        for name, value in fleet.env.items():
            monkeypatch.setenv(name, value)
        yield fleet


@pytest.fixture
async def panel(koala: DemoFleet) -> AsyncIterator[Panel]:
    # Whether memory is free is known from looks that come after, so time has to pass.
    async with open_panel(koala, size=(120, 40), clock=time.time) as panel:
        await until(lambda: unit_state(panel) is UnitState.ACTIVE, "the unit has been seen")
        yield panel


def unit_state(panel: Panel) -> UnitState | None:
    snapshot = panel.app.state.snapshot
    machine = snapshot.machine("koala") if snapshot is not None else None
    unit = machine.unit("llama-swap.service") if machine is not None else None
    return unit.state if unit is not None else None


def keys_that_work(panel: Panel, *titles: str) -> set[str]:
    """Those of the actions called ``titles`` that the last line does not show dim."""
    shown = panel.app.screen.query_one(KeyLine).shown
    return {key.about for key in shown if key.enabled and key.about in titles}


async def test_a_stop_says_whom_it_disturbs_and_is_seen_to_be_done(koala: DemoFleet, panel: Panel) -> None:
    await koala.llama_swap.load("qwen3")
    await panel.sees("● ready")
    await panel.go_to(panel.services, LLAMA_SWAP)
    await until(lambda: "Stop" in panel.footer, "the unit that runs can be stopped")
    await panel.press("s")
    await panel.sees("Stop the unit of llama-swap on koala?")
    await panel.sees("qwen3")
    await panel.press("escape")
    await panel.sees_no("Stop the unit of llama-swap on koala?")
    assert koala.machine.unit.properties.active == "active", "nothing was done unasked"
    await panel.press("s")
    await panel.sees("Stop the unit of llama-swap on koala?")
    await panel.press("y")
    await panel.is_told("llama-swap.service on koala has stopped")
    assert koala.machine.unit.properties.active == "inactive"
    await panel.sees("unit inactive")
    await until(lambda: keys_that_work(panel, *VERBS) == {"Start"}, "the last line knows")
    with Ledger() as ledger:
        (stopped,) = actions(ledger, Wanted(words="unit.stop"))
    assert str(stopped.action.before).startswith("active (running, process ")
    assert str(stopped.action.after).startswith("inactive")


async def test_a_unit_that_is_stopped_can_be_started_and_not_stopped(koala: DemoFleet, panel: Panel) -> None:
    await panel.go_to(panel.services, LLAMA_SWAP)
    await until(lambda: keys_that_work(panel, *VERBS) == {"Stop", "Restart"}, "it can be stopped")
    koala.machine.unit.act("stop")
    await until(lambda: keys_that_work(panel, *VERBS) == {"Start"}, "somebody else has stopped it")
    await panel.press("t")
    await panel.is_told("llama-swap.service on koala is active")
    await until(lambda: unit_state(panel) is UnitState.ACTIVE, "it is seen to run")


async def test_the_last_line_follows_what_happens_to_the_row_under_the_cursor(koala: DemoFleet, panel: Panel) -> None:
    await panel.go_to(panel.models, "llama-swap/gemma")
    await until(lambda: keys_that_work(panel, "Load", "Unload") == {"Load"}, "it can be loaded")
    await koala.llama_swap.load("gemma")
    await until(lambda: keys_that_work(panel, "Load", "Unload") == {"Unload"}, "somebody else has loaded it")


async def test_a_restart_tells_of_the_requests_that_it_breaks_off(koala: DemoFleet, panel: Panel) -> None:
    await koala.llama_swap.load("gemma")
    before = koala.machine.unit.properties.invocation
    await panel.go_to(panel.services, LLAMA_SWAP)
    await panel.sees("● ready")
    await panel.press("r")
    await panel.sees("Restart the unit of llama-swap on koala?")
    await panel.press("y")
    await until(lambda: koala.machine.unit.properties.invocation != before, "it was started anew")
    await until(lambda: unit_state(panel) is UnitState.ACTIVE, "it is seen to run")


async def test_a_unit_whose_program_is_missing_is_told_for_what_it_is(koala: DemoFleet, panel: Panel) -> None:
    koala.machine.unit.missing_program = True
    koala.machine.unit.act("stop")
    await until(lambda: unit_state(panel) is UnitState.INACTIVE, "it is seen stopped")
    await panel.go_to(panel.services, LLAMA_SWAP)
    await panel.press("t")
    await panel.is_told("did not stay up: its program is missing or cannot be executed")
    await panel.sees("unit failed")


async def test_a_gpu_is_lent_and_taken_back(koala: DemoFleet, panel: Panel) -> None:
    await koala.llama_swap.load("qwen3")
    await koala.ollama.load("llama3.2:latest")
    await panel.go_to(panel.services, "gpu koala 0")
    await until(lambda: "qwen3" in panel.line_with("RTX 4090"), "the bar shows who holds the memory")
    await panel.press("g")
    await panel.sees("Lend the GPU of koala?")
    await panel.sees("llama-swap/qwen3")
    await panel.press("y")
    await panel.is_told("the GPU of koala is lent")
    assert koala.llama_swap.processes.running() == []
    await panel.sees("HOLD koala")
    await panel.press("g")
    await panel.is_told("the GPU of koala is back")
    assert [process.name for process in koala.llama_swap.processes.running()] == ["qwen3"]


async def test_the_log_and_the_details_are_one_key_away(koala: DemoFleet, panel: Panel) -> None:
    await panel.go_to(panel.services, LLAMA_SWAP)
    await panel.press("l")
    await until(lambda: isinstance(panel.app.screen, LogsScreen), "the logs are open")
    await panel.sees('"fleetdeck"')
    await panel.press("1")
    for row in ("machine koala", "gpu koala 0"):
        await panel.go_to(panel.services, row)
        await panel.press("enter")
        await until(lambda: isinstance(panel.app.screen, MachineScreen), f"the details of {row} are open")
        await panel.sees("NVIDIA GeForce RTX 4090")
        await panel.press("escape")
        await until(lambda: panel.app.screen is panel.fleet_screen, "they are closed")


async def test_who_may_only_look_has_none_of_these_keys(koala: DemoFleet) -> None:
    async with open_panel(koala, readonly=True) as panel:
        await until(lambda: unit_state(panel) is UnitState.ACTIVE, "the unit has been seen")
        await panel.go_to(panel.services, LLAMA_SWAP)
        await panel.press("s", "r", "g")
        await panel.pilot.pause()
        assert panel.app.screen is panel.fleet_screen
        assert "Stop" not in panel.footer
        assert koala.machine.unit.properties.active == "active"
