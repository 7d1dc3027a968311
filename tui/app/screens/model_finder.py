"""Finds whom to ask: a few letters, a list, and the plan of the row under the cursor."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.reactive import var
from textual.screen import ModalScreen
from textual.widgets import Footer, Input, Static

from tui.app.panel_state import PanelState
from tui.app.planning import plan_now
from tui.app.widgets.choices import Choice, ChoiceRow, choice_rows, find
from tui.app.widgets.columns import Column
from tui.app.widgets.fleet_rows import Places
from tui.app.widgets.plan_words import STYLES, SYMBOLS, plan_in_brief
from tui.app.widgets.row_painter import Cell
from tui.app.widgets.row_table import RowTable
from tui.fleet.printable import printable
from tui.fleet.snapshot import FleetSnapshot, ModelRole, ModelState

COLUMNS = (
    Column("name", "name", least=22, most=56),
    Column("state", "state", least=10, most=10, rank=1),
    Column("where", "where", least=5, most=5, rank=2),
    Column("about", "about", least=16, most=200, rank=3, stretch=True),
)


class ChoiceTable(RowTable[ChoiceRow]):
    """What the typed letters find."""

    HELP_TITLE = "Whom to ask"
    HELP = "Tiers and tasks go where your configuration sends them; a model is asked by name."


class ModelFinder(ModalScreen[Choice | None]):
    """Ends with what was chosen; None: nothing is to change."""

    CSS_PATH = "playground.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose", "Choose", id="finder.choose", priority=True),
        Binding("up,ctrl+k", "move(-1)", "Up", show=False, priority=True, id="finder.up"),
        Binding("down,ctrl+j", "move(1)", "Down", show=False, priority=True, id="finder.down"),
        Binding("pageup", "page(-1)", "Page up", show=False, priority=True, id="finder.page-up"),
        Binding("pagedown", "page(1)", "Page down", show=False, priority=True, id="finder.page-down"),
        Binding("escape", "leave", "Leave", id="finder.leave"),
    ]

    typed: var[str] = var("", init=False)

    def __init__(self, state: PanelState, chosen: Choice | None, *, private: bool, external: bool) -> None:
        super().__init__()
        self._state = state
        self._chosen = chosen
        self._private = private
        self._external = external
        self._places = Places()
        self._rows = choice_rows(state.config, state.snapshot)
        self._table = ChoiceTable(COLUMNS, key_of=lambda row: row.key, cells_of=self._cells, id="choices")
        self._input = Input(placeholder="letters of a tier, task or model", id="find", compact=True)

    def compose(self) -> ComposeResult:
        with Vertical(id="finder") as box:
            box.border_title = "whom to ask"
            yield self._input
            yield self._table
            with VerticalScroll(id="choice-plan", can_focus=False):
                yield Static(id="plan-text")
        yield Footer(show_command_palette=False, compact=True)

    def on_mount(self) -> None:
        self._table.can_focus = False
        self._table.empty_text = "nothing is called so"
        self._take_up(self._state)
        self._show_rows()
        if self._chosen is not None:
            self._table.cursor_key = self._chosen.key
            self._table.scroll_to_cursor()
        self._input.focus()

    def show_state(self, state: PanelState) -> None:
        """Follows the fleet while it is open; the list itself changes only with the models in it."""
        before, self._state = self._state.snapshot, state
        if _models_of(before) != _models_of(state.snapshot):
            self._rows = choice_rows(state.config, state.snapshot)
            self._show_rows()
        self._take_up(state)
        self._table.refresh_changed_rows()
        self._show_plan()

    def _take_up(self, state: PanelState) -> None:
        if state.snapshot is not None:
            self._places.take_up(state.config, state.snapshot)

    @on(Input.Changed, "#find")
    def find_as_typed(self, event: Input.Changed) -> None:
        self.typed = event.value

    def watch_typed(self) -> None:
        self._show_rows()
        if self._table.records:
            self._table.cursor_key = self._table.records[0].key
            self._table.scroll_to_cursor()

    def _show_rows(self) -> None:
        found = find(self._rows, self.typed)
        self._table.show_records(found)
        box = self.query_one("#finder")
        box.border_subtitle = f"{len(found):,} of {len(self._rows):,}"

    @on(RowTable.Highlighted)
    def show_plan_of_row(self) -> None:
        self._show_plan()

    def _show_plan(self) -> None:
        row = self._table.cursor_record
        self.query_one("#plan-text", Static).update(Content("") if row is None else self._plan_content(row.choice))

    def _plan_content(self, choice: Choice) -> Content:
        request = choice.request(private=self._private, external=self._external)
        return plan_in_brief(plan_now(request, self._state))

    def _cells(self, row: ChoiceRow) -> tuple[Cell, ...]:
        name = printable(row.choice.name, 120)
        if row.choice.kind != "model":
            return (Cell(f"{row.choice.kind} {name}", "accent"), Cell("–", "dim"), Cell(""), Cell("", "dim"))
        where = self._places.where(row.choice.name)
        return (
            Cell(name),
            _state_cell(row),
            Cell(where, "dim" if where == "local" else "accent"),
            Cell(printable(row.about, 200), "dim"),
        )

    def action_move(self, steps: int) -> None:
        self._table.action_move_cursor(steps)

    def action_page(self, pages: int) -> None:
        self._table.action_page_cursor(pages)

    @on(RowTable.Chosen)
    def choose_clicked(self) -> None:
        self.action_choose()

    def action_choose(self) -> None:
        row = self._table.cursor_record
        if self.is_current and row is not None:
            self.dismiss(row.choice)

    def action_leave(self) -> None:
        if self.is_current:
            self.dismiss(None)


def _state_cell(row: ChoiceRow) -> Cell:
    model = row.model
    if model is None or (model.state is ModelState.UNKNOWN and model.role is not ModelRole.MODEL):
        return Cell("–", "dim")
    state = str(model.state)
    return Cell(f"{SYMBOLS[state]} {state}", STYLES.get(state, "starting" if state == "starting" else "unknown"))


def _models_of(snapshot: FleetSnapshot | None) -> list[object]:
    return [service.models for service in snapshot.services] if snapshot is not None else []
