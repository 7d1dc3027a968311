"""Lays an answer out in rows of a terminal while it comes: light Markdown, line by line.

What is done with a line depends on the lines before it alone, so that an answer that came in pieces ends up as the same
answer that came at once, and no line is looked at twice. No Markdown library works so: all parse the whole text again,
which takes seconds for what a fast model says in twenty.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from tui.app.widgets.code_colours import can_be_coloured
from tui.app.widgets.line_rows import CODE_MARGIN, LineRows, Row, coloured_row
from tui.app.widgets.markdown_inline import Span
from tui.app.widgets.table_rows import OpenTable, is_table_line, shape_of
from tui.fleet.printable import printable

LONGEST = 2_000
"""Characters of a line that are laid out together. What is longer is cut, at a space where there is one."""
LINES_MEASURED = 200
"""Lines of a table that decide how wide its columns are; those after them go by that."""
LOOK_AT_CLOCK_AFTER = 8
"""Lines between two looks at the clock: a line takes some 20 µs."""

_FENCE = re.compile(r"^(\s{0,24})(`{3,}|~{3,})\s*([^`]*)$")

Form = Literal["markdown", "plain"]


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
        self.uncoloured: list[CodeBlock] = []
        """Finished blocks whose words could have colours."""
        self.rows: list[Row] = []
        self._form: Form = form
        self._lines = LineRows(width, style, margin)
        self._buffer = ""
        self._at = 0
        self._settled = 0
        """How many rows will not change any more; the others are those of the line that is not complete."""
        self._fence: Fence | None = None
        self._table: OpenTable | None = None
        self._rebuilt = False
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
        self._close_table()
        while self.rows and not self.rows[-1].text.strip():
            self.rows.pop()
        self._settled = len(self.rows)

    def take_rebuilt(self) -> bool:
        """Whether rows that stood already have changed since this was asked last."""
        rebuilt, self._rebuilt = self._rebuilt, False
        return rebuilt

    def block_at(self, row: int) -> CodeBlock | None:
        """The block of code that a row belongs to."""
        for block in self.code_blocks:
            last = len(self.rows) if block.last_row is None else block.last_row
            if block.first_row <= row <= last:
                return block
        return None

    def code_lines(self, block: CodeBlock) -> list[str]:
        """The lines of a finished block as they are shown."""
        lines: dict[int, str] = {}
        for row in self._rows_of_block(block):
            lines[row.line] = lines.get(row.line, "") + row.text[len(CODE_MARGIN) :]
        return list(lines.values())

    def colour(self, block: CodeBlock, colours: Sequence[Sequence[Span]]) -> None:
        """Gives the words of a finished block their colours, those of its first line first."""
        coloured = []
        line, number, column = -1, -1, 0
        for row in self._rows_of_block(block):
            if row.line != line:
                line, number, column = row.line, number + 1, 0
            words = colours[number] if number < len(colours) else ()
            coloured.append(coloured_row(row, words, column))
            column += len(row.text) - len(CODE_MARGIN)
        self.rows[block.first_row + 1 : block.last_row] = coloured

    def _rows_of_block(self, block: CodeBlock) -> list[Row]:
        return self.rows[block.first_row + 1 : block.last_row]

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
                self._close_table()
                self._fence = opened
                self.code_blocks.append(CodeBlock(len(self.rows), opened.language))
                self.rows += self._lines.fence("╭─", opened.language)
                self._after(whole=whole)
                return
            if self._fence is not None and _closes(line, self._fence):
                self._close_fence()
                self._after(whole=whole)
                return
        if self._fence is None and whole and self._is_of_table(line):
            self._add_to_table(line)
            self._after(whole=whole)
            return
        self._close_table()
        if self._fence is not None and self.code_blocks:
            self._keep_code(line)
        # Models often begin an answer with empty lines.
        if self.rows or line.strip():
            self.rows += self._rows_of(line)
        self._after(whole=whole)

    def _after(self, *, whole: bool) -> None:
        self._continues = not whole
        self._lines.line += whole

    def _is_of_table(self, line: str) -> bool:
        return self._form == "markdown" and not self._continues and is_table_line(line)

    def _add_to_table(self, line: str) -> None:
        """A line of a table stands as it came until the widths of the columns are known."""
        if self._table is None:
            self._table = OpenTable(len(self.rows), self._lines.line)
        table = self._table
        text = printable(line.expandtabs(4))
        if table.shape is not None:
            self.rows += self._lines.table(text, table.shape)
            return
        self.rows += self._rows_of(line)
        if not table.plain:
            table.lines.append(text)
            if len(table.lines) == LINES_MEASURED:
                self._align(table)

    def _close_table(self) -> None:
        table, self._table = self._table, None
        if table is not None and table.shape is None and not table.plain:
            self._align(table)

    def _align(self, table: OpenTable) -> None:
        """Puts the lines of a table under each other, now that their widths are known."""
        table.shape = shape_of(table.lines, self._lines.room)
        if table.shape is None:
            table.plain = True
            return
        line_now = self._lines.line
        del self.rows[table.first_row :]
        for number, line in enumerate(table.lines):
            self._lines.line = table.first_line + number
            if number == 1:
                self.rows.append(self._lines.table_rule(table.shape))
            else:
                self.rows += self._lines.table(line, table.shape, head=number == 0)
        self._lines.line = line_now
        self._rebuilt = True
        table.lines.clear()

    def _close_fence(self) -> None:
        self.rows += self._lines.fence("╰─", "")
        block = self.code_blocks[-1]
        block.last_row = len(self.rows) - 1
        if can_be_coloured(block.language, block.lines):
            self.uncoloured.append(block)
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
                self.rows += self._lines.fence("╭─", opened.language)
                return
            if self._fence is not None and _closes(rest, self._fence):
                return
        self.rows += self._rows_of(rest)

    def _rows_of(self, line: str) -> list[Row]:
        text = printable(line.expandtabs(4))
        if self._form == "plain" or (self._continues and self._fence is None):
            return self._lines.plain(text)
        if self._fence is not None:
            return self._lines.code(_outdented(text, self._fence.indent))
        return self._lines.markdown(text)


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
