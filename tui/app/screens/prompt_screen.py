"""A screen on which prompts are written: here or in the person's own editor, with files and saved prompts."""

from __future__ import annotations

from collections.abc import Iterable

from textual import events, on
from textual.widget import Widget

from tui.app.own_editor import EditorFailed, edit_in_own_editor
from tui.app.screens.panel_screen import PanelScreen
from tui.app.widgets.attachment_row import AttachmentRow
from tui.app.widgets.prompt_editor import PromptEditor
from tui.chat.attachments import Attachment


class PromptScreen(PanelScreen):
    """Has the prompt's editor, and above it the row of the files that go along."""

    AUTO_FOCUS = "#prompt"

    def __init__(self) -> None:
        super().__init__()
        self.editor = PromptEditor(id="prompt")
        self._attached = AttachmentRow(id="attached")

    def compose_prompt(self) -> Iterable[Widget]:
        """What belongs at the lower end of the screen."""
        yield self._attached
        yield self.editor

    # The screens have an ``on_mount`` of their own.
    @on(events.Mount)
    def follow_attachments(self) -> None:
        self.watch(self.editor, "attachments", self.show_attachments, init=False)

    def show_attachments(self, attachments: tuple[Attachment, ...]) -> None:
        self._attached.show_attachments(attachments)

    def action_write(self) -> None:
        self.editor.focus()

    def action_attach(self) -> None:
        from tui.app.screens.file_finder import find_attachment

        find_attachment(self.editor)

    def action_detach(self, place: int = -1) -> None:
        """Takes a file away from the prompt; the last one where none is named."""
        self.editor.detach(place)

    def action_prompts(self) -> None:
        from tui.app.screens.prompt_finder import find_prompt

        find_prompt(self.editor)

    @on(PromptEditor.EditorWanted)
    def edit_elsewhere(self, message: PromptEditor.EditorWanted) -> None:
        try:
            self.editor.show_prompt(edit_in_own_editor(self.app, message.text))
        except EditorFailed as error:
            self.notify(str(error), severity="error", timeout=12, markup=False)
