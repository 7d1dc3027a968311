"""Aligned lines for a terminal, plain for everything else."""

from __future__ import annotations

import sys
from collections.abc import Container, Sequence
from dataclasses import dataclass

import click

from tui.cli.terminal import colored


@dataclass(frozen=True, slots=True)
class Line:
    """The cells of one line. The colour is for the first two, which hold a symbol, a name and a state."""

    cells: tuple[str, ...]
    color: str | None = None


def print_lines(lines: Sequence[Line], *, right: Container[int] = (), least: Sequence[int] = ()) -> tuple[int, ...]:
    """Prints ``lines`` in columns; a line of one cell stands for itself and asks for no room.

    The columns at the places ``right`` are numbers. ``least`` are widths that columns have at least: who prints a long
    table in parts hands each the widths that the one before returned.
    """
    in_columns = [line.cells for line in lines if len(line.cells) > 1]
    count = max((len(cells) for cells in in_columns), default=0)
    widths = [max((len(cells[at]) for cells in in_columns if at < len(cells)), default=0) for at in range(count)]
    widths = [max(width, *least[at : at + 1]) if at < len(least) else width for at, width in enumerate(widths)]
    in_color = colored(sys.stdout)
    for line in lines:
        if len(line.cells) == 1:
            click.echo(line.cells[0])
            continue
        texts = [
            cell.rjust(widths[at]) if at in right else cell.ljust(widths[at]) for at, cell in enumerate(line.cells)
        ]
        if in_color and line.color is not None:
            texts[:2] = [click.style(text, fg=line.color) for text in texts[:2]]
        click.echo("  ".join(texts).rstrip())
    return tuple(widths)
