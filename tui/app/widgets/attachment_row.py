"""The row that names the files that go along with the prompt."""

from __future__ import annotations

from collections.abc import Sequence

from tui.app.widgets.status_row import StatusRow, Words
from tui.chat.attachments import Attachment
from tui.fleet.wording import file_size_words


class AttachmentRow(StatusRow):
    """Is there only while something is attached. A click on a name removes it."""

    HELP_TITLE = "Files that go along"
    HELP = "Text files stand behind the prompt, images beside it. A click removes one, d the last."

    def on_mount(self) -> None:
        self.display = False

    def show_attachments(self, attachments: Sequence[Attachment]) -> None:
        self.display = bool(attachments)
        chips = [Words(" with", "dim")]
        for place, attached in enumerate(attachments):
            kind = "▣" if attached.image is not None else "≡"
            chips += [
                Words("  "),
                Words(f"{kind} {attached.name}", "accent", f"screen.detach({place})"),
                Words(f" {file_size_words(attached.size)} ×", "dim", f"screen.detach({place})"),
            ]
        self.left = tuple(chips)
        tokens = sum(attached.tokens for attached in attachments)
        self.right = (Words(f"≤ {tokens:,} tokens ", "dim"),)
