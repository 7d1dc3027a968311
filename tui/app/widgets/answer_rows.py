"""Lays an answer out in rows of a terminal while it comes: light Markdown, line by line.

What is done with a line depends on the lines before it alone, so that an answer that came in pieces ends up as the same
answer that came at once, and no line is looked at twice. No Markdown library works so: all parse the whole text again,
which takes seconds for what a fast model says in twenty.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from typing import Literal

from rich.cells import cell_len, set_cell_size

from tui.app.widgets.line_wrap import wrap
from tui.app.widgets.markdown_inline import Span, inline
from tui.fleet.printable import printable

LONGEST = 2_000
"""Characters of a line that are laid out together. What is longer is cut, at a space where there is one."""
DEEPEST_QUOTE = 8
LOOK_AT_CLOCK_AFTER = 8
"""Lines between two looks at the clock: a line takes some 20 µs."""

_FENCE = re.compile(r"^(\s{0,24})(`{3,}|~{3,})\s*([^`]*)$")
_HEADING = re.compile(r"^ {0,3}(#{1,6})(?:[ \t]+|$)(.*?)(?:[ \t]+#+)?[ \t]*$")
_RULE = re.compile(r"^ {0,3}([-*_])(?:[ \t]*\1){2,}[ \t]*$")
_QUOTE = re.compile(r"^(?: {0,3}> ?){1,100}")
_ITEM = re.compile(r"^(\s*)([-*+]|\d{1,9}[.)])(\s+)(\[[ xX]\] )?(.*)$")
_TABLE = re.compile(r"^\s{0,3}\|.*\|\s*$")
_TABLE_RULE = re.compile(r"^[\s|:-]+$")
_BULLETS = "•◦▪"

Form = Literal["markdown", "plain"]


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the screen: harmless text, and the styles of its parts by name."""

    text: str
    spans: tuple[Span, ...]
    line: int
    """The line of the source that it is from."""


@dataclass(frozen=True, slots=True)
class Fence:
    """What opened a block of code, and what closes it."""

    mark: str
    indent: int
    language: str


@dataclass(slots=True)
class CodeBlock:
    """A block of code: its rows, border included, and what is copied of it."""

    first_row: int
    language: str
    last_row: int | None = None
    """None: it is not closed yet."""
    lines: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


