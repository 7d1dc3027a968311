"""Draws rows of an answer: their text in styles that the theme gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.segment import Segment
from rich.style import Style
from textual.cache import LRUCache
from textual.strip import Strip
from textual.widget import Widget

from tui.app.widgets.line_rows import Row
from tui.app.widgets.markdown_inline import Span

KEPT_ROWS = 256
"""More than any screen has."""


class RowDrawer:
    """Keeps the styles. ``rich_look`` gives that of a name: of "text" the whole, of others what is different there."""

    def __init__(self, rich_look: Callable[[str], Style]) -> None:
        self._rich_look = rich_look
        self._styles: dict[str, Style] = {}
        self._kept: LRUCache[int, tuple[Row, Strip]] = LRUCache(KEPT_ROWS)

    def forget_styles(self) -> None:
        self._styles.clear()
        self.forget_rows()

    def forget_rows(self) -> None:
        self._kept.clear()

    def kept(self, row: Row, width: int) -> Strip | None:
        """The row as it was drawn before, if it was."""
        found = self._kept.get(id(row))
        return found[1] if found is not None and found[0] is row and found[1].cell_length == width else None

    def keep(self, row: Row, strip: Strip) -> Strip:
        self._kept[id(row)] = (row, strip)
        return strip

    def style(self, names: str) -> Style:
        """The style of a part of a row, whose names are joined by "+"."""
        style = self._styles.get(names)
        if style is None:
            style = self._rich_look("text")
            for name in names.split("+"):
                if name != "text":
                    style = style + self._rich_look(name)
            self._styles[names] = style
        return style

    def line(self, text: str, style: str, width: int) -> Strip:
        """A line that is no part of an answer."""
        return Strip([Segment(text, self.style(style))]).adjust_cell_length(width, self.style("text"))

    def row(self, row: Row, spans: tuple[Span, ...], width: int, *, chosen_width: int = 0) -> Strip:
        """A row in ``width`` cells, with a column before it; the first ``chosen_width`` are marked as chosen."""
        base = self.style("text")
        segments = [Segment(" ", base)]
        at = 0
        for span in spans:
            segments.append(Segment(row.text[at : span.start], base))
            segments.append(Segment(row.text[span.start : span.end], self.style(span.style)))
            at = max(at, span.end)
        segments.append(Segment(row.text[at:], base))
        strip = Strip(segments)
        if chosen_width:
            strip = strip.extend_cell_length(min(width, chosen_width), self.style("chosen"))
        return strip.adjust_cell_length(width, base)


def filtered(widget: Widget, strips: Sequence[Strip]) -> list[Strip]:
    """What the terminal gets of a widget's rows, where it can show less than they have: fewer colours, or none."""
    background = widget.background_colors[1]
    shown = list(strips)
    for line_filter in widget.get_line_filters():
        shown = [strip.apply_filter(line_filter, background) for strip in shown]
    return shown
