"""Shows prompts and answers as they come, of any length, at any speed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import ClassVar

from textual import events, on
from textual.binding import BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.scrollbar import ScrollBar
from textual.selection import Selection
from textual.strip import Strip

from tui.app.actions import Scope
from tui.app.bindings import bindings_of
from tui.app.widgets.answer_bar import AnswerBar
from tui.app.widgets.answer_parts import AnswerParts, Kind, Part
from tui.app.widgets.answer_rows import LONGEST, CodeBlock
from tui.app.widgets.block_colours import BlockColoured, colour_block
from tui.app.widgets.line_rows import Row
from tui.app.widgets.markdown_inline import Span
from tui.app.widgets.row_drawing import RowDrawer, filtered
from tui.app.widgets.themed import Themed

WORK_A_FRAME = 0.012
"""Seconds of layout between two looks at the keys; a second's worth of the fastest model takes less."""
FRAME = 1 / 30
WIDEST = 112
"""Cells: longer lines are hard to read."""

_LOOKS: Mapping[str, str] = {
    "text": "$foreground on $background",
    "bold": "bold",
    "em": "italic",
    "strike": "strike",
    "code": "$accent",
    "link": "underline $primary",
    "url": "$state-idle",
    "heading": "bold $primary",
    "subheading": "bold",
    "bullet": "$primary",
    "quote": "italic $foreground",
    "border": "$state-idle",
    "code-block": "$foreground",
    "code-keyword": "$primary",
    "code-name": "$secondary",
    "code-string": "$state-up",
    "code-number": "$accent",
    "code-comment": "italic $state-idle",
    "code-added": "$state-up",
    "code-removed": "$state-down",
    "reasoning": "italic $state-idle",
    "fold": "$state-idle",
    "note": "$state-idle",
    "failure": "$state-down",
    "prompt": "$foreground",
    "chosen": "$cursor-foreground on $cursor-background",
    "selected": "$cursor-foreground on $cursor-background",
}


