"""Reports are what a person would get who added up every single request by hand."""

from __future__ import annotations

import math
import sqlite3
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ledger.asked import NOON, Asked, ask
from tui.ledger import reports
from tui.ledger.distribution import Distribution, Spread
from tui.ledger.periods import first_whole_day, start_of_day
from tui.ledger.records import Outcome
from tui.ledger.reports import By, UsageRow, usage
from tui.ledger.schema import MIGRATIONS
from tui.ledger.store import Ledger

DAY = 86_400.0


def key_of(asked: Asked, by: By) -> tuple[str, str]:
    match by:
        case By.MODEL:
            return asked.model or "", (asked.where or "") if asked.model else ""
        case By.TASK:
            return "" if asked.kind == "model" else asked.name, asked.kind
        case By.DAY:
            return datetime.fromtimestamp(asked.at).astimezone().strftime("%Y-%m-%d"), ""
        case By.WHERE:
            return (asked.where or "") if asked.model else "", ""


def spread_of(values: Sequence[float | None]) -> Spread | None:
    known = sorted(value for value in values if value is not None)
    if not known:
        return None
    half, most = (known[max(1, math.ceil(round(share * len(known), 6))) - 1] for share in (0.5, 0.95))
    return Spread(p50=half, p95=most, count=len(known))


