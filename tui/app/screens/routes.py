"""Screen 2: where a prompt would go right now, for every tier and task, and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Static

from tui.app.actions import Scope
from tui.app.bindings import bindings_of
from tui.app.messages import CopyAsked, ScreenAsked
from tui.app.panel_state import PanelState
from tui.app.planning import plan_substance
from tui.app.screens.panel_screen import PanelScreen
from tui.app.widgets.plan_words import plan_in_brief
from tui.app.widgets.route_rows import ROUTE_COLUMNS, Route, route_cells, routes_of
from tui.app.widgets.row_table import RowTable
from tui.fleet.printable import printable
from tui.fleet.snapshot import ServiceState

if TYPE_CHECKING:
    from tui.app.screens.drill import DrillChoice


class RouteTable(RowTable[Route]):
    """All tiers and tasks."""

    HELP_TITLE = "Routes"
    HELP = (
        "Where a prompt for each tier and task would go now, what comes next if that fails, and what is skipped and "
        "why. The same plan is what `fleetdeck route` prints and what every agent gets."
    )


class RoutesScreen(PanelScreen):
    """The matrix of tiers and tasks, live."""

    CSS_PATH = "routes.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of(Scope.ROUTES)]
    AUTO_FOCUS = "#routes"
    REMEMBERED = ("routes",)
    SCOPE = Scope.ROUTES

    drilled: reactive[frozenset[str]] = reactive(frozenset(), init=False)
    """Services and programs that the drill pretends to be down."""

    def __init__(self) -> None:
        super().__init__()
        self._routes = RouteTable(ROUTE_COLUMNS, key_of=lambda route: route.key, cells_of=route_cells, id="routes")
        self._state: PanelState | None = None
        self._shown: tuple[object, ...] = ()
        self._written: set[bytes] = set()

    def compose_body(self) -> Iterable[Widget]:
        yield Static(id="drill")
        yield self._routes
        with VerticalScroll(id="why", can_focus=False):
            yield Static(id="plan")

    def on_mount(self) -> None:
        self._routes.border_title = "routes"
        self._routes.empty_text = "your configuration has no [tiers] and no [tasks]"
        self.query_one("#drill").display = False

    def show_state(self, state: PanelState) -> None:
        super().show_state(state)
        self._state = state
        self._show_routes()

    def watch_drilled(self) -> None:
        banner = self.query_one("#drill", Static)
        banner.display = bool(self.drilled)
        names = ", ".join(printable(name, 40) for name in sorted(self.drilled))
        banner.update(Content(f" DRILL: as if {names} were down. Nothing is really stopped; esc ends the drill."))
        self._show_routes()
        self.refresh_bindings()

    def _show_routes(self) -> None:
        if self._state is None or self._state.snapshot is None:
            return
        state = pretended(self._state, self.drilled)
        shown = plan_substance(state)
        if shown != self._shown:
            self._shown = shown
            self._routes.show_records(routes_of(state))
            stuck = sum(not route.plan.candidates for route in self._routes.records)
            self._routes.border_subtitle = f"{stuck} with nowhere to go" if stuck else ""
            self._show_why()

    @on(RowTable.Highlighted)
    def show_why_of_row(self) -> None:
        self._show_why()

    def _show_why(self) -> None:
        route = self._routes.cursor_record
        why = self.query_one("#why")
        # Hidden without a class it would come back on a screen that is too low for it.
        why.set_class(route is None, "-nothing")
        if route is not None:
            why.border_title = Content(f"why · {printable(route.key, 60)}")
            self.query_one("#plan", Static).update(plan_in_brief(route.plan))

    def action_explain(self) -> None:
        from tui.app.screens.route import RouteScreen

        route = self._routes.cursor_record
        if route is not None:
            kind, name = route.kind, route.name
            self.post_message(ScreenAsked(lambda state: RouteScreen(state, kind, name, self._written)))

    @on(RowTable.Chosen)
    def open_chosen(self) -> None:
        self.action_explain()

    def action_copy(self) -> None:
        route = self._routes.cursor_record
        if route is not None and route.plan.candidates:
            self.post_message(CopyAsked(route.plan.candidates[0].model))

    def action_drill(self) -> None:
        """Asks which services and programs are to be thought away."""
        from tui.app.screens.drill import DrillScreen

        names = (*self.config.services, *self.config.clis)
        if names:
            self.app.push_screen(DrillScreen(names, self.drilled, may_ask=not self.readonly), self._drill)

    def _drill(self, choice: DrillChoice | None) -> None:
        if choice is None:
            return
        self.drilled = choice.down
        if choice.ask:
            # What talks to models is imported when somebody first wants that.
            from tui.app.screens.drill_answers import DrillAnswersScreen

            candidates = {one.model: one for route in self._routes.records for one in route.plan.candidates}
            self.app.push_screen(DrillAnswersScreen(tuple(candidates.values()), self.config))

    def key_escape(self) -> None:
        self.drilled = frozenset()


def pretended(state: PanelState, down: frozenset[str]) -> PanelState:
    """``state`` as it would be if the services and programs named in ``down`` were down, freshly seen to be so."""
    if not down or state.snapshot is None:
        return state
    reason = "the drill pretends so"
    services = tuple(
        replace(service, state=ServiceState.DOWN, reason=reason, seen=replace(service.seen, at=state.now))
        if service.name in down
        else service
        for service in state.snapshot.services
    )
    gone = {name: f"{printable(name, 60)} cannot be run: {reason}" for name in down if name in state.config.clis}
    return replace(
        state,
        snapshot=replace(state.snapshot, services=services),
        findings=replace(state.findings, programs={**state.findings.programs, **gone}),
    )
