"""Starting, stopping and restarting a unit: what is said is what was seen to come of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.collector.systemd import RUNNING
from tests.control.here import FAILED, NOWHERE, STOPPED, UNIT, Here, config_here, koala_here
from tests.fleet.watching import service, watching
from tests.waiting import until
from tui.config.schema import Config
from tui.control import units
from tui.control.units import act_on_unit, disturbed_by_unit, find_unit, hints_for_unit
from tui.fleet.machine_watch import UnitActionFailed
from tui.fleet.snapshot import (
    MachineSnapshot,
    ModelSnapshot,
    ModelState,
    ServiceSnapshot,
    UnitSnapshot,
    UnitState,
)

Koala = Callable[[Mapping[str, str]], Awaitable[Here]]
NEW = {"InvocationID": "2d90", "MainPID": "4300"}
STOPPING = RUNNING | {"ActiveState": "deactivating", "SubState": "stop-sigterm"}
WAITS = STOPPED | {"ActiveState": "activating", "SubState": "auto-restart", "Result": "exit-code", "ExecMainCode": "1"}


@pytest.fixture
async def koala(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Koala]:
    monkeypatch.setattr(units, "STAYS_UP", 0.2)
    monkeypatch.setattr(units, "NOTHING_CAME_OF_IT", 0.6)
    async with AsyncExitStack() as stack:

        async def begin(shown: Mapping[str, str]) -> Here:
            return await stack.enter_async_context(koala_here(tmp_path, monkeypatch, shown=shown))

        yield begin


async def test_a_unit_is_started_once_it_is_seen_active(koala: Koala) -> None:
    here = await koala(STOPPED)
    starting = here.begin("start")
    await here.asked("start")
    here.shows(RUNNING | NEW, ActiveState="activating", SubState="start-pre")
    await until(lambda: here.told, "what it waits for is told")
    assert here.told == [f"{UNIT} on koala is starting"]
    assert not starting.done()
    here.shows(RUNNING | NEW)
    outcome = await starting
    assert outcome.words == f"{UNIT} on koala is active"
    assert outcome.unit.state is UnitState.ACTIVE


async def test_a_unit_is_stopped_once_it_is_seen_stopped(koala: Koala) -> None:
    here = await koala(RUNNING)
    stopping = here.begin("stop")
    await here.asked("stop")
    here.shows(STOPPING)
    await until(lambda: here.told, "what it waits for is told")
    assert "90 s" in here.told[0]
    here.shows(STOPPED)
    assert (await stopping).words == f"{UNIT} on koala has stopped"


async def test_a_unit_that_ignores_term_has_stopped_when_it_was_killed(koala: Koala) -> None:
    here = await koala(RUNNING)
    stopping = here.begin("stop")
    await here.asked("stop")
    here.shows(STOPPING)
    await until(lambda: here.told, "it waits")
    here.shows(FAILED, Result="timeout", ExecMainCode="2", ExecMainStatus="9")
    assert (await stopping).words == (
        f"{UNIT} on koala has stopped, but did not start or stop in time, and was ended by SIGKILL"
    )


async def test_a_stop_that_takes_too_long_says_how_far_it_came(koala: Koala) -> None:
    here = await koala(RUNNING)
    stopping = here.begin("stop", timeout=0.4)
    await here.asked("stop")
    here.shows(STOPPING)
    with pytest.raises(UnitActionFailed, match=r"is still deactivating \(stop-sigterm\) after 0\.4 s"):
        await stopping


async def test_a_restart_is_over_with_a_new_invocation(koala: Koala) -> None:
    """The old run may end with an error, and systemd shows that for a moment."""
    here = await koala(RUNNING)
    restarting = here.begin("restart")
    await here.asked("restart")
    here.shows(FAILED, ExecMainStatus="1")
    await until(lambda: here.unit.state is UnitState.FAILED, "the old run is seen to have failed")
    assert not restarting.done()
    here.shows(RUNNING | NEW)
    assert (await restarting).words == f"{UNIT} on koala is active"


async def test_what_is_so_already_is_no_failure(koala: Koala) -> None:
    here = await koala(RUNNING)
    assert (await here.begin("start")).words == f"{UNIT} on koala was active already"
    here.shows(STOPPED)
    await until(lambda: here.unit.state is UnitState.INACTIVE, "it has stopped")
    assert (await here.begin("stop")).words == f"{UNIT} on koala was not running"


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        (FAILED | {"ExecMainStatus": "203"}, "its program is missing or cannot be executed (status 203)"),
        (FAILED | {"ExecMainStatus": "3"}, "ended with status 3"),
        (FAILED | {"Result": "signal", "ExecMainCode": "2", "ExecMainStatus": "11"}, "was killed by SIGSEGV"),
        (FAILED | {"ExecMainStatus": "1", "NRestarts": "3"}, "ended with status 1, 4 times in a row: systemd has"),
        (
            WAITS | {"ExecMainStatus": "1", "NRestarts": "2"},
            "ended with status 1; systemd starts it again (2 so far)",
        ),
    ],
    ids=["binary missing", "exit 3", "signal", "start limit", "crash loop"],
)
async def test_a_start_that_fails_says_why(koala: Koala, shown: Mapping[str, str], words: str) -> None:
    here = await koala(STOPPED)
    starting = here.begin("start")
    await here.asked("start")
    here.shows(RUNNING | NEW)
    await until(lambda: here.unit.invocation == "2d90", "it is active for a moment")
    here.shows(shown, InvocationID="2d90")
    with pytest.raises(UnitActionFailed) as caught:
        await starting
    assert str(caught.value).startswith(f"{UNIT} on koala did not stay up: {words}")


async def test_a_crash_between_two_looks_is_seen_by_the_count_of_restarts(koala: Koala) -> None:
    here = await koala(STOPPED)
    starting = here.begin("start")
    await here.asked("start")
    here.shows(RUNNING | NEW, NRestarts="2")
    with pytest.raises(UnitActionFailed, match="did not stay up: systemd has started it 2 times since"):
        await starting


async def test_a_failed_unit_that_is_started_is_not_judged_by_its_past(koala: Koala) -> None:
    here = await koala(FAILED | {"ExecMainStatus": "1"})
    starting = here.begin("start")
    await here.asked("start")
    assert here.acted() == ["reset-failed", "start"]
    here.shows(RUNNING | NEW)
    assert (await starting).unit.state is UnitState.ACTIVE


async def test_a_start_of_which_nothing_comes_says_so(koala: Koala) -> None:
    here = await koala(STOPPED)
    with pytest.raises(UnitActionFailed, match="was not started: is a condition of it unmet"):
        await here.begin("start")
    here.shows(FAILED, Result="start-limit-hit")
    await until(lambda: here.unit.state is UnitState.FAILED, "it has failed")
    with pytest.raises(UnitActionFailed, match="did not stay up: was started too often in a short time"):
        await here.begin("start")


async def test_a_unit_that_ends_at_once_is_not_up(koala: Koala) -> None:
    here = await koala(STOPPED)
    starting = here.begin("start")
    await here.asked("start")
    here.shows(STOPPED, InvocationID="2d90")
    with pytest.raises(UnitActionFailed, match="ended again at once, without an error"):
        await starting


@pytest.mark.parametrize(
    ("shown", "script", "words"),
    [
        (
            STOPPED | {"LoadState": "masked"},
            f"echo 'Failed to start {UNIT}: Unit {UNIT} is masked.' >&2; exit 1",
            f"{UNIT} is masked on koala",
        ),
        (
            STOPPED | {"LoadState": "not-found"},
            f"echo 'Failed to start {UNIT}: Unit {UNIT} not found.' >&2; exit 5",
            f"there is no unit {UNIT} on koala",
        ),
        (
            RUNNING,
            f"echo 'Failed to start {UNIT}: Interactive authentication required.' >&2; exit 1",
            f"koala lets only root start {UNIT}: make it a user unit, or add a polkit rule",
        ),
        (
            RUNNING,
            "echo 'Failed to connect to bus: No medium found' >&2; exit 1",
            "no systemd of yours runs on koala: `loginctl enable-linger` there starts it, and keeps it after logout",
        ),
    ],
    ids=["masked", "missing", "root", "no bus"],
)
async def test_a_refusal_is_told_with_its_cure(koala: Koala, shown: Mapping[str, str], script: str, words: str) -> None:
    here = await koala(shown)
    here.systemd.answer("start", script)
    with pytest.raises(UnitActionFailed) as caught:
        await here.begin("start")
    assert str(caught.value) == words


async def test_a_collector_that_dies_meanwhile_is_waited_for(koala: Koala) -> None:
    here = await koala(RUNNING)
    stopping = here.begin("stop")
    await here.asked("stop")
    here.shows(STOPPING)
    await until(lambda: here.told, "it is seen to be stopping")
    here.systemd.answer("show", "kill -9 $PPID")
    here.shows(STOPPED)
    await until(lambda: len(here.told) == 2, "that the collector is gone is told")
    here.systemd.answer("show", "")
    assert (await stopping).words == f"{UNIT} on koala has stopped"


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (config_here(), "there is no service nobody; there are llama-swap"),
        (
            config_here(service("nobody", "ollama", NOWHERE, machine="koala")),
            'nobody has no unit: add unit = "NAME.service" to [services.nobody]',
        ),
        (
            config_here(service("nobody", "ollama", "http://192.0.2.1:1", unit="x.service")),
            'nobody runs on no machine of yours: add machine = "NAME" to [services.nobody]',
        ),
        (
            config_here(service("nobody", "ollama", NOWHERE, machine="koala", unit="x.service"), local=False),
            'koala is reached by HTTP alone: add ssh = "HOST" or local = true to [machines.koala]',
        ),
    ],
)
async def test_a_service_without_a_unit_to_act_on_says_what_to_write(config: Config, words: str) -> None:
    async with watching(config) as monitor:
        with pytest.raises(UnitActionFailed) as caught:
            await act_on_unit(monitor, config, "nobody", "stop")
        assert str(caught.value) == words
        with pytest.raises(UnitActionFailed):
            find_unit(monitor, config, "nobody")


def test_what_a_stop_disturbs_is_said_before() -> None:
    models = (
        ModelSnapshot(name="qwen3", state=ModelState.READY),
        ModelSnapshot(name="gem\x1bma", state=ModelState.STARTING),
        ModelSnapshot(name="coder", state=ModelState.IDLE),
    )
    busy = ServiceSnapshot(name="llama-swap", kind="llama-swap", url="", models=models, in_flight=2)
    words = (
        "2 requests are being answered by llama-swap now and may be cut off.",
        "2 loaded, unloaded by it: qwen3, gem␛ma.",
    )
    assert disturbed_by_unit(busy, "stop") == disturbed_by_unit(busy, "restart") == words
    assert disturbed_by_unit(busy, "start") == ()
    assert disturbed_by_unit(ServiceSnapshot(name="q", kind="qdrant", url=""), "stop") == ()


def test_hints_tell_of_linger_and_of_a_changed_file() -> None:
    without = MachineSnapshot(name="koala", linger=False)
    changed = UnitSnapshot(name=UNIT, needs_reload=True)
    assert [hint.rpartition("`")[0].partition("`")[2] for hint in hints_for_unit(without, changed)] == [
        "systemctl --user daemon-reload",
        "loginctl enable-linger",
    ]
    assert hints_for_unit(without, UnitSnapshot(name=UNIT, scope="system")) == ()
    assert hints_for_unit(MachineSnapshot(name="koala", linger=True), UnitSnapshot(name=UNIT)) == ()
