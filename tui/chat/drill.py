"""The drill: really asks models, one after the other, with a prompt so small that it costs next to nothing."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from tui.chat.dispatch import NotPrivate
from tui.chat.prompt import Prompt
from tui.chat.reply import Failed, Finished, Loading, Reasoning, ReplyEvent, Retrying, Text
from tui.chat.sending import Outgoing, Sender
from tui.config.schema import Config
from tui.routing.decide import decide
from tui.routing.modes import Modes
from tui.routing.plan import Candidate
from tui.routing.policy import Request
from tui.routing.size import tokens_at_most

QUESTION = "Reply with one word: ready"
MOST_TOKENS = 32
"""Of an answer, thinking included. Command-line programs have no such limit."""
LONGEST = 180.0
"""Seconds for one model, its loading included."""


class Stage(StrEnum):
    """How far one model has come."""

    WAITING = "waiting"
    ASKING = "asking"
    LOADING = "loading"
    ANSWERING = "answering"
    ANSWERED = "answered"
    FAILED = "failed"
    SKIPPED = "skipped"
    """It may not be asked: by a mode, a limit, a guard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drilled:
    """What is known of one model so far. Times are seconds, ``cost`` US dollars; None: not known."""

    model: str
    where: str
    stage: Stage = Stage.WAITING
    words: str = ""
    """What it waits for, why it failed or was skipped, or who really served."""
    first_token: float | None = None
    total: float | None = None
    tokens_per_second: float | None = None
    cost: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillCost:
    """What asking these models may cost."""

    usd: float
    """At most, for those whose price the configuration knows."""
    unpriced: tuple[str, ...]
    """Cloud models of services, whose price nobody told."""
    programs: tuple[str, ...]
    """Models of command-line programs: they count towards a subscription, and say as much as they like."""
    loads: tuple[str, ...]
    """Those that would be loaded first, which may push others out of memory."""


def drill_cost(candidates: Sequence[Candidate], config: Config) -> DrillCost:
    """What it may cost to ask these, as far as that can be known before."""
    usd = 0.0
    unpriced: list[str] = []
    programs: list[str] = []
    for candidate in candidates:
        settings = config.models.get(candidate.model)
        price = settings.price if settings is not None else None
        if candidate.model.partition("/")[0] in config.clis:
            programs.append(candidate.model)
        elif price is not None:
            usd += (tokens_at_most(QUESTION) * price.input + MOST_TOKENS * price.output) / 1e6
        elif candidate.where != "local":
            unpriced.append(candidate.model)
    loads = tuple(candidate.model for candidate in candidates if candidate.state == "idle")
    return DrillCost(usd=usd, unpriced=tuple(unpriced), programs=tuple(programs), loads=loads)


async def drill(
    candidates: Sequence[Candidate], config: Config, read_modes: Callable[[], Modes], face: str
) -> AsyncGenerator[Drilled, None]:
    """Asks one after the other, each by a plan of its own that is made right before, so that what was switched
    meanwhile holds. Close the generator to stop: nothing goes on then.
    """
    async with Sender(config, face) as sender:
        for candidate in candidates:
            request = Request(model=candidate.model, prompt_tokens=tokens_at_most(QUESTION))
            decision = await decide(request, QUESTION, config, read_modes())
            known = Drilled(model=candidate.model, where=str(candidate.where), stage=Stage.ASKING)
            if not decision.plan.candidates:
                reason = decision.plan.skipped[0].reason if decision.plan.skipped else decision.plan.error
                yield replace(known, stage=Stage.SKIPPED, words=reason)
                continue
            yield known
            prompt = Prompt.of(QUESTION, max_tokens=MOST_TOKENS)
            outgoing = Outgoing(request=request, decision=decision, prompt=prompt, said=QUESTION)
            try:
                async with contextlib.aclosing(sender.send(outgoing, timeout=LONGEST)) as events:
                    async for event in events:
                        told = _told(known, event)
                        if told != known:
                            known = told
                            yield known
            except NotPrivate as refused:
                yield replace(known, stage=Stage.SKIPPED, words=str(refused))


def _told(known: Drilled, event: ReplyEvent) -> Drilled:
    match event:
        case Loading(text) | Retrying(text):
            return replace(known, stage=Stage.LOADING, words=text)
        case Text() | Reasoning():
            return replace(known, stage=Stage.ANSWERING, words="")
        case Finished():
            name = event.model.partition("/")[2]
            return replace(
                known,
                stage=Stage.ANSWERED,
                words=f"served by {event.served_by}" if event.served_by != name else "",
                first_token=event.timings.first_token,
                total=event.timings.total,
                tokens_per_second=event.timings.tokens_per_second,
                cost=event.cost,
            )
        case Failed():
            return replace(known, stage=Stage.FAILED, words=event.error)
        case _:
            return known
