"""What lending a machine's GPUs takes, and what to bring back afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tui.config.paths import state_home
from tui.config.schema import Config, MachineSettings
from tui.control.loading import LOADABLE_KINDS, requests_in_flight
from tui.control.own_records import read_record, write_record
from tui.fleet.printable import printable
from tui.fleet.snapshot import FleetSnapshot, ServiceSnapshot, UnitState
from tui.fleet.wording import size_words

GPU_KINDS = LOADABLE_KINDS | {"vllm"}
"""Kinds of servers that hold memory of GPUs."""


@dataclass(frozen=True, slots=True)
class Lending:
    """What lending a machine's GPUs takes: models to unload, and services whose units to stop."""

    unload: tuple[str, ...] = ()
    stop: tuple[str, ...] = ()
    loaded: tuple[str, ...] = ()
    """All models that are loaded, also those that go with a unit."""

    def __or__(self, other: Lending) -> Lending:
        """What either of them takes, each once."""
        return Lending(
            tuple(dict.fromkeys(self.unload + other.unload)),
            tuple(dict.fromkeys(self.stop + other.stop)),
            tuple(dict.fromkeys(self.loaded + other.loaded)),
        )


@dataclass(frozen=True, slots=True)
class Ran:
    """What ran on a machine before its GPUs were lent: services whose units were stopped, and models."""

    services: tuple[str, ...] = ()
    models: tuple[str, ...] = ()


def lending_of(snapshot: FleetSnapshot, config: Config, machine: MachineSettings) -> Lending:
    """What has to go so that the GPUs of ``machine`` are free, by its ``on_hold``."""
    unload: list[str] = []
    stop: list[str] = []
    all_loaded: list[str] = []
    for service in servers_on(machine, snapshot):
        # A model whose memory is all in the machine's own takes none of a GPU.
        loaded = [service.model_id(model) for model in service.models if model.loaded and model.vram != 0]
        all_loaded += loaded
        if machine.on_hold == "stop-unit" and (running := _runs_as_unit(service, snapshot, config)) is not None:
            stop += [service.name] if running else []
        elif service.kind in LOADABLE_KINDS:
            unload += loaded
    return Lending(tuple(unload), tuple(stop), tuple(all_loaded))


def disturbed_by_hold(snapshot: FleetSnapshot, config: Config, machine: MachineSettings) -> tuple[str, ...]:
    """What lending the GPUs of ``machine`` does to others, a sentence each; none where nothing of ours is on them."""
    lending = lending_of(snapshot, config, machine)
    lines = []
    if lending.stop:
        units = (config.services[name].unit or name for name in lending.stop)
        lines.append(f"Stops {printable(', '.join(units), 200)} on {machine.name}.")
    sizes = {
        service.model_id(model): model.vram
        for service in servers_on(machine, snapshot)
        for model in service.models
        if model.loaded
    }
    if lending.loaded:
        named = (f"{printable(id_, 60)} ({size_words(sizes[id_])})" for id_ in lending.loaded)
        lines.append(f"Unloads {', '.join(named)}.")
    for service in servers_on(machine, snapshot):
        lines += requests_in_flight(service)
    return tuple(lines)


def servers_on(machine: MachineSettings, snapshot: FleetSnapshot) -> list[ServiceSnapshot]:
    """The services on a machine that may hold memory of its GPUs."""
    return [service for service in snapshot.services if service.machine == machine.name and service.kind in GPU_KINDS]


def _runs_as_unit(service: ServiceSnapshot, snapshot: FleetSnapshot, config: Config) -> bool | None:
    """Whether the service's unit runs; None where there is no unit that could be stopped."""
    unit_name = config.services[service.name].unit
    machine = snapshot.machine(service.machine) if service.machine is not None else None
    unit = machine.unit(unit_name) if machine is not None and unit_name is not None else None
    return None if unit is None else unit.state not in (UnitState.INACTIVE, UnitState.FAILED)


def servers_named(config: Config, machine: MachineSettings) -> tuple[str, ...]:
    """The names of the services on a machine that may hold memory of its GPUs, as the configuration has them."""
    return tuple(
        service.name
        for service in config.services.values()
        if service.kind in GPU_KINDS and config.machine_of(service) == machine
    )


def remember(machine: str, ran: Ran, *, add: bool) -> None:
    """Keeps what ran before; ``add``: the machine is lent already, so that what ran before that comes first.

    Raises:
        OSError: it cannot be written.
    """
    records = _records()
    before = records.get(machine, Ran()) if add else Ran()
    records[machine] = Ran(
        tuple(dict.fromkeys((*before.services, *ran.services))), tuple(dict.fromkeys((*before.models, *ran.models)))
    )
    write_record(_file(), records)


def recall(machine: str) -> Ran:
    """What ran before the machine was lent.

    Raises:
        OSError: it cannot be read.
    """
    return _records().get(machine, Ran())


def forget(machine: str) -> None:
    """
    Raises:
        OSError: it cannot be written.
    """
    records = _records()
    if records.pop(machine, None) is not None:
        write_record(_file(), records)


def _records() -> dict[str, Ran]:
    return read_record(_file(), dict[str, Ran]) or {}


def _file() -> Path:
    return state_home() / "held.json"
