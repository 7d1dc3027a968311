"""What the Routes screen shows of each tier and task: where a prompt would go, and why not elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from tui.app.panel_state import PanelState
from tui.app.planning import plan_now
from tui.app.widgets.columns import Column
from tui.app.widgets.plan_words import STYLES, SYMBOLS
from tui.app.widgets.row_painter import Cell
from tui.config.schema import Config, TierName
from tui.fleet.printable import printable
from tui.routing.locality import Where
from tui.routing.plan import Candidate, Plan
from tui.routing.policy import Request

RouteKind = Literal["tier", "task"]

ROUTE_COLUMNS = (
    Column("request", "request", least=14, most=24),
    Column("first", "goes to", least=24, most=40),
    Column("where", "where", least=5, most=5, rank=2),
    Column("second", "if that fails", least=22, most=36, rank=1),
    Column("third", "and then", least=20, most=36, rank=4),
    Column("skipped", "skipped", least=20, most=200, rank=3, stretch=True),
)


@dataclass(frozen=True, slots=True)
class Route:
    """One row: a tier or a task, and its plan as things stand."""

    kind: RouteKind
    name: str
    plan: Plan

    @property
    def key(self) -> str:
        return f"{self.kind} {self.name}"


def routes_of(state: PanelState) -> list[Route]:
    """The plan of every tier and task, in the order of the configuration."""
    tiers = [route_of("tier", name, state) for name in named_tiers(state.config)]
    return tiers + [route_of("task", name, state) for name in state.config.tasks]


def named_tiers(config: Config) -> tuple[str, ...]:
    """The tiers that mean something here: those configured, or all where there is a program for Claude."""
    has_claude = any(program.kind == "claude" for program in config.clis.values())
    return tuple(name for name in get_args(TierName) if has_claude or name in config.tiers)


def route_of(kind: RouteKind, name: str, state: PanelState) -> Route:
    request = Request(tier=name) if kind == "tier" else Request(task=name)
    return Route(kind, name, plan_now(request, state))


def route_cells(route: Route) -> tuple[Cell, ...]:
    """The cells of :data:`ROUTE_COLUMNS`."""
    candidates = route.plan.candidates
    request = Cell(f"{route.kind} {printable(route.name, 40)}", "accent" if route.kind == "tier" else "")
    if not candidates:
        return (request, Cell("× nothing may take it", "down"), Cell(""), Cell(""), Cell(""), _skipped_cell(route))
    first, second, third = (*candidates, None, None)[:3]
    assert first is not None
    return (
        request,
        _candidate_cell(first),
        Cell(str(first.where), "dim" if first.where is Where.LOCAL else "accent"),
        _candidate_cell(second),
        _candidate_cell(third),
        _skipped_cell(route),
    )


def _candidate_cell(candidate: Candidate | None) -> Cell:
    if candidate is None:
        return Cell("–", "dim")
    return Cell(
        f"{SYMBOLS.get(candidate.state, '?')} {printable(candidate.model, 80)}",
        STYLES.get(candidate.state, "unknown"),
    )


def _skipped_cell(route: Route) -> Cell:
    skipped = route.plan.skipped
    if not skipped:
        return Cell(printable(route.plan.error, 200), "down" if route.plan.error else "")
    words = f"{printable(skipped[0].model, 60)}: {skipped[0].reason}"
    more = f" (+{len(skipped) - 1})" if len(skipped) > 1 else ""
    return Cell(printable(words + more, 240), "dim")
