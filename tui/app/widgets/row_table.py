"""A table of any length that only ever looks at the rows on screen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.app.actions import Scope
from tui.app.bindings import bindings_of
from tui.app.widgets.columns import GAP, Column, PlacedColumn, place_columns

R = TypeVar("R")

HEADER_LINES = 1
MARGIN = 1
MEASURED_ROWS = 300
"""Rows whose texts decide the columns' widths: measuring 10 000 would cost more than it tells."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: harmless text, and the name of a style (``row-table--NAME``)."""

    text: str
    style: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """A row as it was last drawn."""

    cells: tuple[Cell, ...]
    strip: Strip
    kind: str


class RowTable(ScrollView, Generic[R], can_focus=True):
    """Rows of records, reconciled by key: the cursor and the scroll offset stay with the row they were on.

    ``DataTable`` would build 10 000 rows of cells and styles for the forty that are on screen.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"row-table--{name}"
        for name in ("header", "row", "cursor", "heading", "up", "busy", "starting", "down", "unknown", "idle", "dim")
    } | {
        f"row-table--{name}"
        for name in ("accent", "empty", "hover", "cursor-blurred", "held", "held-too", "reserved", "free")
    }

    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of(Scope.TABLE)]

    cursor_key: reactive[str | None] = reactive(None, repaint=False)
    empty_text: reactive[str] = reactive("", layout=False)
    """What stands in place of rows where there are none."""
    hover_index: reactive[int | None] = reactive(None, repaint=False)

    class Highlighted(Message):
        """The cursor is on another row."""

        def __init__(self, table: RowTable[Any], key: str | None) -> None:
            super().__init__()
            self.table = table
            self.key = key

        @property
        def control(self) -> RowTable[Any]:
            return self.table

    class Chosen(Message):
        """A row was double-clicked."""

        def __init__(self, table: RowTable[Any], key: str) -> None:
            super().__init__()
            self.table = table
            self.key = key

        @property
        def control(self) -> RowTable[Any]:
            return self.table

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
        self._columns = tuple(columns)
        self._key_of = key_of
        self._cells_of = cells_of
        self._is_heading = is_heading
        self._line_of = line_of
        self._ages = ages
        self._index: dict[str, int] = {}
        self._placed: tuple[PlacedColumn, ...] = ()
        self._wanted: dict[str, int] = {}
        self._shown: dict[str, Shown] = {}
        self._styles: dict[tuple[str, str], Style] = {}

    @property
    def cursor_index(self) -> int | None:
        return self._index.get(self.cursor_key) if self.cursor_key is not None else None

    @property
    def cursor_record(self) -> R | None:
        index = self.cursor_index
        return None if index is None else self.records[index]

    @property
    def _visible_rows(self) -> int:
        return max(0, self.size.height - HEADER_LINES)

    @property
    def column_keys(self) -> tuple[str, ...]:
        """The columns that are shown at the present width."""
        return tuple(placed.column.key for placed in self._placed)

    def show_records(self, records: Sequence[R]) -> None:
        """Takes over ``records`` and draws again only the lines on screen that have changed."""
        keys = [self._key_of(record) for record in records]
        before, previous_key = self.cursor_index, self.cursor_key
        same_rows = len(keys) == len(self._index) and all(self._index.get(key) == at for at, key in enumerate(keys))
        old = self.records
        if same_rows:
            self.records = records
            seen = slice(self.scroll_offset.y, self.scroll_offset.y + self._visible_rows)
            changed = [new for was, new in zip(old[seen], records[seen], strict=False) if was != new]
            if self._grew_wider(changed):
                self._lay_out()
            self.refresh_changed_rows()
            return
        index = {key: at for at, key in enumerate(keys)}
        anchor = self._anchor(index)
        self.records, self._index = records, index
        self._wanted = {column.key: cell_len(column.title) for column in self._columns}
        self._grew_wider(records[:MEASURED_ROWS])
        self.virtual_size = Size(0, len(records) + HEADER_LINES)
        self.hover_index = None
        self._keep_cursor(keys, before, previous_key)
        self._keep_in_place(anchor)
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
        if self.records:
            at = self.cursor_index or 0
            at = max(0, min(len(self.records) - 1, at + steps)) if self.cursor_index is not None else 0
            self.cursor_key = self._key_of(self.records[at])
            self.scroll_to_cursor()

    def action_page_cursor(self, pages: int) -> None:
        self.action_move_cursor(pages * max(1, self._visible_rows - 1))

    def scroll_to_cursor(self) -> None:
        if (index := self.cursor_index) is not None:
            top, height = self.scroll_offset.y, self._visible_rows
            if index < top:
                self._scroll_to_row(index)
            elif index >= top + height:
                self._scroll_to_row(index - height + 1)

    def on_resize(self) -> None:
        self._lay_out()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._styles.clear()
        self._shown.clear()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        self.hover_index = self._index_under(event)

    def on_leave(self) -> None:
        self.hover_index = None

    def on_click(self, event: events.Click) -> None:
        index = self._index_under(event)
        if index is None:
            return
        self.cursor_key = self._key_of(self.records[index])
        if event.chain == 2:
            self.post_message(self.Chosen(self, self._key_of(self.records[index])))

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if y < HEADER_LINES:
            return self._header(width)
        index = self.scroll_offset.y + y - HEADER_LINES
        if 0 <= index < len(self.records):
            return self._row(index, width)
        text = f" {self.empty_text}" if not self.records and y == HEADER_LINES else ""
        return Strip([Segment(set_cell_size(text, width), self._style("row", "empty"))], width)

    def _header(self, width: int) -> Strip:
        cells = tuple(Cell(column.title) for column in self._columns)
        return self._strip(cells, "header", width)

    def _row(self, index: int, width: int) -> Strip:
        record = self.records[index]
        key = self._key_of(record)
        kind = self._row_kind(record, key, index)
        cells, is_line = self._parts_of(record)
        shown = self._shown.get(key)
        if shown is not None and shown.cells == cells and shown.kind == kind and shown.strip.cell_length == width:
            return shown.strip
        strip = self._line_strip(cells, kind, width) if is_line else self._strip(cells, kind, width)
        if len(self._shown) > 4 * MEASURED_ROWS:
            self._shown.clear()
        self._shown[key] = Shown(cells, strip, kind)
        return strip

    def _parts_of(self, record: R) -> tuple[tuple[Cell, ...], bool]:
        """A row's cells, or the parts of one that takes the whole line; and which of the two they are."""
        line = self._line_of(record, self.size.width - 2 * MARGIN)
        return (self._cells_of(record), False) if line is None else (line, True)

    def _row_kind(self, record: R, key: str, index: int) -> str:
        if key == self.cursor_key:
            return "cursor" if self.has_focus else "cursor-blurred"
        if index == self.hover_index:
            return "hover"
        return "heading" if self._is_heading(record) else "row"

    def _strip(self, cells: tuple[Cell, ...], kind: str, width: int) -> Strip:
        base = self._style(kind, "")
        segments = [Segment(" " * MARGIN, base)]
        for number, placed in enumerate(self._placed):
            if number:
                segments.append(Segment(" " * GAP, base))
            cell = cells[placed.position]
            segments.append(Segment(_fit(cell.text, placed), self._style(kind, cell.style)))
        return Strip(segments).adjust_cell_length(width, base)

    def _line_strip(self, parts: tuple[Cell, ...], kind: str, width: int) -> Strip:
        base = self._style(kind, "")
        segments = [Segment(" " * MARGIN, base)]
        segments += [Segment(part.text, self._style(kind, part.style)) for part in parts]
        return Strip(segments).adjust_cell_length(width, base)

    def _style(self, kind: str, name: str) -> Style:
        """The style of a cell on a row; the row under a focused cursor has one colour, so that all of it is legible."""
        style = self._styles.get((kind, name))
        if style is None:
            style = self.get_component_rich_style(f"row-table--{kind}")
            if name and kind != "cursor":
                style = style + self.get_component_rich_style(f"row-table--{name}", partial=True)
            self._styles[kind, name] = style
        return style

    def _grew_wider(self, records: Sequence[R]) -> bool:
        """Learns how wide these records' texts are; True where a column now asks for more room than before."""
        wanted = dict(self._wanted)
        for record in records:
            cells, is_line = self._parts_of(record)
            for column, cell in zip(self._columns, () if is_line else cells, strict=not is_line):
                wanted[column.key] = max(wanted.get(column.key, 0), cell_len(cell.text))
        grew = wanted != self._wanted
        self._wanted = wanted
        return grew

    def _lay_out(self) -> None:
        self._placed = place_columns(self._columns, self._wanted, self.size.width - 2 * MARGIN)
        self._shown.clear()
        self.refresh()

    def _keep_cursor(self, keys: Sequence[str], before: int | None, previous_key: str | None) -> None:
        if not keys:
            self.set_reactive(RowTable.cursor_key, None)
        elif previous_key not in self._index:
            self.cursor_key = keys[min(before or 0, len(keys) - 1)]

    def _anchor(self, index: Mapping[str, int]) -> tuple[str, int] | None:
        """A row that is on screen and in ``index`` too, and its line: the cursor's, else the first that stays."""
        top = self.scroll_offset.y
        on_screen = range(top, min(top + self._visible_rows, len(self.records)))
        cursor = self.cursor_key
        if cursor is not None and cursor in index and self._index[cursor] in on_screen:
            return cursor, self._index[cursor] - top
        keys = ((self._key_of(self.records[at]), at - top) for at in on_screen)
        return next(((key, line) for key, line in keys if key in index), None)

    def _keep_in_place(self, anchor: tuple[str, int] | None) -> None:
        """Scrolls so that the anchor's row is on its line again."""
        if anchor is None:
            return
        key, line = anchor
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


def _fit(text: str, placed: PlacedColumn) -> str:
    width = placed.width
    if (length := cell_len(text)) > width:
        return set_cell_size(text, max(0, width - 1)) + "…" if width else ""
    padding = " " * (width - length)
    return padding + text if placed.column.align == "right" else text + padding
