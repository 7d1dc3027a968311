"""Conversations of other times: found by any word, gone on with, renamed, exported, deleted."""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Footer, Input, Static

from tui.app.actions import Scope
from tui.app.bindings import bindings_of
from tui.app.keeping import (
    ConversationChanged,
    ConversationOpened,
    ConversationsListed,
    DeletionAsked,
    KeepingFailed,
    delete_conversation,
    export_conversation,
    list_conversations,
    look_before_deleting,
    open_conversation,
    rename_conversation,
)
from tui.app.questions import Question
from tui.app.widgets.columns import Column
from tui.app.widgets.reply_words import when_words
from tui.app.widgets.row_painter import Cell
from tui.app.widgets.row_table import RowTable
from tui.fleet.printable import printable
from tui.ledger.records import Conversation, ListedConversation
from tui.ledger.transcript import exports_home

COLUMNS = (
    Column("name", "conversation", least=24, most=80, stretch=True),
    Column("model", "last model", least=16, most=36, rank=2),
    Column("turns", "turns", least=5, most=5, rank=3, align="right"),
    Column("when", "when", least=15, most=15, rank=1),
)


@dataclass(frozen=True, slots=True)
class Left:
    """How the screen was left."""

    opened: Conversation | None = None
    """To be gone on with."""
    deleted: frozenset[int] = frozenset()


class ConversationTable(RowTable[ListedConversation]):
    """The conversations that hold the typed words, the one that changed last first."""

    HELP_TITLE = "Conversations"
    HELP = "All that were kept, with the model that answered last. Private turns leave no text, and are not found here."


