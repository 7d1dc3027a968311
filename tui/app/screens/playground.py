"""Screen 3: any prompt to any model, and its answer as it comes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import ClassVar

from textual import on
from textual.binding import BindingType
from textual.content import Content
from textual.reactive import var
from textual.widget import Widget

from tui.app.actions import Scope
from tui.app.answer_settings import AnswerSettings
from tui.app.answering import NEW_CONVERSATION, Asking
from tui.app.bindings import bindings_of
from tui.app.last_choice import keep_choice, last_choice
from tui.app.messages import CopyAsked
from tui.app.model_figures import tell_figures
from tui.app.panel_state import KeepsState, PanelState
from tui.app.screens.prompt_screen import PromptScreen
from tui.app.widgets.answer_pane import AnswerPane
from tui.app.widgets.choices import Choice, first_choice
from tui.app.widgets.conversation_pane import ConversationPane
from tui.app.widgets.prompt_bar import PromptBar, Situation
from tui.app.widgets.prompt_editor import PromptEditor
from tui.chat.attachments import Attachment
from tui.chat.conversation import OpenConversation
from tui.ledger.records import Conversation


class PlaygroundScreen(PromptScreen):
    """A prompt below, its answer above, and between them a line that says where the prompt would go."""

    SCOPE = Scope.PLAYGROUND
    CSS_PATH = "playground.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of(Scope.PLAYGROUND)]

    choice: var[Choice | None] = var(None, init=False)
    private_here: var[bool] = var(False, init=False)
    external_once: var[bool] = var(False, init=False)
    settings: var[AnswerSettings] = var(AnswerSettings(), init=False)

    def __init__(self) -> None:
        super().__init__()
        self.talk = ConversationPane(id="talk")
        self._bar = PromptBar(id="bar")

    def compose_body(self) -> Iterable[Widget]:
        yield self.talk
        yield self._bar
        yield from self.compose_prompt()

    def on_mount(self) -> None:
        self.pane.view.empty_text = "Write below; enter sends. ctrl+o: whom to ask. f11: earlier conversations"
        self._show_conversation()
        self.watch(self.talk, "conversation", self._show_conversation, init=False)
        self.watch(self.talk, "written_anew", self._show_conversation, init=False)
        self.choice = last_choice()
        self._read_figures()

    def show_state(self, state: PanelState) -> None:
        super().show_state(state)
        if self.choice is None and state.snapshot is not None:
            self.choice = first_choice(state.config, state.snapshot)
        self._show_bar()
        self.talk.show_state(state)

    def _read_figures(self) -> None:
        self.run_worker(tell_figures(self.app), group="figures", exit_on_error=False, description="read the ledger")

    @property
    def pane(self) -> AnswerPane:
        return self.talk.answer

    @property
    def busy(self) -> bool:
        """True while a prompt is planned or answered."""
        return self.talk.busy

    def _show_bar(self) -> None:
        if self.is_mounted and isinstance(self.app, KeepsState):
            self._bar.show_situation(self._situation(self.app.state))
            self.editor.border_subtitle = Content(self._bar.cold_words)

    def _situation(self, state: PanelState) -> Situation:
        return Situation(
            state=state,
            choice=self.choice,
            private_here=self.private_here or self.talk.going_on.is_private,
            external_once=self.external_once,
            settings=self.settings,
            attachments=self.editor.attachments,
            stays_home=self.talk.stays_home,
        )

    watch_choice = watch_private_here = watch_external_once = watch_settings = _show_bar

    def _show_conversation(self) -> None:
        self.editor.border_title = "prompt" if self.talk.written_anew is None else "prompt, written anew"
        self._show_bar()

    def show_attachments(self, attachments: tuple[Attachment, ...]) -> None:
        super().show_attachments(attachments)
        self._show_bar()

    def action_choose(self) -> None:
        from tui.app.screens.model_finder import ModelFinder

        if isinstance(self.app, KeepsState):
            state = self.app.state
            finder = ModelFinder(state, self.choice, request_for=self._situation(state).request_for)
            self.app.push_screen(finder, self._take_choice)

    def _take_choice(self, choice: Choice | None) -> None:
        if choice is not None:
            self.choice = choice
            keep_choice(choice)
        self.editor.focus()

    async def action_race(self) -> None:
        """Shows the race as it was left; the first time with those that a prompt from here would go to."""
        from tui.app.opening_race import open_race
        from tui.app.racing import RaceRules

        rules = RaceRules(
            settings=self.settings,
            private=self.private_here,
            external=self.external_once,
            conversation=self.talk.going_on,
        )
        await open_race(self.app, self.choice, self.editor.written, rules)

    def action_settings(self) -> None:
        from tui.app.screens.prompt_settings import PromptSettingsScreen

        self.app.push_screen(PromptSettingsScreen(self.settings), self._take_settings)

    def _take_settings(self, settings: AnswerSettings | None) -> None:
        if settings is not None:
            self.settings = settings

    def action_toggle_private(self) -> None:
        self.private_here = not self.private_here

    def action_toggle_external(self) -> None:
        self.external_once = not self.external_once

    def action_copy(self) -> None:
        view = self.pane.view
        text = view.chosen_block.text if view.chosen_block is not None else view.parts.answer
        if text:
            self.post_message(CopyAsked(text))
        else:
            self.app.bell()

    def action_next_block(self) -> None:
        self.pane.view.choose_next_block()

    def action_fold(self) -> None:
        self.pane.view.fold()

    def action_begin_anew(self) -> None:
        if not self.busy:
            self.talk.show(NEW_CONVERSATION)

    def action_choose_turn(self, steps: int) -> None:
        self.talk.choose_turn(steps)

    def action_write_anew(self) -> None:
        if (prompt := self.talk.write_anew()) is None:
            self.app.bell()
            return
        self.editor.show_prompt(prompt)
        self.editor.focus()

    def action_leave_out(self) -> None:
        self.talk.leave_out()

    def action_history(self) -> None:
        from tui.app.screens.history import HistoryScreen, Left

        def left(how: Left | None) -> None:
            if how is not None and self.talk.conversation.number in how.deleted:
                self.action_begin_anew()
            if how is not None and how.opened is not None:
                self._go_on_with(how.opened)

        self.app.push_screen(HistoryScreen(self.now, readonly=self.readonly), left)

    def _go_on_with(self, kept: Conversation) -> None:
        """Goes on with a conversation of another time as it was: with whom it was, told the same first."""
        if self.busy:
            self.notify("an answer is still coming; esc stops it", timeout=4, markup=False)
            return
        self.talk.show(OpenConversation.of(kept))
        if kept.turns:
            last = kept.turns[-1]
            self.choice = Choice(last.asked_kind, last.asked_name)
            self.settings = replace(self.settings, system=last.system)

    def action_stop(self) -> None:
        """Ends the answer that is coming; where none is, leaves the prompt, or what is chosen."""
        if self.talk.stop():
            return
        if self.editor.has_focus:
            self.pane.view.focus()
        else:
            self.pane.view.chosen_block = None
            self.talk.go_on_after_all()

    @on(PromptEditor.Sent)
    def ask(self, message: PromptEditor.Sent) -> None:
        if self.busy:
            self.notify("an answer is still coming; esc stops it", timeout=4, markup=False)
        if self.busy or self.readonly or self.choice is None:
            self.editor.give_back(message.written)
            self.app.bell()
            return
        choice = self.choice
        self.talk.ask(
            lambda number: Asking.of(
                number,
                message.written,
                choice,
                self.settings,
                private=self.private_here,
                external=self.external_once,
                conversation=self.talk.going_on,
                stays_home=self.talk.stays_home,
            )
        )

    @on(ConversationPane.Began)
    def use_up_external_once(self) -> None:
        self.external_once = False

    @on(ConversationPane.Over)
    def take_back(self, message: ConversationPane.Over) -> None:
        self._read_figures()
        if message.given_back is not None:
            self.editor.give_back(message.given_back)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "stop":
            view = self.pane.view
            chosen = view.chosen_block is not None or view.chosen_turn is not None
            return True if self.busy or self.editor.has_focus or chosen else None
        if action in ("choose_turn", "write_anew", "leave_out"):
            return True if self.talk.conversation.turns else None
        if action in ("copy", "next_block"):
            return True if self.pane.view.parts.answer else None
        if action == "fold":
            return True if self.pane.view.parts.reasoning else None
        return True
