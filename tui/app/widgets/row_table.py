"""A table of any length that only ever looks at the rows on screen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from textual import events
from textual.binding import BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.app.actions import Scope
from tui.app.bindings import bindings_of
from tui.app.widgets.columns import Column
from tui.app.widgets.row_painter import MARGIN, Cell, RowPainter
from tui.app.widgets.themed import STATE_LOOKS, Themed

R = TypeVar("R")

HEADER_LINES = 1
MEASURED_ROWS = 300
"""Rows whose texts decide the columns' widths: measuring 10 000 would cost more than it tells."""

ROW_LOOKS: Mapping[str, str] = {
    "header": "$foreground 55% on $background",
    "row": "$foreground on $background",
    "heading": "bold $foreground on $surface",
    "hover": "$foreground on $panel",
    "cursor": "bold $cursor-foreground on $cursor-background",
    "cursor-blurred": "$foreground on $panel",
    "cursor-of-field": "bold $cursor-foreground on $cursor-background",
}
CELL_LOOKS: Mapping[str, str] = {
    **STATE_LOOKS,
    "empty": "italic $state-idle",
    "held": "$background on $primary",
    "held-too": "$background on $secondary",
    "reserved": "$state-idle",
    "free": "$state-idle",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """A row as it was last drawn."""

    cells: tuple[Cell, ...]
    strip: Strip
    kind: str


class RowMessage(Message):
    """Something happened to a row of ``table``."""

    def __init__(self, table: RowTable[Any], key: str | None) -> None:
        super().__init__()
        self.table = table
        self.key = key

    @property
    def control(self) -> RowTable[Any]:
        return self.table


class RowHighlighted(RowMessage):
    """The cursor is on another row; without a key there is none any more."""


class RowChosen(RowMessage):
    """A row was double-clicked."""


class RowTable(ScrollView, Themed, Generic[R], can_focus=True):
    """Rows of records, reconciled by key: the cursor and the scroll offset stay with the row they were on.

    ``DataTable`` would build 10 000 rows of cells and styles for the forty that are on screen.
    """

    LOOKS: ClassVar[Mapping[str, str]] = {**ROW_LOOKS, **CELL_LOOKS}
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of(Scope.TABLE)]

    cursor_key: reactive[str | None] = reactive(None, repaint=False)
    empty_text: reactive[str] = reactive("", layout=False)
    """What stands in place of rows where there are none."""
    hover_index: reactive[int | None] = reactive(None, repaint=False)
    wanted_key: str | None = None
    """The row that the cursor goes to as soon as it is there, unless the person moves it before."""

    Highlighted = RowHighlighted
    Chosen = RowChosen

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        key_of: Callable[[R], str],
        cells_of: Callable[[R], tuple[Cell, ...]],
        is_heading: Callable[[R], bool] = lambda record: False,
        line_of: Callable[[R, int], tuple[Cell, ...] | None] = lambda record, width: None,
        ages: Callable[[R], bool] = lambda record: True,
        id: str | None = None,  # noqa: A002  (Textual's own name for it)
    ) -> None:
        """``line_of`` gives the parts of a row that takes the whole width instead of columns; None for all others.

        ``ages`` tells whether time alone changes what a row shows.
        """
        super().__init__(id=id)
        self.records: Sequence[R] = ()
        self._painter = RowPainter(columns, self.rich_look)
        self._key_of = key_of
        self._cells_of = cells_of
        self._is_heading = is_heading
        self._line_of = line_of
        self._ages = ages
        self._index: dict[str, int] = {}
        self._shown: dict[str, Shown] = {}

    @property
    def cursor_index(self) -> int | None:
        return self._index.get(self.cursor_key) if self.cursor_key is not None else None

    @property
    def cursor_record(self) -> R | None:
        return None if self.cursor_index is None else self.records[self.cursor_index]

    @property
    def _visible_rows(self) -> int:
        return max(0, self.size.height - HEADER_LINES)

    @property
    def _is_untouched(self) -> bool:
        """Nobody is in it or has scrolled: it is read from the top, and no row of it is anybody's place."""
        return not self.has_focus and self.scroll_offset.y == 0 and self.cursor_index in (None, 0)

    @property
    def column_keys(self) -> tuple[str, ...]:
        """The columns that are shown at the present width."""
        return tuple(placed.column.key for placed in self._painter.placed)

    def show_records(self, records: Sequence[R]) -> None:
        """Takes over ``records`` and draws again only the lines on screen that have changed."""
        keys = [self._key_of(record) for record in records]
        before, previous_key, untouched = self.cursor_index, self.cursor_key, self._is_untouched
        same_rows = len(keys) == len(self._index) and all(self._index.get(key) == at for at, key in enumerate(keys))
        if same_rows:
            seen = slice(self.scroll_offset.y, self.scroll_offset.y + self._visible_rows)
            changed = [new for was, new in zip(self.records[seen], records[seen], strict=False) if was != new]
            self.records = records
            if self._painter.grew_wider(self._cells_of(record) for record in changed if not self._is_line(record)):
                self._lay_out()
            self.refresh_changed_rows()
            return
        index = {key: at for at, key in enumerate(keys)}
        on_screen = range(self.scroll_offset.y, self.scroll_offset.y + self._visible_rows)
        anchor = row_that_stays(tuple(self._index), index, on_screen, previous_key)
        self.records, self._index = records, index
        self._painter.forget_widths()
        measured = (record for record in records[:MEASURED_ROWS] if not self._is_line(record))
        self._painter.grew_wider(self._cells_of(record) for record in measured)
        self.virtual_size = Size(0, len(records) + HEADER_LINES)
        self.hover_index = None
        self._keep_cursor(keys, before, None if untouched else previous_key)
        if anchor is not None and not untouched:
            self._keep_in_place(*anchor)
        if self.scroll_offset.y > self.max_scroll_y:  # Textual's next layout may come after more rows
            self._scroll_to_row(self.max_scroll_y)
        self._lay_out()

    def refresh_changed_rows(self, *, by_time_alone: bool = False) -> None:
        """Draws the lines on screen again whose cells are not what they were.

        ``by_time_alone``: nothing but the time has changed, so only rows that show an age or a countdown are looked at.
        """
        top = self.scroll_offset.y
        changed = []
        for line in range(HEADER_LINES, self.size.height):
            index = top + line - HEADER_LINES
            if index >= len(self.records):
                break
            record = self.records[index]
            if by_time_alone and not self._ages(record):
                continue
            shown = self._shown.get(self._key_of(record))
            if shown is None or shown.cells != self._parts_of(record)[0]:
                changed.append(line)
        if changed:
            # One region costs less than one for each line: what did not change in between is drawn from the cache.
            self.refresh(Region(0, changed[0], self.size.width, changed[-1] - changed[0] + 1))

    def validate_cursor_key(self, key: str | None) -> str | None:
        return key if key is None or key in self._index else self.cursor_key

    def watch_cursor_key(self, before: str | None, now: str | None) -> None:
        for key in (before, now):
            if key is not None and (index := self._index.get(key)) is not None:
                self._refresh_row(index)
        self.post_message(self.Highlighted(self, now))

    def watch_hover_index(self, before: int | None, now: int | None) -> None:
        for index in (before, now):
            if index is not None:
                self._refresh_row(index)

    def watch_has_focus(self, has_focus: bool) -> None:
        super().watch_has_focus(has_focus)
        if (index := self.cursor_index) is not None:
            self._refresh_row(index)

    def action_move_cursor(self, steps: int) -> None:
        self.wanted_key = None
        if self.records:
            at = 0 if self.cursor_index is None else max(0, min(len(self.records) - 1, self.cursor_index + steps))
            self.cursor_key = self._key_of(self.records[at])
            self.scroll_to_cursor()

    def action_page_cursor(self, pages: int) -> None:
        self.action_move_cursor(pages * max(1, self._visible_rows - 1))

    def scroll_to_cursor(self) -> None:
        if (index := self.cursor_index) is not None:
            if index < self.scroll_offset.y:
                self._scroll_to_row(index)
            elif index >= self.scroll_offset.y + self._visible_rows:
                self._scroll_to_row(index - self._visible_rows + 1)

    def on_resize(self) -> None:
        self._lay_out()

    def forget_looks(self) -> None:
        self._painter.forget_styles()
        self._shown.clear()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        self.hover_index = self._index_under(event)

    def on_leave(self) -> None:
        self.hover_index = None

    def on_click(self, event: events.Click) -> None:
        if (index := self._index_under(event)) is None:
            return
        self.wanted_key = None
        self.cursor_key = self._key_of(self.records[index])
        if event.chain == 2:
            self.post_message(self.Chosen(self, self._key_of(self.records[index])))

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if y < HEADER_LINES:
            return self._painter.header(width)
        index = self.scroll_offset.y + y - HEADER_LINES
        if 0 <= index < len(self.records):
            return self._row(index, width)
        return self._painter.note(f" {self.empty_text}" if not self.records and y == HEADER_LINES else "", width)

    def _row(self, index: int, width: int) -> Strip:
        record = self.records[index]
        key = self._key_of(record)
        kind = self._row_kind(record, key, index)
        cells, is_line = self._parts_of(record)
        shown = self._shown.get(key)
        if shown is not None and shown.cells == cells and shown.kind == kind and shown.strip.cell_length == width:
            return shown.strip
        strip = (self._painter.line if is_line else self._painter.row)(cells, kind, width)
        if len(self._shown) > 4 * MEASURED_ROWS:
            self._shown.clear()
        self._shown[key] = Shown(cells, strip, kind)
        return strip

    def _parts_of(self, record: R) -> tuple[tuple[Cell, ...], bool]:
        """A row's cells, or the parts of one that takes the whole line; and which of the two they are."""
        line = self._line_of(record, self.size.width - 2 * MARGIN)
        return (self._cells_of(record), False) if line is None else (line, True)

    def _is_line(self, record: R) -> bool:
        return self._line_of(record, self.size.width) is not None

    def _row_kind(self, record: R, key: str, index: int) -> str:
        if key == self.cursor_key:
            # Where the focus cannot be, the cursor is moved from a field, and stands out as if it were.
            blurred = "cursor-blurred" if self.can_focus else "cursor-of-field"
            return "cursor" if self.has_focus else blurred
        if index == self.hover_index:
            return "hover"
        return "heading" if self._is_heading(record) else "row"

    def _lay_out(self) -> None:
        self._painter.place(self.size.width)
        self._shown.clear()
        self.refresh()

    def _keep_cursor(self, keys: Sequence[str], before: int | None, previous_key: str | None) -> None:
        if not keys:
            self.set_reactive(RowTable.cursor_key, None)
        elif self.wanted_key in self._index:
            self.cursor_key, self.wanted_key = self.wanted_key, None
            self.call_after_refresh(self.scroll_to_cursor)
        elif previous_key not in self._index:
            self.cursor_key = keys[min(before or 0, len(keys) - 1)]

    def _keep_in_place(self, key: str, line: int) -> None:
        """Scrolls so that a row is on its line again."""
        # Who reads from the beginning is to see what comes in there.
        if self.scroll_offset.y > 0 or self._index[key] >= self._visible_rows:
            self._scroll_to_row(max(0, self._index[key] - line))

    def _scroll_to_row(self, index: int) -> None:
        """Puts a row on the first line: at once, and even where the scrollbar is not laid out yet."""
        self.scroll_to(y=index, animate=False, immediate=True, force=True)

    def _refresh_row(self, index: int) -> None:
        line = index - self.scroll_offset.y + HEADER_LINES
        if HEADER_LINES <= line < self.size.height:
            self.refresh(Region(0, line, self.size.width, 1))

    def _index_under(self, event: events.MouseEvent) -> int | None:
        """The row under the pointer; None on the border, the heading and below the last row."""
        offset = event.get_content_offset(self)
        if offset is None or offset.y < HEADER_LINES:
            return None
        index = self.scroll_offset.y + offset.y - HEADER_LINES
        return index if index < len(self.records) else None


def row_that_stays(
    before: Sequence[str], after: Mapping[str, int], on_screen: range, cursor: str | None
) -> tuple[str, int] | None:
    """A row that is on screen and will still be there, and its line: the cursor's, else the first that stays.

    ``before`` holds the keys in their order, ``after`` those that there will be, ``on_screen`` the places now visible.
    """
    visible = [(key, line) for line, key in enumerate(before[on_screen.start : on_screen.stop]) if key in after]
    return next((row for row in visible if row[0] == cursor), visible[0] if visible else None)
