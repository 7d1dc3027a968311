"""Finds whom to ask: a few letters, a list, and the plan of the row under the cursor."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual.content import Content

from tui.app.model_figures import tell_figures
from tui.app.panel_state import PanelState
from tui.app.planning import plan_now
from tui.app.screens.finder import FinderScreen
from tui.app.widgets.choices import Choice, ChoiceRow, choice_rows
from tui.app.widgets.columns import Column
from tui.app.widgets.finding import find
from tui.app.widgets.fleet_rows import Places
from tui.app.widgets.plan_words import STYLES, SYMBOLS, plan_in_brief
from tui.app.widgets.row_painter import Cell
from tui.app.widgets.row_table import RowTable
from tui.fleet.printable import printable
from tui.fleet.snapshot import FleetSnapshot, ModelRole, ModelState
from tui.routing.policy import Request

COLUMNS = (
    Column("name", "name", least=22, most=56),
    Column("state", "state", least=10, most=10, rank=1),
    Column("where", "where", least=5, most=5, rank=2),
    Column("rate", "last tok/s", least=10, most=10, rank=3, align="right"),
    Column("about", "about", least=16, most=200, rank=4, stretch=True),
)


class ChoiceTable(RowTable[ChoiceRow]):
    """What the typed letters find."""

    HELP_TITLE = "Whom to ask"
    HELP = "Tiers and tasks go where your configuration sends them; a model is asked by name."


class ModelFinder(FinderScreen[ChoiceRow, Choice]):
    """Lists tiers, tasks, and every model of the fleet with its state and speed."""

    TITLE_WORDS = "whom to ask"
    PLACEHOLDER = "letters of a tier, task or model"

    def __init__(self, state: PanelState, chosen: Choice | None, *, request_for: Callable[[Choice], Request]) -> None:
        """``request_for`` tells what a prompt for a choice would ask for, which its plan is made of."""
        super().__init__(ChoiceTable(COLUMNS, key_of=lambda row: row.key, cells_of=self.cells_of_row, id="choices"))
        self._state = state
        self._chosen = chosen
        self._request_for = request_for
        self._places = Places()
        self._rows = choice_rows(state.config, state.snapshot)

    def on_mount(self) -> None:
        self._take_up(self._state)
        super().on_mount()
        if self._chosen is not None:
            self.table.cursor_key = self._chosen.key
            # How many rows have room is known only once it is laid out.
            self.call_after_refresh(self.table.scroll_to_cursor)
        self.run_worker(tell_figures(self.app), group="figures", exit_on_error=False, description="read the ledger")

    def show_state(self, state: PanelState) -> None:
        """Follows the fleet while it is open; the list itself changes only with the models in it."""
        before, self._state = self._state.snapshot, state
        if _models_of(before) != _models_of(state.snapshot):
            self._rows = choice_rows(state.config, state.snapshot)
            self.show_found()
        self._take_up(state)
        self.table.refresh_changed_rows()
        self.show_about()

    def _take_up(self, state: PanelState) -> None:
        if state.snapshot is not None:
            self._places.take_up(state.config, state.snapshot)

    def found(self) -> Sequence[ChoiceRow]:
        return find(self._rows, self.typed)

    def found_words(self, found: Sequence[ChoiceRow]) -> str:
        return f"{len(found):,} of {len(self._rows):,}"

    def about(self, row: ChoiceRow) -> Content:
        return plan_in_brief(plan_now(self._request_for(row.choice), self._state))

    def choose(self, row: ChoiceRow) -> None:
        self.dismiss(row.choice)

    def cells_of_row(self, row: ChoiceRow) -> tuple[Cell, ...]:
        name = printable(row.choice.name, 120)
        if row.choice.kind != "model":
            return (Cell(f"{row.choice.kind} {name}", "accent"), Cell("–", "dim"), Cell(""), Cell(""), Cell("", "dim"))
        where = self._places.where(row.choice.name)
        figures = self._state.figures.get(row.choice.name)
        rate = figures.tokens_per_second if figures is not None else None
        return (
            Cell(name),
            _state_cell(row),
            Cell(where, "dim" if where == "local" else "accent"),
            Cell("" if rate is None else f"{rate:.0f}"),
            Cell(printable(row.about, 200), "dim"),
        )


def _state_cell(row: ChoiceRow) -> Cell:
    model = row.model
    if model is None or (model.state is ModelState.UNKNOWN and model.role is not ModelRole.MODEL):
        return Cell("–", "dim")
    state = str(model.state)
    return Cell(f"{SYMBOLS[state]} {state}", STYLES.get(state, "starting" if state == "starting" else "unknown"))


def _models_of(snapshot: FleetSnapshot | None) -> list[object]:
    return [service.models for service in snapshot.services] if snapshot is not None else []
