"""``fleetdeck external`` and ``private``. Hooks call them at every turn of an agent, so that they import little."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tui.cli.asking import refuse_readonly
from tui.cli.main import CommandFailed, Invocation
from tui.cli.remembering import in_ledger
from tui.config.paths import EXTERNAL_MODE_FILE, find_config, modes_file
from tui.fleet.printable import printable
from tui.routing.modes import Mode, read_modes

if TYPE_CHECKING:
    from tui.bridges.phrases import ModeName

ACTIONS = ("on", "off", "toggle", "status")
_ACTION = click.argument("action", type=click.Choice(ACTIONS), required=False)
_SAY = click.option("--say", "phrase", metavar="PHRASE", help="What the person said, instead of an action.")
_REASON = click.option("--reason", metavar="TEXT", help="Why; it is shown wherever the mode is.")
_FORCE = click.option("--force", is_flag=True, help="Put a file that makes no sense aside and write it anew.")
_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON document.")


@click.command()
@_ACTION
@_SAY
@_REASON
@_FORCE
@_JSON
@click.pass_obj
def external(
    invocation: Invocation, action: str | None, phrase: str | None, reason: str | None, force: bool, as_json: bool
) -> None:
    """External mode: tiers go to their external equivalents, and nothing goes to Claude's subscription."""
    _run(invocation, "external", _said("external", action, phrase), reason, force, as_json)


@click.command()
@_ACTION
@_SAY
@_REASON
@_FORCE
@_JSON
@click.pass_obj
def private(
    invocation: Invocation, action: str | None, phrase: str | None, reason: str | None, force: bool, as_json: bool
) -> None:
    """Private mode: prompts go to models on your own machines, or fail."""
    _run(invocation, "private", _said("private", action, phrase), reason, force, as_json)


def _said(name: ModeName, action: str | None, phrase: str | None) -> str:
    """The action, however it was given.

    Raises:
        click.UsageError: the phrase is not known, or both were given.
    """
    if phrase is None:
        return action or "status"
    if action is not None:
        raise click.UsageError("--say stands instead of an action")
    from tui.bridges.phrases import EXAMPLES, said_of

    said = said_of(phrase, name)
    if said is not None:
        return said
    other: ModeName = "private" if name == "external" else "external"
    words = f"{printable(phrase, 80)!r} is no phrase about {name} mode, so nothing was changed"
    if said_of(phrase, other) is not None:
        raise click.UsageError(f"{words}; `fleetdeck {other} --say` takes it")
    usual = "; ".join(f'{action}: "{phrases[0]}"' for action, phrases in EXAMPLES[name].items())
    raise click.UsageError(f"{words}. It understands {usual}")


def _run(invocation: Invocation, name: ModeName, action: str, reason: str | None, force: bool, as_json: bool) -> None:
    if action in ("status", "once"):
        if reason is not None or force:
            raise click.UsageError("--reason and --force go with on, off and toggle")
        _status(invocation, name, action, as_json)
        return
    refuse_readonly(invocation)
    with in_ledger(f"mode.{name}", action) as change, change.seen(lambda: _mode(invocation, name)[0].state):
        mode = _flip(invocation, name, action, reason, force)
    _print(name, mode, "", action, as_json)


def _status(invocation: Invocation, name: ModeName, action: str, as_json: bool) -> None:
    mode, problem = _mode(invocation, name)
    _print(name, mode, problem, action, as_json)
    if problem and action == "status":
        raise CommandFailed(f"{problem}; whether {name} mode is on is not known")


def _mode(invocation: Invocation, name: ModeName) -> tuple[Mode, str]:
    """The mode as its file has it, and what is wrong with that file."""
    external_file = external_mode_file(invocation)
    modes = read_modes(external_file, modes_file())
    if name == "external":
        return modes.external, modes.external_problem
    return modes.private, modes.others_problem


def _flip(invocation: Invocation, name: str, action: str, reason: str | None, force: bool) -> Mode:
    from tui.routing.mode_files import Flip, FlipRefused, flip_external, flip_private

    file, flip = (external_mode_file(invocation), flip_external) if name == "external" else (modes_file(), flip_private)
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
    return Path(EXTERNAL_MODE_FILE).expanduser()


def _print(name: ModeName, mode: Mode, problem: str, action: str, as_json: bool) -> None:
    """``action`` "once": the mode stays as it is, and the option is told that does the same for one request."""
    if as_json:
        import json

        document: dict[str, object] = {
            "schema": 1,
            "mode": name,
            "enabled": None if problem else mode.enabled,
            "activated_at": mode.activated_at,
            "reason": mode.reason,
        }
        if action == "once":
            document |= {"said": action, "option": f"--{name}"}
        sys.stdout.write(json.dumps(document, indent=1) + "\n")
    elif action == "once":
        click.echo(f"for one request: fleetdeck invoke --{name}; the mode itself stays as it is")
    elif not problem:
        click.echo(f"{name} mode is {mode_words(mode)}")


def mode_words(mode: Mode) -> str:
    """``on since 2026-11-20 14:02 (quota)``, in local time."""
    if not mode.enabled:
        return "off"
    since = f" since {mode.since:%Y-%m-%d %H:%M}" if mode.since else ""
    return f"on{since}" + (f" ({printable(mode.reason, 200)})" if mode.reason else "")
