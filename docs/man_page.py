"""Writes ``fleetdeck.1`` from the commands themselves: ``python -m docs.man_page``."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from tui import __version__
from tui.cli.main import cli

PAGE = Path(__file__).with_name("fleetdeck.1")
ABOUT = "control panel for a private fleet of language models, and for the routing of prompts among them"
FILES = (
    ("~/.config/fleetdeck/config.toml", "The configuration, unless --config or $FLEETDECK_CONFIG names another."),
    ("~/.config/fleetdeck/themes/*.toml", "Themes of your own."),
    ("~/.claude/state/external-mode.json", "External mode, for every program that follows it."),
    ("~/.local/state/fleetdeck/modes.json", "Private mode, and the GPUs that are lent."),
    ("~/.local/state/fleetdeck/view.json", "How each screen of the panel was left."),
    ("~/.local/state/fleetdeck/models.json", "The models that services listed last, for shells to complete."),
    ("~/.local/state/fleetdeck/fleetdeck.log", "What went wrong; never a prompt, never a key."),
    ("~/.local/share/fleetdeck/ledger.sqlite3", "The ledger: what was asked, who answered, what was done."),
)
ENVIRONMENT = (
    ("FLEETDECK_CONFIG", "The configuration, where --config names none."),
    ("XDG_CONFIG_HOME, XDG_STATE_HOME, XDG_DATA_HOME", "Where the folders of FILES are."),
    ("VISUAL, EDITOR", "Your editor, for prompts and for `config edit`."),
    ("NO_COLOR", "Set to anything: no colours."),
)
EXITS = (
    ("0", "Done."),
    ("1", "It was tried and failed: a server, a model, a unit."),
    ("2", "The call or the configuration is wrong."),
    ("3", "Nothing may take this request."),
    ("4", "A guard refused it."),
    ("130", "Interrupted."),
)
SIGNS = str.maketrans({"\\": "\\e", "-": "\\-", "'": "\\(aq", "~": "\\(ti", "^": "\\(ha", "…": "..."})
"""roff sets the plain ones as typographers do: a hyphen, a quotation mark, an accent."""
EXAMPLES = (
    ("fleetdeck --demo", "Look around in a simulated fleet."),
    ("fleetdeck status --watch", "Say what changes, as it changes."),
    ("fleetdeck route --tier opus", "Where a prompt would go now, and why."),
    ("git diff | fleetdeck ask --task code-review --private", "A prompt that stays on your own machines."),
    ("fleetdeck external on --reason quota", "Other models in place of Claude, for every agent that follows it."),
)


def man_page() -> str:
    """The whole page, in the macros of man(7)."""
    context = cli.make_context("fleetdeck", [], resilient_parsing=True)
    lines = [
        f'.TH FLEETDECK 1 "" "fleetdeck {__version__}" "User Commands"',
        # No word is divided or stretched: what is copied from here has to work.
        ".nh",
        ".ad l",
        *_section("Name", f"fleetdeck \\- {_text(ABOUT)}"),
        *_section("Synopsis", *_synopsis(context)),
        *_section("Description", *_paragraphs(cli)),
        *_section("Options", *_options(context)),
        *_section("Commands", *_described(_commands(context))),
        *_section("Exit status", *_definitions(EXITS)),
        *_section("Environment", *_definitions(ENVIRONMENT)),
        *_section("Files", *_definitions(FILES)),
        *_section("Examples", *_definitions(EXAMPLES)),
    ]
    return "\n".join(lines) + "\n"


def _section(title: str, *lines: str) -> Iterator[str]:
    yield f".SH {title.upper()}"
    yield from lines


def _commands(context: click.Context) -> Iterator[click.Context]:
    """Every command that can be called, each below the one that it is a part of."""
    group = context.command
    assert isinstance(group, click.Group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if command.hidden:
            continue
        inner = command.make_context(name, [], parent=context, resilient_parsing=True)
        yield inner
        if isinstance(command, click.Group):
            yield from _commands(inner)


def _described(contexts: Iterable[click.Context]) -> Iterator[str]:
    """Each command; one that is another by a second name is told of in one line."""
    first: dict[int, str] = {}
    for context in contexts:
        path = context.command_path.removeprefix("fleetdeck ")
        yield f".SS {_text(path)}"
        if (other := first.setdefault(id(context.command), path)) != path:
            yield from (".PP", f"The same as \\fB{_text(other)}\\fR.")
            continue
        yield from _synopsis(context)
        yield from _paragraphs(context.command)
        yield from _options(context)


def _synopsis(context: click.Context) -> Iterator[str]:
    pieces = " ".join(context.command.collect_usage_pieces(context))
    yield f"\\fB{_text(context.command_path)}\\fR {_text(pieces)}"


def _paragraphs(command: click.Command) -> Iterator[str]:
    for paragraph in inspect.cleandoc(command.help or "").split("\n\n"):
        yield ".PP"
        if paragraph.startswith("\b"):
            yield from (".nf", *(_line(line) for line in paragraph.splitlines()[1:]), ".fi")
        else:
            yield _line(" ".join(paragraph.split()))


def _options(context: click.Context) -> Iterator[str]:
    """Those that say something of themselves; that each command has --help is said once, for all of them."""
    parameters = context.command.params if context.parent is not None else context.command.get_params(context)
    records = (parameter.get_help_record(context) for parameter in parameters)
    yield from _definitions(tuple(record for record in records if record is not None and record[1]))


def _definitions(rows: tuple[tuple[str, str], ...]) -> Iterator[str]:
    for term, meaning in rows:
        yield from (".TP", f"\\fB{_text(term)}\\fR", _line(" ".join(meaning.split())))


def _line(words: str) -> str:
    """Text on a line of its own: no first character of it is one of roff's commands."""
    text = _text(words)
    return f"\\&{text}" if text[:1] in (".", "'") else text


def _text(words: str) -> str:
    """Words as roff takes them: signs that can be copied, and what stands in backticks bold."""
    escaped = words.translate(SIGNS)
    return re.sub(r"`([^`]+)`", r"\\fB\1\\fR", escaped)


if __name__ == "__main__":
    PAGE.write_text(man_page(), encoding="utf-8")
    print(f"{PAGE}: {len(man_page().splitlines())} lines")