def total_of(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def row_by_hand(key: tuple[str, str], group: Sequence[Asked]) -> UsageRow:
    return UsageRow(
        name=key[0],
        detail=key[1],
        requests=len(group),
        answered=sum(one.outcome is Outcome.FINISHED for one in group),
        input_tokens=total_of([one.input_tokens for one in group]),  # type: ignore[arg-type]
        output_tokens=total_of([one.output_tokens for one in group]),  # type: ignore[arg-type]
        cost_usd=total_of([one.cost for one in group]),
        priced=sum(one.cost is not None for one in group),
        first_token_s=spread_of([one.first_token for one in group]),
        tokens_per_second=spread_of([one.rate for one in group]),
    )


def rows_by_hand(asked: Sequence[Asked], since: float, by: By) -> dict[tuple[str, str], UsageRow]:
    groups: dict[tuple[str, str], list[Asked]] = defaultdict(list)
    for one in asked:
        if one.at >= since and one.outcome is not Outcome.RUNNING:
            groups[key_of(one, by)].append(one)
    return {key: row_by_hand(key, group) for key, group in groups.items()}


def assert_same(row: UsageRow, hand: UsageRow, *, within: float) -> None:
    """Sums to the last digit that matters; percentiles within a share of them."""
    counted = (row.requests, row.answered, row.input_tokens, row.output_tokens, row.priced)
    assert counted == (hand.requests, hand.answered, hand.input_tokens, hand.output_tokens, hand.priced)
    assert row.cost_usd == (None if hand.cost_usd is None else pytest.approx(hand.cost_usd, abs=1e-9))
    for measured, known in (
        (row.first_token_s, hand.first_token_s),
        (row.tokens_per_second, hand.tokens_per_second),
    ):
        assert (measured is None) == (known is None)
        if measured is not None and known is not None:
            assert measured.count == known.count
            assert measured.p50 == pytest.approx(known.p50, rel=within)
            assert measured.p95 == pytest.approx(known.p95, rel=within)


speeds = st.none() | st.floats(0.001, 90_000)
requests_of_weeks = st.builds(
    Asked,
    at=st.integers(0, 75 * 24).map(lambda hours: NOON - hours * 3600.0),
    kind=st.sampled_from(("task", "tier", "model")),
    name=st.sampled_from(("quick", "opus", "swap/qwen")),
    outcome=st.sampled_from((*Outcome,)),
    model=st.sampled_from(("swap/qwen", "cloud/gpt", None)),
    where=st.sampled_from(("local", "cloud")),
    input_tokens=st.none() | st.integers(0, 10**6),
    output_tokens=st.none() | st.integers(0, 10**6),
    cost=st.none() | st.floats(0, 10),
    first_token=speeds,
    rate=speeds,
)


def as_sent(asked: Asked) -> Asked:
    """Nobody is known to have run anywhere who did not answer."""
    return asked if asked.model is not None else Asked(**{**_fields(asked), "where": None})


def _fields(asked: Asked) -> dict[str, object]:
    return {name: getattr(asked, name) for name in Asked.__slots__}


@settings(max_examples=25, deadline=None)
@given(
    st.lists(requests_of_weeks.map(as_sent), max_size=25),
    st.integers(0, 80 * 24).map(lambda hours: NOON - hours * 3600.0),
    st.sampled_from((0, 10_000)),
)
def test_a_report_is_what_adding_up_by_hand_gives(asked: list[Asked], since: float, exact_up_to: int) -> None:
    """Both where requests are read one by one and where days and months were added up as they were written."""
    with (
        pytest.MonkeyPatch.context() as patch,
        tempfile.TemporaryDirectory() as folder,
        Ledger(Path(folder) / "ledger.sqlite3") as ledger,
    ):
        patch.setattr(reports, "EXACT_UP_TO", exact_up_to)
        for one in asked:
            ask(ledger, one)
        for by in By:
            report, hand = usage(ledger, since, by), rows_by_hand(asked, since, by)
            within = 1e-9 if report.exact else 0.0201
            assert {(row.name, row.detail) for row in report.rows} == set(hand)
            for row in report.rows:
                assert_same(row, hand[row.name, row.detail], within=within)
            everything = [one for one in asked if one.at >= since and one.outcome is not Outcome.RUNNING]
            assert_same(report.total, row_by_hand(("", ""), everything), within=within)


@settings(max_examples=15, deadline=None)
@given(st.lists(requests_of_weeks.map(as_sent), max_size=15), st.data())
def test_what_is_changed_or_deleted_by_other_programs_is_counted_as_it_is_then(
    asked: list[Asked], data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as folder, Ledger(Path(folder) / "ledger.sqlite3") as ledger:
        numbers = {ask(ledger, one): one for one in asked}
        gone = data.draw(st.sets(st.sampled_from(sorted(numbers))) if numbers else st.just(set()))
        with ledger.connected() as connection:
            for number in gone:
                connection.execute("DELETE FROM requests WHERE id = ?", (number,))
            connection.execute("UPDATE requests SET output_tokens = 7 WHERE outcome = 'failed'")
        kept = [
            Asked(**{**_fields(one), "output_tokens": 7}) if one.outcome is Outcome.FAILED else one
            for number, one in numbers.items()
            if number not in gone
        ]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(reports, "EXACT_UP_TO", -1)
            report = usage(ledger, 0.0, By.MODEL)
        hand = rows_by_hand(kept, 0.0, By.MODEL)
        assert {(row.name, row.detail) for row in report.rows} == set(hand)
        for row in report.rows:
            assert_same(row, hand[row.name, row.detail], within=0.0201)


def test_a_ledger_of_before_counts_what_was_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = [
        Asked(at=NOON - day * DAY, model=model, where=where, rate=20.0 + day, output_tokens=day, name=name)
        for day in range(40)
        for model, where, name in (("swap/qwen", "local", "quick"), ("cloud/gpt", "cloud", "vision"))
    ]
    path = tmp_path / "ledger.sqlite3"
    connection = sqlite3.connect(path)
    for statements in MIGRATIONS[:4]:
        for statement in statements:
            connection.execute(statement)
    connection.executemany(
        "INSERT INTO requests (at, face, asked_kind, asked_name, external, private, plan, prompt_sha256, prompt_length,"
        " outcome, model, place, output_tokens, tokens_per_second)"
        " VALUES (?, 'cli', 'task', ?, 0, 0, '[]', '', 0, 'finished', ?, ?, ?, ?)",
        [(one.at, one.name, one.model, one.where, one.output_tokens, one.rate) for one in asked],
    )
    connection.execute("PRAGMA user_version = 4")
    connection.commit()
    connection.close()
    monkeypatch.setattr(reports, "EXACT_UP_TO", 0)
    with Ledger(path) as ledger:
        asked.append(Asked(at=NOON + 1, rate=33.0, output_tokens=1))
        ask(ledger, asked[-1])
        for by in By:
            for since in (0.0, NOON - 20 * DAY):
                hand = rows_by_hand(asked, since, by)
                report = usage(ledger, since, by)
                assert not report.exact
                assert {(row.name, row.detail) for row in report.rows} == set(hand)
                for row in report.rows:
                    assert_same(row, hand[row.name, row.detail], within=0.0201)


def test_rows_stand_in_an_order_that_helps(ledger: Ledger) -> None:
    for day, model in ((1, "swap/gemma"), (0, "swap/qwen"), (0, "swap/qwen")):
        ask(ledger, Asked(at=NOON - day * DAY, model=model))
    assert [row.name for row in usage(ledger, 0.0, By.MODEL).rows] == ["swap/qwen", "swap/gemma"]
    assert [row.name for row in usage(ledger, 0.0, By.DAY).rows] == ["2026-11-20", "2026-11-19"]


def test_what_nobody_knows_is_not_zero(ledger: Ledger) -> None:
    ask(ledger, Asked())
    (row,) = usage(ledger, 0.0, By.MODEL).rows
    assert (row.input_tokens, row.output_tokens, row.cost_usd, row.first_token_s, row.tokens_per_second) == (None,) * 5
    ask(ledger, Asked(output_tokens=0, cost=0.0))
    (row,) = usage(ledger, 0.0, By.MODEL).rows
    assert (row.output_tokens, row.cost_usd, row.priced, row.requests) == (0, 0.0, 1, 2)


@given(st.lists(st.floats(0, 1e5), min_size=1, max_size=40), st.integers(0, 40))
def test_a_histogram_is_within_two_in_a_hundred(values: list[float], exact: int) -> None:
    bounds = [-1e308] + [0.0001 * 1.04**step for step in range(530)]
    whole, mixed = Distribution(bounds, list(values)), Distribution(bounds, list(values[:exact]))
    for value in values[exact:]:
        mixed.buckets[max(place for place, low in enumerate(bounds) if low <= value)] += 1
    one, other = whole.spread(), mixed.spread()
    assert one is not None
    assert other is not None
    assert other.count == one.count
    for was, told in ((one.p50, other.p50), (one.p95, other.p95)):
        assert told == pytest.approx(was, rel=0.0201, abs=0.0001)


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Kathmandu", "Europe/Berlin"])
def test_days_are_those_of_the_local_clock_also_where_it_is_put_forward(
    zone: str, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    monkeypatch.setattr(reports, "EXACT_UP_TO", 0)
    summer = datetime(2026, 3, 8, 0, 0).astimezone().timestamp()
    asked = [Asked(at=summer + hours * 3600.0 + 1) for hours in range(-30, 60, 5)]
    for one in asked:
        ask(ledger, one)
    for hours in (-30, -3, 0, 20, 24, 30):
        since = summer + hours * 3600.0
        assert start_of_day(since) <= since <= first_whole_day(since)
        report = usage(ledger, since, By.DAY)
        assert {row.name: row.requests for row in report.rows} == {
            name: row.requests for (name, _), row in rows_by_hand(asked, since, By.DAY).items()
        }
