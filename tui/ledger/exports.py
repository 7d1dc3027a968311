"""Reports and records of the ledger as JSON and CSV. Of prompts and answers there is never a text in them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping

from tui.fleet.wording import utc_words
from tui.ledger.distribution import Spread
from tui.ledger.history import AskedRequest, DoneAction, SeenPrompt
from tui.ledger.reports import By, UsageReport, UsageRow
from tui.ledger.trends import SLOWDOWN_RULE, Slowdown

Json = dict[str, object]
SCHEMA = 1
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What spreadsheets take for the beginning of a formula."""


def usage_document(report: UsageReport, slower: Iterable[Slowdown], now: float) -> Json:
    """The whole report; times are milliseconds, money is US dollars, what is not known is null."""
    return {
        "schema": SCHEMA,
        "at": utc_words(now),
        "since": utc_words(report.since) if report.since else None,
        "by": str(report.by),
        "percentiles": "exact" if report.exact else "within 2 %",
        "rows": [{**_named(row, report.by), **_figures(row)} for row in report.rows],
        "total": _figures(report.total),
        "slower": [
            {"model": one.model, "tokens_per_second": {"now": round(one.now, 2), "before": round(one.before, 2)}}
            for one in slower
        ],
        "slower_rule": SLOWDOWN_RULE,
    }


def usage_records(report: UsageReport) -> Iterator[Json]:
    """A flat record for each row."""
    for row in report.rows:
        figures = _figures(row)
        flat: Json = {}
        for name, value in {**_named(row, report.by), **figures}.items():
            if name in ("first_token_ms", "tokens_per_second"):
                spread = value if isinstance(value, dict) else {}
                flat |= {f"{name}_p50": spread.get("p50"), f"{name}_p95": spread.get("p95")}
            else:
                flat[name] = value
        yield flat


def _named(row: UsageRow, by: By) -> Json:
    match by:
        case By.MODEL:
            return {"model": row.name or None, "where": row.detail or None}
        case By.TASK:
            return {
                "task": row.name if row.detail == "task" else None,
                "tier": row.name if row.detail == "tier" else None,
            }
        case By.DAY | By.WHERE:
            return {str(by): row.name or None}


def _figures(row: UsageRow) -> Json:
    return {
        "requests": row.requests,
        "answered": row.answered,
        "input_tokens": row.input_tokens,
        "output_tokens": row.output_tokens,
        "cost_usd": None if row.cost_usd is None else round(row.cost_usd, 9),
        "priced_requests": row.priced,
        "first_token_ms": _spread(row.first_token_s, 1000),
        "tokens_per_second": _spread(row.tokens_per_second, 1),
    }


def _spread(spread: Spread | None, scale: float) -> Json | None:
    if spread is None:
        return None
    return {"p50": round(spread.p50 * scale, 2), "p95": round(spread.p95 * scale, 2), "requests": spread.count}


def request_record(asked: AskedRequest) -> Json:
    """A request without its text."""
    return {
        "request": asked.number,
        "at": utc_words(asked.at),
        "face": asked.face,
        "asked_kind": asked.asked_kind,
        "asked_name": asked.asked_name,
        "model": asked.model,
        "where": asked.where,
        "served_by": asked.served_by,
        "external": asked.external,
        "private": asked.private,
        "outcome": asked.outcome,
        "input_tokens": asked.input_tokens,
        "output_tokens": asked.output_tokens,
        "cost_usd": asked.cost_usd,
        "load_ms": _milliseconds(asked.load_s),
        "first_token_ms": _milliseconds(asked.first_token_s),
        "total_ms": _milliseconds(asked.total_s),
        "tokens_per_second": asked.tokens_per_second,
        "prompt_sha256": asked.prompt_sha256,
        "prompt_length": asked.prompt_length,
    }


def seen_record(seen: SeenPrompt) -> Json:
    """Which model saw which prompt, from which face, under which mode."""
    return {
        "at": utc_words(seen.attempt.at),
        "model": seen.attempt.model,
        "where": seen.attempt.where,
        "face": seen.face,
        "asked": {seen.asked_kind: seen.asked_name},
        "external": seen.external,
        "private": seen.private,
        "prompt_sha256": seen.prompt_sha256,
        "prompt_length": seen.prompt_length,
        "outcome": seen.attempt.outcome,
        "reason": seen.attempt.reason,
        "request": seen.request,
    }


def action_record(done: DoneAction) -> Json:
    """What was done to what, and what that was before and afterwards."""
    action = done.action
    return {
        "at": utc_words(action.at),
        "face": action.face,
        "action": action.name,
        "target": action.target,
        "machine": action.machine,
        "worked": action.worked,
        "before": action.before,
        "after": action.after,
        "detail": action.detail,
    }


def json_lines(head: Mapping[str, object], lists: Mapping[str, Iterable[Json]]) -> Iterator[str]:
    """One document with the fields of ``head`` and the ``lists``, a line a record: however many there are, they need
    not be in memory together."""
    yield "{" + ", ".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in head.items())
    for name, records in lists.items():
        yield f", {json.dumps(name)}: ["
        separator = ""
        for record in records:
            yield f"{separator}\n {json.dumps(record)}"
            separator = ","
        yield "]"
    yield "}\n"


def csv_lines(records: Iterable[Json]) -> Iterator[str]:
    """A line of names and a line for each record (RFC 4180); a text that spreadsheets would take for a formula begins
    with an apostrophe."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    for number, record in enumerate(records):
        if number == 0:
            writer.writerow(record)
        writer.writerow([_harmless(value) for value in record.values()])
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()


def _harmless(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 2)
