"""Simulated models: the same prompt gets the same answer, in pieces that make up the text."""

from __future__ import annotations

import math
import time

from hypothesis import given
from hypothesis import strategies as st

from tui.demo.models import answer_to, paced, tokens_of


@given(st.text())
def test_tokens_make_up_the_text(text: str) -> None:
    assert "".join(tokens_of(text)) == text


@given(st.text(), st.booleans(), st.integers(0, 400))
def test_an_answer_depends_on_nothing_but_what_was_asked(prompt: str, thinking: bool, limit: int) -> None:
    answer = answer_to(prompt, thinking=thinking, limit=limit)
    assert answer == answer_to(prompt, thinking=thinking, limit=limit)
    assert answer.completion_tokens <= limit or answer.finish == "stop"
    assert bool(answer.reasoning) <= thinking


def test_an_answer_is_lively_markdown() -> None:
    text = "".join(answer_to("why is the sky blue").text)
    assert "\n## " in text
    assert "\n- " in text
    assert text.count("```") == 2


def test_a_prompt_can_ask_for_a_length() -> None:
    assert len(answer_to("write 20000 tokens").text) == 20_000


async def test_tokens_come_at_the_models_rate() -> None:
    tokens = ("x",) * 100
    times = []
    for _ in range(3):
        began = time.perf_counter()
        told = [token async for group in paced(tokens, 1000) for token in group]
        times.append(time.perf_counter() - began)
        assert told == list(tokens)
    # Once in three times a busy machine lets it be as quick as it is.
    assert 0.09 < min(times) < 0.5
    assert [token async for group in paced(tokens, math.inf) for token in group] == list(tokens)
