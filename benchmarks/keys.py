"""How long a key takes to show."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.terminal import DOWN, UP, Terminal

COLUMN = 3
"""A column of the screen on which all tables here show a row's background."""
NAME_WIDTH = 20
SECONDS_BEFORE_GIVING_UP = 5.0
SHORTEST_PAUSE, LONGEST_PAUSE = 0.06, 0.16
"""Seconds between presses. They differ, so that presses fall before, into and after what the clock makes it draw."""


@dataclass(frozen=True, slots=True)
class RowCursor:
    """The cursor of a table, known by the background of the row that it is on."""

    background: str

    def row_name(self, terminal: Terminal) -> str:
        """The beginning of the row under the cursor; empty where no row is."""
        buffer = terminal.screen.buffer
        for line in range(terminal.screen.lines):
            if buffer[line][COLUMN].bg == self.background:
                return "".join(buffer[line][column].data for column in range(COLUMN, COLUMN + NAME_WIDTH)).strip()
        return ""


def find_cursor(terminal: Terminal) -> RowCursor:
    """Finds the cursor by moving it down and up again: a background goes from one line to the next.

    Raises:
        NeverShown: nothing moved.
    """
    before = _backgrounds(terminal)
    found: list[str] = []

    def moved(now: Terminal) -> bool:
        after = _backgrounds(now)
        pairs = zip(before, after, after[1:], strict=False)
        found[:] = [was for was, here, below in pairs if was != here and was == below]
        return bool(found)

    terminal.press(DOWN)
    terminal.wait_until(moved, "the cursor moves down")
    cursor = RowCursor(found[0])
    name = cursor.row_name(terminal)
    terminal.press(UP)
    terminal.wait_until(lambda now: cursor.row_name(now) not in ("", name), "the cursor moves up")
    return cursor


def time_presses(terminal: Terminal, presses: int, *, walk: int) -> list[float]:
    """Seconds from each press until the cursor is on another row: ``walk`` rows down, as many up, and so on.

    What else is drawn meanwhile, such as ages once a second, counts for nothing.

    Raises:
        NeverShown: a press moved nothing.
    """
    cursor = find_cursor(terminal)
    pauses = _pauses()
    taken = []
    for number in range(presses):
        terminal.follow(next(pauses))
        name = cursor.row_name(terminal)
        pressed = terminal.press(UP if number // walk % 2 else DOWN)
        seen = terminal.wait_until(
            lambda now, name=name: cursor.row_name(now) not in ("", name),  # type: ignore[misc]
            f"press {number} moves the cursor",
            SECONDS_BEFORE_GIVING_UP,
        )
        taken.append(seen - pressed)
    return taken


def _pauses() -> Iterator[float]:
    chance = random.Random(2026)
    while True:
        yield chance.uniform(SHORTEST_PAUSE, LONGEST_PAUSE)


def _backgrounds(terminal: Terminal) -> list[str]:
    return [terminal.screen.buffer[line][COLUMN].bg for line in range(terminal.screen.lines)]
