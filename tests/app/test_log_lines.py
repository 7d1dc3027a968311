"""What a line of a log becomes, and how a log that is told anew is joined to what was read."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.app.log_feeds import REMEMBERED
from tui.app.log_lines import Colour, Ink, Level, line_of_text, unseen
from tui.fleet.printable import printable


def test_a_lines_colours_are_kept_beside_its_text() -> None:
    line = line_of_text("\x1b[31mbad\x1b[0m fine \x1b[1;96mnote\x1b[22m\x1b[39m.")
    assert line.text == "bad fine note."
    assert line.inks == (Ink(0, 3, Colour.RED, False), Ink(9, 13, Colour.BLUE, True))
    assert line_of_text("\x1b[38;2;1;31;3mx\x1b[48;5;31my\x1b[38;5;1mz").inks == (Ink(2, 3, Colour.RED, False),)


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("[ERROR] x", Level.ERROR),
        ("[WARN] x", Level.WARNING),
        ("[DEBUG] x", Level.DEBUG),
        ("[INFO] an error in the middle", Level.PLAIN),
        ("E llama: x", Level.ERROR),
        ("Every day", Level.PLAIN),
        ("errors: 0", Level.PLAIN),
    ],
)
def test_a_lines_level_is_what_it_begins_with(text: str, level: Level) -> None:
    assert line_of_text(text).level is level


@given(
    st.text()
    | st.lists(st.sampled_from(["\x1b[31m", "\x1b[", "1;", "m", "\r", "\x9b", "\u202e", "a", "\t"])).map("".join)
)
def test_whatever_is_logged_no_control_code_is_left_and_colours_lie_within_the_text(raw: str) -> None:
    line = line_of_text(raw)
    assert line.text == printable(line.text)
    assert all(0 <= ink.start < ink.end <= len(line.text) for ink in line.inks)


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 60))
def test_no_line_is_lost_or_told_twice_while_the_history_reaches_back_to_what_is_kept(
    shown: int, reaches_back: int, more: int
) -> None:
    log = [f"line {number}" for number in range(shown + more)]
    history = log[max(0, shown - reaches_back - 1) :]
    new, goes_on = unseen(log[:shown][-REMEMBERED:], [line_of_text(text) for text in history])
    assert [line.text for line in new] == log[shown:]
    assert goes_on


def histories() -> Iterator[tuple[list[str], list[str], list[str], bool]]:
    yield [], ["a", "b"], ["a", "b"], True
    yield ["a", "b"], ["a", "b", "c"], ["c"], True
    yield ["a", "b"], ["a", "b"], [], True
    yield ["x", "a", "b"], ["a", "b", "c"], ["c"], True
    yield ["a", "a"], ["a", "a", "a", "b"], ["b"], True
    yield ["a", "b"], ["c"], ["c"], False
    yield ["a", "b"], [], [], False


@pytest.mark.parametrize(("kept", "history", "new", "goes_on"), histories())
def test_a_history_that_is_told_anew_goes_on_where_the_kept_lines_end(
    kept: list[str], history: list[str], new: list[str], goes_on: bool
) -> None:
    found, continued = unseen(kept, [line_of_text(text) for text in history])
    assert ([line.text for line in found], continued) == (new, goes_on)
