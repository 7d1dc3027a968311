"""Watches all of a fleet and tells whoever wants to know."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterable

from tui.config.schema import Config, MachineSettings, ServiceSettings
from tui.fleet.attribution import with_holders, with_vram
from tui.fleet.machine_channel import WatchedUnit
from tui.fleet.machine_watch import MachineWatch
from tui.fleet.probes.registry import probe_for
from tui.fleet.problems import problems_of
from tui.fleet.service_watch import ALIVE, ServiceWatch
from tui.fleet.snapshot import FleetSnapshot, MachineSnapshot, MachineState, Seen, ServiceSnapshot

QUIET = 0.05
"""Seconds between two snapshots at least, so that hundreds of answers in one breath make one snapshot."""
QUIET_OF_MANY = 0.2
MANY = 50
"""Services from which on something changes all the time, and each snapshot takes longer to make."""
PARTS_OF_A_WAIT = 10
"""A wait is as many waits, one after the other: whatever holds this process up takes the time of one of them."""


class Monitor:
    """Runs one watch per service and one per machine that can be looked at, each with its own period and back-off.

    A subscriber gets the newest snapshot when it is ready for one, never a queue of old ones.
    """

    def __init__(
        self,
        config: Config,
        *,
        services: Collection[str] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``services``: the names of those to be watched, and no machine with them; None: everything."""
        self._config = config
        self._only = services
        self._clock = clock
        self._watches: dict[str, ServiceWatch] = {}
        self._machines: dict[str, MachineWatch] = {}
        self._services_by_unit: dict[str, dict[str, str]] = {}
        """The names of each machine's units, and of the services that they run."""
        self._tasks: dict[ServiceWatch | MachineWatch, asyncio.Task[None]] = {}
        self._group: asyncio.TaskGroup | None = None
        self._dirty = asyncio.Event()
        self._news = asyncio.Condition()
        self._number = 0
        self.snapshot = FleetSnapshot(at=clock())
        self._make_watches()
        self.snapshot = self._build()

    async def run(self) -> None:
        """Watches until it is cancelled."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            try:
                for watch in self._all_watches():
                    self._start(watch)
                await self._publish_changes()
            finally:
                self._group = None
                for task in self._tasks.values():
                    task.cancel()
                self._tasks.clear()

    async def subscribe(self) -> AsyncIterator[FleetSnapshot]:
        """The snapshot as it is, and then each time it has changed, without those that came and went meanwhile."""
        seen = -1
        while True:
            async with self._news:
                await self._news.wait_for(lambda: self._number != seen)  # noqa: B023  (read before it is rebound)
                seen = self._number
                snapshot = self.snapshot
            yield snapshot

    async def first_look(self, timeout: float) -> FleetSnapshot:
        """The snapshot once everything has been looked at, or after ``timeout`` seconds with what there is by then.

        Seconds for which this process could not run, being busy or asleep, count little: no server is silent in them.
        """
        unseen = {asyncio.ensure_future(watch.looked_once.wait()) for watch in self._all_watches()}
        waiting = unseen
        try:
            for _ in range(PARTS_OF_A_WAIT):
                if waiting:
                    _, waiting = await asyncio.wait(waiting, timeout=timeout / PARTS_OF_A_WAIT)
        finally:
            for waiter in unseen:
                waiter.cancel()
        await self._publish()
        return self.snapshot

    def look_now(self, service: str | None = None) -> None:
        """Asks a service (None: all, and the machines) at once, without waiting for its period."""
        for watch in self._watches.values():
            if service in (None, watch.settings.name):
                watch.look_now()
        for machine in self._machines.values() if service is None else ():
            machine.look_now()

    def machine(self, name: str) -> MachineWatch | None:
        """What watches a machine from its inside; None where it is known through its services alone."""
        return self._machines.get(name)

    def take_up(self, config: Config) -> None:
        """Goes on with another configuration: what did not change is watched without a break."""
        self._config = config
        self._make_watches()
        self._changed()

    def _make_watches(self) -> None:
        wanted = {
            name: service for name, service in self._config.services.items() if self._only is None or name in self._only
        }
        for name, watch in list(self._watches.items()):
            settings = wanted.get(name)
            if settings != watch.settings or self._machine_name(watch.settings) != watch.snapshot.machine:
                self._stop(self._watches.pop(name))
        for slot, (name, service) in enumerate(wanted.items()):
            if name not in self._watches:
                self._watches[name] = ServiceWatch(
                    service,
                    probe_for(service),
                    machine=self._machine_name(service),
                    slot=slot,
                    changed=self._changed,
                    clock=self._clock,
                )
                self._start(self._watches[name])
        self._watches = {name: self._watches[name] for name in wanted}
        self._make_machine_watches()

    def _make_machine_watches(self) -> None:
        wanted = {
            name: (machine, self._units_on(machine))
            for name, machine in self._config.machines.items()
            if self._only is None and (machine.local or machine.ssh is not None)
        }
        self._services_by_unit = {name: self._services_of_units(machine) for name, (machine, _) in wanted.items()}
        for name, watch in list(self._machines.items()):
            if wanted.get(name) != (watch.settings, watch.units):
                self._stop(self._machines.pop(name))
        for name, (machine, units) in wanted.items():
            if name not in self._machines:
                self._machines[name] = MachineWatch(
                    machine, units, refresh=self._config.panel.refresh, changed=self._changed, clock=self._clock
                )
                self._start(self._machines[name])

    def _units_on(self, machine: MachineSettings) -> tuple[WatchedUnit, ...]:
        """The units of the services on a machine, each once."""
        units = (
            WatchedUnit(service.unit, service.unit_scope)
            for service in self._config.services.values()
            if service.unit is not None and self._machine_name(service) == machine.name
        )
        return tuple(dict.fromkeys(units))

    def _services_of_units(self, machine: MachineSettings) -> dict[str, str]:
        return {
            service.unit: service.name
            for service in self._config.services.values()
            if service.unit is not None and self._machine_name(service) == machine.name
        }

    def _machine_name(self, service: ServiceSettings) -> str | None:
        machine = self._config.machine_of(service)
        return machine.name if machine else None

    def _all_watches(self) -> tuple[ServiceWatch | MachineWatch, ...]:
        return (*self._watches.values(), *self._machines.values())

    def _start(self, watch: ServiceWatch | MachineWatch) -> None:
        if self._group is not None:
            self._tasks[watch] = self._group.create_task(watch.run(), name=f"watch {watch.settings.name}")

    def _stop(self, watch: ServiceWatch | MachineWatch) -> None:
        if task := self._tasks.pop(watch, None):
            task.cancel()

    def _changed(self) -> None:
        self._dirty.set()

    async def _publish_changes(self) -> None:
        while True:
            await self._publish()
            await self._dirty.wait()
            # What changes in one breath is told in one.
            await asyncio.sleep(QUIET if len(self._watches) < MANY else QUIET_OF_MANY)
            self._dirty.clear()

    async def _publish(self) -> None:
        async with self._news:
            self.snapshot = self._build()
            self._number += 1
            self._news.notify_all()

    def _build(self) -> FleetSnapshot:
        services = tuple(watch.snapshot for watch in self._watches.values())
        machines = tuple(self._machine_snapshot(machine, services) for machine in self._config.machines.values())
        services = with_vram(services, machines)
        problems = problems_of(services, machines)
        return FleetSnapshot(at=self._clock(), machines=machines, services=services, problems=problems)

    def _machine_snapshot(self, machine: MachineSettings, services: Iterable[ServiceSnapshot]) -> MachineSnapshot:
        """As its collector shows it; as its services do where it has none."""
        watch = self._machines.get(machine.name)
        if watch is None:
            return seen_through_services(machine, services)
        return with_holders(watch.snapshot, services, self._services_by_unit[machine.name])


@contextlib.asynccontextmanager
async def running_monitor(config: Config, services: Collection[str] | None = None) -> AsyncIterator[Monitor]:
    """A monitor that watches until the block is left; ``services`` None: all."""
    monitor = Monitor(config, services=services)
    running = asyncio.create_task(monitor.run())
    try:
        yield monitor
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


def seen_through_services(machine: MachineSettings, services: Iterable[ServiceSnapshot]) -> MachineSnapshot:
    """A machine as its services show it: one that answers proves that the machine is up."""
    on_it = [service for service in services if service.machine == machine.name]
    alive = [service for service in on_it if service.state in ALIVE]
    if alive:
        seen = max((service.seen for service in alive), key=lambda seen: seen.at or 0.0)
        return MachineSnapshot(name=machine.name, about=machine.about, state=MachineState.UP, reason="", seen=seen)
    looked_at = [service.seen for service in on_it if service.seen.at is not None]
    reason = "no service of ours is on it" if not on_it else "none of its services answers"
    if on_it and not looked_at:
        reason = "not looked at yet"
    seen = max(looked_at, key=lambda seen: seen.at or 0.0, default=Seen())
    return MachineSnapshot(name=machine.name, about=machine.about, reason=reason, seen=seen)
