"""What a race measures of each lane, and the order that a figure puts the lanes in."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from tui.chat.drill import Stage
from tui.chat.race import Lane


class RaceFigure(StrEnum):
    """One figure of a lane, by which lanes can be put in order."""

    TOTAL = "total"
    FIRST_TOKEN = "first-token"  # noqa: S105  (no password)
    LOAD = "load"
    PREFILL = "prefill"
    TOKENS_PER_SECOND = "tokens-per-second"
    TOKENS = "tokens"
    COST = "cost"
    GPU_MEMORY = "gpu-memory"


MOST_FIRST = frozenset({RaceFigure.TOKENS_PER_SECOND})
"""Figures of which more is better."""


def value_of(lane: Lane, figure: RaceFigure) -> float | None:
    """A lane's figure in seconds, tokens, US dollars or bytes; None: not known, or not yet."""
    match figure:
        case RaceFigure.FIRST_TOKEN:
            return lane.first_token
        case RaceFigure.PREFILL:
            return lane.prefill
        case RaceFigure.GPU_MEMORY:
            return lane.memory
    finished = lane.finished
    if finished is None:
        return None
    match figure:
        case RaceFigure.TOTAL:
            return finished.timings.total
        case RaceFigure.LOAD:
            return finished.timings.load
        case RaceFigure.TOKENS_PER_SECOND:
            return finished.timings.tokens_per_second
        case RaceFigure.TOKENS:
            return finished.usage.output
        case RaceFigure.COST:
            return finished.cost


def ordered(lanes: Sequence[Lane], figure: RaceFigure = RaceFigure.TOTAL) -> list[Lane]:
    """Those that answered, the best first, and behind them those whose figure is not known; then those that have not
    finished, then those that were not asked."""
    sign = -1 if figure in MOST_FIRST else 1

    def place(lane: Lane) -> tuple[int, float]:
        if lane.finished is None:
            return (2 if lane.stage is Stage.SKIPPED else 1), 0.0
        value = value_of(lane, figure)
        return 0, float("inf") if value is None else sign * value

    return sorted(lanes, key=place)
