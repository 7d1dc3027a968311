"""``fleetdeck conversations``: those that the playground has kept."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

import click

from tui.cli.answers import print_document
from tui.cli.asking import ask_person, person_is_there, refuse_readonly
from tui.cli.lines import Line, print_lines
from tui.cli.main import CommandFailed, Invocation
from tui.fleet.printable import printable, printable_lines
from tui.ledger.conversations import Conversations, NoSuchConversation, conversations_now
from tui.ledger.file import LedgerError
from tui.ledger.transcript import NotExported, as_markdown, conversation_json, export, export_path, listing_json

if TYPE_CHECKING:
    from tui.ledger.records import Conversation

NUMBER = click.argument("number", type=int, metavar="ID")


@click.group(invoke_without_command=True)
@click.option("--search", default="", metavar="WORDS", help="Only those that hold all these words.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.pass_context
def conversations(context: click.Context, search: str, as_json: bool) -> None:
    """The conversations of the playground that were kept, the newest first."""
    if context.invoked_subcommand is not None:
        return
    with _explained():
        listing = conversations_now(search)
    if as_json:
        print_document(listing_json(listing))
        return
    print_lines(
        [
            Line(
                (
                    str(one.number),
                    f"{datetime.fromtimestamp(one.changed_at).astimezone():%Y-%m-%d %H:%M}",
                    printable(one.name, 70),
                    printable(one.model, 60),
                    f"{one.turns} turn{'' if one.turns == 1 else 's'}",
                )
            )
            for one in listing.conversations
        ]
    )
    if listing.found > len(listing.conversations):
        click.echo(f"{listing.found} were found; --search WORDS finds the older ones", err=True)
    if not listing.found:
        click.echo("none was found" if search else "none has been kept yet", err=True)


@conversations.command()
@NUMBER
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def show(number: int, as_json: bool) -> None:
    """Print one conversation, as Markdown."""
    conversation = _opened(number)
    if as_json:
        print_document(conversation_json(conversation))
    else:
        click.echo(printable_lines(as_markdown(conversation)), nl=False)


@conversations.command(name="export")
@NUMBER
@click.argument("file")
def export_command(number: int, file: str) -> None:
    """Write one conversation into a new FILE (0600): JSON where its name ends so, else Markdown."""
    conversation = _opened(number)
    try:
        # Whoever types a name in a shell means the folder that they are in.
        path = export_path(file, here=True)
        export(conversation, path)
    except NotExported as error:
        raise CommandFailed(str(error)) from None
    click.echo(str(path))


@conversations.command()
@NUMBER
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.pass_obj
def delete(invocation: Invocation, number: int, yes: bool) -> None:
    """Delete one conversation and its text for good; the figures of its requests stay."""
    refuse_readonly(invocation)
    conversation = _opened(number)
    with _explained(), Conversations() as kept:
        if not yes:
            name = printable(conversation.name, 60)
            if not person_is_there():
                raise click.UsageError(f"{name!r} is deleted for good; say --yes to do so")
            shared = kept.turns_elsewhere(number)
            stay = (f"{shared} of its turns are in a branch as well, and stay there.",) if shared else ()
            ask_person(f"Delete {name!r} and its text for good?", stay)
        if not kept.delete(number):
            click.echo("traces stay on the disk until another fleetdeck that reads the ledger ends", err=True)


def _opened(number: int) -> Conversation:
    with _explained(), Conversations.existing() or contextlib.nullcontext() as kept:
        if kept is None:
            raise NoSuchConversation(number)
        return kept.opened(number)


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except NoSuchConversation as error:
        raise click.UsageError(f"{error}; `fleetdeck conversations` lists them") from None
    except LedgerError as error:
        raise CommandFailed(str(error)) from None
