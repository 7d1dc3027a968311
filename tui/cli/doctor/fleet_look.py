"""One look at all services and machines, as the panel takes it, within a time that a person waits."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace

from tui.cli.doctor.finding import Finding
from tui.cli.doctor.network import Resolved
from tui.config.schema import Config
from tui.fleet.machine_journal import JournalUnavailable
from tui.fleet.machine_watch import MachineWatch
from tui.fleet.monitor import Monitor, running_monitor
from tui.fleet.snapshot import FleetSnapshot, MachineState

LOOKED_WITHIN = 6.0
"""Seconds; ssh gives up on a silent host after 5."""
JOURNAL_WITHIN = 1.0
"""Seconds for the first entry of a journal. One that is merely empty has none, and no reason either."""


@dataclass(frozen=True, slots=True)
class FleetLook:
    """What was seen, and what it took to see it."""

    snapshot: FleetSnapshot
    names: Mapping[str, Resolved]
    journals: Mapping[tuple[str, str], str]
    """Machine and unit → why its journal cannot be read; empty: it can."""
    findings: tuple[Finding, ...] = ()
    """What kept the look itself from being taken."""


async def look_at_fleet(config: Config, names: Mapping[str, Resolved]) -> FleetLook:
    """Asks what the panel asks, once: nothing of it loads a model or costs money.

    Services whose name no server tells are left out: asking for it again would only take the time again.
    """
    silent = {host for host, resolved in names.items() if resolved.silent}
    asked = {name: service for name, service in config.services.items() if service.host not in silent}
    async with running_monitor(replace(config, services=asked)) as monitor:
        snapshot = await monitor.first_look(LOOKED_WITHIN)
        journals = await _journals(monitor, snapshot)
    return FleetLook(snapshot, names, journals)


async def _journals(monitor: Monitor, snapshot: FleetSnapshot) -> Mapping[tuple[str, str], str]:
    """Tries to read the last entry of every unit that systemd could be asked about."""
    tried: dict[tuple[str, str], asyncio.Task[str]] = {}
    async with asyncio.TaskGroup() as group:
        for machine in snapshot.machines:
            watch = monitor.machine(machine.name)
            if watch is None or machine.state is not MachineState.UP or machine.channel == "nvidia-smi":
                continue
            for unit in machine.units:
                if unit.invocation or unit.since is not None:
                    tried[machine.name, unit.name] = group.create_task(_journal_trouble(watch, unit.name))
    return {place: task.result() for place, task in tried.items()}


async def _journal_trouble(watch: MachineWatch, unit: str) -> str:
    try:
        async with asyncio.timeout(JOURNAL_WITHIN), aclosing(watch.follow(unit, lines=1)) as entries:
            async for _ in entries:
                break
    except JournalUnavailable as trouble:
        return str(trouble)
    except TimeoutError:
        return ""
    return ""
