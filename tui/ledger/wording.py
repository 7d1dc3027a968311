"""What the ledger holds, in the words that every face uses. What is not known is "–", never 0."""

from __future__ import annotations

from collections.abc import Callable

from tui.fleet.printable import printable
from tui.fleet.wording import NOT_KNOWN
from tui.ledger.distribution import Spread
from tui.ledger.reports import By, UsageReport, UsageRow

NOBODY = "(nobody answered)"
BY_NAME = "(a model by its name)"


def row_words(row: UsageRow, by: By) -> str:
    """What a row of a report is about: a model's id, a task, "tier opus", a day, a place."""
    if by is By.TASK:
        return asked_words(row.detail, row.name) if row.name else BY_NAME
    return printable(row.name, 120) if row.name else NOBODY


def asked_words(kind: str, name: str) -> str:
    """What was asked for: a task by its name alone, "tier opus", "model llama-swap/qwen3"."""
    return printable(name if kind == "task" else f"{kind} {name}", 120)


def count_words(count: int | None) -> str:
    """Tokens or requests, as exactly as four digits allow: "812", "12.4 k", "3.1 M"."""
    if count is None:
        return NOT_KNOWN
    if count < 10_000:
        return str(count)
    return f"{count / 1000:.1f} k" if count < 999_950 else f"{count / 1_000_000:.1f} M"


def usd_words(cost: float | None) -> str:
    """US dollars: "$0.00", "$12.30", and small sums to the digit that tells: "$0.0012"."""
    if cost is None:
        return NOT_KNOWN
    return f"${cost:.4f}" if 0 < cost < 0.1 else f"${cost:.2f}"


def rate_words(rate: float | None) -> str:
    """Tokens per second, without the unit."""
    if rate is None:
        return NOT_KNOWN
    return f"{rate:.0f}" if rate >= 9.95 else f"{rate:.1f}"


def spread_words(spread: Spread | None, words: Callable[[float], str]) -> tuple[str, str]:
    """P50 and P95, each in ``words``."""
    return (NOT_KNOWN, NOT_KNOWN) if spread is None else (words(spread.p50), words(spread.p95))


def total_words(report: UsageReport) -> str:
    """All of a report in a line."""
    total = report.total
    if not total.requests:
        return "no requests"
    failed = total.requests - total.answered
    parts = [
        f"{total.requests:,} request{'' if total.requests == 1 else 's'}{f', {failed:,} unanswered' if failed else ''}",
        f"{count_words(total.input_tokens)} tokens in, {count_words(total.output_tokens)} out",
        f"{usd_words(total.cost_usd)} ({total.priced:,} priced)" if total.priced else "",
    ]
    return " · ".join(part for part in parts if part)
