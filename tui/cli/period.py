"""``--since``, for the commands that look back."""

from __future__ import annotations

import time

import click

from tui.ledger.periods import NoPeriod, since_of


def _read(context: click.Context, parameter: click.Parameter, value: str) -> float:
    """The Unix seconds at which a period began."""
    try:
        return since_of(value, time.time())
    except NoPeriod as error:
        raise click.BadParameter(str(error), context, parameter) from None


since_option = click.option(
    "--since",
    default="7d",
    show_default=True,
    metavar="PERIOD",
    callback=_read,
    help="How far back: 24h, 7d, 2w, a day such as 2026-11-01, today, or all.",
)
