"""Prompts that the person has kept: a Markdown file each, to be edited with whatever they like."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tui.config.atomic import replace_file
from tui.config.paths import config_home, private_folder, reason_of

LARGEST = 1024 * 1024
"""Bytes of a file that are read."""
LONGEST_NAME = 80
_ABOUT = re.compile(r"\A<!--\s*(.*?)\s*-->[ \t]*(?:\r?\n|\Z)")


class PromptFileError(Exception):
    """A saved prompt cannot be read, written or deleted; the text is a sentence for the person."""


@dataclass(frozen=True, slots=True)
class SavedPrompt:
    """One kept prompt."""

    name: str
    """The file's, without ``.md``."""
    text: str
    about: str = ""
    """What the first line says where it is a comment (``<!-- … -->``); it is no part of the prompt."""


def prompts_folder() -> Path:
    """Where they are kept. May not exist yet."""
    return config_home() / "prompts"


def read_saved_prompts() -> list[SavedPrompt]:
    """All of them by name; a file that cannot be read, or is no text, is left out. Waits for the disk.

    Raises:
        PromptFileError: the folder cannot be looked at.
    """
    folder = prompts_folder()
    try:
        files = sorted(folder.glob("*.md")) if folder.exists() else []
    except OSError as error:
        raise PromptFileError(f"{folder} cannot be looked at: {reason_of(error)}") from None
    found = []
    for file in files:
        try:
            with file.open("rb") as opened:
                text = opened.read(LARGEST).decode("utf-8-sig")
        except (OSError, UnicodeDecodeError):
            continue
        comment = _ABOUT.match(text)
        about, text = (comment[1], text[comment.end() :]) if comment is not None else ("", text)
        found.append(SavedPrompt(file.stem, text.rstrip("\n"), about))
    return found


def name_problem(name: str) -> str:
    """Why a prompt cannot be kept under ``name``; empty: it can."""
    if not name:
        return "type a name for the prompt first"
    if len(name) > LONGEST_NAME:
        return f"the name is longer than {LONGEST_NAME} characters"
    if name.startswith(".") or "/" in name or not name.isprintable():
        return 'a name holds no "/" and no control characters, and does not begin with a dot'
    return ""


def save_prompt(prompt: SavedPrompt) -> Path:
    """Writes the file, for this person alone (0600), in place of one of the same name; returns where it is.

    Raises:
        PromptFileError: the name is none, or the file cannot be written.
    """
    if problem := name_problem(prompt.name):
        raise PromptFileError(problem)
    first = f"<!-- {prompt.about} -->\n" if prompt.about else ""
    path = _file_of(prompt.name)
    try:
        private_folder(path.parent)
        replace_file(path, f"{first}{prompt.text}\n".encode("utf-8", "replace"))
    except OSError as error:
        raise PromptFileError(f"{path} cannot be written: {reason_of(error)}") from None
    return path


def delete_prompt(name: str) -> None:
    """Removes the file; one that is gone already is no error.

    Raises:
        PromptFileError: it cannot be removed.
    """
    path = _file_of(name)
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise PromptFileError(f"{path} cannot be deleted: {reason_of(error)}") from None


def _file_of(name: str) -> Path:
    return prompts_folder() / f"{name}.md"
