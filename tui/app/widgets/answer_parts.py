"""Prompts, thoughts and answers one below the other, as rows of one width."""

from __future__ import annotations

import bisect
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from tui.app.widgets.answer_rows import AnswerRows, CodeBlock
from tui.app.widgets.line_rows import Row
from tui.app.widgets.markdown_inline import Span

PROMPT_ROWS = 6
LEFT_OUT = "left out of what is sent"
SHOWN_OF_PROMPT = 4_000
"""Characters of a prompt that are repeated above its answer."""


class Kind(StrEnum):
    """What a part is."""

    PROMPT = "prompt"
    REASONING = "reasoning"
    ANSWER = "answer"
    NOTE = "note"
    FAILURE = "failure"


@dataclass
class Part:
    """One part: its text, and the rows that it takes now."""

    kind: Kind
    rows: AnswerRows
    pieces: list[str] = field(default_factory=list)
    wider: AnswerRows | None = None
    """The rows at a new width, until they have caught up with those that are shown."""
    ended: bool = False
    folded: bool = False
    fold_words: str = ""
    """What stands in the row by which it is folded; empty: it is none."""
    fold_row: Row | None = None
    turn: int | None = None
    """The place in the conversation of the turn that it is of; None: it is of none, or of one that is not over."""

    @property
    def is_settled(self) -> bool:
        """True once its rows change no more, but for being folded or laid out at another width."""
        return self.rows.ended and self.wider is None

    @property
    def is_laid_out(self) -> bool:
        """True once all that has come of it has rows."""
        return self.wider is None and not self.rows.behind and self.rows.ended == self.ended

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    @property
    def height(self) -> int:
        return bool(self.fold_words) + (0 if self.folded else len(self.rows.rows))

    def row(self, index: int) -> Row:
        if self.fold_words:
            if index == 0:
                return self._fold_row()
            index -= 1
        return self.rows.rows[index]

    def feed(self, text: str) -> None:
        if text:
            self.pieces.append(text)
            self.rows.feed(text)
            if self.wider is not None:
                self.wider.feed(text)

    def work(self, seconds: float) -> None:
        """Lays out for so long at most."""
        rows = self.wider or self.rows
        if rows.ended:
            return
        done = rows.work(seconds)
        if done and self.ended:
            rows.end()
        if done and self.wider is not None:
            self.rows, self.wider = self.wider, None

    def _fold_row(self) -> Row:
        text = f"{'▸' if self.folded else '▾'} {self.fold_words}"
        if self.fold_row is None or self.fold_row.text != text:
            self.fold_row = Row(text, (Span(0, len(text), "fold"),), 0)
        return self.fold_row