class AnswerRows:
    """The rows of one text at one width."""

    def __init__(self, width: int, form: Form = "markdown", *, style: str = "", margin: str = "") -> None:
        """``style`` is that of all text; ``margin`` stands in front of each row."""
        self.width = width
        self.code_blocks: list[CodeBlock] = []
        self.rows: list[Row] = []
        self._form: Form = form
        self._style = style
        self._margin = margin
        self._room = max(8, width - cell_len(margin))
        self._buffer = ""
        self._at = 0
        self._line = 0
        self._settled = 0
        """How many rows will not change any more; the others are those of the line that is not complete."""
        self._fence: Fence | None = None
        self._continues = False
        """What comes next is the rest of a line that was cut."""
        self._ended = False

    @property
    def ended(self) -> bool:
        return self._ended

    @property
    def behind(self) -> bool:
        """True while there is text that has no rows yet."""
        return len(self._buffer) - self._at > LONGEST or "\n" in self._buffer[self._at :]

    def feed(self, text: str) -> None:
        self._buffer = self._buffer[self._at :] + text
        self._at = 0

    def work(self, seconds: float) -> bool:
        """Lays out what was fed, for so long at most; True once all of it is."""
        deadline = time.perf_counter() + seconds
        del self.rows[self._settled :]
        steps = 0
        while self._step():
            steps += 1
            if steps % LOOK_AT_CLOCK_AFTER == 0 and time.perf_counter() > deadline:
                break
        self._settled = len(self.rows)
        if self.behind:
            return False
        self._show_rest()
        return True

    def end(self) -> None:
        """No more text comes: what is open is closed. To be called when all is laid out."""
        if self._ended:
            return
        self._ended = True
        del self.rows[self._settled :]
        rest = self._buffer[self._at :]
        if rest:
            self._settle(rest, whole=True)
        self._buffer, self._at = "", 0
        if self._fence is not None:
            self._close_fence()
        while self.rows and not self.rows[-1].text.strip():
            self.rows.pop()
        self._settled = len(self.rows)

    def block_at(self, row: int) -> CodeBlock | None:
        """The block of code that a row belongs to."""
        for block in self.code_blocks:
            last = len(self.rows) if block.last_row is None else block.last_row
            if block.first_row <= row <= last:
                return block
        return None

    def _step(self) -> bool:
        """Settles the next line, or a part of a line that is too long; False where there is none."""
        end = self._buffer.find("\n", self._at, self._at + LONGEST + 1)
        if end >= 0:
            line, self._at = self._buffer[self._at : end], end + 1
            self._settle(line.removesuffix("\r"), whole=True)
            return True
        if len(self._buffer) - self._at <= LONGEST:
            return False
        space = self._buffer.rfind(" ", self._at + LONGEST // 2, self._at + LONGEST)
        cut = space + 1 if space >= 0 else self._at + LONGEST
        line, self._at = self._buffer[self._at : cut], cut
        self._settle(line, whole=False)
        return True

    def _settle(self, line: str, *, whole: bool) -> None:
        if self._form == "markdown" and not self._continues:
            if self._fence is None and (opened := _opened(line)) is not None:
                self._fence = opened
                self.code_blocks.append(CodeBlock(len(self.rows), opened.language))
                self.rows += self._rows_of_fence("╭─", opened.language)
                self._after(whole=whole)
                return
            if self._fence is not None and _closes(line, self._fence):
                self._close_fence()
                self._after(whole=whole)
                return
        if self._fence is not None and self.code_blocks:
            self._keep_code(line)
        # Models often begin an answer with empty lines.
        if self.rows or line.strip():
            self.rows += self._rows_of(line)
        self._after(whole=whole)

    def _after(self, *, whole: bool) -> None:
        self._continues = not whole
        self._line += whole

    def _close_fence(self) -> None:
        self.rows += self._rows_of_fence("╰─", "")
        self.code_blocks[-1].last_row = len(self.rows) - 1
        self._fence = None

    def _keep_code(self, line: str) -> None:
        lines = self.code_blocks[-1].lines
        if self._continues and lines:
            lines[-1] += line
        else:
            lines.append(_outdented(line, self._fence.indent if self._fence else 0))

    def _show_rest(self) -> None:
        """The rows of the line that is still coming, which may yet become another kind of line."""
        rest = self._buffer[self._at :]
        if not rest or not (self.rows or rest.strip()):
            return
        if self._form == "markdown" and not self._continues:
            if self._fence is None and (opened := _opened(rest)) is not None:
                self.rows += self._rows_of_fence("╭─", opened.language)
                return
            if self._fence is not None and _closes(rest, self._fence):
                return
        self.rows += self._rows_of(rest)

    def _rows_of_fence(self, corner: str, language: str) -> list[Row]:
        title = f" {printable(language, 24)} " if language else ""
        line = f"{corner}{title}"
        return [self._row(line + "─" * max(0, self._room - cell_len(line)), [], "border")]

    def _rows_of(self, line: str) -> list[Row]:
        text = printable(line.expandtabs(4))
        if self._form == "plain" or (self._continues and self._fence is None):
            return self._wrapped(text, [], "")
        if self._fence is not None:
            return self._code_rows(_outdented(text, self._fence.indent))
        if not text.strip():
            return [self._row("", [], "")]
        if (found := _HEADING.match(text)) is not None:
            words, spans = inline(found[2])
            return self._wrapped(words, spans, "heading" if len(found[1]) < 3 else "subheading")
        if _RULE.match(text):
            return [self._row("─" * self._room, [], "border")]
        if (found := _QUOTE.match(text)) is not None:
            bars = "▎ " * min(DEEPEST_QUOTE, found.group().count(">"), self._room // 4)
            words, spans = inline(text[found.end() :])
            return self._wrapped(words, spans, "quote", first=bars, following=bars, lead_style="border")
        if (item := _ITEM.match(text)) is not None:
            return self._item_rows(item)
        if _TABLE.match(text):
            return self._wrapped(text.strip(), [], "border" if _TABLE_RULE.match(text) else "")
        indent = " " * min(len(text) - len(text.lstrip()), self._room // 2)
        words, spans = inline(text.strip())
        return self._wrapped(words, spans, "", first=indent, following=indent)

    def _item_rows(self, item: re.Match[str]) -> list[Row]:
        indent = min(len(item[1]), self._room // 2)
        mark = item[2] if item[2][0].isdigit() else _BULLETS[min(len(item[1]) // 2, len(_BULLETS) - 1)]
        if item[4] is not None:
            mark = "☐" if item[4][1] == " " else "☑"
        lead = " " * indent + mark + " "
        words, spans = inline(item[5])
        following = " " * min(cell_len(lead), self._room // 2)
        return self._wrapped(words, spans, "", first=lead, following=following, lead_style="bullet")

    def _code_rows(self, text: str) -> list[Row]:
        # Code is broken where the width ends, and nowhere else: spaces matter in it.
        rows = []
        room = max(4, self._room - 2)
        rest = text
        while True:
            piece = rest if cell_len(rest) <= room else set_cell_size(rest, room).rstrip("\0")
            piece = rest[: max(1, len(piece))] if rest else ""
            row = self._row("│ " + piece, [Span(0, 2, "border"), Span(2, 2 + len(piece), "code-block")], "")
            rows.append(row)
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
        room, room_following = self._room - cell_len(first), self._room - cell_len(following)
        for start, end in wrap(text, room, room_following):
            lead = first if start == 0 else following
            shift = len(lead) - start
            inner = [
                Span(max(span.start, start) + shift, min(span.end, end) + shift, span.style)
                for span in spans
                if span.start < end and span.end > start
            ]
            if lead_style and lead.strip():
                inner.insert(0, Span(0, len(lead), lead_style))
            rows.append(self._row(lead + text[start:end], inner, style))
        return rows

    def _row(self, text: str, spans: list[Span], style: str) -> Row:
        """Adds the margin and the styles of the whole row, so that each part of the text has one span at most."""
        base = "+".join(part for part in (self._style, style) if part)
        margin = self._margin
        if base:
            spans = _filled(spans, len(text), base)
        if margin:
            spans = [
                Span(0, len(margin), "border"),
                *(Span(span.start + len(margin), span.end + len(margin), span.style) for span in spans),
            ]
        return Row(margin + text, tuple(spans), self._line)


def _opened(line: str) -> Fence | None:
    """The block of code that a line opens (CommonMark 0.31 §4.5)."""
    found = _FENCE.match(line)
    if found is None:
        return None
    words = found[3].split()
    return Fence(found[2], len(found[1]), words[0] if words else "")


def _closes(line: str, fence: Fence) -> bool:
    text = line.strip()
    return len(text) >= len(fence.mark) and text == fence.mark[0] * len(text) and len(line) - len(line.lstrip()) < 28


def _outdented(line: str, indent: int) -> str:
    """A line of code without the indentation that its fence had."""
    return line[min(indent, len(line) - len(line.lstrip(" "))) :]


def _filled(spans: list[Span], length: int, base: str) -> list[Span]:
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
