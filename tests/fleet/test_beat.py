"""When services are asked: together where they are few, one after another where they are many, and never too late."""

from __future__ import annotations

import itertools
import math

from hypothesis import given
from hypothesis import strategies as st

from tui.fleet.beat import seconds_to_beat, seconds_to_later_beat

SLOTS = st.integers(0, 1000)
PERIODS = st.sampled_from([0.2, 1.0, 4.0, 10.0, 60.0, 300.0])
MOMENTS = st.floats(1.7e9, 1.9e9)


@given(SLOTS, PERIODS, MOMENTS)
def test_nothing_waits_longer_than_its_period(slot: int, period: float, now: float) -> None:
    assert 0 < seconds_to_beat(slot, period, now) <= period
    assert period / 2 <= seconds_to_later_beat(slot, period, now) <= 1.5 * period


@given(SLOTS, PERIODS, MOMENTS, st.floats(0, 1))
def test_whenever_it_was_asked_last_the_next_time_is_the_same(
    slot: int, period: float, now: float, part: float
) -> None:
    at = now + seconds_to_beat(slot, period, now)
    earlier = now + part * (at - now) * 0.9
    assert math.isclose(earlier + seconds_to_beat(slot, period, earlier), at, abs_tol=1e-4)


def test_three_services_ask_in_one_breath_and_three_hundred_through_the_whole_second() -> None:
    now = 1_800_000_000.0
    assert max(seconds_to_beat(slot, 1.0, now) for slot in range(3)) < 1.0
    assert seconds_to_beat(2, 1.0, now) - seconds_to_beat(0, 1.0, now) < 0.02
    places = sorted(seconds_to_beat(slot, 1.0, now) for slot in range(300))
    assert max(later - earlier for earlier, later in itertools.pairwise(places)) < 0.02


def test_what_is_asked_once_is_not_asked_again() -> None:
    assert seconds_to_later_beat(0, math.inf, 0.0) == math.inf
