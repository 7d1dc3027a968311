"""How fast a model answers over time, and that it became slower."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ledger.asked import NOON, Asked, ask
from tui.ledger.records import Outcome
from tui.ledger.store import Ledger
from tui.ledger.trends import slowdown_in, slowdowns, trend

DAY = 86_400.0


def test_a_model_that_became_slower_is_told(ledger: Ledger) -> None:
    for step in range(60):
        ask(ledger, Asked(at=NOON + step, rate=80.0 if step < 50 else 30.0))
        ask(ledger, Asked(at=NOON + step, model="swap/gemma", rate=80.0 + step % 7))
    (found,) = slowdowns(ledger)
    assert (found.model, found.now, found.before) == ("swap/qwen", 30.0, 80.0)


@given(st.lists(st.floats(50, 70), min_size=30, max_size=60), st.sets(st.integers(0, 29), max_size=4))
def test_single_slow_answers_are_no_slowdown(rates: list[float], slow: set[int]) -> None:
    rates = [1.0 if place in slow else rate for place, rate in enumerate(rates)]
    assert slowdown_in("swap/qwen", rates) is None


@given(st.lists(st.floats(50, 70), min_size=20, max_size=50), st.lists(st.floats(5, 30), min_size=10, max_size=10))
def test_ten_slow_answers_are_one_whatever_was_before(before: list[float], recent: list[float]) -> None:
    found = slowdown_in("swap/qwen", recent + before)
    assert found is not None
    assert found.now < 0.7 * found.before


def test_nothing_is_said_of_a_model_that_has_hardly_been_used() -> None:
    assert slowdown_in("swap/qwen", [10.0] * 10 + [80.0] * 19) is None


def test_a_trend_is_told_by_days_and_a_long_one_by_months(ledger: Ledger) -> None:
    for day in range(0, 150, 10):
        ask(ledger, Asked(at=NOON - day * DAY, rate=50.0))
    ask(ledger, Asked(at=NOON, model="cloud/gpt", where="cloud"))
    ask(ledger, Asked(at=NOON, model=None, where=None, outcome=Outcome.FAILED))
    recent = trend(ledger, NOON - 20 * DAY)
    assert (recent.spans[0], recent.spans[1], recent.spans[-1]) == ("2026-10-31", "2026-11-01", "2026-11-20")
    used = [at for at in range(21) if at % 10 == 0]
    requests_of = dict(recent.requests)
    assert requests_of["local"] == tuple(int(at in used) for at in range(21))
    assert requests_of["cloud"] == requests_of[""] == (*[0] * 20, 1)
    (name, rates) = recent.rates[0]
    assert name == "swap/qwen"
    assert [at for at, rate in enumerate(rates) if rate is not None] == used
    assert [rates[at] for at in used] == pytest.approx([50.0] * 3, rel=0.021)
    for day in range(150):
        ask(ledger, Asked(at=NOON - day * DAY, rate=50.0))
    assert trend(ledger, 0.0).spans == ("2026-06", "2026-07", "2026-08", "2026-09", "2026-10", "2026-11")
