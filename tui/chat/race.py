"""The same prompt to several models at once, each by a plan of its own: modes, guards and limits hold for each."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import replace

from tui.chat.dispatch import NotPrivate
from tui.chat.drill import Stage
from tui.chat.gathered import Gathered
from tui.chat.prompt import Prompt
from tui.chat.reply import Failed, FailureKind, Finished, Loading, Reasoning, ReplyEvent, Retrying, Text
from tui.chat.sending import Outgoing, Sender
from tui.config.schema import Config
from tui.routing.decide import Decision, decide, prepare_to_look
from tui.routing.modes import Modes
from tui.routing.policy import Request


class Lane:
    """One model's part of a race, as far as it has come."""

    def __init__(self, request: Request) -> None:
        """``request`` names a model."""
        assert request.model is not None
        self.request = request
        self.model = request.model
        self.stage = Stage.WAITING
        self.words = ""
        """What it waits for, why it failed, or why it was not asked."""
        self.decision: Decision | None = None
        self._gathered = Gathered()

    @property
    def text(self) -> str:
        """The answer so far, exactly as it came."""
        return self._gathered.text

    @property
    def reasoning(self) -> str:
        return self._gathered.reasoning

    @property
    def end(self) -> Finished | Failed | None:
        return self._gathered.end

    @property
    def finished(self) -> Finished | None:
        return self.end if isinstance(self.end, Finished) else None

    @property
    def where(self) -> str:
        """``local`` or ``cloud``; empty as long as nobody has planned."""
        if self.decision is None:
            return ""
        plan = self.decision.plan
        places = [one.where for one in plan.candidates] + [one.where for one in plan.skipped]
        return str(places[0]) if places else ""

    @property
    def prefill(self) -> float | None:
        """Seconds to the first token without those in which the model was seen to load: reading the prompt, mostly.

        None where not known, as where all that was seen of the end of loading is that a token came.
        """
        timings = self.finished.timings if self.finished is not None else None
        if timings is None or timings.first_token is None:
            return None
        left = timings.first_token - (timings.load or 0.0)
        return left if left > 0 else None

    def plan(self, decision: Decision) -> None:
        """Takes in where it may go, which may be nowhere."""
        self.decision = decision
        plan = decision.plan
        if not plan.candidates:
            self.skip(plan.skipped[0].reason if plan.skipped else plan.error)

    def skip(self, reason: str) -> None:
        """It is not asked."""
        self.stage, self.words = Stage.SKIPPED, reason

    def interrupt(self) -> None:
        """It is ended from outside, if it was not over before."""
        if self.end is None and self.stage is not Stage.SKIPPED:
            words = "it was interrupted"
            self.take(Failed(error=words, kind=FailureKind.INTERRUPTED, model=self.model, partial=self._gathered.begun))

    def take(self, event: ReplyEvent) -> None:
        """Takes in what has just happened."""
        self._gathered.take(event)
        match event:
            case Loading(text) | Retrying(text):
                self.stage, self.words = Stage.LOADING, text
            case Text() | Reasoning():
                self.stage, self.words = Stage.ANSWERING, ""
            case Finished():
                self.stage, self.words = Stage.ANSWERED, ""
            case Failed():
                self.stage, self.words = Stage.FAILED, event.error


def lanes_for(models: Sequence[str], request: Request) -> tuple[Lane, ...]:
    """A lane for each of the models; ``request`` is what they have in common."""
    return tuple(Lane(replace(request, model=model)) for model in models)


def by_total(lanes: Sequence[Lane]) -> list[Lane]:
    """Those that answered, the quickest first; then those that failed, then those that were not asked."""

    def place(lane: Lane) -> tuple[int, float]:
        if lane.finished is not None:
            total = lane.finished.timings.total
            return 0, float("inf") if total is None else total
        return (2 if lane.stage is Stage.SKIPPED else 1), 0.0

    return sorted(lanes, key=place)


async def race(
    lanes: Sequence[Lane],
    prompt: Prompt,
    said: str,
    sender: Sender,
    config: Config,
    modes: Modes,
    *,
    timeout: float | None = None,
    told: Callable[[Lane, ReplyEvent], None] = lambda lane, event: None,
) -> None:
    """Asks all that may be asked, and is over once the last of them is.

    All plans are made before the first prompt goes out, so that nobody has a start. ``said`` is all that the models are
    told; ``timeout`` is seconds for each answer; ``told`` is called behind every event. Cancelling ends all requests;
    the lanes keep what had come.
    """
    prepare_to_look()
    try:
        async with asyncio.TaskGroup() as plans:
            for lane in lanes:
                plans.create_task(_plan(lane, said, config, modes))
        async with asyncio.TaskGroup() as answers:
            for lane in lanes:
                if lane.stage is Stage.WAITING:
                    answers.create_task(_ask(lane, prompt, said, sender, timeout, told))
    finally:
        for lane in lanes:
            lane.interrupt()


async def _plan(lane: Lane, said: str, config: Config, modes: Modes) -> None:
    lane.plan(await decide(lane.request, said, config, modes))


async def _ask(
    lane: Lane,
    prompt: Prompt,
    said: str,
    sender: Sender,
    timeout: float | None,
    told: Callable[[Lane, ReplyEvent], None],
) -> None:
    assert lane.decision is not None
    lane.stage = Stage.ASKING
    outgoing = Outgoing(request=lane.request, decision=lane.decision, prompt=prompt, said=said)
    try:
        async with contextlib.aclosing(sender.send(outgoing, timeout=timeout)) as events:
            async for event in events:
                lane.take(event)
                told(lane, event)
    except NotPrivate as refused:
        lane.skip(str(refused))
