"""Draws the rows of a table: cells in columns, or parts along a whole line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from tui.app.widgets.columns import GAP, Column, PlacedColumn, place_columns

MARGIN = 1


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: harmless text, and the name of a style of a table."""

    text: str
    style: str = ""


class RowPainter:
    """Keeps the columns' widths and the styles of one table.

    ``rich_look`` gives the style of a name: a row's is whole, a cell's holds only what is different there.
    """

    def __init__(self, columns: Sequence[Column], rich_look: Callable[[str], Style]) -> None:
        self.placed: tuple[PlacedColumn, ...] = ()
        self._columns = tuple(columns)
        self._rich_look = rich_look
        self._wanted: dict[str, int] = {}
        self._styles: dict[tuple[str, str], Style] = {}

    def forget_styles(self) -> None:
        self._styles.clear()

    def forget_widths(self) -> None:
        self._wanted = {column.key: cell_len(column.title) for column in self._columns}

    def grew_wider(self, rows: Iterable[tuple[Cell, ...]]) -> bool:
        """Learns how wide these rows' texts are; True where a column now asks for more room than before."""
        wanted = dict(self._wanted)
        for cells in rows:
            for column, cell in zip(self._columns, cells, strict=True):
                wanted[column.key] = max(wanted.get(column.key, 0), cell_len(cell.text))
        grew = wanted != self._wanted
        self._wanted = wanted
        return grew

    def place(self, width: int) -> None:
        """Chooses the columns for a table of ``width`` cells."""
        self.placed = place_columns(self._columns, self._wanted, width - 2 * MARGIN)

    def header(self, width: int) -> Strip:
        return self.row(tuple(Cell(column.title) for column in self._columns), "header", width)

    def row(self, cells: tuple[Cell, ...], kind: str, width: int) -> Strip:
        base = self.style(kind, "")
        segments = [Segment(" " * MARGIN, base)]
        for number, placed in enumerate(self.placed):
            if number:
                segments.append(Segment(" " * GAP, base))
            cell = cells[placed.position]
            segments.append(Segment(_fit(cell.text, placed), self.style(kind, cell.style)))
        return Strip(segments).adjust_cell_length(width, base)

    def line(self, parts: tuple[Cell, ...], kind: str, width: int) -> Strip:
        """A row whose parts follow one another without regard to columns."""
        base = self.style(kind, "")
        segments = [Segment(" " * MARGIN, base)]
        segments += [Segment(part.text, self.style(kind, part.style)) for part in parts]
        return Strip(segments).adjust_cell_length(width, base)

    def note(self, text: str, width: int) -> Strip:
        """What stands in place of rows."""
        return Strip([Segment(set_cell_size(text, width), self.style("row", "empty"))], width)

    def style(self, kind: str, name: str) -> Style:
        """The style of a cell on a row; the row under a focused cursor has one colour, so that all of it is legible."""
        style = self._styles.get((kind, name))
        if style is None:
            style = self._rich_look(kind)
            if name and kind != "cursor":
                style = style + self._rich_look(name)
            self._styles[kind, name] = style
        return style


def _fit(text: str, placed: PlacedColumn) -> str:
    width = placed.width
    if (length := cell_len(text)) > width:
        return set_cell_size(text, max(0, width - 1)) + "…" if width else ""
    padding = " " * (width - length)
    return padding + text if placed.column.align == "right" else text + padding
