"""Lends the terminal to the person's own editor, for a prompt."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from textual.app import App, SuspendNotSupported

from tui.config.paths import reason_of
from tui.control.person_editor import EditorFailed as EditorFailed
from tui.control.person_editor import edit_file


def edit_in_own_editor(app: App[Any], text: str) -> str:
    """``text`` as the person leaves it in their editor. The panel waits meanwhile.

    The file is for this person alone, and is gone afterwards.

    Raises:
        EditorFailed: there is no such editor, it failed, or this terminal cannot be lent.
    """
    descriptor, name = tempfile.mkstemp(prefix="fleetdeck-prompt-", suffix=".md", dir=os.environ.get("XDG_RUNTIME_DIR"))
    file = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogatepass") as opened:
            opened.write(text)
        with app.suspend():
            edit_file(file)
        return file.read_text(encoding="utf-8", errors="replace").removesuffix("\n")
    except SuspendNotSupported:
        raise EditorFailed("this terminal cannot be lent to an editor") from None
    except OSError as error:
        raise EditorFailed(f"the prompt could not be handed to the editor: {reason_of(error)}") from None
    finally:
        file.unlink(missing_ok=True)
