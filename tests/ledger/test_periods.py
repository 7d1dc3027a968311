"""Since when, as people write it."""

from __future__ import annotations

import pytest

from tests.ledger.asked import NOON
from tui.ledger.periods import NoPeriod, since_of

DAY = 86_400.0


@pytest.mark.parametrize(
    ("words", "since"),
    [
        ("7d", NOON - 7 * DAY),
        ("24h", NOON - DAY),
        ("2w", NOON - 14 * DAY),
        ("90m", NOON - 5400),
        ("today", NOON - DAY / 2),
        ("2026-11-01", NOON - 19.5 * DAY),
        ("2026-11-20 11:00", NOON - 3600),
        ("2026-11-20T11:00:00+01:00", NOON - 7200),
        ("all", 0.0),
        ("999999999w", 0.0),
    ],
)
def test_a_period_is_written_as_people_write_it(words: str, since: float) -> None:
    assert since_of(words, NOON) == since


@pytest.mark.parametrize("words", ["", "7", "d", "seven days", "-1d", "2026-13-01", "1.5d"])
def test_what_is_no_period_is_said(words: str) -> None:
    with pytest.raises(NoPeriod, match="is no period: say 7d, 24h"):
        since_of(words, NOON)
