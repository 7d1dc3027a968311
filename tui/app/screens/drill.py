"""The drill's question: which services and programs are to be thought away?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Footer, Static

from tui.app.actions import Scope
from tui.app.bindings import bindings_of
from tui.app.widgets.columns import Column
from tui.app.widgets.row_painter import Cell
from tui.app.widgets.row_table import RowTable
from tui.fleet.printable import printable

COLUMNS = (
    Column("name", "service or program", least=20, most=60),
    Column("drilled", "in the drill", least=14, most=20, stretch=True),
)


@dataclass(frozen=True, slots=True)
class DrillChoice:
    """What the person wants of the drill."""

    down: frozenset[str]
    """The services and programs that count as down."""
    ask: bool
    """Whether the candidates that are left are really to be asked."""


class DrillTable(RowTable[str]):
    """The names of all services and programs."""

    HELP_TITLE = "Drill"
    HELP = "What is marked counts as down on the Routes screen, until the drill ends. Nothing is really stopped."


class DrillScreen(ModalScreen[DrillChoice | None]):
    """Ends with what is to be drilled, or None where nothing is to change."""

    CSS_PATH = "dialogs.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of(Scope.DRILL)]

    def __init__(self, names: Sequence[str], down: frozenset[str], *, may_ask: bool) -> None:
        """``may_ask`` False: nothing may be done that loads a model or costs money."""
        super().__init__()
        self._may_ask = may_ask
        self._names = tuple(names)
        self._down = down
        self._table = DrillTable(
            COLUMNS, key_of=lambda name: name, cells_of=self._cells, ages=lambda name: False, id="drill-names"
        )

    def compose(self) -> ComposeResult:
        with Vertical(id="first-run") as box:
            box.border_title = Content("Drill")
            words = "Who would answer if these were down? Space marks one, enter begins."
            really = "\na really asks every candidate with a tiny prompt, after saying what it costs."
            yield Static(Content(words + (really if self._may_ask else "")))
            yield self._table
        yield Footer(show_command_palette=False, compact=True)

    def on_mount(self) -> None:
        self._table.show_records(self._names)
        self._table.focus()

    def _cells(self, name: str) -> tuple[Cell, ...]:
        drilled = Cell("× as if down", "down") if name in self._down else Cell("– as it is", "dim")
        return (Cell(printable(name, 60)), drilled)

    @on(RowTable.Chosen)
    def mark_clicked(self) -> None:
        self.action_mark()

    def action_mark(self) -> None:
        name = self._table.cursor_record
        if name is not None:
            self._down ^= {name}
            self._table.refresh_changed_rows()

    def action_begin(self) -> None:
        if self.is_current:
            self.dismiss(DrillChoice(self._down, ask=False))

    def action_ask(self) -> None:
        if self.is_current:
            self.dismiss(DrillChoice(self._down, ask=True))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return self._may_ask or action != "ask"

    def action_leave(self) -> None:
        if self.is_current:
            self.dismiss(None)
