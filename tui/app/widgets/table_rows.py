"""Lays the lines of a Markdown table out in columns."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from rich.cells import cell_len

from tui.app.widgets.line_wrap import wrap
from tui.app.widgets.markdown_inline import Span, clipped, inline

NARROWEST = 6
"""Cells of a column below which its words break so often that the line as it came reads better."""
MOST_COLUMNS = 40
GAP = " │ "

_LINE = re.compile(r"^\s{0,3}\|.*\|\s*$")
_RULE_CELL = re.compile(r"^\s*:?-+:?\s*$")
_SEPARATOR = re.compile(r"(?<!\\)\|")

Align = Literal["left", "right", "center"]


@dataclass(frozen=True, slots=True)
class TableShape:
    """How wide each column is, and to which side its text goes."""

    widths: tuple[int, ...]
    aligns: tuple[Align, ...]


@dataclass(slots=True)
class OpenTable:
    """A table whose end has not come yet."""

    first_row: int
    first_line: int
    lines: list[str] = field(default_factory=list)
    """As far as its shape is not settled."""
    shape: TableShape | None = None
    plain: bool = False
    """True where its lines stay as they came."""


def is_table_line(line: str) -> bool:
    return _LINE.match(line) is not None


def cells_of(line: str) -> list[str]:
    r"""The cells of a line (GFM 0.29 §4.10): a bar in a cell is written ``\|``."""
    inner = line.strip()[1:-1]
    return [cell.strip().replace("\\|", "|") for cell in _SEPARATOR.split(inner, maxsplit=MOST_COLUMNS)]


def is_rule(line: str) -> bool:
    """True for the line between the head and the rest."""
    return all(_RULE_CELL.match(cell) for cell in cells_of(line))


def shape_of(lines: Sequence[str], room: int) -> TableShape | None:
    """The shape of a table that these lines begin; None where it is none, or does not fit into ``room`` cells."""
    if len(lines) < 2 or not is_rule(lines[1]):
        return None
    rule = cells_of(lines[1])
    count = len(rule)
    widths = [3] * count
    for number, line in enumerate(lines):
        for place, cell in enumerate(cells_of(line)[:count] if number != 1 else ()):
            widths[place] = max(widths[place], cell_len(inline(cell)[0]))
    spare = room - len(GAP) * (count - 1)
    if spare < count * NARROWEST and sum(widths) > spare:
        return None
    return TableShape(tuple(_narrowed(widths, spare)), tuple(_align(cell) for cell in rule))


def table_line(line: str, shape: TableShape, *, head: bool) -> list[tuple[str, list[Span]]]:
    """The rows of one line: a cell whose text is wider than its column goes on below."""
    cells = [inline(cell, "bold" if head else "") for cell in cells_of(line)]
    cells += [("", [])] * (len(shape.widths) - len(cells))
    pieces = [wrap(text, width, width) for (text, _), width in zip(cells, shape.widths, strict=False)]
    rows = []
    for number in range(max(map(len, pieces))):
        row, spans = "", list[Span]()
        for place, (width, align) in enumerate(zip(shape.widths, shape.aligns, strict=True)):
            if place:
                spans.append(Span(len(row), len(row) + len(GAP), "border"))
                row += GAP
            text, marked = cells[place]
            start, end = pieces[place][number] if number < len(pieces[place]) else (0, 0)
            left, right = _padding(width - cell_len(text[start:end]), align)
            spans += clipped(marked, start, end, len(row) + left)
            row += " " * left + text[start:end] + (" " * right if place < len(shape.widths) - 1 else "")
        rows.append((row, spans))
    return rows


def rule_line(shape: TableShape) -> str:
    return "─┼─".join("─" * width for width in shape.widths)


def _narrowed(widths: Sequence[int], room: int) -> list[int]:
    """The widths, the widest cut until all fit."""
    if sum(widths) <= room:
        return list(widths)
    low, high = NARROWEST, max(widths)
    while low < high:
        most = (low + high + 1) // 2
        if sum(min(width, most) for width in widths) <= room:
            low = most
        else:
            high = most - 1
    return [min(width, low) for width in widths]


def _align(rule_cell: str) -> Align:
    cell = rule_cell.strip()
    if cell.endswith(":"):
        return "center" if cell.startswith(":") else "right"
    return "left"


def _padding(spare: int, align: Align) -> tuple[int, int]:
    spare = max(0, spare)
    left = 0 if align == "left" else spare if align == "right" else spare // 2
    return left, spare - left
