"""What the Routes screen shows of each tier and task: where a prompt would go, and why not elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from textual.content import Content

from tui.app.panel_state import PanelState
from tui.app.planning import plan_now
from tui.app.widgets.columns import Column
from tui.app.widgets.row_painter import Cell
from tui.fleet.printable import printable
from tui.fleet.snapshot import ModelState, ServiceState
from tui.fleet.wording import MODEL_SYMBOLS, SERVICE_SYMBOLS
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

_SYMBOLS: Mapping[str, str] = {
    **{str(state): symbol for state, symbol in SERVICE_SYMBOLS.items()},
    **{str(state): symbol for state, symbol in MODEL_SYMBOLS.items()},
}
_STYLES: Mapping[str, str] = {
    str(ServiceState.UP): "up",
    str(ServiceState.BUSY): "busy",
    str(ServiceState.STARTING): "starting",
    str(ServiceState.DOWN): "down",
    str(ModelState.READY): "up",
    str(ModelState.STOPPING): "busy",
    str(ModelState.IDLE): "idle",
}


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
    tiers = [route_of("tier", name, state) for name in state.config.tiers]
    return tiers + [route_of("task", name, state) for name in state.config.tasks]


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
        f"{_SYMBOLS.get(candidate.state, '?')} {printable(candidate.model, 80)}",
        _STYLES.get(candidate.state, "unknown"),
    )


def _skipped_cell(route: Route) -> Cell:
    skipped = route.plan.skipped
    if not skipped:
        return Cell(printable(route.plan.error, 200), "down" if route.plan.error else "")
    words = f"{printable(skipped[0].model, 60)}: {skipped[0].reason}"
    more = f" (+{len(skipped) - 1})" if len(skipped) > 1 else ""
    return Cell(printable(words + more, 240), "dim")


def explained(route: Route) -> Content:
    """A plan step by step: who is asked in which order and why, who is not and by which rule."""
    plan_of_route = route.plan
    lines = [Content.styled(f"Where a prompt for {route.kind} {printable(route.name, 60)} goes now", "bold $primary")]
    if plan_of_route.private:
        lines.append(Content(f"It stays on your own machines: {plan_of_route.private}."))
    if not plan_of_route.candidates:
        lines.append(Content.styled(printable(plan_of_route.error, 1000), "$state-down"))
    for number, candidate in enumerate(plan_of_route.candidates, 1):
        lead = "first" if number == 1 else "then"
        lines += [
            Content(""),
            Content.assemble((f"{number}. {lead}  ", "$foreground 60%"), (printable(candidate.model, 100), "bold")),
            Content(f"   {candidate.why}"),
            Content(f"   {_SYMBOLS.get(candidate.state, '?')} {candidate.state} · {candidate.where}"),
        ]
    for skip in plan_of_route.skipped:
        lines += [
            Content(""),
            Content.assemble(("×  skipped  ", "$state-idle"), (printable(skip.model, 100), "bold")),
            Content(f"   {printable(skip.reason, 400)}"),
            Content.styled(f"   rule: {skip.rule} · {skip.where}", "$foreground 60%"),
        ]
    return Content("\n").join(lines)
