"""Lends the GPUs of a machine to something else, such as a game, and takes them back."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace

from tui.config.paths import modes_file, reason_of
from tui.config.schema import Config, MachineSettings
from tui.control.fitting import gpu_memory
from tui.control.lending import Ran, forget, lending_of, recall, remember, servers_on
from tui.control.loading import LoadingFailed, load_model, unload_model
from tui.control.units import act_on_unit
from tui.fleet.gpu_snapshot import GpuHolder, HolderKind
from tui.fleet.machine_watch import UnitActionFailed
from tui.fleet.monitor import Monitor
from tui.fleet.printable import printable
from tui.fleet.service_watch import ALIVE
from tui.fleet.snapshot import MachineSnapshot, MachineState, ServiceSnapshot
from tui.fleet.wording import size_words
from tui.routing.mode_files import Flip, Flipped, FlipRefused, flip_hold
from tui.routing.modes import Mode

FREED_WITHIN = 20.0
"""Seconds from the last unload until the driver shows the memory free; llama-swap kills a model after 10."""
BACK_WITHIN = 60.0
"""Seconds from the start of a unit until its service lists its models."""
SLACK = 256 * 1024**2
"""Bytes by which what belongs to nobody may grow: drivers and desktops take and give a little all the time."""
WORTH_NAMING = 64 * 1024**2
LOOK_AGAIN = 0.1
LOOKED_WITHIN = 1.0
"""Seconds for which servers that are up are waited for before the models they last told of are gone by."""

Tell = Callable[[str], None]


class HoldFailed(Exception):
    """The hold could not be begun or ended, and nothing was done. ``str()`` says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Freed:
    """What came of lending the GPUs of a machine. The hold itself is on whatever else failed."""

    machine: str
    mode: Mode
    unloaded: tuple[str, ...] = ()
    stopped: tuple[str, ...] = ()
    """Names of services."""
    failures: tuple[str, ...] = ()
    holders: tuple[GpuHolder, ...] = ()
    """Who holds memory of its GPUs now."""
    still: tuple[GpuHolder, ...] = ()
    """Those of them that should not."""
    free: int | None = None
    total: int | None = None
    unproved: str = ""
    """Why it cannot be seen whether the memory is free; empty where it can."""

    @property
    def worked(self) -> bool:
        """Whether its memory is free; where that cannot be seen, whether all that should go has gone."""
        return not self.still and not (self.unproved and self.failures)

    @property
    def words(self) -> str:
        """A sentence."""
        parts = [f"the GPU of {self.machine} is lent"]
        if self.total is not None:
            parts.append(f"{size_words(self.free)} of {size_words(self.total)} are free")
        parts += [f"{holder.who} still holds {size_words(holder.bytes)}" for holder in self.still]
        others = [
            holder
            for holder in self.holders
            if holder.kind is HolderKind.PROCESS and holder not in self.still and (holder.bytes or 0) > WORTH_NAMING
        ]
        parts += [f"{printable(holder.who, 40)} has {size_words(holder.bytes)}" for holder in others]
        if self.unproved:
            parts.append(f"that its memory is free is not proved: {self.unproved}")
        return "; ".join((*parts, *self.failures))


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """What came of taking the GPUs of a machine back. The hold itself is off whatever else failed."""

    machine: str
    was_lent: bool
    started: tuple[str, ...] = ()
    """Names of services."""
    loaded: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()

    @property
    def worked(self) -> bool:
        return not self.failures

    @property
    def words(self) -> str:
        """A sentence."""
        parts = [f"the GPU of {self.machine} {'is back' if self.was_lent else 'was not lent'}"]
        if self.started or self.loaded:
            parts.append(f"{printable(', '.join((*self.started, *self.loaded)), 200)} run{'s' * self._is_one} again")
        return "; ".join((*parts, *self.failures))

    @property
    def _is_one(self) -> bool:
        return len(self.started) + len(self.loaded) == 1


