from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.processor import processor_seconds
from tui.routing.size import ENVELOPE, tokens_at_most

# Counted by hand: a token for each digit, sign, control code, piece of a word and character of Japanese.
COUNTED = {
    "Hello, world!": 4,
    "The quick brown fox jumps over the lazy dog.": 10,
    "1234567890": 10,
    "a b c d e f g h": 8,
    "x = [i**2 for i in range(10)]\n": 16,
    "こんにちは世界": 7,
    "\x00\x00\x00": 3,
}


@pytest.mark.parametrize("text", COUNTED)
def test_the_estimate_is_not_below_the_true_count(text: str) -> None:
    assert tokens_at_most(text) - ENVELOPE >= COUNTED[text]


def test_prose_is_not_made_out_to_be_three_times_as_long_as_it_is() -> None:
    prose = "The quick brown fox jumps over the lazy dog. " * 100
    assert tokens_at_most(prose) < 3 * 10 * 100


def test_nothing_is_nothing() -> None:
    assert tokens_at_most("") == 0


@given(st.text(), st.text())
def test_more_text_is_never_fewer_tokens(one: str, other: str) -> None:
    assert tokens_at_most(one + other) >= max(tokens_at_most(one), tokens_at_most(other))
    assert tokens_at_most(one) <= len(one.encode()) + ENVELOPE


def test_bytes_that_are_no_text_are_counted_and_five_megabytes_take_no_time() -> None:
    assert tokens_at_most("\udce9" * 10) >= 10
    text = "what is 2+2? " * 400_000
    assert processor_seconds(lambda: tokens_at_most(text)) < 0.2
