"""How use and speed change over time, and which model has become slower than it was."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from tui.ledger.distribution import Distribution
from tui.ledger.file import LedgerFile
from tui.ledger.periods import day_number, day_words, days_between

RECENT, EARLIER, FEWEST_EARLIER = 10, 50, 20
SLOWER_THAN = 0.7
SLOWDOWN_RULE = (
    f"the median of a model's last {RECENT} answers is below {SLOWER_THAN:.0%} of the median of the"
    f" {EARLIER} before them (at least {FEWEST_EARLIER})"
)
LONGEST_BY_DAY = 92
"""Days; a longer time is told by months."""
MODELS_COMPARED = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Slowdown:
    """A model that has become slower, by :data:`SLOWDOWN_RULE`. Medians of tokens per second."""

    model: str
    now: float
    before: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """How much and how fast over time, the oldest first."""

    spans: tuple[str, ...] = ()
    """Days ("2026-11-20"), or months ("2026-11") where there would be too many days."""
    requests: tuple[tuple[str, tuple[int, ...]], ...] = ()
    """Per "local", "cloud" and "" (nobody answered), one number for each span."""
    rates: tuple[tuple[str, tuple[float | None, ...]], ...] = ()
    """Per model the median of its tokens per second, within 2 %; None: nothing was measured."""


def slowdowns(ledger: LedgerFile) -> tuple[Slowdown, ...]:
    """The models that have become slower than they were, the one that lost most first.

    Raises:
        LedgerError: the file cannot be read, or is no ledger.
    """
    with ledger.connected() as connection:
        models = connection.execute("SELECT DISTINCT name FROM request_groups WHERE kind = 'model' AND name != ''")
        rates = {
            model: [
                rate
                for (rate,) in connection.execute(
                    "SELECT tokens_per_second FROM requests WHERE model = ? AND tokens_per_second IS NOT NULL"
                    " ORDER BY id DESC LIMIT ?",
                    (model, RECENT + EARLIER),
                )
            ]
            for (model,) in models.fetchall()
        }
    found = [found for model, newest_first in rates.items() if (found := slowdown_in(model, newest_first)) is not None]
    return tuple(sorted(found, key=lambda one: (one.now / one.before, one.model)))


def slowdown_in(model: str, newest_first: Sequence[float]) -> Slowdown | None:
    """Whether these tokens per second of a model's answers show that it has become slower."""
    recent, earlier = newest_first[:RECENT], newest_first[RECENT : RECENT + EARLIER]
    if len(recent) < RECENT or len(earlier) < FEWEST_EARLIER:
        return None
    now, before = median(recent), median(earlier)
    return Slowdown(model=model, now=now, before=before) if now < SLOWER_THAN * before else None


def trend(ledger: LedgerFile, since: float) -> Trend:
    """Whole days from the one that ``since`` (Unix seconds) is in, and the models that were measured most often.

    Raises:
        LedgerError: the file cannot be read, or is no ledger.
    """
    first_day = day_number(since)
    with ledger.connected() as connection:
        rows = connection.execute(
            "SELECT day, detail, sum(requests) FROM request_days JOIN request_groups ON id = group_id"
            " WHERE kind = 'model' AND day >= ? GROUP BY day, detail",
            (first_day,),
        ).fetchall()
        rows = [row for row in rows if row[2]]
        if not rows:
            return Trend()
        days = days_between(min(day for day, _, _ in rows), max(day for day, _, _ in rows))
        months = len(days) > LONGEST_BY_DAY
        first = first_day // 100 if months else first_day
        last = 999_999 if months else 99_999_999
        measured = connection.execute(
            "SELECT name, sum(request_speeds.requests) AS count"
            " FROM request_groups JOIN request_speeds ON id = group_id"
            " WHERE kind = 'model' AND name != '' AND measure = 1 AND span BETWEEN ? AND ?"
            " GROUP BY name ORDER BY count DESC, name LIMIT ?",
            (first, last, MODELS_COMPARED),
        ).fetchall()
        bounds = [low for (low,) in connection.execute("SELECT low FROM speed_bounds ORDER BY low")]
        medians = {name: _medians(connection, name, first, last, bounds) for name, _ in measured}
    spans = list(dict.fromkeys(day // 100 for day in days)) if months else days
    return Trend(
        spans=tuple(day_words(str(span)) for span in spans),
        requests=tuple(_counts(rows, spans, months)),
        rates=tuple((name, tuple(of_span.get(span) for span in spans)) for name, of_span in medians.items()),
    )


def _counts(
    rows: Iterable[tuple[int, str, int]], spans: Sequence[int], months: bool
) -> Iterator[tuple[str, tuple[int, ...]]]:
    counts: dict[tuple[str, int], int] = {}
    for day, place, count in rows:
        key = place, day // 100 if months else day
        counts[key] = counts.get(key, 0) + count
    for place in ("local", "cloud", ""):
        if any(key[0] == place for key in counts):
            yield place, tuple(counts.get((place, span), 0) for span in spans)


def _medians(
    connection: sqlite3.Connection, model: str, first: int, last: int, bounds: Sequence[float]
) -> dict[int, float]:
    """Span → the median of a model's tokens per second in it."""
    found: dict[int, Distribution] = {}
    rows = connection.execute(
        "SELECT span, bucket, request_speeds.requests FROM request_groups JOIN request_speeds ON id = group_id"
        " WHERE kind = 'model' AND name = ? AND measure = 1 AND span BETWEEN ? AND ?",
        (model, first, last),
    )
    for span, bucket, count in rows:
        found.setdefault(span, Distribution(bounds)).buckets[bucket] += count
    spreads = {span: distribution.spread() for span, distribution in found.items()}
    return {span: spread.p50 for span, spread in spreads.items() if spread is not None}
