"""Screen 4: what was asked of which model, how fast and at what cost, and what was done."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, ClassVar

from textual import events, on, work
from textual.binding import BindingType
from textual.content import Content
from textual.reactive import var
from textual.widget import Widget
from textual.widgets import Input, Static

from tui.app.actions import Scope
from tui.app.bindings import bindings_of
from tui.app.ledger_feeds import (
    PERIODS,
    Answer,
    Form,
    LedgerRead,
    Question,
    RequestOpened,
    Section,
    follow_ledger,
    open_request,
    save_ledger,
)
from tui.app.ledger_words import EMPTY, nothing_words, rows_words, slower_words, title_words, words_of_row
from tui.app.messages import CopyAsked
from tui.app.screens.dialogs import TextScreen
from tui.app.screens.ledger_details import action_text, request_text
from tui.app.screens.panel_screen import PanelScreen
from tui.app.widgets.ledger_tables import ActionTable, LedgerTable, RequestTable, UsageTable
from tui.app.widgets.row_table import RowHighlighted, RowTable
from tui.app.widgets.tab_line import TabLine, TabPicked
from tui.ledger.history import PAGE, AskedRequest, DoneAction
from tui.ledger.reports import By, UsageRow
from tui.ledger.wording import row_words

MOST_ROWS = 10_000
"""Rows that are read at most, a page at a time as the cursor nears the last; words and periods find the others."""
NEAR_THE_END = 100
SOON = 0.3
"""Seconds after which it is said that the ledger is being looked through."""


class LedgerScreen(PanelScreen):
    """One section at a time. The ledger is read in threads, and only while this screen is shown."""

    CSS_PATH = "ledger.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of(Scope.LEDGER)]
    AUTO_FOCUS = "#usage"
    SCOPE = Scope.LEDGER

    question: var[Question] = var(Question(), init=False)

    def __init__(self) -> None:
        super().__init__()
        self._answer: Answer | None = None
        self._sections = TabLine[Section](id="sections")
        self._usage = UsageTable(id="usage")
        self._requests = RequestTable(lambda: self.now, id="requests")
        self._actions = ActionTable(lambda: self.now, id="actions")
        self._tables: dict[Section, LedgerTable] = {
            Section.USAGE: self._usage,
            Section.REQUESTS: self._requests,
            Section.ACTIONS: self._actions,
        }
        self._empty = Static(Content(EMPTY), id="empty")
        self._slower = Static(id="slower")
        self._filter = Input(placeholder="filter: words that a row must hold", id="ledger-filter", compact=True)
        self._plots: Widget | None = None

    def compose_body(self) -> Iterable[Widget]:
        yield from (self._sections, *self._tables.values(), self._empty, self._slower, self._filter)

    def on_mount(self) -> None:
        self._sections.tabs = tuple(Section)
        self._filter.display = self._slower.display = False
        self._show_section()

    def take_up(self, parts: Mapping[str, str]) -> None:
        sections, kinds = {one.value: one for one in Section}, {str(by): by for by in By}
        self.set_reactive(
            LedgerScreen.question,
            Question(
                section=sections.get(parts.get("section", ""), Section.USAGE),
                period=parts.get("period", "") if parts.get("period") in PERIODS else "7d",
                by=kinds.get(parts.get("by", ""), By.MODEL),
            ),
        )

    def left_parts(self) -> Mapping[str, str]:
        question = self.question
        return {"section": question.section.value, "period": question.period, "by": str(question.by)}

    @on(events.ScreenResume)
    def look(self) -> None:
        # What day it is by the panel's clock, the screen learns from another handler of the same event.
        self.call_next(self._read)

    @on(events.ScreenSuspend)
    def look_no_more(self) -> None:
        self.workers.cancel_group(self, "ledger")

    @work(group="ledger", exclusive=True, exit_on_error=False, description="read the ledger")
    async def _read(self) -> None:
        if self.question.section is Section.PLOTS and self._plots is None:
            await asyncio.to_thread(importlib.import_module, "tui.app.widgets.ledger_plots")
        await follow_ledger(self, self.question, lambda: self.now)

    def watch_question(self, before: Question, now: Question) -> None:
        if before.section is not now.section:
            self._show_section()
        self._read()

    @on(LedgerRead)
    async def take_answer(self, message: LedgerRead) -> None:
        answer = message.answer
        if answer.question != self.question:
            return  # it was on its way when something else was asked
        self._answer = answer
        if answer.question.section is Section.PLOTS:
            await self._show_plots(answer)
        self._slower.display = bool(answer.slower) and answer.question.section is Section.USAGE
        if answer.slower:
            self._slower.update(slower_words(answer))
        if self._table is not None:
            self._table.empty_text = nothing_words(answer)
        if answer.usage is not None:
            self._usage.show_usage(answer.usage, answer.slower)
        elif answer.question.section is Section.REQUESTS:
            self._requests.show_records(answer.requests)
        elif answer.question.section is Section.ACTIONS:
            self._actions.show_records(answer.actions)
        self._show_section()
        self._tell_place()

    async def _show_plots(self, answer: Answer) -> None:
        from tui.app.widgets.ledger_plots import LedgerPlots

        if self._plots is None:
            self._plots = LedgerPlots(id="plots")
            await self.mount(self._plots, after=self._actions)
        assert isinstance(self._plots, LedgerPlots)
        self._plots.dark = self.app.current_theme.dark
        self._plots.trend = answer.trend

    @property
    def _table(self) -> LedgerTable | None:
        """What shows the section; None: the plots do."""
        return self._tables.get(self.question.section)

    def _show_section(self) -> None:
        """Shows what belongs to the section and nothing else, and gives it the focus that the last one had."""
        section = self.question.section
        self._sections.chosen = section
        is_empty = self._answer is not None and self._answer.is_empty and section is not Section.ACTIONS
        shown: Widget | None = self._empty if is_empty else self._plots if section is Section.PLOTS else self._table
        for widget in (*self._tables.values(), self._empty, self._plots):
            if widget is not None:
                widget.display = widget is shown
        if shown is not None and shown.can_focus and not self._filter.has_focus and self.focused is not shown:
            self.set_focus(shown)
        self.refresh_bindings()

    def _tell_place(self) -> None:
        """Says above and below the section what it shows."""
        answer = self._answer
        widget: Widget | None = self._table or self._plots
        if answer is None or widget is None:
            return
        widget.border_title, widget.border_subtitle = Content(title_words(answer)), Content(rows_words(answer))

    @on(RowHighlighted)
    def read_more(self, message: RowHighlighted) -> None:
        """Reads another page when the cursor nears the end of what has been read."""
        table, answer = self._table, self._answer
        if table is None or message.table is not table or answer is None or self.question.section is Section.USAGE:
            return
        read, at = len(table.records), table.cursor_index
        if at is not None and at > read - NEAR_THE_END and read == self.question.most < MOST_ROWS:
            self.question = replace(self.question, most=read + PAGE)

    @on(TabPicked)
    def show_picked(self, message: TabPicked) -> None:
        if isinstance(message.tab, Section):
            self._ask(section=message.tab)

    def _ask(self, **changed: Any) -> None:
        """Asks the ledger something else, beginning with the first page."""
        self.question = replace(self.question, **{"most": PAGE, **changed})
        self.set_timer(SOON, self._tell_looking)

    def _tell_looking(self) -> None:
        """Words that hardly any of a million requests holds take seconds to find."""
        if self._table is not None and (self._answer is None or self._answer.question != self.question):
            self._table.border_subtitle = "looking …"

    def action_next_section(self, step: int) -> None:
        sections = list(Section)
        self._ask(section=sections[(sections.index(self.question.section) + step) % len(sections)])

    def action_next_by(self) -> None:
        kinds = list(By)
        self._ask(by=kinds[(kinds.index(self.question.by) + 1) % len(kinds)])

    def action_next_period(self) -> None:
        self._ask(period=PERIODS[(PERIODS.index(self.question.period) + 1) % len(PERIODS)])

    @on(RowTable.Chosen)
    def action_open(self) -> None:
        """Opens the row under the cursor."""
        match self._table and self._table.cursor_record:
            case UsageRow() as row:
                self._filter.value = words_of_row(row)
                self._filter.display = bool(self._filter.value)
                self._ask(section=Section.REQUESTS, words=self._filter.value)
            case AskedRequest() as asked:
                self._open_request(asked.number)
            case DoneAction() as done:
                self.app.push_screen(TextScreen(f"Action {done.number}", action_text(done)))

    @work(group="opened request", exclusive=True, exit_on_error=False, description="open a request")
    async def _open_request(self, number: int) -> None:
        await open_request(self, number)

    @on(RequestOpened)
    def show_request(self, message: RequestOpened) -> None:
        if message.request is None:
            self.notify("the request is not in the ledger any more", severity="warning", markup=False)
        elif self.is_current:
            number = message.request.asked.number
            self.app.push_screen(TextScreen(f"Request {number}", request_text(message.request)))

    def action_copy(self) -> None:
        match self._table and self._table.cursor_record:
            case UsageRow() as row:
                self.post_message(CopyAsked(row_words(row, self.question.by)))
            case AskedRequest() as asked:
                self.post_message(CopyAsked(asked.prompt_sha256))
            case DoneAction() as done:
                self.post_message(CopyAsked(done.action.target))

    def action_save(self, form: Form) -> None:
        self._save(form)

    @work(group="saved ledger", exit_on_error=False, description="save rows of the ledger")
    async def _save(self, form: Form) -> None:
        await save_ledger(self, self.question, form, self.now)

    def action_filter(self) -> None:
        self._filter.display = True
        self._filter.focus()

    @on(Input.Changed, "#ledger-filter")
    def filter_as_typed(self, event: Input.Changed) -> None:
        if event.value != self.question.words:
            self._ask(words=event.value)

    @on(Input.Submitted, "#ledger-filter")
    def keep_filter(self, event: Input.Submitted) -> None:
        event.input.display = bool(event.value)
        if self._table is not None:
            self._table.focus()

    def key_escape(self) -> None:
        """Clears the filter and goes back to the rows."""
        if self._filter.display:
            self._filter.value = ""
            self._filter.display = False
            if self._table is not None:
                self._table.focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Letters are text while the filter is typed; and not every section can be added up, filtered or saved."""
        if isinstance(self.focused, Input) and action in OWN_ACTIONS:
            return False
        section = self.question.section
        if action == "next_by":
            return section is Section.USAGE
        if action == "filter":
            return section in (Section.REQUESTS, Section.ACTIONS)
        return not (action in ("save", "open", "copy") and section is Section.PLOTS)


OWN_ACTIONS = frozenset(("open", "next_section", "next_by", "next_period", "filter", "copy", "save"))
