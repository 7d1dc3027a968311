"""Starts, stops and restarts the systemd unit of a service, and believes only what is then observed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from tui.config.schema import Config, MachineSettings
from tui.control.loading import requests_in_flight
from tui.fleet.machine_channel import WatchedUnit
from tui.fleet.machine_watch import MachineWatch, UnitActionFailed, UnitVerb
from tui.fleet.monitor import Monitor
from tui.fleet.printable import printable
from tui.fleet.snapshot import MachineSnapshot, MachineState, ServiceSnapshot, UnitSnapshot, UnitState

UNIT_TIMEOUT = 100.0
"""Seconds: systemd's own limits on a start and on a stop are 90 s each, where a unit's file says nothing else."""
STAYS_UP = 1.0
"""Seconds: systemd calls a simple unit active before its program has read its own configuration."""
CONNECTED_WITHIN = 10.0
NOTHING_CAME_OF_IT = 6.0
"""Seconds: even where systemd's signals are not to be had, its units are looked at every 5."""
LOST_FOR = 15.0
"""Seconds: a connection that broke is back sooner, or not soon."""
LOOKED_AFTER = 0.3
"""Seconds: what an action changed at once has been told by then."""
LOOK_AGAIN = 0.03

_NOT_RUNNING = (UnitState.INACTIVE, UnitState.FAILED)


@dataclass(frozen=True, slots=True)
class ServiceUnit:
    """The unit of a service, and what watches it."""

    service: str
    name: str
    watch: MachineWatch

    @property
    def machine(self) -> str:
        return self.watch.settings.name

    @property
    def snapshot(self) -> UnitSnapshot:
        return self.watch.snapshot.unit(self.name) or UnitSnapshot(name=self.name)

    @property
    def shown(self) -> str:
        return f"{printable(self.name, 80)} on {self.machine}"


@dataclass(frozen=True, slots=True)
class UnitOutcome:
    """What came of an action. ``words`` are a sentence."""

    unit: UnitSnapshot
    words: str


def configured_unit(config: Config, service_name: str) -> tuple[MachineSettings, WatchedUnit]:
    """The unit of a service, and the machine that it is on.

    Raises:
        UnitActionFailed: the configuration names none, or its machine can be reached by HTTP alone.
    """
    shown = printable(service_name, 60)
    service = config.services.get(service_name)
    if service is None:
        raise UnitActionFailed(f"there is no service {shown}; there are {', '.join(config.services)}")
    if service.unit is None:
        raise UnitActionFailed(f'{shown} has no unit: add unit = "NAME.service" to [services.{shown}]')
    machine = config.machine_of(service)
    if machine is None:
        raise UnitActionFailed(f'{shown} runs on no machine of yours: add machine = "NAME" to [services.{shown}]')
    if machine.ssh is None and not machine.local:
        raise UnitActionFailed(
            f'{machine.name} is reached by HTTP alone: add ssh = "HOST" or local = true to [machines.{machine.name}]'
        )
    return machine, WatchedUnit(service.unit, service.unit_scope)


def find_unit(monitor: Monitor, config: Config, service_name: str) -> ServiceUnit:
    """The unit of a service, as ``monitor`` watches it.

    Raises:
        UnitActionFailed: there is none that could be.
    """
    machine, unit = configured_unit(config, service_name)
    watch = monitor.machine(machine.name)
    if watch is None:
        raise UnitActionFailed(f"{machine.name} is not watched")
    return ServiceUnit(service_name, unit.name, watch)


def disturbed_by_unit(service: ServiceSnapshot, verb: UnitVerb) -> tuple[str, ...]:
    """What an action does to others, a sentence each."""
    if verb == "start":
        return ()
    loaded = [printable(model.name, 40) for model in service.models if model.loaded]
    models = (f"{len(loaded)} loaded, unloaded by it: {', '.join(loaded)}.",) if loaded else ()
    return (*requests_in_flight(service), *models)


def hints_for_unit(machine: MachineSnapshot, unit: UnitSnapshot) -> tuple[str, ...]:
    """What a person should know beside the unit's state, a sentence each."""
    hints = []
    if unit.needs_reload:
        user = " --user" if unit.scope == "user" else ""
        hints.append(f"its file has changed since systemd read it: `systemctl{user} daemon-reload` takes it up")
    if unit.scope == "user" and machine.linger is False:
        hints.append(f"it ends with your last login on {machine.name}: `loginctl enable-linger` there keeps it")
    return tuple(hints)


