"""Units and journals through a real systemd and journald, over a real ssh."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from itertools import pairwise

from tests.live.checks import Check, Stage
from tests.live.machines.ssh_checks import shows, watching
from tests.live.machines.sshd import Sshd
from tests.live.machines.user_systemd import USER, UserSystemd
from tests.waiting import until
from tui.fleet.machine_channel import WatchedUnit
from tui.fleet.machine_watch import MachineWatch, UnitActionFailed
from tui.fleet.snapshot import MachineSnapshot, UnitSnapshot, UnitState

SHOWN_WITHIN = 0.15
"""Seconds from a unit's change to the snapshot's."""
UNITS = {
    "works.service": "[Service]\nExecStart=/bin/sh -c 'echo up; exec sleep 1000'\n",
    "exits.service": "[Service]\nExecStart=/bin/sh -c 'echo no; exit 3'\n",
    "missing.service": "[Service]\nExecStart=/nonexistent/llama-swap\n",
    "crashes.service": (
        "[Unit]\nStartLimitIntervalSec=60\nStartLimitBurst=4\n"
        "[Service]\nExecStart=/bin/sh -c 'sleep 0.2; exit 1'\nRestart=on-failure\nRestartSec=300ms\n"
    ),
    "stubborn.service": (
        "[Service]\nExecStart=/bin/sh -c 'trap \"\" TERM; while :; do sleep 1; done'\nTimeoutStopSec=2\n"
    ),
    "masked.service": "",
    "counts.service": (
        "[Service]\nExecStart=/bin/sh -c 'n=0; while :; do n=$$((n+1)); echo line $$n; sleep 0.02; done'\n"
    ),
}
NOWHERE = "nowhere.service"


@asynccontextmanager
async def koala(stage: Stage) -> AsyncIterator[tuple[UserSystemd, Sshd, MachineWatch]]:
    """A machine with a person's own systemd, over ssh."""
    folder = stage.folder / f"user-{len(list(stage.folder.glob('user-*')))}"
    folder.mkdir()
    units = [WatchedUnit(name) for name in (*UNITS, NOWHERE)]
    async with (
        UserSystemd(folder, UNITS) as systemd,
        Sshd(folder / "sshd", inside=systemd.inside, user=USER) as sshd,
        watching(sshd.environment, units) as watch,
    ):
        await shows(
            watch, lambda machine: all(unit.reason != "not looked at yet" for unit in machine.units), "all units"
        )
        yield systemd, sshd, watch


def unit_of(machine: MachineSnapshot, name: str) -> UnitSnapshot:
    unit = machine.unit(f"{name}.service")
    assert unit is not None
    return unit


async def becomes(watch: MachineWatch, name: str, state: UnitState, words: str = "", within: float = 10.0) -> None:
    try:
        await until(
            lambda: unit_of(watch.snapshot, name).state is state and words in unit_of(watch.snapshot, name).reason,
            f"{name} is {state}, {words!r}",
            timeout=within,
        )
    except AssertionError as error:
        raise AssertionError(f"{error}; instead: {unit_of(watch.snapshot, name)}") from None


async def a_unit_is_started_restarted_and_stopped(stage: Stage) -> None:
    async with koala(stage) as (_, _, watch):
        await becomes(watch, "works", UnitState.INACTIVE)
        await watch.request("start", "works.service")
        await becomes(watch, "works", UnitState.ACTIVE)
        first = unit_of(watch.snapshot, "works")
        assert first.main_pid
        assert abs((first.since or 0) - time.time()) < 5
        await watch.request("restart", "works.service")
        await until(lambda: unit_of(watch.snapshot, "works").invocation != first.invocation, "it is another one")
        await becomes(watch, "works", UnitState.ACTIVE)
        await watch.request("stop", "works.service")
        # It was told to stop, and did: no failure.
        await becomes(watch, "works", UnitState.INACTIVE, "")
        assert unit_of(watch.snapshot, "works").reason == ""


