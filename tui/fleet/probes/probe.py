"""What a kind of server has to offer to be watched."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from tui.fleet.asking import Asker
from tui.fleet.snapshot import ModelSnapshot


@dataclass(frozen=True, slots=True)
class ServiceFacts:
    """What a probe knows of its service, gathered from all of its looks so far."""

    version: str | None = None
    models: tuple[ModelSnapshot, ...] = ()
    remarks: tuple[str, ...] = ()
    in_flight: int | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """One question that a service is asked again and again.

    ``ask`` keeps what it learns in its probe, and raises :class:`tui.fleet.failures.LookFailed` otherwise.
    """

    name: str
    period: float
    """Seconds between two looks; 0: once after each time the service comes up."""
    ask: Callable[[Asker], Awaitable[None]]
    tells_models: bool = False
    """True where the age of the model list is the age of this look."""


class Probe(Protocol):
    """Watches one service. It keeps the newest answer to each of its looks.

    The first look is the liveness: cheap, quiet, and asked alone for as long as it fails. Where another look fails the
    service is alive but answers only in part.
    """

    looks: tuple[Look, ...]

    def facts(self) -> ServiceFacts: ...


@runtime_checkable
class ListeningProbe(Probe, Protocol):
    """A probe whose server pushes what changes."""

    async def listen(self, asker: Asker, changed: Callable[[], None]) -> None:
        """Reads the server's stream until it ends, calling ``changed`` whenever :meth:`Probe.facts` did.

        Raises:
            LookFailed: the stream could not be opened, or broke.
        """
