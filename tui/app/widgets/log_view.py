"""The last lines of a log, of which only those on screen are ever drawn."""

from __future__ import annotations

import contextlib
import itertools
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar, NamedTuple

from rich.cells import cell_len, chop_cells, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.app.log_lines import Colour, Level, LogLine

MOST_LINES = 10_000
TIME_WIDTH = 9
SIDEWAYS = 8
"""Columns by which the left and right keys move."""


class Row(NamedTuple):
    """A line on the screen: a log's line, or as much of it as fits; ``end`` is behind its last character."""

    line: LogLine
    start: int
    end: int


class LogView(ScrollView, can_focus=True, inherit_bindings=False):
    """Keeps 10 000 lines. It stays at the end while it follows, and where the person is reading while it does not.

    ``RichLog`` renders each line as it comes, keeps what it cannot wrap anew, and knows no filter.
    """

    HELP_TITLE = "Log"
    HELP = (
        "The journal of a unit, or what llama-swap logs itself. It follows what is written; space or scrolling up lets "
        "it stand still, space or the end follows again. Keys and tokens are hidden, control codes made visible."
    )
    ALLOW_SELECT = False

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"log-view--{name}" for name in ("text", "time", "match", "empty", *(f"level-{level}" for level in Level))
    } | {f"log-view--ink-{colour}" for colour in Colour}

    following: reactive[bool] = reactive(True, repaint=False)
    wrapped: reactive[bool] = reactive(False, init=False)
    words: reactive[tuple[str, ...]] = reactive((), init=False)
    """What a line must hold, in lower case, to be shown."""
    empty_text: reactive[str] = reactive("", layout=False)

    class Moved(Message):
        """Whether it follows, or how much it holds, has changed."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  (Textual's own name for it)
        super().__init__(id=id)
        self._kept: deque[tuple[LogLine, int]] = deque()
        """Each line, and of how many rows it is now."""
        self._rows: deque[Row] = deque()
        self._widest = 0
        self._has_times = False
        self._placing = False
        self._styles: dict[str, Style] = {}
        self.unread = 0
        """Lines that came since it stands still."""

    @property
    def kept(self) -> Iterator[LogLine]:
        return (line for line, _ in self._kept)

    @property
    def matching(self) -> list[LogLine]:
        """The lines that hold the filter's words."""
        return [line for line, rows in self._kept if rows]

    @property
    def on_screen(self) -> list[LogLine]:
        """The lines of which something is visible now."""
        top, height = self.scroll_offset.y, self.size.height
        rows = [self._rows[index] for index in range(top, min(top + height, len(self._rows)))]
        # Not by what they say: the same line may be written over and over.
        return [row.line for number, row in enumerate(rows) if number == 0 or row.line is not rows[number - 1].line]

    @property
    def newest(self) -> LogLine | None:
        return self._kept[-1][0] if self._kept else None

    @property
    def count(self) -> int:
        return len(self._kept)

    def show(self, lines: Iterable[LogLine], *, times: bool) -> None:
        """Shows another log from its end. ``times``: its lines say when they were written."""
        self._has_times = times
        self._kept = deque((line, 0) for line in lines)
        self.unread = 0
        self.following = True
        self.scroll_target_x = self.scroll_x = 0
        self._lay_out()

    def append(self, lines: Sequence[LogLine]) -> None:
        gone = 0
        for line in lines:
            if len(self._kept) >= MOST_LINES:
                gone += self._drop_oldest()
            rows = self._rows_of(line)
            self._kept.append((line, len(rows)))
            self._rows.extend(rows)
            self.unread += bool(rows) and not self.following
        self._take_room(self.scroll_offset.y - gone)
        self.post_message(self.Moved())

    def follow(self, on: bool) -> None:
        self.following = on
        if on:
            self._take_room(0)

    def scroll_rows(self, rows: int) -> None:
        self.scroll_to(y=self.scroll_offset.y + rows, animate=False, immediate=True, force=True)

    def scroll_screens(self, screens: int) -> None:
        self.scroll_rows(screens * max(1, self.size.height - 1))

    def scroll_sideways(self, steps: int) -> None:
        self.scroll_to(x=self.scroll_offset.x + steps * SIDEWAYS, animate=False, immediate=True, force=True)

    def watch_following(self, following: bool) -> None:
        if following:
            self.unread = 0
        self.post_message(self.Moved())

    def watch_wrapped(self) -> None:
        self._lay_out()

    def watch_words(self) -> None:
        self._lay_out()

    def on_resize(self) -> None:
        if self.wrapped:
            self._lay_out()
        else:
            self._take_room(self.scroll_offset.y)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if not self._placing and round(old_value) != round(new_value):
            self.following = new_value >= self.max_scroll_y

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._styles.clear()

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        index = self.scroll_offset.y + y
        if index < len(self._rows):
            left = self.scroll_offset.x
            return self._strip(self._rows[index]).crop_extend(left, left + width, self._style("text"))
        text = f" {part}" if not self._rows and (part := self._empty_part(y, width)) else ""
        return Strip([Segment(set_cell_size(text, width), self._style("empty"))], width)

    def _empty_part(self, y: int, width: int) -> str:
        parts = _wrapped(self.empty_text, max(10, width - 2))
        return parts[y] if y < len(parts) else ""

    def _strip(self, row: Row) -> Strip:
        base = self._style("text") + self._style(f"level-{row.line.level}")
        segments = []
        if self._has_times:
            time = row.line.time_words if row.start == 0 else ""
            segments.append(Segment(time.ljust(TIME_WIDTH), self._style("time")))
        segments.extend(self._segments(row, base))
        return Strip(segments)

    def _segments(self, row: Row, base: Style) -> Iterator[Segment]:
        """The row's text in pieces of one style each: the line's, what its program wanted, the filter's words."""
        line = row.line
        styled = [(ink.start, ink.end, self._ink_style(ink.colour, bold=ink.bold)) for ink in line.inks]
        lower = line.text.lower()
        for word in self.words:
            at = lower.find(word)
            while at >= 0:
                styled.append((at, at + len(word), self._style("match")))
                at = lower.find(word, at + len(word))
        edges = {row.start, row.end, *(edge for start, end, _ in styled for edge in (start, end))}
        cuts = sorted(edge for edge in edges if row.start <= edge <= row.end)
        for start, end in itertools.pairwise(cuts):
            style = base
            for first, behind, more in styled:
                if first <= start and end <= behind:
                    style = style + more
            yield Segment(line.text[start:end], style)

    def _ink_style(self, colour: Colour | None, *, bold: bool) -> Style:
        style = self._style(f"ink-{colour}") if colour is not None else Style()
        return style + Style(bold=True) if bold else style

    def _style(self, name: str) -> Style:
        style = self._styles.get(name)
        if style is None:
            style = self.get_component_rich_style(f"log-view--{name}", partial=name not in ("text", "time", "empty"))
            self._styles[name] = style
        return style

    def _rows_of(self, line: LogLine) -> list[Row]:
        """The rows that a line takes now: none where the filter hides it."""
        if self.words:
            lower = line.text.lower()
            if not all(word in lower for word in self.words):
                return []
        room = self.size.width - self._margin
        if not self.wrapped or room < 1 or len(line.text) <= room // 2:
            self._widest = max(self._widest, self._margin + cell_len(line.text))
            return [Row(line, 0, len(line.text))]
        rows, start = [], 0
        for part in _wrapped(line.text, room):
            rows.append(Row(line, start, start + len(part)))
            start += len(part)
        return rows

    @property
    def _margin(self) -> int:
        return TIME_WIDTH if self._has_times else 0

    def _drop_oldest(self) -> int:
        _, rows = self._kept.popleft()
        for _ in range(rows):
            self._rows.popleft()
        return rows

    def _lay_out(self) -> None:
        """Makes all rows anew; the first line on screen stays first."""
        first = next(iter(self.on_screen), None)
        lines = list(self.kept)
        self._kept.clear()
        self._rows.clear()
        self._widest = 0
        top = 0
        for line in lines:
            if line is first:
                top = len(self._rows)
            rows = self._rows_of(line)
            self._kept.append((line, len(rows)))
            self._rows.extend(rows)
        self._take_room(top)
        self.post_message(self.Moved())

    def _take_room(self, top: int) -> None:
        """Fits the scrolled area to the rows, and puts the row ``top`` first, or the last one last."""
        with self._placed_by_us():
            self.virtual_size = Size(0 if self.wrapped else self._widest, len(self._rows))
            y = self.max_scroll_y if self.following else min(max(0, top), self.max_scroll_y)
            self.scroll_to(y=y, animate=False, immediate=True, force=True)
        self.refresh()

    @contextlib.contextmanager
    def _placed_by_us(self) -> Iterator[None]:
        """Within it, scrolling is not the person's, who would stop following by it."""
        self._placing = True
        try:
            yield
        finally:
            self._placing = False


def _wrapped(text: str, width: int) -> list[str]:
    if text.isascii():
        return [text[start : start + width] for start in range(0, len(text), width)] or [""]
    return chop_cells(text, width) or [""]
