"""How rows of the ledger look in a table."""

from __future__ import annotations

from collections.abc import Container
from datetime import datetime

from tui.app.widgets.columns import Column
from tui.app.widgets.row_painter import Cell
from tui.fleet.printable import printable
from tui.fleet.wording import NOT_KNOWN, latency_words
from tui.ledger.history import AskedRequest, DoneAction
from tui.ledger.records import Action
from tui.ledger.reports import By, UsageRow
from tui.ledger.wording import asked_words, count_words, rate_words, row_words, spread_words, usd_words

OUTCOMES = {
    "finished": ("●", "up"),
    "running": ("◔", "starting"),
    "refused": ("◐", "busy"),
    "cancelled": ("○", "idle"),
    "broken": ("×", "down"),
    "failed": ("×", "down"),
}
SLOWER = "▼"

USAGE_COLUMNS = (
    Column("name", "", 14, 60, stretch=True),
    Column("where", "where", 5, 6, rank=6),
    Column("requests", "requests", 8, 9, align="right"),
    Column("answered", "answered", 8, 9, rank=5, align="right"),
    Column("in", "tokens in", 9, 9, rank=4, align="right"),
    Column("out", "out", 7, 8, rank=2, align="right"),
    Column("cost", "cost", 7, 9, rank=1, align="right"),
    Column("first", "first token", 11, 11, rank=3, align="right"),
    Column("first95", "p95", 7, 8, rank=8, align="right"),
    Column("rate", "tok/s", 6, 7, align="right"),
    Column("rate95", "p95", 5, 6, rank=7, align="right"),
)
REQUEST_COLUMNS = (
    Column("at", "when", 11, 14),
    Column("outcome", "outcome", 10, 11, rank=1),
    Column("model", "model", 14, 44, stretch=True),
    Column("asked", "asked for", 10, 30, rank=4),
    Column("mode", "mode", 8, 16, rank=2),
    Column("where", "where", 5, 5, rank=6),
    Column("face", "face", 5, 8, rank=5),
    Column("characters", "prompt", 6, 8, rank=9, align="right"),
    Column("out", "tokens", 6, 8, rank=7, align="right"),
    Column("cost", "cost", 7, 9, rank=10, align="right"),
    Column("first", "first token", 11, 11, rank=8, align="right"),
    Column("rate", "tok/s", 5, 6, rank=3, align="right"),
)
ACTION_COLUMNS = (
    Column("at", "when", 11, 14),
    Column("result", "result", 8, 8, rank=1),
    Column("name", "action", 11, 16),
    Column("target", "target", 10, 44),
    Column("machine", "machine", 7, 16, rank=4),
    Column("change", "before → after", 16, 60, rank=2),
    Column("face", "face", 5, 8, rank=5),
    Column("detail", "what was said", 12, 200, rank=6, stretch=True),
)


def usage_key(row: UsageRow) -> str:
    return f"{row.detail}\0{row.name}"


def usage_cells(row: UsageRow, by: By, slower: Container[str]) -> tuple[Cell, ...]:
    """``slower``: the models that have become so."""
    first, first95 = spread_words(row.first_token_s, latency_words)
    rate, rate95 = spread_words(row.tokens_per_second, rate_words)
    is_slower = by is By.MODEL and row.name in slower
    return (
        Cell(row_words(row, by), "" if row.name else "dim"),
        Cell(row.detail if by is By.MODEL else "", "dim"),
        Cell(f"{row.requests:,}"),
        Cell(f"{row.answered:,}", "" if row.answered == row.requests else "busy"),
        Cell(count_words(row.input_tokens)),
        Cell(count_words(row.output_tokens)),
        Cell(usd_words(row.cost_usd), "" if row.priced else "dim"),
        Cell(first),
        Cell(first95, "dim"),
        Cell(f"{SLOWER} {rate}" if is_slower else rate, "down" if is_slower else ""),
        Cell(rate95, "dim"),
    )


def request_key(asked: AskedRequest) -> str:
    return str(asked.number)


def request_cells(asked: AskedRequest, now: float) -> tuple[Cell, ...]:
    symbol, style = OUTCOMES.get(asked.outcome, ("?", "unknown"))
    return (
        Cell(when_words(asked.at, now), "dim"),
        Cell(f"{symbol} {printable(asked.outcome, 20)}", style),
        Cell(printable(asked.model, 120) if asked.model else "nobody answered", "" if asked.model else "dim"),
        Cell(asked_words(asked.asked_kind, asked.asked_name)),
        Cell(asked.mode or NOT_KNOWN, "accent" if asked.mode else "dim"),
        Cell(asked.where or NOT_KNOWN, "dim"),
        Cell(printable(asked.face, 20), "dim"),
        Cell(count_words(asked.prompt_length), "dim"),
        Cell(count_words(asked.output_tokens)),
        Cell(usd_words(asked.cost_usd), "dim" if asked.cost_usd is None else ""),
        Cell(latency_words(asked.first_token_s)),
        Cell(rate_words(asked.tokens_per_second)),
    )


def action_key(done: DoneAction) -> str:
    return str(done.number)


def action_cells(done: DoneAction, now: float) -> tuple[Cell, ...]:
    action = done.action
    return (
        Cell(when_words(action.at, now), "dim"),
        Cell("● worked" if action.worked else "× failed", "up" if action.worked else "down"),
        Cell(printable(action.name, 40)),
        Cell(printable(action.target, 120)),
        Cell(printable(action.machine or NOT_KNOWN, 40), "dim"),
        Cell(change_words(action), "" if action.before or action.after else "dim"),
        Cell(printable(action.face, 20), "dim"),
        Cell(printable(action.detail, 200), "dim"),
    )


def change_words(action: Action) -> str:
    """What was before and what is since: "active → inactive"."""
    before, after = (printable(state or NOT_KNOWN, 60) for state in (action.before, action.after))
    return f"{before} → {after}"


def when_words(at: float, now: float) -> str:
    """Local time: "14:02:11" today, "11-19 14:02" within a year of it, else the whole date."""
    moment, today = (datetime.fromtimestamp(value).astimezone() for value in (at, now))
    if moment.date() == today.date():
        return moment.strftime("%H:%M:%S")
    return moment.strftime("%m-%d %H:%M" if moment.year == today.year else "%Y-%m-%d")