async def act_on_unit(
    monitor: Monitor,
    config: Config,
    service_name: str,
    verb: UnitVerb,
    *,
    timeout: float = UNIT_TIMEOUT,
    tell: Callable[[str], None] = lambda words: None,
) -> UnitOutcome:
    """Has systemd start, stop or restart a service's unit, and waits until it is seen to be so.

    A unit counts as started once it has been active for a second. ``tell`` is told what it waits for, in words, each
    time that changes. ``monitor`` has to be running.

    Raises:
        UnitActionFailed: there is no such unit, systemd refused, it did not stay up, or it takes longer than
            ``timeout`` seconds.
    """
    unit = find_unit(monitor, config, service_name)
    await _first_look(unit)
    before = unit.snapshot
    await unit.watch.request(verb, unit.name)
    try:
        async with asyncio.timeout(timeout):
            if verb == "stop":
                return await _stopped(unit, before, tell)
            return await _started(unit, before, verb, tell)
    except TimeoutError:
        now = unit.snapshot
        raise UnitActionFailed(
            f"{unit.shown} is still {now.state}{f' ({now.sub})' if now.sub else ''} after {timeout:g} s"
        ) from None
    finally:
        monitor.look_now(service_name)


async def _first_look(unit: ServiceUnit) -> None:
    try:
        async with asyncio.timeout(CONNECTED_WITHIN):
            await unit.watch.looked_once.wait()
    except TimeoutError:
        raise UnitActionFailed(f"{unit.machine} has not answered within {CONNECTED_WITHIN:g} s") from None


async def _stopped(unit: ServiceUnit, before: UnitSnapshot, tell: Callable[[str], None]) -> UnitOutcome:
    wait = _Wait(unit, tell)
    ran = before.state not in _NOT_RUNNING
    while (now := await wait.look()).state not in _NOT_RUNNING or not (ran or wait.seconds > LOOKED_AFTER):
        ran = ran or now.state not in _NOT_RUNNING
    if not ran:
        return UnitOutcome(now, f"{unit.shown} was not running")
    # Killed because it did not heed the signal, or ended with an error: it has stopped all the same.
    return UnitOutcome(now, f"{unit.shown} has stopped{f', but {now.reason}' if now.reason else ''}")


async def _started(unit: ServiceUnit, before: UnitSnapshot, verb: UnitVerb, tell: Callable[[str], None]) -> UnitOutcome:
    wait = _Wait(unit, tell)
    state, since = before, 0.0
    while True:
        now = await wait.look()
        if (now.state, now.sub, _run(now)) != (state.state, state.sub, _run(state)):
            state, since = now, wait.seconds
        lasted = wait.seconds - since
        is_new = bool(_run(now)) and _run(now) != _run(before)
        if now.state is UnitState.ACTIVE and (is_new or verb == "start") and lasted >= STAYS_UP:
            was = before.state is UnitState.ACTIVE and not is_new
            return UnitOutcome(now, f"{unit.shown} {'was active already' if was else 'is active'}")
        # Of the run before, a restart shows how it ended, for a moment; nothing else comes of a start that is refused.
        enough = 0.0 if is_new else NOTHING_CAME_OF_IT if now == before else STAYS_UP
        if now.state is UnitState.FAILED or now.sub.startswith("auto-restart"):
            if lasted >= enough:
                raise UnitActionFailed(f"{unit.shown} did not stay up: {now.reason}")
        elif is_new and now.restarts > before.restarts:
            raise UnitActionFailed(f"{unit.shown} did not stay up: systemd has started it {now.restarts} times since")
        elif now.state is UnitState.INACTIVE and lasted >= (0.0 if is_new else NOTHING_CAME_OF_IT):
            what = "ended again at once, without an error" if is_new else "was not started: is a condition of it unmet?"
            raise UnitActionFailed(f"{unit.shown} {what}")


def _run(unit: UnitSnapshot) -> str:
    """What differs between one run of a unit and the next; systemd before 232 numbers no invocations."""
    return unit.invocation or str(unit.main_pid or "")


class _Wait:
    """Looks at a unit again and again, and tells what it is doing."""

    def __init__(self, unit: ServiceUnit, tell: Callable[[str], None]) -> None:
        self._unit = unit
        self._tell = tell
        self._told = ""
        self._loop = asyncio.get_running_loop()
        self._began = self._seen_at = self._loop.time()

    @property
    def seconds(self) -> float:
        return self._loop.time() - self._began

    async def look(self) -> UnitSnapshot:
        """The unit a moment later.

        Raises:
            UnitActionFailed: its machine has been out of sight for too long.
        """
        while True:
            await asyncio.sleep(LOOK_AGAIN)
            machine, unit = self._unit.watch.snapshot, self._unit.snapshot
            if machine.state is MachineState.UP:
                self._seen_at = self._loop.time()
                if unit.state in (UnitState.ACTIVATING, UnitState.DEACTIVATING):
                    self._say(f"{self._unit.shown} {unit.reason}")
                elif unit.state is UnitState.UNKNOWN:
                    self._say(unit.reason)
                return unit
            self._say(machine.reason)
            if self._loop.time() - self._seen_at > LOST_FOR:
                raise UnitActionFailed(f"what became of {self._unit.shown} is not known: {machine.reason}")

    def _say(self, words: str) -> None:
        if words != self._told:
            self._told = words
            self._tell(words)
