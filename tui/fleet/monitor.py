"""Watches all of a fleet and tells whoever wants to know."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterable

from tui.config.schema import Config, MachineSettings, ServiceSettings
from tui.fleet.probes.registry import probe_for
from tui.fleet.problems import problems_of
from tui.fleet.service_watch import ALIVE, ServiceWatch
from tui.fleet.snapshot import FleetSnapshot, MachineSnapshot, MachineState, Seen, ServiceSnapshot

QUIET = 0.05
"""Seconds between two snapshots at least, so that hundreds of answers in one breath make one snapshot."""


class Monitor:
    """Runs one watch per service, each with its own period, timeout and back-off.

    A subscriber gets the newest snapshot when it is ready for one, never a queue of old ones.
    """

    def __init__(
        self,
        config: Config,
        *,
        services: Collection[str] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``services``: the names of those to be watched; None: all."""
        self._config = config
        self._only = services
        self._clock = clock
        self._watches: dict[str, ServiceWatch] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
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
                for watch in self._watches.values():
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
        """The snapshot once every service has been asked, or after ``timeout`` seconds with what there is by then."""
        waiting = [asyncio.ensure_future(watch.looked_once.wait()) for watch in self._watches.values()]
        try:
            if waiting:
                await asyncio.wait(waiting, timeout=timeout)
        finally:
            for waiter in waiting:
                waiter.cancel()
        await self._publish()
        return self.snapshot

    def look_now(self, service: str | None = None) -> None:
        """Asks a service (None: all) at once, without waiting for its period."""
        for watch in self._watches.values():
            if service in (None, watch.settings.name):
                watch.look_now()

    def take_up(self, config: Config) -> None:
        """Goes on with another configuration: services that did not change are watched without a break."""
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
                del self._watches[name]
                if task := self._tasks.pop(name, None):
                    task.cancel()
        for name, service in wanted.items():
            if name not in self._watches:
                watch = ServiceWatch(
                    service,
                    probe_for(service),
                    machine=self._machine_name(service),
                    changed=self._changed,
                    clock=self._clock,
                )
                self._watches[name] = watch
                self._start(watch)
        self._watches = {name: self._watches[name] for name in wanted}

    def _machine_name(self, service: ServiceSettings) -> str | None:
        machine = self._config.machine_of(service)
        return machine.name if machine else None

    def _start(self, watch: ServiceWatch) -> None:
        if self._group is not None:
            name = watch.settings.name
            self._tasks[name] = self._group.create_task(watch.run(), name=f"watch {name}")

    def _changed(self) -> None:
        self._dirty.set()

    async def _publish_changes(self) -> None:
        while True:
            await self._publish()
            await asyncio.sleep(QUIET)
            await self._dirty.wait()
            self._dirty.clear()

    async def _publish(self) -> None:
        async with self._news:
            self.snapshot = self._build()
            self._number += 1
            self._news.notify_all()

    def _build(self) -> FleetSnapshot:
        services = tuple(watch.snapshot for watch in self._watches.values())
        machines = tuple(_machine(machine, services) for machine in self._config.machines.values())
        return FleetSnapshot(at=self._clock(), machines=machines, services=services, problems=problems_of(services))


def _machine(machine: MachineSettings, services: Iterable[ServiceSnapshot]) -> MachineSnapshot:
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
