"""Where a prompt is written."""

from __future__ import annotations

import re
from pathlib import Path
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.message import Message
from textual.reactive import var
from textual.widgets import TextArea

from tui.app.actions import Scope
from tui.app.bindings import bindings_of
from tui.chat.attachments import Attachment, WrittenPrompt

LARGE = 20_000
"""Characters: TextArea breaks all lines anew when some are pasted, which takes a second for a megabyte."""
LONG_LINE = 4_000
MOST_LINES = 300
KEPT = 100
"""Prompts that can be called back."""

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


class PromptEditor(TextArea):
    """Lines of text; enter sends them. What is too long to be edited here stands as a word in brackets."""

    HELP_TITLE = "The prompt"
    HELP = (
        "Enter sends, ctrl+j makes a new line, up in the first line calls back the prompt before. A long text that is "
        "pasted stands as [pasted text …] and is sent whole; ctrl+e opens all of it in your own editor."
    )
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of(Scope.PROMPT)]

    class Sent(Message):
        """The person wants this prompt to be sent."""

        def __init__(self, written: WrittenPrompt) -> None:
            super().__init__()
            self.written = written

    class EditorWanted(Message):
        """The person wants to go on in their own editor."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    attachments: var[tuple[Attachment, ...]] = var((), init=False)
    """Files that go along with the prompt."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  (Textual's own name for it)
        super().__init__(
            id=id,
            soft_wrap=True,
            tab_behavior="focus",
            highlight_cursor_line=False,
            compact=True,
            show_line_numbers=False,
        )
        self.files_from = Path.cwd()
        """Where the next file to go along is looked for first."""
        self._put_aside: dict[str, str] = {}
        self._pasted = 0
        self._history: list[str] = []
        self._place = 0
        self._draft = ""

    @property
    def prompt(self) -> str:
        """All of what was written and pasted."""
        text = self.text
        for word, whole in self._put_aside.items():
            text = text.replace(word, whole)
        return text

    @property
    def written(self) -> WrittenPrompt:
        """All that enter would send."""
        return WrittenPrompt(self.prompt, self.attachments)

    def show_prompt(self, prompt: str) -> None:
        """Replaces what is written."""
        self.text = self._editable(prompt)
        self.move_cursor(self.document.end)

    def insert_prompt(self, prompt: str) -> None:
        """Writes ``prompt`` where the cursor is."""
        if result := self._replace_via_keyboard(self._editable(prompt), *self.selection):
            self.move_cursor(result.end_location)

    def attach(self, attachment: Attachment, folder: Path) -> None:
        """Has a file go along with the prompt; the next one is looked for in ``folder``."""
        self.attachments = (*self.attachments, attachment)
        self.files_from = folder

    def detach(self, place: int) -> None:
        """Takes a file away again; where there is none at that place, nothing."""
        attachments = list(self.attachments)
        if -len(attachments) <= place < len(attachments):
            del attachments[place]
            self.attachments = tuple(attachments)

    def action_send(self) -> None:
        """Hands the prompt over and is empty at once: what is typed from here on is another one."""
        written = self.written
        if written.is_empty:
            self.app.bell()
        else:
            self._take()
            self.attachments = ()
            self.post_message(self.Sent(written))

    def give_back(self, written: WrittenPrompt) -> None:
        """The prompt was not answered. It is where it was, unless something else has been written meanwhile."""
        if not self.text and not self.attachments:
            self.show_prompt(written.words)
            self.attachments = written.attachments

    def action_new_line(self) -> None:
        self._replace_via_keyboard("\n", *self.selection)

    def action_open_editor(self) -> None:
        self.post_message(self.EditorWanted(self.prompt))

    def action_earlier(self) -> None:
        if not self.navigator.is_first_wrapped_line(self.cursor_location):
            self.action_cursor_up()
        elif self._place > 0:
            if self._place == len(self._history):
                self._draft = self.text
            self._call_back(self._place - 1)

    def action_later(self) -> None:
        if not self.navigator.is_last_wrapped_line(self.cursor_location):
            self.action_cursor_down()
        elif self._place < len(self._history):
            self._call_back(self._place + 1)

    async def _on_key(self, event: events.Key) -> None:
        """Does at once what a key of ours is for: on the way through the bindings, letters that were typed after it
        would overtake it. TextArea would take enter for itself, too."""
        # Looking up bindings takes 1 ms, and letters have none of ours.
        action = "" if event.is_printable else self._own_action(event.key)
        if action:
            event.stop()
            event.prevent_default()
            await self.run_action(action)

    async def _on_paste(self, event: events.Paste) -> None:
        event.prevent_default()
        event.stop()
        self.insert_prompt(event.text)

    def _take(self) -> None:
        """Keeps the prompt for being called back."""
        text = self.text
        if text.strip() and (not self._history or self._history[-1] != text):
            self._history = [*self._history, text][-KEPT:]
        self._place = len(self._history)
        self._draft = ""
        kept = "\n".join(self._history)
        self._put_aside = {word: whole for word, whole in self._put_aside.items() if word in kept}
        self.text = ""

    def _own_action(self, key: str) -> str:
        """What a key does by our own table of actions; empty: nothing."""
        active = self.screen.active_bindings.get(key)
        ours = active is not None and active.node is self and (active.binding.id or "").startswith("prompt.")
        return active.binding.action if active is not None and ours else ""

    def _call_back(self, place: int) -> None:
        self._place = place
        self.text = self._draft if place == len(self._history) else self._history[place]
        self.move_cursor(self.document.end)

    def _editable(self, text: str) -> str:
        """``text``, or the word that stands for it here: where it is long, or holds what a terminal would act upon."""
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        lines = text.count("\n") + 1
        longest = max(map(len, text.split("\n")), default=0)
        if len(text) <= LARGE and lines <= MOST_LINES and longest <= LONG_LINE and not _CONTROL.search(text):
            return text
        self._pasted += 1
        counted = f"{len(text):,} characters" + (f", {lines:,} lines" if lines > 1 else "")
        word = f"[pasted text {self._pasted}: {counted}]"
        self._put_aside[word] = text
        return word
