"""One clock by which all watches ask: a few services in one breath, hundreds closely one after another."""

from __future__ import annotations

import math

BETWEEN_SLOTS = 0.004
"""Seconds between two services' questions: about twice what one costs."""
BEFORE_THE_SECOND = 0.06
"""Seconds: answers that come just before the panel draws its clock are drawn with it."""


def seconds_to_beat(slot: int, period: float, now: float) -> float:
    """Seconds until the place of service number ``slot`` in the next ``period``, ``period`` at the most.

    Keeping time together leaves the processor asleep for the rest of each second: three services asked at moments of
    their own cost a third more.
    """
    if not math.isfinite(period):
        return period
    place = slot * BETWEEN_SLOTS - BEFORE_THE_SECOND
    return (place - now) % period or period


def seconds_to_later_beat(slot: int, period: float, now: float) -> float:
    """The same for what need not be known to the second: half a period at least, one and a half at the most."""
    seconds = seconds_to_beat(slot, period, now)
    return seconds if seconds >= period / 2 else seconds + period
