"""What the person should know now, read off a snapshot."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tui.fleet.snapshot import Problem, ServiceSnapshot, ServiceState


def problems_of(services: Iterable[ServiceSnapshot]) -> tuple[Problem, ...]:
    """The services that do not answer as they should, worst and longest first."""
    found = [*_service_problems(services)]
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
