"""Finds who takes part in a race, and the task that the race is for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content

from tui.app.panel_state import PanelState
from tui.app.screens.finder import FinderScreen
from tui.app.screens.model_finder import ModelFinder
from tui.app.widgets.choices import Choice, ChoiceRow
from tui.app.widgets.columns import Column
from tui.app.widgets.finding import find
from tui.app.widgets.row_painter import Cell
from tui.app.widgets.row_table import RowTable
from tui.chat.race import MOST_LANES
from tui.config.schema import Config
from tui.fleet.printable import printable
from tui.ledger.votes import Standing
from tui.routing.policy import Request


class LaneFinder(ModelFinder):
    """Tab marks; enter takes what is marked, or the row under the cursor where nothing is. See ``marked``."""

    TITLE_WORDS = "who takes part"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "mark", "Mark", id="finder.mark", priority=True),
    ]

    def __init__(
        self, state: PanelState, marked: Sequence[Choice], *, request_for: Callable[[Choice], Request]
    ) -> None:
        super().__init__(state, marked[0] if marked else None, request_for=request_for)
        self.marked: dict[str, Choice] = {choice.key: choice for choice in marked}

    def found_words(self, found: Sequence[ChoiceRow]) -> str:
        return f"{len(self.marked)} of {MOST_LANES} marked · {super().found_words(found)}"

    def cells_of_row(self, row: ChoiceRow) -> tuple[Cell, ...]:
        name, *rest = super().cells_of_row(row)
        marked = row.key in self.marked
        return (Cell(f"{'✓' if marked else '·'} {name.text}", "up" if marked else name.style), *rest)

    def action_mark(self) -> None:
        row = self.table.cursor_record
        if row is None or (row.key not in self.marked and len(self.marked) == MOST_LANES):
            self.app.bell()
            return
        if self.marked.pop(row.key, None) is None:
            self.marked[row.key] = row.choice
        self.show_found()
        self.table.refresh_changed_rows()

    def choose(self, row: ChoiceRow) -> None:
        if not self.marked:
            self.marked[row.key] = row.choice
        self.dismiss(row.choice)


@dataclass(frozen=True, slots=True)
class TaskRow:
    """A task as the finder lists it; without a name it is none."""

    task: str
    votes: int
    lower: str
    name: str
    warmth: int = 0


TASK_COLUMNS = (
    Column("task", "task", least=20, most=50, stretch=True),
    Column("votes", "votes", least=5, most=6, align="right"),
)
NO_TASK = "no task"


class TaskTable(RowTable[TaskRow]):
    """What the typed letters find."""

    HELP_TITLE = "What the race is for"
    HELP = "Votes count for the task that is named here, and for no other."


class TaskFinder(FinderScreen[TaskRow, str]):
    """Ends with the name of a task; empty: none."""

    TITLE_WORDS = "what the race is for"
    PLACEHOLDER = "letters of a task"

    def __init__(self, config: Config, standings: Sequence[Standing], chosen: str) -> None:
        super().__init__(TaskTable(TASK_COLUMNS, key_of=lambda row: row.name, cells_of=_task_cells, id="choices"))
        votes = {name: sum(one.wins for one in standings if one.task == name) for name in ("", *config.tasks)}
        self._rows = [TaskRow(name, count, (name or NO_TASK).lower(), name or NO_TASK) for name, count in votes.items()]
        self._chosen = chosen

    def on_mount(self) -> None:
        super().on_mount()
        self.table.cursor_key = self._chosen or NO_TASK

    def found(self) -> Sequence[TaskRow]:
        return find(self._rows, self.typed)

    def about(self, row: TaskRow) -> Content:
        words = f"Votes count for the task {printable(row.task, 80)}." if row.task else "Votes count for no task."
        return Content(words)

    def choose(self, row: TaskRow) -> None:
        self.dismiss(row.task)


def _task_cells(row: TaskRow) -> tuple[Cell, ...]:
    return (Cell(printable(row.name, 80), "" if row.task else "dim"), Cell(str(row.votes) if row.votes else "", "dim"))
