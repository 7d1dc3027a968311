"""What opens on top of a screen: a text to read, a question to answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Footer, Static

from tui.app.actions import Scope
from tui.app.bindings import bindings_of
from tui.app.messages import CopyAsked

if TYPE_CHECKING:
    from tui.app.questions import Question


class TextScreen(ModalScreen[None]):
    """A text to be read, scrolled and copied. It is data: nothing in it is markup."""

    CSS_PATH = "dialogs.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of(Scope.DIALOG)]

    def __init__(self, title: str, content: Content) -> None:
        super().__init__()
        self._title = title
        self._content = content

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="text-box", can_focus=True) as box:
            box.border_title = Content(self._title)
            yield Static(self._content, id="text")
        yield Footer(show_command_palette=False, compact=True)

    def on_mount(self) -> None:
        self.query_one("#text-box").focus()

    def show_content(self, content: Content) -> None:
        """Replaces the text; the scroll offset stays."""
        if content != self._content:
            self._content = content
            self.query_one("#text", Static).update(content)

    def action_close(self) -> None:
        if self.is_current:
            self.dismiss()

    def action_copy(self) -> None:
        self.post_message(CopyAsked(self._content.plain))


class ConfirmScreen(ModalScreen[bool]):
    """Says what an action will do and to whom, and asks whether to do it."""

    CSS_PATH = "dialogs.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "Yes", id="confirm.yes"),
        Binding("n,escape,q", "answer(False)", "No", id="confirm.no"),
        Binding("left,right", "other_button", "Other", show=False, id="confirm.other"),
    ]

    def __init__(self, question: Question) -> None:
        super().__init__()
        self._question = question

    def compose(self) -> ComposeResult:
        with Vertical(id="confirm-box", classes="" if self._question.body is None else "-with-body"):
            yield Static(Content(self._question.text), id="question")
            for line in self._question.consequences:
                yield Static(Content(f"· {line}"), classes="consequence")
            if self._question.body is not None:
                with VerticalScroll(id="body", can_focus=False):
                    yield Static(self._question.body)
            with Horizontal(id="buttons"):
                # The harmless answer has the focus: enter pressed in haste changes nothing.
                yield Button("Cancel (n)", id="no", compact=True)
                yield Button(Content(f"{self._question.verb} (y)"), id="yes", variant="warning", compact=True)
        yield Footer(show_command_palette=False, compact=True)

    def on_mount(self) -> None:
        self.query_one("#no").focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        self.action_answer(event.button.id == "yes")

    def action_answer(self, yes: bool) -> None:
        if self.is_current:
            self.dismiss(yes)

    def action_other_button(self) -> None:
        self.focus_next()
