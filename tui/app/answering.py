"""Plans a prompt of the playground and follows its reply, away from the screen that shows both."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from textual.message import Message as PanelMessage
from textual.message_pump import MessagePump

from tui.app.answer_settings import AnswerSettings
from tui.app.frames import Frames, append_joined
from tui.app.panel_state import PanelState
from tui.app.widgets.choices import Choice
from tui.chat.attachments import WrittenPrompt
from tui.chat.dispatch import NotPrivate
from tui.chat.prompt import Prompt
from tui.chat.reply import Failed, FailureKind, ReplyEvent
from tui.chat.sending import Outgoing, Sender
from tui.config.schema import Config
from tui.fleet.snapshot import FleetSnapshot
from tui.ledger.file import LedgerError
from tui.ledger.store import usage_now
from tui.ledger.usage import Usage
from tui.routing.decide import Decision
from tui.routing.guard import look
from tui.routing.plan import plan
from tui.routing.policy import Request, programs_to_find, targets_of


@dataclass(frozen=True, slots=True)
class Asking:
    """One prompt that the person wants answered. ``number`` tells its messages from those of another."""

    number: int
    written: WrittenPrompt
    """What the person wrote and attached."""
    request: Request
    prompt: Prompt
    said: str
    """All that the model is told, as the ledger and the guards take it."""

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
    ) -> Asking:
        said = written.said(settings.system)
        request = choice.request(
            private=private,
            external=external,
            prompt_tokens=written.tokens_at_most(settings.system),
            images=len(written.images),
        )
        prompt = replace(
            Prompt.of(written.text, system=settings.system, max_tokens=settings.max_tokens, images=written.images),
            temperature=settings.temperature,
            thinking=settings.thinking,
        )
        return cls(number, written, request, prompt, said)

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
    """No more comes of a reply. ``stopped``: because it was ended from here."""

    def __init__(self, number: int, *, stopped: bool, problem: str = "") -> None:
        super().__init__()
        self.number = number
        self.stopped = stopped
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
    batch = _Batch(target, asking.number)
    outgoing = Outgoing(request=asking.request, decision=decision, prompt=asking.prompt, said=asking.said)
    stopped = True
    try:
        async with contextlib.aclosing(sender.send(outgoing)) as events:
            async for event in events:
                batch.add(event)
        stopped = False
    except NotPrivate as refused:
        stopped = False
        batch.add(Failed(error=str(refused), kind=FailureKind.REFUSED))
    finally:
        batch.post()
        target.post_message(ReplyOver(asking.number, stopped=stopped, problem=sender.problem))


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
