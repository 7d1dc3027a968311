"""What all screens of the panel have in common: the strip above, the problems below, and one state from the app."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.reactive import var
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Input

from tui.app.actions import Scope, keys_in_force
from tui.app.compositor import FrugalCompositor
from tui.app.panel_state import KeepsState, PanelState
from tui.app.view_state import View, keep_view, last_view
from tui.app.widgets.key_line import KeyLine
from tui.app.widgets.mode_strip import ModeStrip
from tui.app.widgets.problems_line import ProblemsLine
from tui.app.widgets.row_table import RowTable
from tui.config.schema import Config
from tui.fleet.snapshot import FleetSnapshot, Problem
from tui.routing.modes import Modes

if TYPE_CHECKING:
    from tui.bridges.claude_quota import Quota


class PanelScreen(Screen[None]):
    """A screen of its own key. The app hands it each new state while it is the one that is shown."""

    SCOPE: ClassVar[Scope] = Scope.FLEET
    """Where its own actions stand in the table of them all."""

    REMEMBERED: ClassVar[tuple[str, ...]] = ()
    """The ids of its filters and tables, which are found again as they were left. A field for prompts is never one."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-medium"), (170, "-wide")]  # noqa: RUF012  (typed by Textual)
    VERTICAL_BREAKPOINTS = [(0, "-short"), (16, "-tall")]  # noqa: RUF012  (typed by Textual)

    # Not reactive attributes: a screen's would draw all of the screen again, where only some lines of it have changed.
    config: var[Config] = var(Config(), init=False)
    snapshot: var[FleetSnapshot | None] = var(None, init=False)
    modes: var[Modes] = var(Modes(), init=False)
    problems: var[tuple[Problem, ...]] = var((), init=False)
    now: var[float] = var(0.0, init=False)
    clock_words: var[str] = var("", init=False)
    quota: var[Quota | None] = var(None, init=False)
    readonly: var[bool] = var(False, init=False)

    def __init__(self) -> None:
        super().__init__()
        self._compositor = FrugalCompositor()

    def compose(self) -> ComposeResult:
        yield ModeStrip(id="strip").data_bind(
            PanelScreen.snapshot,
            PanelScreen.modes,
            PanelScreen.now,
            PanelScreen.clock_words,
            PanelScreen.quota,
            PanelScreen.readonly,
        )
        yield from self.compose_body()
        yield ProblemsLine(id="problems").data_bind(PanelScreen.problems, PanelScreen.now)
        yield KeyLine(id="keys")

    def compose_body(self) -> Iterable[Widget]:
        """What stands between the strip and the problems line."""
        raise NotImplementedError

    # Screens have an ``on_mount`` and an ``on_unmount`` of their own, some of which wait.
    @on(events.Mount)
    def find_as_left(self) -> None:
        self._remembered = [self.query_one(f"#{id_}") for id_ in self.REMEMBERED]
        self._left_at = ""
        view = last_view(str(self.SCOPE))
        for widget in self._remembered:
            left_at = view.parts.get(widget.id or "", "")
            if isinstance(widget, RowTable):
                widget.wanted_key = left_at or None
            elif isinstance(widget, Input) and left_at:
                widget.value = left_at
                widget.display = True
            if widget.id == view.focus:
                self.set_focus(widget)
        self.take_up(view.parts)

    def take_up(self, parts: Mapping[str, str]) -> None:
        """Goes on as the screen was left, with what ``left_parts`` told of it."""

    def left_parts(self) -> Mapping[str, str]:
        """What else there is to remember, by names of its own."""
        return {}

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        if event.widget in self._remembered and not isinstance(event.widget, Input):
            self._left_at = event.widget.id or ""

    @on(events.Unmount)
    def keep_as_left(self) -> None:
        parts = dict(self.left_parts())
        for widget in self._remembered:
            if isinstance(widget, RowTable):
                parts[widget.id or ""] = widget.wanted_key or widget.cursor_key or ""
            elif isinstance(widget, Input):
                parts[widget.id or ""] = widget.value
        if parts:
            keep_view(str(self.SCOPE), View(parts, self._left_at), self.app.current_mode)

    def on_screen_resume(self) -> None:
        """Catches up with what became known while another screen was shown, or before this one's first paint."""
        if isinstance(self.app, KeepsState):
            self.show_state(self.app.state)

    def action_jump(self) -> None:
        from tui.app.screens.jump import JumpScreen, places_of

        def go(widget: Widget | None) -> None:
            if widget is not None and widget.is_attached:
                self.set_focus(widget)

        self.app.push_screen(JumpScreen(places_of(self), keys_in_force(self.config.keys)), go)

    def watch_readonly(self) -> None:
        self.refresh_bindings()

    def show_state(self, state: PanelState) -> None:
        """Takes over what is known now; time comes last, since ages are counted from it."""
        with self.app.batch_update():
            self.readonly = state.readonly
            self.config = state.config
            self.modes = state.modes
            self.now = state.now
            self.clock_words = state.clock_words
            self.quota = state.quota
            self.snapshot = state.snapshot
            self.problems = state.problems
            if state.snapshot is not None:
                looking = any(service.seen.at is None for service in state.snapshot.services)
                self.query_one(ProblemsLine).looking = looking