async def free_gpu(
    monitor: Monitor,
    config: Config,
    machine_name: str,
    reason: str | None = None,
    *,
    timeout: float = FREED_WITHIN,
    tell: Tell = lambda words: None,
) -> Freed:
    """Lends the GPUs of a machine: records the hold, so that no plan sends anything there; unloads the models on it, or
    stops their units where its ``on_hold`` says so; waits until the driver shows the memory free.

    What ran before is remembered for :func:`end_hold`. ``tell`` is told each step. ``monitor`` has to be running.

    Raises:
        HoldFailed: there is no such machine, or the hold cannot be recorded.
    """
    machine = _machine(config, machine_name)
    flipped = await _flip(machine, Flip.ON, reason)
    # A server that is gone by the second look is still told of as one whose models could not be unloaded.
    known = lending_of(monitor.snapshot, config, machine)
    await _look_again(monitor, machine)
    lending = known | lending_of(monitor.snapshot, config, machine)
    before = _unattributed(_holders(monitor, machine))
    failures: list[str] = []
    try:
        ran = Ran(services=lending.stop, models=lending.loaded)
        await asyncio.to_thread(remember, machine.name, ran, add=not flipped.changed)
    except OSError as error:
        failures.append(f"what ran before will not come back by itself: {error.filename}: {reason_of(error)}")
    done: list[str] = []

    async def stop(service: str) -> None:
        tell(f"stopping {config.services[service].unit or service}")
        await act_on_unit(monitor, config, service, "stop", tell=tell)

    async def unload(model_id: str) -> None:
        tell(f"unloading {printable(model_id, 60)}")
        await unload_model(monitor, config, model_id)

    await _each(lending.stop, stop, done, failures)
    await _each(lending.unload, unload, done, failures)
    tell(f"waiting for the memory of {machine.name}'s GPU to be free")
    freed = Freed(
        machine=machine.name,
        mode=flipped.mode,
        unloaded=tuple(id_ for id_ in lending.loaded if id_ in done or id_.partition("/")[0] in done),
        stopped=tuple(name for name in lending.stop if name in done),
        failures=tuple(failures),
    )
    return await _memory_free(monitor, machine, freed, before, timeout)


async def end_hold(monitor: Monitor, config: Config, machine_name: str, *, tell: Tell = lambda words: None) -> Returned:
    """Takes the GPUs of a machine back: ends the hold, and starts and loads again what ran before it.

    ``monitor`` has to be running.

    Raises:
        HoldFailed: there is no such machine, or the end cannot be recorded.
    """
    machine = _machine(config, machine_name)
    flipped = await _flip(machine, Flip.OFF, None)
    failures: list[str] = []
    try:
        before = await asyncio.to_thread(recall, machine.name)
    except OSError as error:
        before = Ran()
        failures.append(f"what ran before is not known: {error.filename}: {reason_of(error)}")
    done: list[str] = []

    async def start(service: str) -> None:
        tell(f"starting {config.services[service].unit or service}" if service in config.services else service)
        await act_on_unit(monitor, config, service, "start", tell=tell)
        await _lists_models(monitor, service)

    async def load(model_id: str) -> None:
        tell(f"loading {printable(model_id, 60)}")
        await load_model(monitor, config, model_id)

    await _each(before.services, start, done, failures)
    await _each(before.models, load, done, failures)
    try:
        # Not before all is back: whoever interrupts this can have it done by ending the hold once more.
        await asyncio.to_thread(forget, machine.name)
    except OSError as error:
        failures.append(f"{error.filename} cannot be written: {reason_of(error)}")
    return Returned(
        machine=machine.name,
        was_lent=flipped.changed,
        started=tuple(name for name in before.services if name in done),
        loaded=tuple(id_ for id_ in before.models if id_ in done),
        failures=tuple(failures),
    )


def _machine(config: Config, name: str) -> MachineSettings:
    machine = config.machines.get(name)
    if machine is None:
        raise HoldFailed(f"there is no machine {printable(name, 60)}; there are {', '.join(config.machines) or 'none'}")
    return machine


async def _flip(machine: MachineSettings, flip: Flip, reason: str | None) -> Flipped:
    try:
        return await asyncio.to_thread(flip_hold, modes_file(), machine.name, flip, reason)
    except FlipRefused as error:
        raise HoldFailed(str(error)) from None


