"""``fleetdeck audit``: which model saw what, and what was done to machines, services, models and modes."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from itertools import islice
from typing import TypeVar

import click

from tui.cli.lines import Line, print_lines
from tui.cli.main import CommandFailed
from tui.cli.period import since_option
from tui.fleet.printable import printable
from tui.fleet.wording import NOT_KNOWN, time_words, utc_words
from tui.ledger.exports import SCHEMA, action_record, json_lines, seen_record
from tui.ledger.file import LedgerError, LedgerFile
from tui.ledger.history import PAGE, DoneAction, SeenPrompt, Wanted, actions, all_of, seen_prompts
from tui.ledger.wording import asked_words

SEEN = ("AT", "MODEL", "WHERE", "FACE", "ASKED FOR", "MODE", "CHARACTERS", "SHA-256", "OUTCOME")
DONE = ("AT", "FACE", "ACTION", "TARGET", "MACHINE", "BEFORE", "AFTER", "RESULT")
HASH_SHOWN = 12
"""Digits of a prompt's hash that a line has room for; --json has all 64."""

T = TypeVar("T")


@click.command()
@since_option
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def audit(since: float, as_json: bool) -> None:
    """Which model saw which prompt, from which face and under which mode; and every action on a machine.

    The newest come first. A prompt is told by its length and its hash, never by its text.
    """
    wanted = Wanted(since=since)
    try:
        with LedgerFile.existing() or nullcontext() as ledger:
            if as_json:
                _print_document(ledger, wanted)
            else:
                _print_tables(ledger, wanted)
    except LedgerError as error:
        raise CommandFailed(str(error)) from None


def _seen(ledger: LedgerFile | None, wanted: Wanted) -> Iterator[SeenPrompt]:
    return iter(()) if ledger is None else all_of(lambda after: seen_prompts(ledger, wanted, after=after))


def _done(ledger: LedgerFile | None, wanted: Wanted) -> Iterator[DoneAction]:
    return iter(()) if ledger is None else all_of(lambda after: actions(ledger, wanted, after=after))


def _print_document(ledger: LedgerFile | None, wanted: Wanted) -> None:
    head = {
        "schema": SCHEMA,
        "at": utc_words(time.time()),
        "since": utc_words(wanted.since) if wanted.since else None,
    }
    lists = {
        "seen": (seen_record(one) for one in _seen(ledger, wanted)),
        "actions": (action_record(one) for one in _done(ledger, wanted)),
    }
    sys.stdout.writelines(json_lines(head, lists))


def _print_tables(ledger: LedgerFile | None, wanted: Wanted) -> None:
    click.echo("What models saw")
    _print_table(SEEN, _seen(ledger, wanted), _seen_line, right=(SEEN.index("CHARACTERS"),))
    click.echo("\nWhat was done")
    _print_table(DONE, _done(ledger, wanted), _done_line)


def _print_table(
    header: tuple[str, ...], rows: Iterable[T], line: Callable[[T], Line], right: tuple[int, ...] = ()
) -> None:
    """A page at a time, so that a long ledger begins at once and takes no memory."""
    lines = map(line, rows)
    page = list(islice(lines, PAGE))
    if not page:
        click.echo("  nothing")
        return
    widths = print_lines([Line(header), *page], right=right)
    while page := list(islice(lines, PAGE)):
        widths = print_lines(page, right=right, least=widths)


def _seen_line(seen: SeenPrompt) -> Line:
    attempt = seen.attempt
    outcome = f"{attempt.outcome}: {printable(attempt.reason, 160)}" if attempt.reason else attempt.outcome
    return Line(
        (
            time_words(attempt.at),
            printable(attempt.model, 80),
            attempt.where,
            printable(seen.face, 20),
            asked_words(seen.asked_kind, seen.asked_name),
            seen.mode or NOT_KNOWN,
            str(seen.prompt_length),
            seen.prompt_sha256[:HASH_SHOWN],
            outcome,
        )
    )


def _done_line(done: DoneAction) -> Line:
    action = done.action
    result = "worked" if action.worked else "failed"
    return Line(
        (
            time_words(action.at),
            printable(action.face, 20),
            printable(action.name, 40),
            printable(action.target, 80),
            printable(action.machine or NOT_KNOWN, 40),
            printable(action.before or NOT_KNOWN, 60),
            printable(action.after or NOT_KNOWN, 60),
            f"{result}: {printable(action.detail, 160)}" if action.detail else result,
        ),
        color=None if action.worked else "red",
    )
