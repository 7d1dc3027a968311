"""Text from outside reaches the terminal as text."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.fleet.printable import printable, printable_lines

ANY_TEXT = st.text(
    st.characters(codec=None) | st.sampled_from("\x00\x07\x1b\x7f\x9b\u202e\u2067\u200f\ud800\udfff\ufeff")
)
REORDERING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


def is_harmful(character: str) -> bool:
    return (
        unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp")
        or unicodedata.bidirectional(character) in REORDERING
        or character in "\u061c\u200b\u200e\u200f\u2060\ufeff"
    )


@given(ANY_TEXT)
def test_no_control_code_reordering_mark_or_lone_surrogate_survives(text: str) -> None:
    shown = printable(text)
    assert not [character for character in shown if is_harmful(character)]
    shown.encode()


@given(ANY_TEXT)
def test_each_character_stays_one_character(text: str) -> None:
    shown = printable(text)
    assert len(shown) == len(text)
    assert all(new == old for new, old in zip(shown, text, strict=True) if not is_harmful(old))


@given(ANY_TEXT, st.integers(1, 50))
def test_a_limit_is_kept_and_shows_that_something_was_cut(text: str, limit: int) -> None:
    shown = printable(text, limit)
    assert len(shown) <= limit
    assert shown.endswith("…") == (len(text) > limit or text.endswith("…"))


@given(ANY_TEXT)
def test_several_lines_stay_several_lines(text: str) -> None:
    shown = printable_lines(text)
    assert not [character for character in shown if is_harmful(character) and character != "\n"]
    assert shown.count("\n") == max(0, len(text.splitlines()) - 1)


def test_every_code_point_is_harmless_or_replaced() -> None:
    everything = "".join(map(chr, range(0x11_0000)))
    assert not [character for character in printable(everything) if is_harmful(character)]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2Jgone", "␛[2Jgone"),
        ("line\nbreak\r\ttab", "line␊break␍␉tab"),
        ("nul\x00byte\x7f", "nul␀byte␡"),
        ("c1\x9b31m", "c1�31m"),
        ("\u202egpj.exe", "�gpj.exe"),
        ("\ud800", "�"),
        ("👩‍👩‍👧‍👦 e\u0301 日本語 [/red]", "👩‍👩‍👧‍👦 e\u0301 日本語 [/red]"),
    ],
)
def test_what_was_there_can_be_guessed(text: str, shown: str) -> None:
    assert printable(text) == shown
