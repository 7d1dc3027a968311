"""What was used of which model, for which task, on which day and where: requests, tokens, money and speed.

Requests that are still being answered are not part of it; days and months are those of the local clock.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import groupby
from operator import itemgetter

from tui.ledger.distribution import Distribution, Spread
from tui.ledger.file import LedgerFile
from tui.ledger.periods import day_number, day_words, first_whole_day
from tui.ledger.rollups import EVERYTHING

EXACT_UP_TO = 10_000
"""Requests of a period that are read one by one; of longer ones whole days come from sums and histograms."""


class By(StrEnum):
    """What each row of a report is about."""

    MODEL = "model"
    TASK = "task"
    DAY = "day"
    WHERE = "where"


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageRow:
    """Requests that have something in common. None: not known of any of them."""

    name: str
    """The model's id, the task or tier, the day ("2026-11-20"), or "local" and "cloud". Empty: no model answered, or no
    task was asked for, but a model by its name."""
    detail: str
    """Of a model where it ran; of a task whether it is a "task" or a "tier"; else empty."""
    requests: int
    answered: int
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: float | None
    """US dollars, of those whose price is known."""
    priced: int
    """How many those are."""
    first_token_s: Spread | None
    tokens_per_second: Spread | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageReport:
    """The most used first and what has no name last; days with the newest first."""

    since: float
    by: By
    rows: tuple[UsageRow, ...]
    total: UsageRow
    exact: bool
    """False where percentiles come from histograms, and are within 2 %."""


@dataclass(slots=True)
class _Tally:
    """Sums and speeds of one row, while they are added up."""

    first_token: Distribution
    rate: Distribution
    requests: int = 0
    answered: int = 0
    input_tokens: int = 0
    input_known: int = 0
    output_tokens: int = 0
    output_known: int = 0
    cost_usd: float = 0.0
    cost_known: int = 0

    def add(self, sums: Sequence[float]) -> None:
        """Adds the sums of the ledger's ``request_days``, in their order there."""
        self.requests += int(sums[0])
        self.answered += int(sums[1])
        self.input_tokens += int(sums[2])
        self.input_known += int(sums[3])
        self.output_tokens += int(sums[4])
        self.output_known += int(sums[5])
        self.cost_usd += sums[6]
        self.cost_known += int(sums[7])

    def take(self, other: _Tally) -> None:
        self.add(other.sums)
        self.first_token.take(other.first_token)
        self.rate.take(other.rate)

    @property
    def sums(self) -> tuple[float, ...]:
        return (
            self.requests,
            self.answered,
            self.input_tokens,
            self.input_known,
            self.output_tokens,
            self.output_known,
            self.cost_usd,
            self.cost_known,
        )

    def row(self, name: str, detail: str) -> UsageRow:
        return UsageRow(
            name=name,
            detail=detail,
            requests=self.requests,
            answered=self.answered,
            input_tokens=self.input_tokens if self.input_known else None,
            output_tokens=self.output_tokens if self.output_known else None,
            cost_usd=self.cost_usd if self.cost_known else None,
            priced=self.cost_known,
            first_token_s=self.first_token.spread(),
            tokens_per_second=self.rate.spread(),
        )


@dataclass(slots=True)
class _Tallies:
    """The tallies of all rows, by name and detail."""

    bounds: Sequence[float]
    by_key: dict[tuple[str, str], _Tally] = field(default_factory=dict)

    def of(self, name: str, detail: str = "") -> _Tally:
        tally = self.by_key.get((name, detail))
        if tally is None:
            tally = self.by_key[name, detail] = _Tally(Distribution(self.bounds), Distribution(self.bounds))
        return tally

    def take_request(self, key: tuple[str, str], request: Sequence[float | None]) -> None:
        """Takes one request: whether it was answered, its tokens, cost, time to first token and tokens per second."""
        answered, input_tokens, output_tokens, cost, first_token, rate = request
        tally = self.of(*key)
        known = [(value or 0, value is not None) for value in (input_tokens, output_tokens, cost)]
        tally.add((1, answered or 0, *(part for pair in known for part in pair)))
        if first_token is not None:
            tally.first_token.values.append(first_token)
        if rate is not None:
            tally.rate.values.append(rate)

    def take_speeds(self, rows: Iterable[tuple[str, str, int, int, int]]) -> None:
        """Takes name, detail, measure, bucket and how many are in it, all of one histogram in one piece."""
        for (name, detail, measure), histogram in groupby(rows, itemgetter(0, 1, 2)):
            tally = self.of(name, detail)
            speeds = tally.rate if measure else tally.first_token
            speeds.buckets.update({bucket: count for *_, bucket, count in histogram})