class AnswerParts:
    """All parts, with an empty row between two of them."""

    def __init__(self, width: int) -> None:
        self.parts: list[Part] = []
        self.width = width
        self.height = 0
        """Rows, as of the last :meth:`measure`."""
        self._starts: list[int] = []
        self._settled = 0
        """How many parts, from the first on, are settled: a long conversation costs no more than its newest turn."""
        self._rebuilt = False

    @property
    def answer(self) -> str:
        """The text of the newest answer, exactly as it came."""
        return next((part.text for part in reversed(self.parts) if part.kind is Kind.ANSWER), "")

    @property
    def reasoning(self) -> Part | None:
        """The newest part of that kind."""
        return next((part for part in reversed(self.parts) if part.kind is Kind.REASONING), None)

    @property
    def behind(self) -> bool:
        """True while there is text that is not laid out yet."""
        return any(not part.is_laid_out for part in self.parts[self._settled :])

    def cut(self, first: int) -> None:
        """Removes the parts from the place ``first`` on."""
        del self.parts[first:]
        self._settled = min(self._settled, first)

    def place_of_turn(self, turn: int) -> int:
        """The place of the first part of a turn of the conversation; behind the last one where there is none."""
        return next((at for at, part in enumerate(self.parts) if part.turn == turn), len(self.parts))

    def row_of_turn(self, turn: int) -> int:
        """The row where a turn of the conversation begins."""
        place = self.place_of_turn(turn)
        return self._starts[place] if place < len(self._starts) else self.height

    def end_turn(self, turn: int) -> None:
        """What has come since the last prompt is a turn of the conversation, answer and all."""
        for part in reversed(self.parts):
            part.turn = turn
            if part.kind is Kind.PROMPT:
                return

    def leave_out(self, turns: Collection[int]) -> None:
        """Folds the answers of these turns away, and no other ones."""
        for part in self.parts:
            if part.kind is Kind.ANSWER and bool(part.fold_words) != (part.turn in turns):
                part.folded = part.turn in turns
                part.fold_words = LEFT_OUT if part.folded else ""
        self.measure()

    def resize(self, width: int) -> None:
        """Lays all out anew at another width; what is shown stays until that has caught up."""
        self.width = width
        self._settled = 0
        for part in self.parts:
            part.wider = self._rows_for(part.kind)
            part.wider.feed(part.text)

    def add(self, kind: Kind, text: str) -> Part:
        """A part of its own, complete."""
        self.end()
        part = self.open(kind)
        part.feed(text)
        part.ended = True
        return part

    def add_prompt(self, text: str) -> None:
        """Repeats the beginning of a prompt, which may be a megabyte."""
        shown = text.strip()[:SHOWN_OF_PROMPT]
        lines = shown.splitlines()
        if len(lines) > PROMPT_ROWS or len(shown) < len(text.strip()):
            rest = f"… {len(text):,} characters in all"
            shown = "\n".join([*(line[:400] for line in lines[: PROMPT_ROWS - 1]), rest])
        self.add(Kind.PROMPT, shown)

    def open(self, kind: Kind) -> Part:
        """The part of that kind that is being written, or a new one."""
        last = self.parts[-1] if self.parts else None
        if last is not None and last.kind is kind and not last.ended:
            return last
        self.end()
        part = Part(kind, self._rows_for(kind))
        self.parts.append(part)
        return part

    def end(self) -> None:
        """The part that is being written is complete."""
        if self.parts:
            self.parts[-1].ended = True

    @property
    def before_answer(self) -> int:
        """The place behind the last part that is nothing of the newest answer."""
        place = len(self.parts)
        while place and self.parts[place - 1].kind in (Kind.REASONING, Kind.ANSWER):
            place -= 1
        return place

    def work(self, seconds: float) -> bool:
        """Lays out for about so long. True where rows that stood already have been replaced."""
        deadline = time.perf_counter() + seconds
        replaced = False
        first = self._settled
        for part in self.parts[first:]:
            rows = part.rows
            part.work(deadline - time.perf_counter())
            replaced |= part.rows is not rows
            self._rebuilt |= part.rows.take_rebuilt()
            if part.is_settled and self.parts[self._settled] is part:
                self._settled += 1
            if time.perf_counter() > deadline:
                break
        self.measure(first)
        return replaced

    def take_rebuilt(self) -> bool:
        """Whether rows that stood already, as those of a table do, have changed since this was asked last."""
        rebuilt, self._rebuilt = self._rebuilt, False
        return rebuilt

    def take_uncoloured(self) -> tuple[AnswerRows, CodeBlock] | None:
        """A finished block of code that could have colours, the newest answer's first; each is told once."""
        for part in reversed(self.parts):
            if part.rows.uncoloured:
                return part.rows, part.rows.uncoloured.pop(0)
        return None

    def measure(self, first: int = 0) -> None:
        """Counts the rows, of all parts from ``first`` on."""
        del self._starts[first:]
        count = self._starts[-1] + self.parts[first - 1].height if first else 0
        for part in self.parts[first:]:
            if count and part.height:
                count += 1
            self._starts.append(count)
            count += part.height
        self.height = count

    def at(self, row: int) -> tuple[Part, int] | None:
        """The part in a row, and the row's number in it; None in the empty rows between parts and below them."""
        place = bisect.bisect_right(self._starts, row) - 1
        while place >= 0:
            part = self.parts[place]
            if part.height:
                index = row - self._starts[place]
                return (part, index) if index < part.height else None
            place -= 1
        return None

    def lines(self) -> Iterator[str]:
        """The text of every row, the empty ones between parts included."""
        for row in range(self.height):
            found = self.at(row)
            yield found[0].row(found[1]).text if found is not None else ""

    def code_blocks(self) -> list[tuple[int, CodeBlock]]:
        """The blocks of code that are not folded away, each with the row of its upper border."""
        return [
            (start + block.first_row + bool(part.fold_words), block)
            for start, part in zip(self._starts, self.parts, strict=True)
            if not part.folded
            for block in part.rows.code_blocks
        ]

    def next_block(self, chosen: CodeBlock | None, top: int) -> tuple[int, CodeBlock] | None:
        """The block of code after the one that is chosen, else the first from the row ``top`` on, after the last the
        first again; with the row of its upper border. None where there is none."""
        places = self.code_blocks()
        if not places:
            return None
        now = next((at for at, (_, block) in enumerate(places) if block is chosen), None)
        if now is None:
            return next((place for place in places if place[0] >= top), places[0])
        return places[(now + 1) % len(places)]

    def _rows_for(self, kind: Kind) -> AnswerRows:
        match kind:
            case Kind.ANSWER:
                return AnswerRows(self.width)
            case Kind.REASONING:
                return AnswerRows(self.width, "plain", style="reasoning", margin="┆ ")
            case Kind.PROMPT:
                return AnswerRows(self.width, "plain", style="prompt", margin="▌ ")
            case _:
                return AnswerRows(self.width, "plain", style=str(kind))