async def a_change_by_somebody_else_is_shown_within_150_ms(stage: Stage) -> None:
    delays: list[float] = []
    async with koala(stage) as (systemd, _, watch):
        for verb, state in (("start", UnitState.ACTIVE), ("stop", UnitState.INACTIVE)) * 4:
            before = unit_of(watch.snapshot, "works").since
            await asyncio.to_thread(systemd.systemctl, verb, "works.service")
            await until(
                lambda before=before, state=state: (  # type: ignore[misc]
                    unit_of(watch.snapshot, "works").state is state and unit_of(watch.snapshot, "works").since != before
                ),
                f"it is {state}",
            )
            changed = unit_of(watch.snapshot, "works").since
            if changed is not None:
                delays.append(time.time() - changed)
    assert delays
    assert sorted(delays)[len(delays) // 2] < SHOWN_WITHIN, f"{[f'{delay * 1000:.0f} ms' for delay in delays]}"


async def units_that_do_not_stay_up_are_shown_for_what_they_are(stage: Stage) -> None:
    async with koala(stage) as (_, _, watch):
        await watch.request("start", "exits.service")
        await becomes(watch, "exits", UnitState.FAILED, "ended with status 3")
        await watch.request("start", "missing.service")
        await becomes(watch, "missing", UnitState.FAILED, "its program is missing or cannot be executed (status 203)")
        await watch.request("start", "crashes.service")
        await becomes(watch, "crashes", UnitState.ACTIVATING, "ended with status 1; systemd starts it again")
        await becomes(watch, "crashes", UnitState.FAILED, "systemd has given up")
        # systemd alone would refuse it for the rest of a minute.
        await watch.request("start", "crashes.service")
        await becomes(watch, "crashes", UnitState.ACTIVE)
        await becomes(watch, "masked", UnitState.INACTIVE, "is masked")
        await becomes(watch, "nowhere", UnitState.INACTIVE, "there is no unit nowhere.service on koala")
        for name, words in (("masked", "masked.service is masked"), ("nowhere", "there is no unit nowhere.service")):
            try:
                await watch.request("start", f"{name}.service")
            except UnitActionFailed as error:
                assert words in str(error), error  # noqa: PT017
            else:
                raise AssertionError(f"{name}.service was started")


async def a_unit_that_ignores_its_end_is_waited_for_and_killed(stage: Stage) -> None:
    async with koala(stage) as (_, _, watch):
        await watch.request("start", "stubborn.service")
        await becomes(watch, "stubborn", UnitState.ACTIVE)
        began = time.monotonic()
        await watch.request("stop", "stubborn.service")
        assert time.monotonic() - began < 1, "the request waited for the unit"
        await becomes(watch, "stubborn", UnitState.DEACTIVATING, "is stopping", within=1.5)
        await becomes(watch, "stubborn", UnitState.FAILED, "was ended by SIGKILL")


async def a_journal_has_neither_gap_nor_duplicate_after_a_kill(stage: Stage) -> None:
    read: list[str] = []
    async with koala(stage) as (_, sshd, watch):

        async def follow() -> None:
            async with aclosing(watch.follow("counts.service")) as entries:
                async for entry in entries:
                    if entry.text.startswith("line "):
                        read.append(entry.text)

        reading = asyncio.create_task(follow())
        await watch.request("start", "counts.service")
        await until(lambda: len(read) > 30, "it is read")
        for collector in sshd.collectors():
            collector.kill()
        seen = len(read)
        await until(lambda: len(read) > seen + 100, "it goes on", timeout=15)
        reading.cancel()
    numbers = [int(text.split()[1]) for text in read]
    breaks = [pair for pair in pairwise(numbers) if pair[1] != pair[0] + 1]
    assert numbers[0] == 1, numbers[:3]
    assert not breaks, f"behind one line came another: {breaks[:5]}"


async def a_systemd_that_is_gone_is_told_and_found_again(stage: Stage) -> None:
    async with koala(stage) as (systemd, _, watch):
        for manager in systemd.managers():
            manager.kill()
        await becomes(watch, "works", UnitState.UNKNOWN, "systemd")


CHECKS = (
    Check("a unit is started, restarted and stopped", a_unit_is_started_restarted_and_stopped),
    Check("a unit's change is shown within 150 ms", a_change_by_somebody_else_is_shown_within_150_ms),
    Check("units that do not stay up", units_that_do_not_stay_up_are_shown_for_what_they_are),
    Check("a unit that ignores its end", a_unit_that_ignores_its_end_is_waited_for_and_killed),
    Check("a journal across a kill", a_journal_has_neither_gap_nor_duplicate_after_a_kill),
    Check("a systemd that is gone", a_systemd_that_is_gone_is_told_and_found_again),
)
