"""Lays out one line of an answer at a time, as rows of a terminal."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size

from tui.app.widgets.line_wrap import wrap
from tui.app.widgets.markdown_inline import Span, clipped, inline
from tui.app.widgets.table_rows import TableShape, is_rule, is_table_line, rule_line, table_line
from tui.fleet.printable import printable

DEEPEST_QUOTE = 8
CODE_MARGIN = "│ "

_HEADING = re.compile(r"^ {0,3}(#{1,6})(?:[ \t]+|$)(.*?)(?:[ \t]+#+)?[ \t]*$")
_RULE = re.compile(r"^ {0,3}([-*_])(?:[ \t]*\1){2,}[ \t]*$")
_QUOTE = re.compile(r"^(?: {0,3}> ?){1,100}")
_ITEM = re.compile(r"^(\s*)([-*+]|\d{1,9}[.)])(\s+)(\[[ xX]\] )?(.*)$")
_BULLETS = "•◦▪"


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the screen: harmless text, and the styles of its parts by name."""

    text: str
    spans: tuple[Span, ...]
    line: int
    """The line of the source that it is from."""


class LineRows:
    """The rows of single lines at one width; ``style`` is that of all text, ``margin`` stands in front of each row."""

    def __init__(self, width: int, style: str, margin: str) -> None:
        self.room = max(8, width - cell_len(margin))
        self.line = 0
        """The number of the line that is laid out now, for its rows."""
        self._style = style
        self._margin = margin

    def fence(self, corner: str, language: str) -> list[Row]:
        title = f" {printable(language, 24)} " if language else ""
        line = f"{corner}{title}"
        return [self._row(line + "─" * max(0, self.room - cell_len(line)), [], "border")]

    def plain(self, text: str) -> list[Row]:
        return self._wrapped(text, [], "")

    def table(self, line: str, shape: TableShape, *, head: bool = False) -> list[Row]:
        """One line of a table whose columns are known."""
        return [self._row(text, spans, "") for text, spans in table_line(line, shape, head=head)]

    def table_rule(self, shape: TableShape) -> Row:
        return self._row(rule_line(shape), [], "border")

    def markdown(self, text: str) -> list[Row]:
        """One line of Markdown, whatever stands before and after it."""
        if not text.strip():
            return [self._row("", [], "")]
        if (found := _HEADING.match(text)) is not None:
            words, spans = inline(found[2])
            return self._wrapped(words, spans, "heading" if len(found[1]) < 3 else "subheading")
        if _RULE.match(text):
            return [self._row("─" * self.room, [], "border")]
        if (found := _QUOTE.match(text)) is not None:
            bars = "▎ " * min(DEEPEST_QUOTE, found.group().count(">"), self.room // 4)
            words, spans = inline(text[found.end() :])
            return self._wrapped(words, spans, "quote", first=bars, following=bars, lead_style="border")
        if (item := _ITEM.match(text)) is not None:
            return self._item(item)
        if is_table_line(text):
            return self._wrapped(text.strip(), [], "border" if is_rule(text) else "")
        indent = " " * min(len(text) - len(text.lstrip()), self.room // 2)
        words, spans = inline(text.strip())
        return self._wrapped(words, spans, "", first=indent, following=indent)

    def _item(self, item: re.Match[str]) -> list[Row]:
        indent = min(len(item[1]), self.room // 2)
        mark = item[2] if item[2][0].isdigit() else _BULLETS[min(len(item[1]) // 2, len(_BULLETS) - 1)]
        if item[4] is not None:
            mark = "☐" if item[4][1] == " " else "☑"
        lead = " " * indent + mark + " "
        words, spans = inline(item[5])
        following = " " * min(cell_len(lead), self.room // 2)
        return self._wrapped(words, spans, "", first=lead, following=following, lead_style="bullet")

    def code(self, text: str) -> list[Row]:
        # Code is broken where the width ends, and nowhere else: spaces matter in it.
        rows = []
        room = max(4, self.room - 2)
        rest = text
        while True:
            piece = rest if cell_len(rest) <= room else set_cell_size(rest, room).rstrip("\0")
            piece = rest[: max(1, len(piece))] if rest else ""
            edge = len(CODE_MARGIN)
            spans = [Span(0, edge, "border"), Span(edge, edge + len(piece), "code-block")]
            rows.append(self._row(CODE_MARGIN + piece, spans, ""))
            rest = rest[len(piece) :]
            if not rest:
                return rows

    def _wrapped(
        self,
        text: str,
        spans: list[Span],
        style: str,
        *,
        first: str = "",
        following: str = "",
        lead_style: str = "",
    ) -> list[Row]:
        rows = []
        room, room_following = self.room - cell_len(first), self.room - cell_len(following)
        for start, end in wrap(text, room, room_following):
            lead = first if start == 0 else following
            inner = clipped(spans, start, end, len(lead))
            if lead_style and lead.strip():
                inner.insert(0, Span(0, len(lead), lead_style))
            rows.append(self._row(lead + text[start:end], inner, style))
        return rows

    def _row(self, text: str, spans: list[Span], style: str) -> Row:
        """Adds the margin and the styles of the whole row, so that each part of the text has one span at most."""
        base = "+".join(part for part in (self._style, style) if part)
        margin = self._margin
        if base:
            spans = filled(spans, len(text), base)
        if margin:
            spans = [
                Span(0, len(margin), "border"),
                *(Span(span.start + len(margin), span.end + len(margin), span.style) for span in spans),
            ]
        return Row(margin + text, tuple(spans), self.line)


def coloured_row(row: Row, colours: Sequence[Span], column: int) -> Row:
    """A row of code with colours; ``column`` is where it begins in its line, by which the colours count."""
    edge, length = len(CODE_MARGIN), len(row.text) - len(CODE_MARGIN)
    inner = filled(clipped(colours, column, column + length, 0), length, "code-block")
    return Row(
        row.text,
        (Span(0, edge, "border"), *(Span(span.start + edge, span.end + edge, span.style) for span in inner)),
        row.line,
    )


def filled(spans: list[Span], length: int, base: str) -> list[Span]:
    """The spans with ``base`` before their own styles, and ``base`` alone between them."""
    filled = []
    at = 0
    for span in spans:
        if span.start > at:
            filled.append(Span(at, span.start, base))
        filled.append(Span(span.start, span.end, f"{base}+{span.style}"))
        at = span.end
    if at < length:
        filled.append(Span(at, length, base))
    return filled
