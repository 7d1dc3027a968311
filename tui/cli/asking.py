"""What stands before a command that changes something for others."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from tui.cli.main import CommandFailed, Invocation


def refuse_readonly(invocation: Invocation) -> None:
    """
    Raises:
        click.UsageError: ``--readonly`` was said before the command.
    """
    if invocation.readonly:
        raise click.UsageError("--readonly and a command that changes something do not go together")


def person_is_there() -> bool:
    """Whether somebody can be asked: what is read and where is asked are both a terminal."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def ask_person(question: str, consequences: Sequence[str]) -> None:
    """Asks on the terminal, with what will be disturbed above the question.

    Raises:
        CommandFailed: the answer was no.
    """
    for consequence in consequences:
        click.echo(consequence, err=True)
    if not click.confirm(question, default=False, err=True):
        raise CommandFailed("nothing was changed")