async def _each(
    names: Iterable[str], act: Callable[[str], Awaitable[None]], done: list[str], failures: list[str]
) -> None:
    """One after the other: servers make room for one model by unloading another, and some do it in the wrong order."""
    for name in names:
        try:
            await act(name)
            done.append(name)
        except (LoadingFailed, UnitActionFailed) as error:
            failures.append(str(error))


async def _look_again(monitor: Monitor, machine: MachineSettings) -> None:
    """Has the machine's servers tell once more what is loaded: what came since the last look has to go too."""
    servers = (server for server in servers_on(machine, monitor.snapshot) if server.state in ALIVE)
    before = {server.name: server.models_seen.at for server in servers}
    for name in before:
        monitor.look_now(name)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LOOKED_WITHIN):
            async for snapshot in monitor.subscribe():
                now = {server.name: server.models_seen.at for server in snapshot.services}
                if all(now.get(name) != at for name, at in before.items()):
                    return


async def _lists_models(monitor: Monitor, service_name: str) -> None:
    """Waits until a service that was started has told of its models."""
    try:
        async with asyncio.timeout(BACK_WITHIN):
            async for snapshot in monitor.subscribe():
                service = snapshot.service(service_name)
                if service is None or (service.state in ALIVE and service.models):
                    return
    except TimeoutError:
        raise LoadingFailed(f"{service_name} still does not answer {BACK_WITHIN:g} s after its start") from None


async def _memory_free(
    monitor: Monitor, machine: MachineSettings, freed: Freed, unattributed_before: int, timeout: float
) -> Freed:
    """``freed`` with what the driver says, once that is that nothing of ours holds memory, or after ``timeout``."""
    loop = asyncio.get_running_loop()
    began, deadline = monitor.snapshot.at, loop.time() + timeout
    while True:
        snapshot = monitor.snapshot
        seen = snapshot.machine(machine.name) or MachineSnapshot(name=machine.name)
        unproved = _why_unproved(seen)
        holders = _holders(monitor, machine)
        still = _ours(holders, servers_on(machine, snapshot))
        rest = _unattributed(holders) - unattributed_before
        if rest > SLACK:
            still += (GpuHolder("what no process accounts for", None, rest, HolderKind.UNATTRIBUTED),)
        is_new = (seen.gpus_seen.at or 0.0) > began
        if unproved or (is_new and not still) or loop.time() > deadline:
            if not unproved and not is_new:
                unproved = f"the driver has said nothing for {timeout:g} s"
            freed = replace(freed, unproved=unproved)
            if not is_new or seen.gpu_reason:
                return freed
            free, total = gpu_memory(seen)
            return replace(freed, holders=holders, still=() if unproved else still, free=free, total=total)
        await asyncio.sleep(LOOK_AGAIN)


def _why_unproved(machine: MachineSnapshot) -> str:
    if machine.state is not MachineState.UP:
        return machine.reason or f"{machine.name} cannot be looked at"
    if machine.gpu_reason:
        return machine.gpu_reason
    if machine.gpus is None:
        return f"{machine.name} is seen through its services alone" if not machine.channel else "no GPU was seen yet"
    if any(gpu.reason for gpu in machine.gpus):
        return next(gpu.reason for gpu in machine.gpus if gpu.reason)
    if any(gpu.processes is None or gpu.used is None for gpu in machine.gpus):
        return "its driver does not say who holds its memory"
    return ""


def _holders(monitor: Monitor, machine: MachineSettings) -> tuple[GpuHolder, ...]:
    seen = monitor.snapshot.machine(machine.name)
    return tuple(holder for gpu in (seen.gpus or () if seen is not None else ()) for holder in gpu.holders)


def _ours(holders: Iterable[GpuHolder], servers: Iterable[ServiceSnapshot]) -> tuple[GpuHolder, ...]:
    """Models, and other processes of the servers that were to give their memory back."""
    names = tuple(f"{server.name}: " for server in servers)
    return tuple(
        holder for holder in holders if holder.kind is HolderKind.MODEL or (names and holder.who.startswith(names))
    )


def _unattributed(holders: Iterable[GpuHolder]) -> int:
    return sum(holder.bytes or 0 for holder in holders if holder.kind is HolderKind.UNATTRIBUTED)
