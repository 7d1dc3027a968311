"""What all finders have in common: a field, the rows that its letters find, and what there is to say of one of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Generic, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.reactive import var
from textual.screen import ModalScreen
from textual.widgets import Footer, Input, Static

from tui.app.widgets.row_table import RowTable

Row = TypeVar("Row")
Outcome = TypeVar("Outcome")


class FinderScreen(ModalScreen[Outcome | None], Generic[Row, Outcome]):
    """Ends with what was found; None: nothing is to change."""

    CSS_PATH = "playground.tcss"
    TITLE_WORDS: ClassVar[str] = ""
    PLACEHOLDER: ClassVar[str] = ""
    NOTHING_FOUND: ClassVar[str] = "nothing is called so"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose", "Choose", id="finder.choose", priority=True),
        Binding("up,ctrl+k", "move(-1)", "Up", show=False, priority=True, id="finder.up"),
        Binding("down,ctrl+j", "move(1)", "Down", show=False, priority=True, id="finder.down"),
        Binding("pageup", "page(-1)", "Page up", show=False, priority=True, id="finder.page-up"),
        Binding("pagedown", "page(1)", "Page down", show=False, priority=True, id="finder.page-down"),
        Binding("escape", "leave", "Leave", id="finder.leave"),
    ]

    typed: var[str] = var("", init=False)

    def __init__(self, table: RowTable[Row]) -> None:
        super().__init__()
        self.table = table
        self.input = Input(placeholder=self.PLACEHOLDER, id="find", compact=True)

    def compose(self) -> ComposeResult:
        with Vertical(id="finder") as box:
            box.border_title = self.TITLE_WORDS
            yield self.input
            yield self.table
            with VerticalScroll(id="found-about", can_focus=False):
                yield Static(id="about-text")
        yield Footer(show_command_palette=False, compact=True)

    def on_mount(self) -> None:
        self.table.can_focus = False
        self.table.empty_text = self.NOTHING_FOUND
        self.show_found()
        self.input.focus()

    def found(self) -> Sequence[Row]:
        """The rows for what is typed, the nearest first."""
        raise NotImplementedError

    def found_words(self, found: Sequence[Row]) -> str:
        """How many there are, for the border."""
        return f"{len(found):,}"

    def about(self, row: Row) -> Content:
        """What there is to say of the row under the cursor."""
        raise NotImplementedError

    def choose(self, row: Row) -> None:
        """The person wants this one."""
        raise NotImplementedError

    def show_found(self, *, first: bool = False) -> None:
        """Fills the table; ``first`` puts the cursor on the nearest."""
        found = self.found()
        self.table.show_records(found)
        self.query_one("#finder").border_subtitle = self.found_words(found)
        if first and found:
            self.table.action_move_cursor(-len(found))
        self.show_about()

    def show_about(self) -> None:
        row = self.table.cursor_record
        self.say(Content("") if row is None else self.about(row))

    def say(self, words: Content) -> None:
        """Below the rows."""
        self.query_one("#about-text", Static).update(words)

    @on(Input.Changed, "#find")
    def find_as_typed(self, event: Input.Changed) -> None:
        self.typed = event.value

    def watch_typed(self) -> None:
        self.show_found(first=True)

    @on(RowTable.Highlighted)
    def show_about_row(self) -> None:
        self.show_about()

    @on(RowTable.Chosen)
    def choose_clicked(self) -> None:
        self.action_choose()

    def action_move(self, steps: int) -> None:
        self.table.action_move_cursor(steps)

    def action_page(self, pages: int) -> None:
        self.table.action_page_cursor(pages)

    def action_choose(self) -> None:
        row = self.table.cursor_record
        if self.is_current and row is not None:
            self.choose(row)

    def action_leave(self) -> None:
        if self.is_current:
            self.dismiss(None)
