"""All that the panel's screens show, as one value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from tui.config.schema import Config
from tui.fleet.snapshot import FleetSnapshot, Freshness, Problem
from tui.ledger.usage import Usage
from tui.routing.guard import Findings
from tui.routing.modes import Modes

if TYPE_CHECKING:
    from tui.bridges.claude_quota import Quota
    from tui.control.fitting import Taken
    from tui.ledger.probes import Probed
    from tui.ledger.records import ModelFigures


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelState:
    """Replaced, never changed."""

    config: Config
    now: float
    snapshot: FleetSnapshot | None = None
    modes: Modes = field(default_factory=Modes)
    usage: Usage = field(default_factory=Usage)
    findings: Findings = field(default_factory=Findings)
    """Of the programs and of Claude's settings; a prompt is looked at when it is sent."""
    tailnet: Mapping[str, str] = field(default_factory=dict)
    """Machine → how Tailscale reaches it, in words."""
    taken: Mapping[str, Taken] = field(default_factory=dict)
    """Model id → the memory it took when it was last loaded."""
    split_costs: Mapping[str, str] = field(default_factory=dict)
    """Model id → what it costs that a part of it is on the processor, in words."""
    figures: Mapping[str, ModelFigures] = field(default_factory=dict)
    """Model id → how quick it was the last times."""
    quota: Quota | None = None
    """What is used of Claude's subscription; None: nobody has looked yet."""
    probes: Mapping[str, Probed] = field(default_factory=dict)
    """Model id → what it was found to be able to do for agents."""
    readonly: bool = False
    config_problem: str = ""
    ledger_problem: str = ""
    theme_problem: str = ""
    key_problems: tuple[str, ...] = ()
    terminal_problem: str = ""

    @property
    def clock_words(self) -> str:
        return datetime.fromtimestamp(self.now).astimezone().strftime("%H:%M:%S")

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is wrong with the panel's own files first, since it explains much of the rest; then the fleet."""
        own = [
            *self.config_problem.splitlines(),
            *self.modes.problems,
            *self.ledger_problem.splitlines(),
            *self.key_problems,
            *self.theme_problem.splitlines(),
            *self.terminal_problem.splitlines(),
        ]
        fleet = self.snapshot.problems if self.snapshot is not None else ()
        return (*(Problem("panel", text, None) for text in own), *fleet, *self._stale())

    def _stale(self) -> Iterator[Problem]:
        """That what is shown is old is a problem too, and one that no source tells of itself."""
        services = self.snapshot.services if self.snapshot is not None else ()
        old = [service for service in services if service.seen.freshness(self.now) is Freshness.STALE]
        if old:
            which = "everything" if len(old) == len(services) else ", ".join(service.name for service in old)
            since = min(service.seen.at or self.now for service in old)
            yield Problem("panel", f"stale: {which} is shown as it was last seen", since)


@runtime_checkable
class ShowsState(Protocol):
    """A screen that follows the panel's state while it is open."""

    def show_state(self, state: PanelState) -> None: ...


@runtime_checkable
class KeepsState(Protocol):
    """The app, as far as its screens know it."""

    state: PanelState