class HistoryScreen(ModalScreen[Left]):
    """The list, a field to search it, and a second one for titles and names of files."""

    CSS_PATH = "history.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of(Scope.HISTORY)]

    def __init__(self, now: float, *, readonly: bool) -> None:
        """``now`` is Unix seconds, by which "today" is told."""
        super().__init__()
        self._now = now
        self._readonly = readonly
        self._deleted: frozenset[int] = frozenset()
        self._table = ConversationTable(
            COLUMNS, key_of=lambda row: str(row.number), cells_of=self._cells, ages=lambda row: False, id="kept"
        )
        self._search = Input(placeholder="words of a title, prompt or answer", id="search", compact=True)
        self._field = Input(id="field", compact=True)
        self._submit: Callable[[str], Coroutine[None, None, None]] | None = None
        """What is done with the second field."""

    def compose(self) -> ComposeResult:
        with Vertical(id="history") as box:
            box.border_title = "conversations"
            yield self._search
            yield self._table
            yield Static(id="beginning")
            yield Static(id="asked-for")
            yield self._field
        yield Footer(show_command_palette=False, compact=True)

    def on_mount(self) -> None:
        self._table.empty_text = "looking …"
        self._close_field()
        self._look()

    def _cells(self, row: ListedConversation) -> tuple[Cell, ...]:
        branch = "↳ " if row.branch_of is not None else ""
        return (
            Cell(branch + printable(row.name, 200)),
            Cell(printable(row.model, 80), "dim"),
            Cell(str(row.turns), "dim"),
            Cell(when_words(row.changed_at, self._now), "dim"),
        )

    def _do(self, work: Coroutine[None, None, None], group: str, what: str) -> None:
        self.run_worker(work, group=group, exclusive=True, exit_on_error=False, description=what)

    def _look(self) -> None:
        self._do(list_conversations(self, self._search.value), "look", "look for conversations")

    @on(Input.Changed, "#search")
    def look_as_typed(self) -> None:
        self._look()

    @on(Input.Submitted, "#search")
    def go_to_found(self) -> None:
        self._table.focus()

    @on(ConversationsListed)
    def show_listing(self, message: ConversationsListed) -> None:
        listing = message.listing
        searched = bool(self._search.value.strip())
        self._table.empty_text = "no conversation holds these words" if searched else "none has been kept yet"
        self._table.show_records(listing.conversations)
        shown = len(listing.conversations)
        box = self.query_one("#history")
        box.border_subtitle = f"{shown:,} of {listing.found:,}" if shown < listing.found else f"{shown:,}"
        self._show_beginning()

    @on(RowTable.Highlighted)
    def _show_beginning(self) -> None:
        row = self._table.cursor_record
        self.query_one("#beginning", Static).update(Content(printable(row.beginning, 400) if row is not None else ""))
        self.refresh_bindings()

    @on(RowTable.Chosen)
    def action_open(self) -> None:
        if (row := self._table.cursor_record) is not None:
            self._do(open_conversation(self, row.number), "open", "open a conversation")

    @on(ConversationOpened)
    def leave_with(self, message: ConversationOpened) -> None:
        if self.is_current:
            self.dismiss(Left(message.conversation, self._deleted))

    def action_search(self) -> None:
        self._search.focus()

    def action_rename(self) -> None:
        if (row := self._table.cursor_record) is not None:
            number = row.number
            self._ask_for("title", row.name, lambda title: rename_conversation(self, number, title))

    def action_export(self) -> None:
        if (row := self._table.cursor_record) is not None:
            number = row.number
            words = f"file (.md or .json; a mere name goes into {exports_home()})"
            stem = re.sub(r"[^\w.-]+", "-", row.name).strip(".-")[:60] or "conversation"
            self._ask_for(words, f"{stem}.md", lambda name: export_conversation(self, number, name))

    def _ask_for(self, what: str, value: str, submit: Callable[[str], Coroutine[None, None, None]]) -> None:
        self._submit = submit
        words = self.query_one("#asked-for", Static)
        words.update(Content(what))
        words.display = self._field.display = True
        self._field.value = value
        self._field.focus()

    def _close_field(self) -> None:
        self._submit = None
        self._field.display = self.query_one("#asked-for").display = False
        self._table.focus()

    @on(Input.Submitted, "#field")
    def use_field(self, event: Input.Submitted) -> None:
        if self._submit is not None:
            self._do(self._submit(event.value), "change", "change a conversation")
        self._close_field()

    def action_delete(self) -> None:
        if (row := self._table.cursor_record) is not None:
            self._do(look_before_deleting(self, row.number), "change", "look what a deletion would leave")

    @on(DeletionAsked)
    def ask_to_delete(self, message: DeletionAsked) -> None:
        from tui.app.screens.dialogs import ConfirmScreen

        row = next((one for one in self._table.records if one.number == message.number), None)
        if row is None:
            return
        consequences: tuple[str, ...] = (
            "Its text is overwritten on the disk; the figures of its requests stay in the ledger.",
        )
        if message.elsewhere:
            consequences += (f"{message.elsewhere} of its {row.turns} turns are in a branch as well, and stay there.",)

        def answered(yes: bool | None) -> None:
            if yes:
                self._do(delete_conversation(self, message.number), "change", "delete a conversation")

        question = Question(f"Delete {printable(row.name, 80)!r} for good?", consequences, "Delete")
        self.app.push_screen(ConfirmScreen(question), answered)

    @on(ConversationChanged)
    def tell(self, message: ConversationChanged) -> None:
        if message.deleted is not None:
            self._deleted |= {message.deleted}
        self.notify(message.text, timeout=6, markup=False)
        self._look()

    @on(KeepingFailed)
    def tell_of_failure(self, message: KeepingFailed) -> None:
        self._table.empty_text = "the ledger cannot be read"
        self.notify(message.text, severity="error", timeout=12, markup=False)

    def action_close(self) -> None:
        """Leaves the field, else the search, else the screen."""
        if self._field.has_focus:
            self._close_field()
        elif self._search.has_focus or self._search.value:
            self._search.value = ""
            self._table.focus()
        elif self.is_current:
            self.dismiss(Left(deleted=self._deleted))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Read-only changes nothing; with no conversation under the cursor there is nothing to do."""
        if action in ("rename", "delete") and self._readonly:
            return False
        if action in ("open", "rename", "export", "delete"):
            if isinstance(self.focused, Input):
                return False
            return True if self._table.cursor_record is not None else None
        return True
