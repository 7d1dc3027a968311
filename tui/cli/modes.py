"""``fleetdeck external`` and ``private``. Hooks call them at every turn of an agent, so that they import little."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from tui.cli.main import CommandFailed, Invocation
from tui.cli.remembering import in_ledger
from tui.config.paths import find_config, state_home
from tui.fleet.printable import printable
from tui.routing.modes import Mode, read_modes

ACTIONS = ("on", "off", "toggle", "status")
_ACTION = click.argument("action", type=click.Choice(ACTIONS), default="status")
_REASON = click.option("--reason", metavar="TEXT", help="Why; it is shown wherever the mode is.")
_FORCE = click.option("--force", is_flag=True, help="Put a file that makes no sense aside and write it anew.")
_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON document.")


@click.command()
@_ACTION
@_REASON
@_FORCE
@_JSON
@click.pass_obj
def external(invocation: Invocation, action: str, reason: str | None, force: bool, as_json: bool) -> None:
    """External mode: tiers go to their external equivalents, and nothing goes to Claude's subscription."""
    _run(invocation, "external", action, reason, force, as_json)


@click.command()
@_ACTION
@_REASON
@_FORCE
@_JSON
@click.pass_obj
def private(invocation: Invocation, action: str, reason: str | None, force: bool, as_json: bool) -> None:
    """Private mode: prompts go to models on your own machines, or fail."""
    _run(invocation, "private", action, reason, force, as_json)


def _run(invocation: Invocation, name: str, action: str, reason: str | None, force: bool, as_json: bool) -> None:
    if action == "status":
        if reason is not None or force:
            raise click.UsageError("--reason and --force go with on, off and toggle")
        _status(invocation, name, as_json)
        return
    if invocation.readonly:
        raise click.UsageError("--readonly and a command that changes something do not go together")
    with in_ledger(f"mode.{name}", action):
        mode = _flip(invocation, name, action, reason, force)
    _print(name, mode, "", as_json)


def _status(invocation: Invocation, name: str, as_json: bool) -> None:
    external_file, modes_file = external_mode_file(invocation), state_home() / "modes.json"
    modes = read_modes(external_file, modes_file)
    mode = modes.external if name == "external" else modes.private
    file = external_file if name == "external" else modes_file
    problem = next((problem for problem in modes.problems if problem.startswith(f"{file} ")), "")
    _print(name, mode, problem, as_json)
    if problem:
        raise CommandFailed(f"{problem}; whether {name} mode is on is not known")


def _flip(invocation: Invocation, name: str, action: str, reason: str | None, force: bool) -> Mode:
    from tui.routing.mode_files import Flip, FlipRefused, flip_external, flip_private

    file, flip = (
        (external_mode_file(invocation), flip_external)
        if name == "external"
        else (state_home() / "modes.json", flip_private)
    )
    try:
        return flip(file, Flip(action), reason, force=force).mode
    except FlipRefused as error:
        raise CommandFailed(str(error)) from None


def external_mode_file(invocation: Invocation) -> Path:
    """Where external mode is kept, of a configuration that is otherwise not looked at: a mistake elsewhere in it, or
    the 30 ms that checking it takes, is nothing to stand in the way of this switch.

    Raises:
        ConfigError: the configuration is no TOML, or this setting is wrong.
    """
    from tui.config.source import parse_toml, read_config_text

    path = find_config(invocation.config_path)
    if path is not None:
        panel = parse_toml(read_config_text(path).removeprefix("\ufeff"), path).get("panel", {})
        if not isinstance(panel, dict):
            panel = {"external_mode_file": panel}
        if "external_mode_file" in panel:
            value = panel["external_mode_file"]
            if isinstance(value, str) and value.startswith(("/", "~")) and value.isprintable():
                return Path(value).expanduser()
            invocation.read_config()
    from tui.config.schema import PanelSettings

    return Path(PanelSettings().external_mode_file).expanduser()


def _print(name: str, mode: Mode, problem: str, as_json: bool) -> None:
    if as_json:
        document = {
            "schema": 1,
            "mode": name,
            "enabled": None if problem else mode.enabled,
            "activated_at": mode.activated_at,
            "reason": mode.reason,
        }
        sys.stdout.write(json.dumps(document, indent=1) + "\n")
    elif not problem:
        click.echo(f"{name} mode is {mode_words(mode)}")


def mode_words(mode: Mode) -> str:
    """``on since 2026-11-20 14:02 (quota)``, in local time."""
    if not mode.enabled:
        return "off"
    since = f" since {mode.since:%Y-%m-%d %H:%M}" if mode.since else ""
    return f"on{since}" + (f" ({printable(mode.reason, 200)})" if mode.reason else "")
