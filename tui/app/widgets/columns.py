"""How the columns of a table share its width."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

GAP = 2


@dataclass(frozen=True, slots=True)
class Column:
    """One column. Widths are in terminal cells, without the gap beside it."""

    key: str
    title: str
    least: int
    most: int
    rank: int = 0
    """The highest rank is dropped first where the width does not suffice; 0 is never dropped."""
    align: Literal["left", "right"] = "left"
    stretch: bool = False
    """Takes what the others leave."""


@dataclass(frozen=True, slots=True)
class PlacedColumn:
    """A column that is shown, with its width."""

    column: Column
    position: int
    """Its place among all columns, shown or not."""
    width: int


def place_columns(columns: Sequence[Column], wanted: Mapping[str, int], width: int) -> tuple[PlacedColumn, ...]:
    """Chooses the columns for ``width`` cells and gives each its share.

    ``wanted`` holds the width that each column's longest text asks for. Columns are dropped by rank until the least
    widths fit beside whole names (the columns of rank 0, as far as they leave half of the width), and narrow ones come
    back where a wide one has left room; what is left over goes to wishes first, in the columns' order, and then to
    those that stretch.
    """
    shown = list(enumerate(columns))
    names = sum(
        max(0, min(column.most, wanted.get(column.key, 0), width // 2) - column.least)
        for column in columns
        if column.rank == 0
    )
    dropped: list[tuple[int, Column]] = []
    while _least_total(shown) + names > width:
        droppable = [item for item in shown if item[1].rank > 0]
        if not droppable:
            break
        dropped.append(shown.pop(shown.index(max(droppable, key=lambda item: (item[1].rank, item[0])))))
    for item in sorted(dropped, key=lambda item: item[1].rank):
        if _least_total([*shown, item]) + names <= width:
            shown.append(item)
    shown.sort(key=lambda item: item[0])
    if not shown:
        return ()
    widths = {position: column.least for position, column in shown}
    spare = width - _least_total(shown)
    for position, column in shown:
        wish = max(0, min(column.most, wanted.get(column.key, 0)) - column.least)
        given = max(0, min(wish, spare))
        widths[position] += given
        spare -= given
    stretching = [position for position, column in shown if column.stretch]
    if stretching and spare > 0:
        widths[stretching[-1]] += spare
    return tuple(PlacedColumn(column, position, widths[position]) for position, column in shown)


def _least_total(shown: Sequence[tuple[int, Column]]) -> int:
    return sum(column.least for _, column in shown) + GAP * max(0, len(shown) - 1)
