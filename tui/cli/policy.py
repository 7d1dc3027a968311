"""``fleetdeck import-policy``: a model policy of older scripts becomes settings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tui.cli.main import CommandFailed, Invocation
from tui.fleet.printable import printable, printable_lines

if TYPE_CHECKING:
    from tui.bridges.policy_file import Policy

LARGEST = 1_000_000
"""Bytes: a policy is a few thousand."""


@click.command("import-policy")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Show what would change, and write nothing.")
@click.pass_obj
def import_policy(invocation: Invocation, file: Path, dry_run: bool) -> None:
    """Take the models, tiers and tasks of a model-policy.json over into the configuration, and show the difference."""
    from tui.bridges.policy_file import take_over
    from tui.config.edit import edit_config
    from tui.config.errors import ConfigChanged
    from tui.config.kept_file import versions
    from tui.config.load import parse_config
    from tui.config.paths import default_config_path, find_config
    from tui.config.splice import NoSuchPlace

    if invocation.readonly and not dry_run:
        raise click.UsageError("--readonly and a command that changes something do not go together; try --dry-run")
    policy = _policy(file)
    path = find_config(invocation.config_path) or default_config_path()
    notes: list[str] = []

    def change(text: str) -> str:
        changed, left_out = take_over(policy, parse_config(text, path), text)
        notes.extend(left_out)
        return changed

    try:
        edit = edit_config(path, change)
        parse_config(edit.after.decode(), path)
        if not dry_run:
            edit.save()
    except (ConfigChanged, NoSuchPlace) as error:
        raise CommandFailed(str(error)) from None
    click.echo(printable_lines(edit.diff()))
    for note in notes:
        click.echo(printable(note, 200), err=True)
    if edit.after == edit.before:
        click.echo(f"{path} says all of it already", err=True)
    elif not dry_run:
        kept = versions(path)
        before = f"; what it was is kept as {kept[0].name}" if kept else ""
        click.echo(f"{path} is written{before}", err=True)


def _policy(file: Path) -> Policy:
    from tui.bridges.policy_file import NoPolicy, read_policy

    try:
        with file.open("rb") as opened:
            content = opened.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise NoPolicy("is larger than 1 MB")
        return read_policy(content.decode("utf-8-sig"))
    except OSError as error:
        raise click.UsageError(f"{file} cannot be read: {(error.strerror or 'error').lower()}") from None
    except UnicodeDecodeError:
        raise click.UsageError(f"{file} is no UTF-8 text") from None
    except NoPolicy as error:
        raise click.UsageError(f"{file} {error}, so that it is no model policy") from None
