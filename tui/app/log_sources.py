"""Which logs there are to read, and why one cannot be read."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tui.config.schema import Config, ServiceSettings
from tui.fleet.printable import printable
from tui.fleet.snapshot import FleetSnapshot, MachineState


class LogKind(StrEnum):
    """Where a log is kept."""

    JOURNAL = "journal"
    """By journald on the service's machine: it survives crashes and tells of starts that failed."""
    OWN = "own log"
    """By the service, which hands it out while it runs."""


@dataclass(frozen=True, slots=True)
class LogSource:
    """One log of one service."""

    kind: LogKind
    service: str

    @property
    def key(self) -> str:
        return f"{self.kind} of {self.service}"

    @property
    def title(self) -> str:
        return f"{printable(self.service, 30)} {self.kind}"


def sources_of(config: Config, asked: str | None = None) -> tuple[LogSource, ...]:
    """All logs, in the order of the services. ``asked``: a service whose journal is offered though it names no unit."""
    sources = []
    for service in config.services.values():
        own = service.kind == "llama-swap"
        if own or service.unit is not None or service.name == asked:
            sources.append(LogSource(LogKind.JOURNAL, service.name))
        if own:
            sources.append(LogSource(LogKind.OWN, service.name))
    return tuple(sources)


def why_no_journal(config: Config, service: ServiceSettings, *, unit_only: bool = False) -> str:
    """What the configuration lacks for reading the service's journal; empty: nothing."""
    name = printable(service.name, 40)
    machine = config.machine_of(service)
    if machine is None:
        return f"{name} runs on none of your machines: whose journal it writes to is not known"
    if service.unit is None:
        return (
            f'{name} has no unit in your configuration: unit = "{name}.service" under [services.{name}] '
            "shows that unit's journal here"
        )
    if machine.ssh is None and not machine.local:
        known = printable(machine.name, 40)
        return (
            f'{known} is known through its services alone: ssh = "{known}" under [machines.{known}] '
            "lets its journals be read"
        )
    return ""


def why_not_now(snapshot: FleetSnapshot | None, machine: str) -> str:
    """Why a journal that could be read brings nothing at the moment; empty: it does."""
    found = next((one for one in snapshot.machines if one.name == machine), None) if snapshot is not None else None
    name = printable(machine, 40)
    if found is None:
        return f"{name} is not connected yet"
    if found.channel == "nvidia-smi":
        return f"python3 is missing on {name}: without it, journals cannot be read"
    if found.state is not MachineState.UP:
        return f"{name} is not connected: {found.reason}"
    return ""
