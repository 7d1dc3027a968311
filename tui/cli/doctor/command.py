"""``fleetdeck doctor``: what is wrong, and what to do about it."""

from __future__ import annotations

import asyncio
import shutil
import sys
import textwrap
from collections.abc import Sequence

import click
import msgspec

from tui.cli.doctor.finding import Area, Finding, Severity, count_words
from tui.cli.document import SCHEMA, Json
from tui.cli.main import EXIT_DONE, EXIT_FAILED, Invocation
from tui.cli.terminal import colored

SYMBOLS = {Severity.FINE: "●", Severity.WARNING: "!", Severity.PROBLEM: "×"}
COLORS = {Severity.FINE: "green", Severity.WARNING: "yellow", Severity.PROBLEM: "red"}
LONGEST_ABOUT = 28
NARROWEST = 60


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.pass_obj
def doctor(invocation: Invocation, as_json: bool) -> int:
    """Look for everything that is set up wrong, and say how to mend it.

    Asks servers and programs only what costs nothing and loads no model, and changes nothing. Takes about ten seconds
    where nothing answers. Exits with 1 where there is a problem; warnings alone are no failure.
    """
    from tui.cli.doctor.examination import examine

    if not as_json and sys.stderr.isatty():
        click.echo("fleetdeck: looking at everything, for ten seconds at most …", err=True)
    findings = asyncio.run(examine(invocation))
    if as_json:
        document = msgspec.json.format(msgspec.json.encode(_document(findings)), indent=1)
        sys.stdout.buffer.write(document + b"\n")
    else:
        _print(findings)
    return EXIT_FAILED if _count(findings, Severity.PROBLEM) else EXIT_DONE


def _count(findings: Sequence[Finding], severity: Severity) -> int:
    return sum(finding.severity is severity for finding in findings)


def _document(findings: Sequence[Finding]) -> Json:
    """``doctor --json``."""
    return {
        "schema": SCHEMA,
        "ok": not _count(findings, Severity.PROBLEM),
        "problems": _count(findings, Severity.PROBLEM),
        "warnings": _count(findings, Severity.WARNING),
        "findings": [
            {
                "area": str(finding.area),
                "about": finding.about,
                "severity": str(finding.severity),
                "text": finding.text,
                "fix": finding.fix or None,
            }
            for finding in findings
        ],
    }


def _print(findings: Sequence[Finding]) -> None:
    in_colors = colored(sys.stdout)
    width = max(NARROWEST, shutil.get_terminal_size().columns) if sys.stdout.isatty() else 10_000
    lengths = [len(finding.about) for finding in findings]
    about = max((length for length in lengths if length <= LONGEST_ABOUT), default=0)
    for area in Area:
        rows = [finding for finding in findings if finding.area is area]
        if rows:
            click.echo(click.style(str(area), bold=True) if in_colors else str(area))
        for finding in rows:
            for line in _lines(finding, about, width, in_colors):
                click.echo(line)
    click.echo(_summary(findings))


def _lines(finding: Finding, about: int, width: int, in_colors: bool) -> list[str]:
    """A finding, and its fix on the lines beneath."""
    head = f"{SYMBOLS[finding.severity]} {finding.severity.ljust(7)}"
    indent = len(head) + about + 6
    first = f"  {head}  {finding.about.ljust(about)}  "
    if len(finding.about) > about:
        first = f"  {head}  {finding.about}: "
    text = textwrap.wrap(first + finding.text, width, subsequent_indent=" " * indent, break_on_hyphens=False)
    if in_colors:
        text[0] = text[0].replace(head, click.style(head, fg=COLORS[finding.severity]), 1)
    arrow = " " * (indent - 2) + "→ "
    fix = textwrap.wrap(
        finding.fix, width, initial_indent=arrow, subsequent_indent=" " * indent, break_on_hyphens=False
    )
    return [*text, *fix]


def _summary(findings: Sequence[Finding]) -> str:
    problems, warnings = _count(findings, Severity.PROBLEM), _count(findings, Severity.WARNING)
    if not problems and not warnings:
        return "nothing is wrong"
    return f"{count_words(problems, 'problem')}, {count_words(warnings, 'warning')}"
