"""The same prompt to several models at once, each by a plan of its own: modes, guards and limits hold for each."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from tui.chat.dispatch import NotPrivate
from tui.chat.drill import Stage
from tui.chat.gathered import Gathered
from tui.chat.prompt import Prompt
from tui.chat.reply import (
    Candidate,
    Failed,
    FailureKind,
    Finished,
    Loading,
    Reasoning,
    ReplyEvent,
    Retrying,
    Started,
    Text,
)
from tui.chat.sending import Outgoing, Sender
from tui.config.schema import Config
from tui.fleet.model_memory import memory_held
from tui.fleet.snapshot import FleetSnapshot
from tui.routing.decide import Decision, decide, prepare_to_look
from tui.routing.modes import Modes
from tui.routing.policy import Request

MOST_LANES = 6
"""Of a race on a screen; more could be told apart neither by a person nor by a terminal's columns."""


class Lane:
    """One model's part of a race, as far as it has come; or that of a tier or task, which goes where its plan says."""

    def __init__(self, request: Request, *, clock: Callable[[], float] = time.perf_counter) -> None:
        """``request`` names a model, tier or task. ``clock`` counts seconds."""
        self.request = request
        self.name = name_of(request)
        """What was asked for: a model's id, "tier opus", "task reasoning"."""
        self.stage = Stage.WAITING
        self.words = ""
        """What it waits for, why it failed, or why it was not asked."""
        self.decision: Decision | None = None
        self.candidate: Candidate | None = None
        """Who is being asked, or was last."""
        self.memory: int | None = None
        """Bytes on GPUs that the model was seen to hold since it was asked; None: nobody saw that."""
        self.memory_before: int | None = None
        """Bytes that it held before; 0: it was not loaded."""
        self._clock = clock
        self._asked_at: float | None = None
        self._first_at: float | None = None
        self._gathered = Gathered()

    @property
    def model(self) -> str:
        """The model that answers, as far as that is known; else what was asked for."""
        if self.candidate is not None:
            return self.candidate.model
        if self.request.model is None and self.decision is not None and self.decision.plan.candidates:
            return self.decision.plan.candidates[0].model
        return self.name

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
        if self.candidate is not None:
            return str(self.candidate.where)
        if self.decision is None:
            return ""
        plan = self.decision.plan
        places = [one.where for one in plan.candidates] + [one.where for one in plan.skipped]
        return str(places[0]) if places else ""

    @property
    def first_token(self) -> float | None:
        """Seconds from when the model was asked to its first word, thoughts included; None: there is none yet."""
        if self.finished is not None:
            return self.finished.timings.first_token
        if self._asked_at is None or self._first_at is None:
            return None
        return self._first_at - self._asked_at

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
        if plan.candidates:
            self.memory_before = memory_held(decision.snapshot, self.model)
        else:
            # The sentence about the whole plan says the same of a single model in more words.
            only = plan.skipped[0].reason if plan.skipped and self.request.model is not None else ""
            self.skip(only or plan.error)

    def observe(self, snapshot: FleetSnapshot) -> None:
        """Takes in what its model holds of GPUs now; the most that was seen since it was asked is what it takes."""
        if self.candidate is not None:
            held = memory_held(snapshot, self.model) or 0
            self.memory = max(held, self.memory or 0) or None

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
            case Started(candidate):
                self._begin(candidate)
            case Loading(text) | Retrying(text):
                self.stage, self.words = Stage.LOADING, text
            case Text() | Reasoning():
                self._answer()
            case Finished():
                self.stage, self.words = Stage.ANSWERED, ""
            case Failed():
                self.stage, self.words = Stage.FAILED, event.error

    def _begin(self, candidate: Candidate) -> None:
        if self.candidate is not None:
            # What was seen of one that did not answer is nothing of this one's.
            self.memory = self.memory_before = None
        self.stage, self.words, self.candidate = Stage.ASKING, "", candidate
        self._asked_at, self._first_at = self._clock(), None

    def _answer(self) -> None:
        self.stage, self.words = Stage.ANSWERING, ""
        if self._first_at is None:
            self._first_at = self._clock()


def name_of(request: Request) -> str:
    """What a request asks for, in words: a model's id, "tier opus", "task reasoning"."""
    if request.model is not None:
        return request.model
    return f"tier {request.tier}" if request.tier is not None else f"task {request.task}"


def lanes_for(models: Iterable[str], request: Request) -> tuple[Lane, ...]:
    """A lane for each of the models; ``request`` is what they have in common."""
    return tuple(Lane(replace(request, tier=None, task=None, model=model)) for model in models)


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
    told; see :func:`ask_lanes` for the rest.
    """
    prepare_to_look()
    try:
        async with asyncio.TaskGroup() as plans:
            for lane in lanes:
                plans.create_task(_plan(lane, said, config, modes))
        await ask_lanes(lanes, prompt, said, sender, timeout=timeout, told=told)
    finally:
        _interrupt(lanes)


async def ask_lanes(
    lanes: Sequence[Lane],
    prompt: Prompt,
    said: str,
    sender: Sender,
    *,
    timeout: float | None = None,
    told: Callable[[Lane, ReplyEvent], None] = lambda lane, event: None,
) -> None:
    """Asks those whose plans are made and let them be asked, all at once.

    ``timeout`` is seconds for each answer; ``told`` is called behind every event. Cancelling ends all requests; the
    lanes keep what had come.
    """
    try:
        async with asyncio.TaskGroup() as answers:
            for lane in lanes:
                if lane.stage is Stage.WAITING:
                    answers.create_task(_ask(lane, prompt, said, sender, timeout, told))
    finally:
        _interrupt(lanes)


def _interrupt(lanes: Sequence[Lane]) -> None:
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
