"""How values spread: exactly while they are few, by a histogram where they are many."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from tui.ledger.rollups import BUCKET_RATIO, LOWEST_BOUND


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """The value that half of all do not exceed, and the one that 95 of 100 do not exceed (nearest rank)."""

    p50: float
    p95: float
    count: int
    """Of how many values."""


@dataclass(slots=True)
class Distribution:
    """Values, and buckets of a histogram with how many values are in each. Buckets begin at the places of ``bounds``
    and each above the last by :data:`BUCKET_RATIO`, so that what is told of them is within 2 %."""

    bounds: Sequence[float]
    values: list[float] = field(default_factory=list)
    buckets: Counter[int] = field(default_factory=Counter)

    def take(self, other: Distribution) -> None:
        """Adds all of another one."""
        self.values += other.values
        self.buckets.update(other.buckets)

    def spread(self) -> Spread | None:
        """None where there are no values."""
        if not self.buckets:
            ordered = sorted(self.values)
            if not ordered:
                return None
            return Spread(
                p50=ordered[_rank(0.5, len(ordered)) - 1],
                p95=ordered[_rank(0.95, len(ordered)) - 1],
                count=len(ordered),
            )
        buckets = self.buckets.copy()
        for value in self.values:
            buckets[bisect_right(self.bounds, value) - 1] += 1
        ordered_buckets = sorted(buckets)
        passed = list(accumulate(buckets[bucket] for bucket in ordered_buckets))
        if not passed or not passed[-1]:
            return None
        p50, p95 = (ordered_buckets[bisect_left(passed, _rank(share, passed[-1]))] for share in (0.5, 0.95))
        return Spread(p50=self._middle(p50), p95=self._middle(p95), count=passed[-1])

    def _middle(self, bucket: int) -> float:
        return LOWEST_BOUND if bucket == 0 else self.bounds[bucket] * math.sqrt(BUCKET_RATIO)


def _rank(share: float, count: int) -> int:
    # 0.95 * 20 is 19.000000000000004 in floating point, and the 19th value is meant.
    return max(1, math.ceil(round(share * count, 6)))
