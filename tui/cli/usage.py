"""``fleetdeck usage``: requests, tokens, cost and speed of a period."""

from __future__ import annotations

import time

import click

from tui.cli.answers import print_document
from tui.cli.lines import Line, print_lines
from tui.cli.main import CommandFailed
from tui.cli.period import since_option
from tui.fleet.printable import printable
from tui.fleet.wording import NOT_KNOWN, latency_words, time_words
from tui.ledger.exports import usage_document
from tui.ledger.file import LedgerError, LedgerFile
from tui.ledger.reports import By, UsageReport, UsageRow, no_usage, usage
from tui.ledger.trends import SLOWDOWN_RULE, Slowdown, slowdowns
from tui.ledger.wording import count_words, rate_words, row_words, spread_words, total_words, usd_words

FIGURES = ("REQUESTS", "ANSWERED", "TOKENS IN", "TOKENS OUT", "COST", "FIRST TOKEN P50", "P95", "TOKENS/S P50", "P95")
NAMES = {By.MODEL: ("MODEL", "WHERE"), By.TASK: ("TASK",), By.DAY: ("DAY",), By.WHERE: ("WHERE",)}


@click.command("usage")
@since_option
@click.option("--by", type=click.Choice([str(by) for by in By]), default="model", show_default=True, help="A row each.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def usage_command(since: float, by: str, as_json: bool) -> None:
    """What was asked: requests, tokens, cost, time to the first token and tokens per second.

    P50 is what half of the answers did not exceed, P95 what 95 of 100 did not exceed.
    """
    try:
        report, slower = _read(since, By(by))
    except LedgerError as error:
        raise CommandFailed(str(error)) from None
    if as_json:
        print_document(usage_document(report, slower, time.time()))
        return
    period = "since the ledger began" if not since else f"since {time_words(since)[:16]}"
    click.echo(f"{total_words(report)}, {period}")
    if report.rows:
        names = NAMES[report.by]
        lines = [Line((*names, *FIGURES)), *(Line((*_name(row, report.by), *_figures(row))) for row in report.rows)]
        print_lines(lines, right=range(len(names), len(names) + len(FIGURES)))
    if not report.exact:
        click.echo("P50 and P95 are within 2 %: they come from histograms", err=True)
    for one in slower:
        click.echo(f"▼ {printable(one.model, 120)} is slower: {one.now:.0f} tokens/s, before that {one.before:.0f}")
    if slower:
        click.echo(f"slower: {SLOWDOWN_RULE}", err=True)


def _read(since: float, by: By) -> tuple[UsageReport, tuple[Slowdown, ...]]:
    ledger = LedgerFile.existing()
    if ledger is None:
        return no_usage(since, by), ()
    with ledger:
        return usage(ledger, since, by), slowdowns(ledger)


def _name(row: UsageRow, by: By) -> tuple[str, ...]:
    words = row_words(row, by)
    return (words, row.detail or NOT_KNOWN) if by is By.MODEL else (words,)


def _figures(row: UsageRow) -> tuple[str, ...]:
    return (
        count_words(row.requests),
        count_words(row.answered),
        count_words(row.input_tokens),
        count_words(row.output_tokens),
        usd_words(row.cost_usd),
        *spread_words(row.first_token_s, latency_words),
        *spread_words(row.tokens_per_second, rate_words),
    )
