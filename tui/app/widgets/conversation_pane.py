"""A conversation: each prompt is planned, sent and answered, and is a turn of it from then on."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable

from textual import on
from textual.containers import Vertical
from textual.message import Message
from textual.reactive import var
from textual.widget import Widget
from textual.worker import Worker, WorkerCancelled, WorkerFailed, WorkerState

from tui.app.answering import (
    NEW_CONVERSATION,
    Asking,
    PromptPlanned,
    ReplyCame,
    ReplyOver,
    Senders,
    follow_reply,
    keep_tries,
    plan_prompt,
)
from tui.app.notifying import tell_if_long, tell_of_answer
from tui.app.panel_state import KeepsState, PanelState
from tui.app.prompt_questions import question_before_sending, question_of_credentials
from tui.app.questions import Question
from tui.app.widgets.answer_pane import AnswerPane, Phase
from tui.app.widgets.conversation_words import conversation_words, program_words, way_out_words
from tui.app.widgets.status_row import StatusRow
from tui.chat.attachments import WrittenPrompt
from tui.chat.conversation import OpenConversation
from tui.chat.race import name_of
from tui.fleet.printable import printable
from tui.routing.decide import Decision


class ConversationPane(Vertical):
    """Earlier turns above, the newest below; and a row that says what of them goes along with the next prompt."""

    conversation: var[OpenConversation] = var(NEW_CONVERSATION, init=False)
    written_anew: var[int | None] = var(None, init=False)
    """The place of the turn that the next prompt replaces, which makes a branch; None: it follows all turns."""

    class Began(Message):
        """A prompt is on its way."""

    class Over(Message):
        """Nothing is under way any more. A prompt without an answer is given back."""

        def __init__(self, given_back: WrittenPrompt | None) -> None:
            super().__init__()
            self.given_back = given_back

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  (Textual's own name for it)
        super().__init__(id=id)
        self.answer = AnswerPane(id="pane")
        self._row = StatusRow(id="conversation")
        self._number = 0
        self._asking: Asking | None = None
        """What is being planned or answered now."""
        self._work: Worker[None] | None = None
        """What plans or follows it."""
        self._sent_at = 0.0
        """By the monotonic clock."""
        self._senders = Senders("panel")

    def compose(self) -> Iterable[Widget]:
        yield self.answer
        yield self._row

    def on_mount(self) -> None:
        self._row.display = False

    async def on_unmount(self) -> None:
        if self._work is not None:
            self._work.cancel()
            with contextlib.suppress(WorkerFailed, WorkerCancelled):
                await self._work.wait()
        await self._senders.close()

    @property
    def busy(self) -> bool:
        """True while a prompt is planned or answered."""
        return self._asking is not None

    @property
    def _state(self) -> PanelState:
        assert isinstance(self.app, KeepsState)
        return self.app.state

    @property
    def going_on(self) -> OpenConversation:
        """What the next prompt follows."""
        return self.conversation if self.written_anew is None else self.conversation.before(self.written_anew)

    @property
    def stays_home(self) -> str:
        """Why the next prompt may go to the person's own machines alone, though it is not private; empty: it may go
        elsewhere."""
        return self.going_on.stays_home(self._state.config.ledger.keep_text)

    def watch_conversation(self) -> None:
        self._show_row()

    def watch_written_anew(self) -> None:
        self._show_row()

    def show(self, conversation: OpenConversation) -> None:
        """Goes on with another conversation, or a new one."""
        self.written_anew = None
        self.conversation = conversation
        self.answer.show_turns([one.turn for one in conversation.turns], self._state.now)

    def show_state(self, state: PanelState) -> None:
        self.answer.model_figures = state.figures
        self.answer.tick(state.snapshot)
        self._show_row()

    def _show_row(self) -> None:
        self._row.display = bool(self.conversation.turns)
        if self.conversation.turns and isinstance(self.app, KeepsState):
            self._row.left = conversation_words(self.going_on, self.written_anew, self.stays_home)
            self._row.right = way_out_words(self.conversation, self.written_anew, self.stays_home)

    def choose_turn(self, steps: int) -> None:
        """Chooses a turn before or after the one that is chosen; the newest where none is."""
        count, view = len(self.conversation.turns), self.answer.view
        if not count:
            self.app.bell()
            return
        now = count if view.chosen_turn is None else view.chosen_turn
        view.chosen_turn = min(max(now + steps, 0), count - 1)
        view.show_row(view.parts.row_of_turn(view.chosen_turn))

    def write_anew(self) -> str | None:
        """The prompt of the chosen turn, else of the newest; what is sent next takes its place in a branch. None where
        there is none, or nothing can be sent now."""
        place = self.answer.view.chosen_turn
        place = len(self.conversation.turns) - 1 if place is None else place
        if self.busy or place < 0 or self.conversation.turns[place].turn.prompt is None:
            return None
        if not self.conversation.is_kept_from(place):
            words = "some of what follows is kept nowhere: it goes when you send this prompt; esc leaves all as it is"
            self.notify(words, severity="warning", timeout=8, markup=False)
        self.written_anew = self.answer.view.chosen_turn = place
        return self.conversation.turns[place].turn.prompt

    def go_on_after_all(self) -> None:
        """What is sent next follows all turns again."""
        self.written_anew = self.answer.view.chosen_turn = None

    def leave_out(self) -> None:
        """Leaves the chosen turn out of what is sent, or takes it back; where none is chosen, all that keep the
        conversation at home."""
        if self.busy:
            self.app.bell()
            return
        place = self.answer.view.chosen_turn
        if place is not None:
            places, out = {place}, not self.conversation.turns[place].left_out
        else:
            confining = set(self.conversation.confining)
            places = confining or {at for at, one in enumerate(self.conversation.turns) if one.left_out}
            out = bool(confining)
        self.conversation = self.conversation.leaving_out(places, out=out)
        self.answer.view.leave_out({at for at, one in enumerate(self.conversation.turns) if one.left_out})

    def stop(self) -> bool:
        """Ends what is under way; False where nothing is."""
        if self._work is None:
            return False
        self._work.cancel()
        return True

    def ask(self, asking: Callable[[int], Asking]) -> None:
        """Has the prompt planned with all that is known, the prompt itself included; ``asking`` takes its number."""
        self._number += 1
        self._plan(asking(self._number))

    def _plan(self, asking: Asking) -> None:
        self._asking = asking
        work = plan_prompt(self, asking, self._state)
        self._work = self.run_worker(
            work, group="plan", exclusive=True, exit_on_error=False, description="plan the prompt"
        )
        self.screen.refresh_bindings()

    @on(PromptPlanned)
    def go_on_with_plan(self, message: PromptPlanned) -> None:
        """Sends the prompt, after asking where that does something that the person may not expect."""
        message.stop()
        asking, decision = message.asking, message.decision
        if asking is not self._asking:
            return
        if (question := question_of_credentials(decision)) is not None:
            self._confirm(question, asking, lambda: self._plan(asking.with_secrets))
        elif not decision.plan.candidates:
            self.answer.refuse(asking.written.in_brief, decision, asking.request)
            self._over(restore=True)
        elif (question := question_before_sending(asking.request, decision, self._state.config)) is not None:
            self._confirm(question, asking, lambda: self._send(asking, decision))
        else:
            self._send(asking, decision)

    def _confirm(self, question: Question, asking: Asking, act: Callable[[], None]) -> None:
        from tui.app.screens.dialogs import ConfirmScreen

        def answered(yes: bool | None) -> None:
            if asking is self._asking:
                (act if yes else lambda: self._over(restore=True))()

        self.app.push_screen(ConfirmScreen(question), answered)

    def _send(self, asking: Asking, decision: Decision) -> None:
        if decision.remark:
            self.notify(decision.remark, severity="warning", markup=False)
        if self.written_anew is not None:
            self.answer.cut_from(self.written_anew)
            self.written_anew, self.conversation = None, asking.conversation
        self.answer.begin(asking.written.in_brief, decision, asking.request)
        if words := program_words(asking.conversation, decision.plan.candidates[0].model, self._state.config):
            self.answer.view.add(words)
        self._sent_at = time.monotonic()
        self.post_message(self.Began())
        work = follow_reply(self, asking, decision, self._state.config, self._senders)
        self._work = self.run_worker(
            work, group="reply", exclusive=True, exit_on_error=False, description="follow the reply"
        )
        self.screen.refresh_bindings()

    @on(ReplyCame)
    def show_reply(self, message: ReplyCame) -> None:
        message.stop()
        if self._asking is not None and message.number == self._asking.number:
            with self.app.batch_update():
                self.answer.take(message.events)

    @on(ReplyOver)
    def end_reply(self, message: ReplyOver) -> None:
        message.stop()
        if self._asking is None or message.number != self._asking.number:
            return
        self.answer.stop()
        if message.problem:
            self.notify(f"the ledger: {message.problem}", severity="warning", markup=False)
        if len(message.conversation.turns) > len(self.conversation.turns):
            self.answer.view.parts.end_turn(len(self.conversation.turns))
            tell_of_answer(self.app, message.conversation.turns[-1].turn)
        elif self.answer.phase is Phase.FAILED:
            words = f"no whole answer from {printable(name_of(self._asking.request), 60)}"
            tell_if_long(self.app, words, time.monotonic() - self._sent_at)
        self.conversation = message.conversation
        if self.conversation.tries and self.conversation.number is not None:
            work = keep_tries(self.conversation)
            self.run_worker(work, group="tries", exit_on_error=False, description="count a try to its conversation")
        self._over(restore=self.answer.unanswered)

    @on(Worker.StateChanged)
    def see_it_end(self, event: Worker.StateChanged) -> None:
        """A worker that was cancelled before its first step, or broke, has told nothing of its end."""
        if event.worker is self._work and event.state in (WorkerState.CANCELLED, WorkerState.ERROR):
            self.answer.stop()
            self._over(restore=True)

    def _over(self, *, restore: bool) -> None:
        given_back = self._asking.written if restore and self._asking is not None else None
        self._asking = self._work = None
        self.post_message(self.Over(given_back))
        self.screen.refresh_bindings()
