"""Sets Claude Code up for fleetdeck, and takes all of it back: first as a plan that a person can look at, then done."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tui.bridges.claude_extras import is_own_skill, skill_text, with_entry, without_entry
from tui.bridges.claude_registrations import register_commands, unregister_commands, user_registration
from tui.bridges.claude_settings import (
    commands_of,
    has_other_status_line,
    own_commands,
    read_settings,
    with_fleetdeck,
    without_fleetdeck,
)
from tui.bridges.json_text import NoJson, NoSuchPlace
from tui.config.errors import file_error
from tui.config.kept_file import FileEdit, bytes_now, versions
from tui.config.source import decode_config
from tui.fleet.printable import printable
from tui.routing.claude_files import claude_folder

COMMAND_TIMEOUT = 60.0
"""Seconds for one ``claude mcp …``, which takes one."""


class InstallFailed(Exception):
    """A step failed; the text says which and why."""


@dataclass(frozen=True, slots=True)
class Installation:
    """What is to be done. Nothing is, before ``carry_out``."""

    edits: tuple[FileEdit, ...] = ()
    commands: tuple[tuple[str, ...], ...] = ()
    notes: tuple[str, ...] = ()
    """What the person should know: one sentence each."""
    emptied: tuple[Path, ...] = ()
    """Folders that go where nothing is left in them, the inner ones first."""

    @property
    def changes_nothing(self) -> bool:
        return not self.edits and not self.commands

    def carry_out(self) -> None:
        """Does it, in order: what fails leaves what comes after undone. Waits for the disk and for ``claude``.

        Raises:
            ConfigError, ConfigChanged: a file cannot be written, or changed meanwhile.
            InstallFailed: a command failed.
        """
        for edit in self.edits:
            edit.save()
        for folder in self.emptied:
            with contextlib.suppress(OSError):
                folder.rmdir()
        for command in self.commands:
            _run(command)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Where Claude Code's files are, and how fleetdeck is run."""

    program: tuple[str, ...]
    """fleetdeck, with the options that stand before its command."""
    home: Path
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)

    @property
    def folder(self) -> Path:
        return claude_folder(self.environment, self.home)

    @property
    def settings(self) -> Path:
        return self.folder / "settings.json"

    @property
    def skill(self) -> Path:
        return self.folder / "skills" / "external" / "SKILL.md"

    @property
    def registry(self) -> Path:
        """Where a component registry usually is."""
        return self.folder / "component-registry.json"


def installation(
    place: Surroundings, *, mcp: bool = True, skill: bool = False, registry: Path | None = None
) -> Installation:
    """What sets Claude Code up: hook and status line, the MCP server, and what else is asked for.

    Raises:
        ConfigError: a file cannot be read, or cannot take what belongs into it.
    """
    commands = commands_of(place.program)
    settings, notes = _edit(place.settings, lambda text: with_fleetdeck(text, commands)), []
    edits = [settings]
    before = decode_config(settings.before or b"", place.settings)
    if before.strip():
        notes += _settings_notes(place.settings, before)
    if skill:
        content = _text_now(place.skill)
        if content and not is_own_skill(content):
            notes.append(f"{place.skill} is a skill of yours, and stays as it is")
        else:
            edits.append(_edit(place.skill, lambda _: skill_text(place.program)))
    if registry is not None:
        edits.append(_edit(registry, lambda text: with_entry(text, place.program)))
    run, said = _registering(place) if mcp else ((), ())
    return Installation(tuple(edit for edit in edits if edit.after != edit.before), run, (*notes, *said))


def removal(place: Surroundings, *, registry: Path | None = None) -> Installation:
    """What takes all of it back. A settings file that is still as it was set up becomes what it was before, to the
    byte; otherwise our part alone is taken out.

    Raises:
        ConfigError: a file cannot be read.
    """
    edits, notes = [_settings_removal(place.settings)], []
    emptied: tuple[Path, ...] = ()
    content = _text_now(place.skill)
    if content and is_own_skill(content):
        edits.append(FileEdit(place.skill, content.encode(), None, kept=False))
        emptied = (place.skill.parent, place.skill.parent.parent)
    edits.append(_registry_removal(registry or place.registry, place.program))
    run: tuple[tuple[str, ...], ...] = ()
    if user_registration(place.environment, place.home) is not None:
        claude = shutil.which("claude")
        if claude is None:
            notes.append("claude is not on the PATH, so that its MCP server fleetdeck stays registered")
        else:
            run = unregister_commands(claude)
    return Installation(tuple(edit for edit in edits if edit.after != edit.before), run, tuple(notes), emptied)


