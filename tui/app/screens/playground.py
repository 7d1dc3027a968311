"""Screen 3: any prompt to any model, and its answer as it comes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.binding import BindingType
from textual.content import Content
from textual.reactive import var
from textual.widget import Widget
from textual.worker import Worker, WorkerCancelled, WorkerFailed, WorkerState

from tui.app.actions import Scope
from tui.app.answer_settings import AnswerSettings
from tui.app.answering import Asking, PromptPlanned, ReplyCame, ReplyOver, Senders, follow_reply, plan_prompt
from tui.app.bindings import bindings_of
from tui.app.last_choice import keep_choice, last_choice
from tui.app.messages import CopyAsked
from tui.app.model_figures import tell_figures
from tui.app.own_editor import EditorFailed, edit_in_own_editor
from tui.app.panel_state import KeepsState, PanelState
from tui.app.prompt_questions import question_before_sending, question_of_credentials
from tui.app.questions import Question
from tui.app.screens.panel_screen import PanelScreen
from tui.app.widgets.answer_pane import AnswerPane
from tui.app.widgets.attachment_row import AttachmentRow
from tui.app.widgets.choices import Choice, first_choice
from tui.app.widgets.prompt_bar import PromptBar, Situation
from tui.app.widgets.prompt_editor import PromptEditor
from tui.chat.attachments import Attachment
from tui.routing.decide import Decision


class PlaygroundScreen(PanelScreen):
    """A prompt below, its answer above, and between them a line that says where the prompt would go."""

    SCOPE = Scope.PLAYGROUND
    CSS_PATH = "playground.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of(Scope.PLAYGROUND)]
    AUTO_FOCUS = "#prompt"

    choice: var[Choice | None] = var(None, init=False)
    private_here: var[bool] = var(False, init=False)
    external_once: var[bool] = var(False, init=False)
    settings: var[AnswerSettings] = var(AnswerSettings(), init=False)

    def __init__(self) -> None:
        super().__init__()
        self.pane = AnswerPane(id="pane")
        self._bar = PromptBar(id="bar")
        self._attached = AttachmentRow(id="attached")
        self._editor = PromptEditor(id="prompt")
        self._files_from = Path.cwd()
        """Where the next file to go along is looked for first."""
        self._number = 0
        self._asking: Asking | None = None
        """What is being planned or answered now."""
        self._work: Worker[None] | None = None
        """What plans or follows it."""
        self._senders = Senders("panel")

    def compose_body(self) -> Iterable[Widget]:
        yield self.pane
        yield self._bar
        yield self._attached
        yield self._editor

    def on_mount(self) -> None:
        self.pane.view.empty_text = "Write a prompt below; enter sends it, m or ctrl+o chooses whom to ask."
        self._editor.border_title = "prompt"
        self.choice = last_choice()
        self.watch(self._editor, "attachments", self._show_attachments, init=False)
        self._read_figures()

    async def on_unmount(self) -> None:
        if self._work is not None:
            self._work.cancel()
            with contextlib.suppress(WorkerFailed, WorkerCancelled):
                await self._work.wait()
        await self._senders.close()

    def show_state(self, state: PanelState) -> None:
        super().show_state(state)
        if self.choice is None and state.snapshot is not None:
            self.choice = first_choice(state.config, state.snapshot)
        self._show_bar()
        self.pane.model_figures = state.figures
        self.pane.tick(state.snapshot)

    def watch_choice(self) -> None:
        self._show_bar()

    def watch_private_here(self) -> None:
        self._show_bar()

    def watch_external_once(self) -> None:
        self._show_bar()

    def watch_settings(self) -> None:
        self._show_bar()

    def _read_figures(self) -> None:
        self.run_worker(tell_figures(self.app), group="figures", exit_on_error=False, description="read the ledger")

    @property
    def busy(self) -> bool:
        """True while a prompt is planned or answered."""
        return self._asking is not None

    def _show_bar(self) -> None:
        if self.is_mounted and isinstance(self.app, KeepsState):
            situation = Situation(
                state=self.app.state,
                choice=self.choice,
                private_here=self.private_here,
                external_once=self.external_once,
                settings=self.settings,
                attachments=self._editor.attachments,
            )
            self._bar.show_situation(situation)
            self._editor.border_subtitle = Content(self._bar.cold_words)

    def _show_attachments(self, attachments: tuple[Attachment, ...]) -> None:
        self._attached.show_attachments(attachments)
        self._show_bar()
        self.refresh_bindings()

    def action_attach(self) -> None:
        from tui.app.screens.file_finder import FileFinder

        def attach(found: tuple[Attachment, Path] | None) -> None:
            if found is not None:
                self._editor.attachments = (*self._editor.attachments, found[0])
                self._files_from = found[1]
            self._editor.focus()

        self.app.push_screen(FileFinder(self._files_from), attach)

    def action_detach(self, place: int = -1) -> None:
        """Takes a file away from the prompt; the last one where none is named."""
        attachments = list(self._editor.attachments)
        if -len(attachments) <= place < len(attachments):
            del attachments[place]
            self._editor.attachments = tuple(attachments)

    def action_prompts(self) -> None:
        from tui.app.screens.prompt_finder import PromptFinder
    def action_race(self) -> None:
        """Shows the race as it was left; the first time with those that a prompt from here would go to."""
        from tui.app.opening_race import open_race
        from tui.app.racing import RaceRules

        rules = RaceRules(settings=self.settings, private=self.private_here, external=self.external_once)
        open_race(self.app, self.choice, self._editor.written, rules)


        def write(text: str | None) -> None:
            if text is not None:
                self._editor.insert_prompt(text)
            self._editor.focus()

        self.app.push_screen(PromptFinder(self._editor.prompt), write)

    def action_choose(self) -> None:
        from tui.app.screens.model_finder import ModelFinder

        if isinstance(self.app, KeepsState):
            finder = ModelFinder(self.app.state, self.choice, private=self.private_here, external=self.external_once)
            self.app.push_screen(finder, self._take_choice)

    def _take_choice(self, choice: Choice | None) -> None:
        if choice is not None:
            self.choice = choice
            keep_choice(choice)
        self._editor.focus()

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

    def action_write(self) -> None:
        self._editor.focus()

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
            self.pane.clear()

    def action_stop(self) -> None:
        """Ends the answer that is coming; where none is, leaves the prompt or the chosen code."""
        if self._work is not None:
            self._work.cancel()
        elif self._editor.has_focus:
            self.pane.view.focus()
        else:
            self.pane.view.chosen_block = None

    @on(PromptEditor.EditorWanted)
    def edit_elsewhere(self, message: PromptEditor.EditorWanted) -> None:
        try:
            text = edit_in_own_editor(self.app, message.text)
        except EditorFailed as error:
            self.notify(str(error), severity="error", timeout=12, markup=False)
            return
        self._editor.show_prompt(text)

    @on(PromptEditor.Sent)
    def ask(self, message: PromptEditor.Sent) -> None:
        if self.busy:
            self.notify("an answer is still coming; esc stops it", timeout=4, markup=False)
        if self.busy or self.readonly or self.choice is None:
            self._editor.give_back(message.written)
            self.app.bell()
            return
        self._number += 1
        asking = Asking.of(
            self._number,
            message.written,
            self.choice,
            self.settings,
            private=self.private_here,
            external=self.external_once,
        )
        self._plan(asking)

    def _plan(self, asking: Asking) -> None:
        """Has the prompt planned with all that is known, the prompt itself included."""
        self._asking = asking
        if isinstance(self.app, KeepsState):
            work = plan_prompt(self, asking, self.app.state)
            self._work = self.run_worker(
                work, group="plan", exclusive=True, exit_on_error=False, description="plan the prompt"
            )
        self.refresh_bindings()

    @on(PromptPlanned)
    def go_on_with_plan(self, message: PromptPlanned) -> None:
        """Sends the prompt, after asking where that does something that the person may not expect."""
        asking, decision = message.asking, message.decision
        if asking is not self._asking:
            return
        if (question := question_of_credentials(decision)) is not None:
            self._confirm(question, asking, lambda: self._plan(asking.with_secrets))
        elif not decision.plan.candidates:
            self.pane.refuse(asking.written.in_brief, decision, external_once=self.external_once)
            self._over()
        elif (question := question_before_sending(asking.request, decision, self.config)) is not None:
            self._confirm(question, asking, lambda: self._send(asking, decision))
        else:
            self._send(asking, decision)

    def _confirm(self, question: Question, asking: Asking, act: Callable[[], None]) -> None:
        from tui.app.screens.dialogs import ConfirmScreen

        def answered(yes: bool | None) -> None:
            if asking is self._asking:
                (act if yes else self._over)()

        self.app.push_screen(ConfirmScreen(question), answered)

    def _send(self, asking: Asking, decision: Decision) -> None:
        if decision.remark:
            self.notify(decision.remark, severity="warning", markup=False)
        self.pane.begin(asking.written.in_brief, decision, external_once=self.external_once)
        self.external_once = False
        work = follow_reply(self, asking, decision, self.config, self._senders)
        self._work = self.run_worker(
            work, group="reply", exclusive=True, exit_on_error=False, description="follow the reply"
        )
        self.refresh_bindings()

    @on(ReplyCame)
    def show_reply(self, message: ReplyCame) -> None:
        if self._asking is not None and message.number == self._asking.number:
            with self.app.batch_update():
                self.pane.take(message.events)

    @on(ReplyOver)
    def end_reply(self, message: ReplyOver) -> None:
        if self._asking is None or message.number != self._asking.number:
            return
        self.pane.stop()
        if message.problem:
            self.notify(f"the ledger: {message.problem}", severity="warning", markup=False)
        self._over(restore=self.pane.unanswered)
        self._read_figures()

    @on(Worker.StateChanged)
    def see_it_end(self, event: Worker.StateChanged) -> None:
        """A worker that was cancelled before its first step, or broke, has told nothing of its end."""
        if event.worker is self._work and event.state in (WorkerState.CANCELLED, WorkerState.ERROR):
            self.pane.stop()
            self._over()

    def _over(self, *, restore: bool = True) -> None:
        """Nothing is under way any more. A prompt without an answer is where it was."""
        if restore and self._asking is not None:
            self._editor.give_back(self._asking.written)
        self._asking = self._work = None
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "stop":
            return True if self.busy or self._editor.has_focus or self.pane.view.chosen_block else None
        if action in ("copy", "next_block"):
            return True if self.pane.view.parts.answer else None
        if action == "detach":
            return True if self._editor.attachments else None
        if action == "fold":
            return True if self.pane.view.parts.reasoning else None
        return True
