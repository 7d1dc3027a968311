"""Plans a prompt of the playground and follows its reply, away from the screen that shows both."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from textual.message import Message as PanelMessage
from textual.message_pump import MessagePump

from tui.app.answer_settings import AnswerSettings
from tui.app.frames import Frames, append_joined
from tui.app.panel_state import PanelState
from tui.app.prompt_in_context import PromptInContext
from tui.app.widgets.choices import Choice
from tui.chat.attachments import WrittenPrompt
from tui.chat.conversation import OpenConversation, OpenTurn
from tui.chat.dispatch import NotPrivate
from tui.chat.gathered import Gathered
from tui.chat.prompt import Prompt
from tui.chat.reply import Failed, FailureKind, Finished, ReplyEvent, Started
from tui.chat.sending import Outgoing, Sender
from tui.config.schema import Config
from tui.fleet.snapshot import FleetSnapshot
from tui.ledger.conversations import Conversations
from tui.ledger.file import LedgerError
from tui.ledger.records import Turn
from tui.ledger.store import usage_now
from tui.ledger.usage import Usage
from tui.routing.decide import Decision
from tui.routing.guard import look
from tui.routing.plan import plan
from tui.routing.policy import Request, programs_to_find, targets_of

log = logging.getLogger(__name__)

NEW_CONVERSATION = OpenConversation()


@dataclass(frozen=True, slots=True)
class Asking:
    """One prompt that the person wants answered. ``number`` tells its messages from those of another."""

    number: int
    written: WrittenPrompt
    request: Request
    prompt: Prompt
    said: str
    """All that the model is told, as the ledger and the guards take it: earlier turns included."""
    conversation: OpenConversation

    @classmethod
    def of(
        cls,
        number: int,
        written: WrittenPrompt,
        choice: Choice,
        settings: AnswerSettings,
        *,
        private: bool,
        external: bool,
        conversation: OpenConversation = NEW_CONVERSATION,
        stays_home: str = "",
    ) -> Asking:
        """``private`` is what the person wants; a private conversation makes it so anyway."""
        context = PromptInContext.of(written, settings, conversation)
        request = choice.request(
            private=private or conversation.is_private,
            stays_home=stays_home,
            external=external,
            prompt_tokens=context.tokens,
            images=context.images,
        )
        return cls(number, written, request, context.prompt, context.said, conversation)

    @property
    def with_secrets(self) -> Asking:
        """The same, after the person has said that its credentials may go wherever it goes."""
        return replace(self, request=replace(self.request, allow_secrets=True))


class PromptPlanned(PanelMessage):
    """Where the prompt would go, after everything was looked at that decides it. Nothing is sent yet."""

    def __init__(self, asking: Asking, decision: Decision) -> None:
        super().__init__()
        self.asking = asking
        self.decision = decision


class ReplyCame(PanelMessage):
    """What has come of a reply since the message before; pieces of text are joined."""

    def __init__(self, number: int, events: Sequence[ReplyEvent]) -> None:
        super().__init__()
        self.number = number
        self.events = events


class ReplyOver(PanelMessage):
    """No more comes of a reply. ``conversation`` is what that makes of it: it has a turn more where it was answered."""

    def __init__(self, number: int, conversation: OpenConversation, *, problem: str = "") -> None:
        super().__init__()
        self.number = number
        self.conversation = conversation
        self.problem = problem


async def plan_prompt(target: MessagePump, asking: Asking, state: PanelState) -> None:
    """Posts where the prompt would go."""
    target.post_message(PromptPlanned(asking, await decide_here(asking.request, asking.said, state)))


async def decide_here(request: Request, said: str, state: PanelState) -> Decision:
    """The plan by what the panel observes of the fleet anyway, with the prompt, the programs and the ledger looked at.

    Files are read in a thread, so that no key waits for them.
    """
    config = state.config
    targets = targets_of(request, config, external_on=request.external or state.modes.external.enabled)
    programs = programs_to_find(targets, config)
    findings = await asyncio.to_thread(look, said, programs, config)
    try:
        usage, remark = await asyncio.to_thread(usage_now, state.now), ""
    except LedgerError as error:
        usage, remark = Usage(), f"limits are not kept: {error}"
    snapshot = state.snapshot or FleetSnapshot(at=state.now)
    made = plan(request, config, snapshot, state.modes, usage, findings, state.now)
    return Decision(made, snapshot, state.modes, usage, findings, remark)


class Senders:
    """Keeps connections for the next prompt, as long as the configuration stays what it is."""

    def __init__(self, face: str) -> None:
        self._face = face
        self._kept: tuple[Config, Sender] | None = None

    async def of(self, config: Config) -> Sender:
        if self._kept is None or self._kept[0] is not config:
            await self.close()
            self._kept = (config, Sender(config, self._face))
        return self._kept[1]

    async def close(self) -> None:
        kept, self._kept = self._kept, None
        if kept is not None:
            await kept[1].__aexit__(None, None, None)


async def follow_reply(
    target: MessagePump, asking: Asking, decision: Decision, config: Config, senders: Senders
) -> None:
    """Sends the prompt and posts what comes, in batches. Cancelling closes the connection, or ends the program."""
    sender = await senders.of(config)
    batch, course = _Batch(target, asking.number), _Course()
    outgoing = Outgoing(request=asking.request, decision=decision, prompt=asking.prompt, said=asking.said)
    conversation, problem = asking.conversation, ""
    try:
        async with contextlib.aclosing(sender.send(outgoing, noted=course.note)) as events:
            async for event in events:
                course.take(event)
                batch.add(event)
        batch.post()
        conversation, problem = await asyncio.to_thread(_keep, conversation, course.turn(asking, outgoing), course)
    except NotPrivate as refused:
        batch.add(Failed(error=str(refused), kind=FailureKind.REFUSED))
    except asyncio.CancelledError:
        if course.request is not None:
            conversation = conversation.with_try(course.request)
        raise
    finally:
        batch.post()
        target.post_message(ReplyOver(asking.number, conversation, problem=problem or sender.problem))


class _Course:
    """What is known of a reply that will be a turn, unless it fails."""

    def __init__(self) -> None:
        self.request: int | None = None
        """Its number in the ledger; None: it is not there."""
        self._asked_at = time.time()
        self._gathered = Gathered()
        self._places: set[str] = set()

    def note(self, request: int) -> None:
        self.request = request

    def take(self, event: ReplyEvent) -> None:
        self._gathered.take(event)
        if isinstance(event, Started):
            self._places.add(str(event.candidate.where))

    def turn(self, asking: Asking, outgoing: Outgoing) -> OpenTurn | None:
        """The turn that it has become; None where there is no whole answer."""
        finished, asked = self._gathered.end, outgoing.decision.plan.asked
        if not isinstance(finished, Finished) or asked is None:
            return None
        turn = Turn(
            at=self._asked_at,
            asked_kind=asked.kind,
            asked_name=asked.name,
            model=finished.model,
            where="local" if finished.where == "local" else "cloud",
            served_by=finished.served_by,
            prompt=asking.prompt.messages[-1].text,
            answer=self._gathered.text,
            system=asking.prompt.system,
            private=outgoing.is_private,
            stayed_home=self._places <= {"local"},
            output_tokens=finished.usage.output,
            tokens_per_second=finished.timings.tokens_per_second,
            total_s=finished.timings.total,
            request=self.request,
        )
        return OpenTurn(turn, asking.prompt.messages[-1].images)


def _keep(conversation: OpenConversation, turn: OpenTurn | None, course: _Course) -> tuple[OpenConversation, str]:
    """The conversation with what has become of the request, in the ledger too; and why it is not there."""
    number, request = conversation.number, course.request
    try:
        if request is not None and turn is not None:
            with Conversations() as kept:
                number = kept.add(
                    request,
                    number,
                    earlier=conversation.requests,
                    tries=conversation.tries,
                    branch_of=conversation.branch_of,
                )
        problem = ""
    except LedgerError as error:
        problem = str(error)
    if turn is not None:
        return conversation.with_turn(turn, number), problem
    return conversation.with_try(request) if request is not None else conversation, problem


async def keep_tries(conversation: OpenConversation) -> None:
    """Has the ledger count to a conversation what got no answer. A ledger that cannot be written stands in nobody's
    way."""
    try:
        await asyncio.to_thread(_keep_tries, conversation)
    except LedgerError as error:
        log.warning("what got no answer is not counted to its conversation: %s", error)


def _keep_tries(conversation: OpenConversation) -> None:
    if conversation.number is not None:
        with Conversations() as kept:
            for request in conversation.tries:
                kept.add_try(request, conversation.number)


class _Batch:
    """Gathers events for a frame."""

    def __init__(self, target: MessagePump, number: int) -> None:
        self._target = target
        self._number = number
        self._events: list[ReplyEvent] = []
        self._frames = Frames(self._send)

    def add(self, event: ReplyEvent) -> None:
        append_joined(self._events, event)
        self._frames.due()

    def post(self) -> None:
        self._frames.flush()

    def _send(self) -> None:
        if self._events:
            events, self._events = self._events, []
            self._target.post_message(ReplyCame(self._number, events))
