"""Lends the terminal to the person's own editor, for a prompt."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from textual.app import App, SuspendNotSupported

from tui.config.paths import reason_of
from tui.fleet.printable import printable

USUAL = "vi"


class EditorFailed(Exception):
    """The editor could not be used; the text is a sentence for the person."""


def edit_in_own_editor(app: App[Any], text: str) -> str:
    """``text`` as the person leaves it in ``$VISUAL``, ``$EDITOR`` or vi. The panel waits meanwhile.

    The file is for this person alone, and is gone afterwards.

    Raises:
        EditorFailed: there is no such editor, it failed, or this terminal cannot be lent.
    """
    command = os.environ.get("VISUAL") or os.environ.get("EDITOR") or USUAL
    try:
        words = shlex.split(command)
    except ValueError:
        words = []
    if not words:
        raise EditorFailed(f"$EDITOR is {printable(command, 80)!r}, which names no program")
    descriptor, name = tempfile.mkstemp(prefix="fleetdeck-prompt-", suffix=".md", dir=os.environ.get("XDG_RUNTIME_DIR"))
    file = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogatepass") as opened:
            opened.write(text)
        with app.suspend():
            ended = subprocess.run([*words, name], check=False)  # noqa: S603  (the person's own choice)
        if ended.returncode:
            raise EditorFailed(f"{printable(words[0], 60)} ended with {ended.returncode}; the prompt is as it was")
        return file.read_text(encoding="utf-8", errors="replace").removesuffix("\n")
    except SuspendNotSupported:
        raise EditorFailed("this terminal cannot be lent to an editor") from None
    except OSError as error:
        raise EditorFailed(f"{printable(words[0], 60)} could not be started: {reason_of(error)}") from None
    finally:
        file.unlink(missing_ok=True)