def _settings_notes(path: Path, before: str) -> list[str]:
    notes = []
    beyond = read_settings(before).beyond_json
    if beyond is not None:
        notes.append(
            f"{path}:{beyond} holds a comment or a comma before a closing bracket: Claude Code 2.1 then ignores the "
            "whole file, silently; remove it for the settings to work"
        )
    if has_other_status_line(before):
        notes.append(
            "you have a status line of your own, which stays; have it call `fleetdeck claude statusline` with the same "
            "standard input, and the panel knows your quota"
        )
    return notes


def _registering(place: Surroundings) -> tuple[tuple[tuple[str, ...], ...], tuple[str, ...]]:
    if importlib.util.find_spec("mcp") is None:
        said = "the MCP server needs more: pip install 'fleetdeck[mcp]', then install again; it is not registered"
        return (), (said,)
    claude = shutil.which("claude")
    if claude is None:
        return (), ("claude is not on the PATH, so that the MCP server is not registered; install again once it is",)
    return register_commands(claude, user_registration(place.environment, place.home), place.program), ()


def _settings_removal(path: Path) -> FileEdit:
    before = bytes_now(path)
    edit = _edit(path, without_fleetdeck)
    commands = own_commands(decode_config(before, path)) if before is not None and edit.after != before else None
    if commands is None or before is None:
        return edit
    for version in versions(path):
        content = bytes_now(version) or b""
        # The version that became what is there now, when we were set up.
        if _made_of(content, lambda text: with_fleetdeck(text, commands)) == before:
            return FileEdit(path, before, content)
    if with_fleetdeck("", commands).encode() == before:
        return FileEdit(path, before, None, kept=False)
    return edit


def _registry_removal(path: Path, program: Sequence[str]) -> FileEdit:
    edit = _edit(path, without_entry)
    is_all_ours = edit.before is not None and edit.before == with_entry("", program).encode()
    return FileEdit(path, edit.before, None, kept=False) if is_all_ours else edit


def _made_of(content: bytes, change: Callable[[str], str]) -> bytes | None:
    """What ``change`` makes of a kept version; None where it makes nothing of it."""
    try:
        text = content.decode()
        return change(text).encode() if own_commands(text) is None else None
    except (UnicodeDecodeError, NoJson, NoSuchPlace):
        return None


def _edit(path: Path, change: Callable[[str], str]) -> FileEdit:
    before = bytes_now(path)
    text = decode_config(before or b"", path)
    try:
        changed = change(text)
    except NoJson as error:
        raise file_error(path, f"is no JSON: it {error}; mend it first, nothing was changed", error.line) from None
    except NoSuchPlace as error:
        raise file_error(path, f"{printable(str(error), 160)}; mend it first, nothing was changed") from None
    if changed == text:
        return FileEdit(path, before, before)
    return FileEdit(path, before, changed.encode("utf-8"))


def _text_now(path: Path) -> str:
    return decode_config(bytes_now(path) or b"", path)


def _run(command: Sequence[str]) -> None:
    shown = " ".join(command)
    try:
        done = subprocess.run(  # noqa: S603  (an argument list; every word is ours)
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=COMMAND_TIMEOUT, check=False
        )
    except OSError as error:
        raise InstallFailed(f"{shown} cannot be run: {(error.strerror or 'error').lower()}") from None
    except subprocess.TimeoutExpired:
        raise InstallFailed(f"{shown} did not end within {COMMAND_TIMEOUT:.0f} s") from None
    if done.returncode != 0:
        words = (done.stderr or done.stdout).decode(errors="replace").strip() or f"exit status {done.returncode}"
        raise InstallFailed(f"{shown} failed: {printable(words, 300)}")
