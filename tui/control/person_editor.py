"""The person's own editor, for a file."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

from tui.config.paths import reason_of
from tui.fleet.printable import printable

USUAL = "vi"


class EditorFailed(Exception):
    """The editor could not be used; the text is a sentence for the person."""


def edit_file(file: Path) -> None:
    """Opens ``file`` in ``$VISUAL``, ``$EDITOR`` or vi, on this terminal, and waits until the person leaves it.

    Raises:
        EditorFailed: there is no such editor, or it failed.
    """
    words = _editor_words()
    try:
        ended = subprocess.run([*words, str(file)], check=False)  # noqa: S603  (the person's own choice)
    except OSError as error:
        raise EditorFailed(f"{printable(words[0], 60)} could not be started: {reason_of(error)}") from None
    if ended.returncode:
        raise EditorFailed(f"{printable(words[0], 60)} ended with {ended.returncode}; nothing was changed")


def _editor_words() -> list[str]:
    command = os.environ.get("VISUAL") or os.environ.get("EDITOR") or USUAL
    try:
        words = shlex.split(command)
    except ValueError:
        words = []
    if not words:
        raise EditorFailed(f"$EDITOR is {printable(command, 80)!r}, which names no program")
    return words