class AnswerView(ScrollView, Themed, can_focus=True):
    """Only rows on screen are ever drawn, and only new lines are laid out.

    Textual's Markdown widgets parse and mount the whole text again: at 1 000 tokens a second they end seconds behind.
    """

    HELP_TITLE = "The answer"
    HELP = (
        "What the model says, as it says it. Scrolling up holds the view where it is; end follows again. "
        "c goes from one block of code to the next, and y copies it, else the whole answer."
    )
    LOOKS = _LOOKS
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of(Scope.ANSWER)]

    empty_text: reactive[str] = reactive("", layout=False)
    chosen_block: reactive[CodeBlock | None] = reactive(None, layout=False)
    chosen_turn: reactive[int | None] = reactive(None, layout=False)
    """The turn of the conversation that is chosen, by its place."""

    class FollowingChanged(Message):
        """The view follows what comes, or stays where the person has scrolled it."""

        def __init__(self, *, following: bool) -> None:
            super().__init__()
            self.following = following

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  (Textual's own name for it)
        super().__init__(id=id)
        self.parts = AnswerParts(WIDEST)
        self.following = True
        self._drawer = RowDrawer(self.rich_look)
        self._goes_on = False
        self.colouring = False
        """True while a block of code is being coloured."""

    @property
    def allow_select(self) -> bool:
        return True

    @property
    def vertical_scrollbar(self) -> ScrollBar:
        if self._vertical_scrollbar is None:
            self._vertical_scrollbar = AnswerBar.begun_for(self)
        return self._vertical_scrollbar

    def cut(self, first: int) -> None:
        """Removes the parts from the place ``first`` on."""
        self.parts.cut(first)
        self.chosen_block = self.chosen_turn = None
        self._set_following(True)
        self._lay_out()
        self.refresh()

    def add_prompt(self, text: str) -> None:
        self.parts.add_prompt(text)
        self._set_following(True)
        self._lay_out()

    def add(self, text: str, kind: Kind = Kind.NOTE) -> None:
        """Shows what is complete as it is."""
        self.parts.add(kind, text)
        self._lay_out()

    def add_reasoning(self, text: str) -> None:
        part = self.parts.open(Kind.REASONING)
        part.fold_words = part.fold_words or "thinking …"
        part.feed(text)
        self._lay_out()

    def add_text(self, text: str) -> None:
        thoughts = self.parts.reasoning
        if thoughts is not None and not thoughts.ended:
            thoughts.folded = True
        self.parts.open(Kind.ANSWER).feed(text)
        self._lay_out()

    def take_back(self) -> None:
        """Removes what has come of the newest answer: its sender begins anew."""
        self.cut(self.parts.before_answer)

    def end(self) -> None:
        """The answer is over: what is open in it is closed."""
        self.parts.end()
        self._lay_out()

    def set_fold_words(self, words: str) -> None:
        """What the newest fold of reasoning is called."""
        part = self.parts.reasoning
        if part is not None and part.fold_words != words:
            part.fold_words = words
            self.refresh()

    def fold(self) -> None:
        """Folds the newest reasoning, or unfolds it."""
        if (part := self.parts.reasoning) is not None:
            self._fold(part)

    def choose_next_block(self) -> None:
        """Chooses the block of code after the one that is chosen, else the first on the screen."""
        found = self.parts.next_block(self.chosen_block, self.scroll_offset.y)
        if found is None:
            self.chosen_block = None
            self.app.bell()
        else:
            row, self.chosen_block = found
            self.show_row(row)

    def show_row(self, row: int) -> None:
        """Scrolls there, unless it is on the screen."""
        if not self.scroll_offset.y <= row < self.scroll_offset.y + self.size.height - 2:
            self.scroll_to(y=max(0, row - 2), animate=False, immediate=True)

    def action_scroll_rows(self, rows: int) -> None:
        self.scroll_to(y=self.scroll_offset.y + rows, animate=False, immediate=True)

    def action_scroll_screens(self, screens: int) -> None:
        self.action_scroll_rows(screens * max(1, self.size.height - 2))

    def watch_chosen_block(self) -> None:
        self._drawer.forget_rows()
        self.refresh()
        # Escape gives up what is chosen.
        self.screen.refresh_bindings()

    watch_chosen_turn = watch_chosen_block

    def leave_out(self, turns: Collection[int]) -> None:
        """Folds the answers of these turns away, and no other ones."""
        self.parts.leave_out(turns)
        self._take_rows(0)
        self.refresh()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self._set_following(new_value >= self.max_scroll_y)

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        found = None if offset is None else self.parts.at(self.scroll_offset.y + offset.y)
        if found is not None and found[0].fold_words and found[1] == 0:
            self._fold(found[0])
        elif found is not None and found[0].kind is Kind.PROMPT:
            self.chosen_turn = found[0].turn

    def on_resize(self) -> None:
        width = min(WIDEST, max(8, self.size.width - 2))
        if width != self.parts.width:
            self.parts.resize(width)
            self._lay_out()
        elif self.following:
            self._take_rows(self.parts.height)

    def forget_looks(self) -> None:
        self._drawer.forget_styles()

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        return selection.extract("\n".join(f" {line}" for line in self.parts.lines())), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        self.refresh()

    def render_line(self, y: int) -> Strip:
        return self._strip(self.scroll_offset.y + y, self.size, self.text_selection)

    def render_lines(self, crop: Region) -> list[Strip]:
        """Rows that were painted are taken as they are. Textual (8.2.8) would see to border, padding and opacity of
        all that have moved, of which a view has none: most of the work where each frame moves all rows."""
        size, selection, top = self.size, self.text_selection, self.scroll_offset.y
        strips = filtered(self, [self._strip(top + y, size, selection) for y in crop.line_range])
        return strips if crop.width == size.width else [strip.crop(crop.x, crop.right) for strip in strips]

    def _strip(self, place: int, size: Size, selection: Selection | None) -> Strip:
        found = self.parts.at(place)
        if found is None:
            text = f"  {self.empty_text}" if not self.parts.parts and place == size.height // 2 else ""
            return self._drawer.line(text, "note", size.width)
        part, index = found
        row = part.row(index)
        if selection is not None and (marked := selection.get_span(place)) is not None:
            strip = self._drawer.row(row, _marked_spans(row, marked), size.width)
        elif (kept := self._drawer.kept(row, size.width)) is not None:
            strip = kept
        else:
            chosen = _is_chosen(part, index, self.chosen_block, self.chosen_turn)
            spans, chosen_width = (_chosen_spans(row), self.parts.width + 1) if chosen else (row.spans, 0)
            strip = self._drawer.keep(row, self._drawer.row(row, spans, size.width, chosen_width=chosen_width))
        return strip.apply_offsets(0, place)

    def _fold(self, part: Part) -> None:
        part.folded = not part.folded
        self.parts.measure()
        self._take_rows(0)
        self.refresh()

    def _lay_out(self) -> None:
        """Lays out for a while, and goes on with it in the next frame where that was not enough."""
        before = self.parts.height
        if self.parts.work(WORK_A_FRAME):
            self.chosen_block = None
            before = 0
        self._take_rows(0 if self.parts.take_rebuilt() else before)
        if not self.parts.behind:
            self._colour_next_block()
        elif not self._goes_on:
            self._goes_on = True
            self.set_timer(FRAME, self._go_on)

    def _colour_next_block(self) -> None:
        """Finished blocks of code get their colours one after the other, once nothing more urgent is to be done."""
        if not self.colouring and (found := self.parts.take_uncoloured()) is not None:
            self.colouring = True
            self.run_worker(colour_block(self, *found), group="colours", exit_on_error=False, description="colours")

    @on(BlockColoured)
    def take_colours(self, message: BlockColoured) -> None:
        self.colouring = False
        message.rows.colour(message.block, message.colours)
        self.refresh()
        self._colour_next_block()

    def _go_on(self) -> None:
        self._goes_on = False
        self._lay_out()

    def _take_rows(self, before: int) -> None:
        """Takes over how many rows there are, ``before`` of which stood already, and goes along with what is new."""
        count, following = self.parts.height, self.following
        # Setting virtual_size would lay out the whole screen anew, 25 times a second; what depends on it here is the
        # scrollbar alone, which sees to a layout itself when it appears or goes.
        self.set_reactive(AnswerView.virtual_size, Size(0, count))
        self._scroll_update(self.virtual_size)
        if following:
            self.scroll_to(y=max(0, count - self.size.height), animate=False, immediate=True, force=True)
            self.following = True
        # What stood already has not changed, but for the line that was still coming and its many rows.
        tail = 2 * LONGEST // self.parts.width
        top = max(0, min(before, count) - 1 - tail - self.scroll_offset.y)
        if top < self.size.height:
            self.refresh(Region(0, top, self.size.width, self.size.height - top))

    def _set_following(self, following: bool) -> None:
        if following != self.following:
            self.following = following
            self.post_message(self.FollowingChanged(following=following))


def _is_chosen(part: Part, index: int, block: CodeBlock | None, turn: int | None) -> bool:
    """True for a row of the block of code, or of the prompt, that is chosen."""
    if part.kind is Kind.PROMPT:
        return part.turn is not None and part.turn == turn
    return block is not None and part.rows.block_at(index - bool(part.fold_words)) is block


def _chosen_spans(row: Row) -> tuple[Span, ...]:
    return tuple(Span(span.start, span.end, f"{span.style}+chosen") for span in row.spans)


def _marked_spans(row: Row, marked: tuple[int, int]) -> tuple[Span, ...]:
    """The row's spans, with what the person has marked by mouse as one of them."""
    # The column before each row is no part of its text.
    start, end = max(0, marked[0] - 1), len(row.text) if marked[1] == -1 else max(0, marked[1] - 1)
    before = [Span(span.start, min(span.end, start), span.style) for span in row.spans if span.start < start]
    after = [Span(max(span.start, end), span.end, span.style) for span in row.spans if span.end > end]
    return (*before, Span(start, max(start, end), "selected"), *after)
