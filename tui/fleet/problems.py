"""What the person should know now, read off a snapshot."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tui.fleet.snapshot import MachineSnapshot, MachineState, Problem, ServiceSnapshot, ServiceState, UnitState


def problems_of(services: Iterable[ServiceSnapshot], machines: Iterable[MachineSnapshot] = ()) -> tuple[Problem, ...]:
    """What does not answer or run as it should, worst and longest first."""
    found = [*_service_problems(services), *_machine_problems(machines)]
    return tuple(problem for _, problem in sorted(found, key=lambda item: (item[0], item[1].since or 0.0)))


def _service_problems(services: Iterable[ServiceSnapshot]) -> Iterator[tuple[int, Problem]]:
    for service in services:
        match service.state:
            case ServiceState.DOWN:
                text = f"{service.name} does not answer: {service.reason}"
                yield 0, Problem(service.name, text, service.since)
            case ServiceState.BUSY:
                yield 1, Problem(service.name, f"{service.name} answers only in part: {service.reason}", service.since)
            case ServiceState.STARTING:
                yield 2, Problem(service.name, f"{service.name} is starting: {service.reason}", service.since)
            case ServiceState.UP | ServiceState.UNKNOWN:
                pass


def _machine_problems(machines: Iterable[MachineSnapshot]) -> Iterator[tuple[int, Problem]]:
    """A machine that only its services show says nothing of its own: it has no channel that could be broken."""
    for machine in machines:
        if machine.state is MachineState.DOWN or (machine.channel and machine.reason):
            yield 0, Problem(machine.name, f"{machine.name}: {machine.reason}", machine.seen.at)
        if machine.gpu_reason and machine.gpus:
            yield 0, Problem(machine.name, f"{machine.name}: {machine.gpu_reason}", machine.gpus_seen.at)
        for unit in machine.units:
            if unit.state is UnitState.FAILED or (unit.sub == "auto-restart" and unit.reason):
                yield 0, Problem(unit.name, f"{unit.name} on {machine.name} failed: {unit.reason}", unit.since)