_REQUEST_KEYS = {
    By.MODEL: "coalesce(model, ''), coalesce(place, '')",
    By.TASK: "iif(asked_kind = 'model', '', asked_name), asked_kind",
    By.DAY: "strftime('%Y%m%d', at, 'unixepoch', 'localtime'), ''",
    By.WHERE: "coalesce(place, ''), ''",
}
_GROUP_KEYS = {
    By.MODEL: ("model", "name, detail"),
    By.TASK: ("task", "name, detail"),
    By.WHERE: ("model", "detail AS name, '' AS detail"),
}
_SUMS = (
    "sum(requests), sum(answered), sum(input_tokens), sum(input_known), sum(output_tokens), sum(output_known),"
    " sum(cost_usd), sum(cost_known)"
)


def usage(ledger: LedgerFile, since: float, by: By) -> UsageReport:
    """All requests that were asked at ``since`` (Unix seconds) or later and have ended, in rows.

    Raises:
        LedgerError: the file cannot be read, or is no ledger.
    """
    with ledger.connected() as connection:
        bounds = [low for (low,) in connection.execute("SELECT low FROM speed_bounds ORDER BY low")]
        tallies = _Tallies(bounds)
        until = None if _are_few(connection, since) else first_whole_day(since)
        for name, detail, *request in _requests(connection, since, until, by):
            tallies.take_request((name, detail), request)
        if until is not None:
            _take_whole_days(connection, day_number(until), by, tallies)
    total = _Tally(Distribution(bounds), Distribution(bounds))
    for tally in tallies.by_key.values():
        total.take(tally)
    rows = [
        tally.row(day_words(name) if by is By.DAY else name, detail)
        for (name, detail), tally in tallies.by_key.items()
        if tally.requests
    ]
    if by is By.DAY:
        rows.sort(key=lambda row: row.name, reverse=True)
    else:
        rows.sort(key=lambda row: (not row.name, -row.requests, row.name, row.detail))
    return UsageReport(since=since, by=by, rows=tuple(rows), total=total.row("", ""), exact=until is None)


def no_usage(since: float, by: By) -> UsageReport:
    """The report of a ledger that there is none of."""
    return UsageReport(
        since=since, by=by, rows=(), total=_Tally(Distribution(()), Distribution(())).row("", ""), exact=True
    )


def _are_few(connection: sqlite3.Connection, since: float) -> bool:
    (count,) = connection.execute(
        "SELECT count(*) FROM (SELECT 1 FROM requests WHERE at >= ? LIMIT ?)", (since, EXACT_UP_TO + 1)
    ).fetchone()
    return int(count) <= EXACT_UP_TO


def _requests(connection: sqlite3.Connection, since: float, until: float | None, by: By) -> sqlite3.Cursor:
    return connection.execute(
        f"SELECT {_REQUEST_KEYS[by]}, outcome = 'finished', input_tokens, output_tokens, cost_usd, first_token_s,"  # noqa: S608
        " tokens_per_second FROM requests WHERE at >= ? AND at < ? AND outcome != 'running'",
        (since, float("inf") if until is None else until),
    )


def _take_whole_days(connection: sqlite3.Connection, first_day: int, by: By, tallies: _Tallies) -> None:
    """Adds all days from ``first_day`` on."""
    if by is By.DAY:
        days = connection.execute(
            f"SELECT CAST(day AS TEXT), {_SUMS} FROM request_days WHERE group_id = ? AND day >= ? GROUP BY day",  # noqa: S608
            (EVERYTHING, first_day),
        )
        for day, *sums in days:
            tallies.of(day).add(sums)
        speeds = connection.execute(
            "SELECT CAST(span AS TEXT), '', measure, bucket, requests FROM request_speeds"
            " WHERE group_id = ? AND measure IN (0, 1) AND span >= ? ORDER BY measure, span",
            (EVERYTHING, first_day),
        )
        tallies.take_speeds(speeds)
        return
    kind, names = _GROUP_KEYS[by]
    groups = connection.execute(
        f"SELECT {names}, {_SUMS} FROM request_days JOIN request_groups ON id = group_id"  # noqa: S608
        " WHERE kind = ? AND day >= ? GROUP BY 1, 2",
        (kind, first_day),
    )
    for name, detail, *sums in groups:
        tallies.of(name, detail).add(sums)
    for first, last in _spans(first_day):
        speeds = connection.execute(
            f"SELECT {names}, measure, bucket, sum(requests) FROM request_groups JOIN request_speeds ON id = group_id"  # noqa: S608
            " WHERE kind = ? AND measure IN (0, 1) AND span BETWEEN ? AND ? GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3",
            (kind, first, last),
        )
        tallies.take_speeds(speeds)


def _spans(first_day: int) -> Iterator[tuple[int, int]]:
    """All days from ``first_day`` on, as the days to the end of its month and then whole months."""
    month, day = divmod(first_day, 100)
    if day == 1:
        yield month, 999_999
    else:
        yield first_day, month * 100 + 31
        yield month + 1, 999_999
