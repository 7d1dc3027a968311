"""What fleetdeck adds to the text of Claude Code's ``settings.json``, and takes out of it again.

The SessionStart hook and the status line have the shapes that Claude Code 2.1.328 takes; whatever else the file holds
stays as it is, to the byte.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Literal

from tui.bridges.json_text import (
    Document,
    NoSuchPlace,
    Way,
    append_item,
    items,
    mark_and_text,
    member,
    read_json_text,
    set_member,
)
from tui.bridges.json_text import remove as remove_from

Part = Literal["hook", "statusline"]

HOOK_TIMEOUT = 5
"""Seconds; Claude Code's own default is 600, for which a session would stand still."""
STATUS_LINE_REFRESH = 5
"""Seconds between two looks at the mode, besides those after every answer."""


@dataclass(frozen=True, slots=True)
class Commands:
    """What Claude Code is to run, as shell commands."""

    hook: str
    status_line: str


@dataclass(frozen=True, slots=True)
class Command:
    """A command that a settings file has Claude Code run."""

    place: str
    """``hooks.SessionStart`` or ``statusLine``."""
    words: tuple[str, ...]
    """Empty where the shell alone could tell: a quote is not closed."""
    text: str


def commands_of(program: Sequence[str]) -> Commands:
    """``program`` is how fleetdeck is run, with the options that stand before its command."""
    return Commands(
        hook=shlex.join([*program, "claude", "hook", "--json"]),
        status_line=shlex.join([*program, "claude", "statusline"]),
    )


def with_fleetdeck(text: str, commands: Commands) -> str:
    """The settings with our hook and our status line, each once; the text itself where they are there already.

    A status line of somebody else's stays: there is room for one.

    Raises:
        NoJson: the text is no JSON, comments let pass.
        NoSuchPlace: something else stands where hooks belong.
    """
    mark, text = mark_and_text(text)
    if not text.strip():
        fresh = {"hooks": {"SessionStart": [_hook_group(commands)]}, "statusLine": _status_line(commands)}
        return f"{mark}{json.dumps(fresh, indent=2, ensure_ascii=False)}\n"
    text = _with_hook(text, commands)
    status_line = member(read_json_text(text).root.value, "statusLine")
    if status_line is None:
        text = set_member(text, ("statusLine",), _status_line(commands))
    elif _is_ours(member(status_line, "command"), "statusline"):
        text = _with_command(text, ("statusLine", "command"), commands.status_line)
    return mark + text


def without_fleetdeck(text: str) -> str:
    """The settings without anything that runs our hook or our status line; what that leaves empty goes as well.

    Raises:
        NoJson: the text is no JSON, comments let pass.
    """
    mark, text = mark_and_text(text)
    if not text.strip():
        return mark + text
    while (way := next(_own_hooks(read_json_text(text)), None)) is not None:
        text = _without_emptied(text, way)
    if _is_ours(member(read_json_text(text).root.value, "statusLine", "command"), "statusline"):
        text = remove_from(text, ("statusLine",))
    return mark + text


def own_commands(text: str) -> Commands | None:
    """The commands of ours that the settings have run; None where they have no hook of ours."""
    text = mark_and_text(text)[1]
    document = read_json_text(text) if text.strip() else None
    way = next(_own_hooks(document), None) if document is not None else None
    if document is None or way is None:
        return None
    status_line = member(document.root.value, "statusLine", "command")
    hook = str(document.find((*way, "command")).value)
    return Commands(hook, status_line if isinstance(status_line, str) else "")


def has_other_status_line(text: str) -> bool:
    """True where the person has a status line that is not ours."""
    text = mark_and_text(text)[1]
    status_line = member(read_json_text(text).root.value, "statusLine") if text.strip() else None
    return status_line is not None and not _is_ours(member(status_line, "command"), "statusline")


def commands_in(document: Document) -> Iterator[Command]:
    """Every command that the settings have Claude Code run."""
    for way, hook in _hooks(document):
        yield from _command(f"hooks.{way[1]}", hook)
    yield from _command("statusLine", member(document.root.value, "statusLine"))


def read_settings(text: str) -> Document:
    """The settings, with or without a byte-order mark, which Claude Code lets pass.

    Raises:
        NoJson: they are no JSON, comments let pass.
    """
    return read_json_text(mark_and_text(text)[1])


def is_own_command(command: Command) -> bool:
    """True for what :func:`with_fleetdeck` writes, however the program is called."""
    return _is_ours(command.text, "hook") or _is_ours(command.text, "statusline")


def _hook_group(commands: Commands) -> dict[str, object]:
    return {"hooks": [{"type": "command", "command": commands.hook, "timeout": HOOK_TIMEOUT}]}


def _status_line(commands: Commands) -> dict[str, object]:
    return {"type": "command", "command": commands.status_line, "refreshInterval": STATUS_LINE_REFRESH}


def _with_hook(text: str, commands: Commands) -> str:
    document = read_json_text(text)
    ways = list(_own_hooks(document))
    if ways:
        text = _with_command(text, (*ways[0], "command"), commands.hook)
        for way in reversed(ways[1:]):
            text = _without_emptied(text, way)
        return text
    for way, empty in ((("hooks",), {}), (("hooks", "SessionStart"), [])):
        value = member(document.root.value, *way)
        if value is None:
            made: object = [_hook_group(commands)]
            return set_member(text, way, {"SessionStart": made} if len(way) == 1 else made)
        if type(value) is not type(empty):
            raise NoSuchPlace(f"has something else than hooks at {'.'.join(way)}")
    return append_item(text, ("hooks", "SessionStart"), _hook_group(commands))


def _with_command(text: str, way: Way, command: str) -> str:
    return text if read_json_text(text).find(way).value == command else set_member(text, way, command)


def _without_emptied(text: str, way: Way) -> str:
    """Without one hook, and without the group, the event and the table of hooks that have nothing else in them."""
    text = remove_from(text, way)
    if not items(member(read_json_text(text).find(way[:3]).value, "hooks")):
        text = remove_from(text, way[:3])
        for length in (2, 1):
            holder = read_json_text(text).find(way[:length])
            # A comment in it is somebody's, and keeps it.
            if text[holder.start + 1 : holder.end - 1].strip():
                break
            text = remove_from(text, way[:length])
    return text


def _own_hooks(document: Document) -> Iterator[Way]:
    return (way for way, hook in _hooks(document) if _is_ours(member(hook, "command"), "hook"))


def _hooks(document: Document) -> Iterator[tuple[Way, object]]:
    """Every hook with the way to it."""
    events = member(document.root.value, "hooks")
    for event, groups in events.items() if isinstance(events, dict) else ():
        for place, group in enumerate(items(groups)):
            for inner, hook in enumerate(items(member(group, "hooks"))):
                yield ("hooks", event, place, "hooks", inner), hook


def _command(place: str, holder: object) -> Iterator[Command]:
    text = member(holder, "command")
    if isinstance(text, str):
        arguments = [word for word in items(member(holder, "args")) if isinstance(word, str)]
        yield Command(place, (text, *arguments) if arguments else _words(text), text)


def _words(command: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(command))
    except ValueError:
        return ()


def _is_ours(command: object, part: Part) -> bool:
    words = _words(command) if isinstance(command, str) else ()
    for place in range(len(words) - 1):
        if words[place : place + 2] == ("claude", part):
            # As the installed program, or as `python -m tui`.
            return any(PurePath(word).name in ("fleetdeck", "tui") for word in words[:place])
    return False
