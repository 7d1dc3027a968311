"""``fleetdeck keys``, ``themes`` and ``config``: what a person may set, and what they have set."""

from __future__ import annotations

import click

from tui.cli.lines import Line, print_lines
from tui.cli.main import Invocation


@click.command()
@click.pass_obj
def keys(invocation: Invocation) -> None:
    """The keys of the panel, with the ids that [keys] in the configuration rebinds."""
    from tui.app.actions import ACTIONS, key_problems, keys_in_force

    config = invocation.read_config()
    changed = config.keys if config is not None else {}
    in_force = keys_in_force(changed)
    print_lines([Line((in_force[action.id], action.id, str(action.scope), action.about)) for action in ACTIONS])
    for problem in key_problems(changed):
        click.echo(problem, err=True)


@click.command()
@click.pass_obj
def themes(invocation: Invocation) -> None:
    """The themes that the panel can use; your own stand beside your configuration, in themes/."""
    from tui.app.themes import read_themes
    from tui.config.paths import config_home, shipped

    config = invocation.read_config()
    chosen = config.panel.theme if config is not None else "fleet-dark"
    found = read_themes((shipped("themes"), config_home() / "themes"))
    print_lines([Line(("*" if name == chosen else " ", name, about)) for name, about in found.abouts.items()])
    if found.problem:
        click.echo(found.problem, err=True)


@click.group()
def config() -> None:
    """Where the configuration is, and what is wrong with it."""


@config.command()
@click.pass_obj
def path(invocation: Invocation) -> None:
    """Print the path of the configuration in force, or of the one to be written."""
    from tui.config.paths import default_config_path, find_config

    found = find_config(invocation.config_path)
    click.echo(str(found or default_config_path()))
    if found is None:
        click.echo("It does not exist yet.", err=True)


@config.command()
@click.pass_obj
def check(invocation: Invocation) -> None:
    """Say what is wrong with the configuration, all of it, each with its line."""
    found = invocation.read_config()
    if found is None:
        raise click.UsageError("you have no configuration yet; `fleetdeck config path` says where it goes")
    from tui.app.actions import key_problems

    problems = key_problems(found.keys)
    if problems:
        raise click.UsageError("\n".join(problems))
    click.echo(f"{found.path}: {len(found.services)} services, {len(found.machines)} machines, no problems")


@config.command()
@click.pass_obj
def edit(invocation: Invocation) -> None:
    """Open the configuration in $VISUAL or $EDITOR, and save it once nothing is wrong with it.

    The last ten versions are kept beside it. Without a configuration it begins with the one that comes with fleetdeck.
    """
    from tui.cli.asking import refuse_readonly
    from tui.cli.config_edit import edit_configuration
    from tui.config.paths import find_config

    refuse_readonly(invocation)
    click.echo(edit_configuration(find_config(invocation.config_path)))
