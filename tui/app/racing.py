"""Plans, follows and compares the lanes of a race, away from the screen that shows them."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from textual.message import Message as PanelMessage
from textual.message_pump import MessagePump

from tui.app.answer_settings import AnswerSettings
from tui.app.answering import NEW_CONVERSATION, Senders, decide_here
from tui.app.frames import Frames, append_joined
from tui.app.panel_state import PanelState
from tui.app.prompt_in_context import PromptInContext
from tui.app.widgets.choices import Choice
from tui.chat.attachments import WrittenPrompt
from tui.chat.consensus import THRESHOLD, Consensus, consensus
from tui.chat.conversation import OpenConversation
from tui.chat.prompt import Prompt
from tui.chat.race import Lane, ask_lanes
from tui.chat.reply import ReplyEvent
from tui.config.schema import Config
from tui.ledger.file import LedgerError
from tui.ledger.votes import Standing, Vote, Votes, standings_now
from tui.routing.modes import Modes

TURN = 1 / 30
"""Seconds between two lanes that are shown: six lanes are each shown five times a second."""
GIVES_WAY = 3.0
"""Times the loop's lag by which the next lane waits longer: what is painted is a quarter of the work at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RaceRules:
    """What holds for all lanes of a race."""

    choices: tuple[Choice, ...] = ()
    settings: AnswerSettings = field(default_factory=AnswerSettings)
    private: bool = False
    external: bool = False
    task: str = ""
    """The task of the configuration that votes count for; empty: none."""
    threshold: float = THRESHOLD
    judge: str | None = None
    conversation: OpenConversation = NEW_CONVERSATION
    """Whose turns go along with the prompt, for all alike. No answer becomes a turn of it."""

    @property
    def is_private(self) -> bool:
        """Whether the prompts have to stay at home, whatever the mode is."""
        return self.private or self.conversation.is_private


@dataclass(frozen=True, slots=True)
class RaceAsking:
    """One prompt for all lanes. ``number`` tells its messages from those of another."""

    number: int
    written: WrittenPrompt
    rules: RaceRules
    lanes: tuple[Lane, ...]
    prompt: Prompt
    said: str
    """All that the models are told, as the ledger and the guards take it."""

    @classmethod
    def of(cls, number: int, written: WrittenPrompt, rules: RaceRules, *, stays_home: str = "") -> RaceAsking:
        """``stays_home``: why the conversation stays at home though it is not private; empty: it may leave."""
        context = PromptInContext.of(written, rules.settings, rules.conversation)
        requests = (
            choice.request(
                private=rules.is_private,
                stays_home=stays_home,
                external=rules.external,
                prompt_tokens=context.tokens,
                images=context.images,
            )
            for choice in rules.choices
        )
        lanes = tuple(Lane(request) for request in requests)
        return cls(number, written, rules, lanes, context.prompt, context.said)

    def with_secrets_for(self, names: Collection[str]) -> RaceAsking:
        """The same, not planned yet, after the person has said that these lanes may see its credentials."""
        requests = (replace(lane.request, allow_secrets=lane.name in names) for lane in self.lanes)
        return replace(self, lanes=tuple(Lane(request) for request in requests))


class LanesPlanned(PanelMessage):
    """Every lane knows where it would go. Nothing is sent yet."""

    def __init__(self, asking: RaceAsking) -> None:
        super().__init__()
        self.asking = asking


class LanesCame(PanelMessage):
    """What has come in each lane, by its place, since the message before; pieces of text are joined."""

    def __init__(self, number: int, events: Mapping[int, Sequence[ReplyEvent]]) -> None:
        super().__init__()
        self.number = number
        self.events = events


class RaceOver(PanelMessage):
    """No more comes in any lane."""

    def __init__(self, number: int, problem: str) -> None:
        super().__init__()
        self.number = number
        self.problem = problem


class AnswersCompared(PanelMessage):
    """Who gives the same answer in the race ``number``."""

    def __init__(self, number: int, found: Consensus) -> None:
        super().__init__()
        self.number = number
        self.found = found


class VoteKept(PanelMessage):
    """The vote on the race ``number`` is in the ledger as ``vote``; None: there is none any more."""

    def __init__(self, number: int, vote: int | None, lane: str) -> None:
        super().__init__()
        self.number = number
        self.vote = vote
        self.lane = lane


class StandingsRead(PanelMessage):
    """What all votes so far come to."""

    def __init__(self, standings: Sequence[Standing]) -> None:
        super().__init__()
        self.standings = standings


class LedgerFailed(PanelMessage):
    """Votes cannot be kept or read; ``reason`` is a sentence for the person."""

    def __init__(self, reason: str) -> None:
        super().__init__()
        self.reason = reason


async def plan_lanes(target: MessagePump, asking: RaceAsking, state: PanelState) -> None:
    """Plans all lanes and posts that they are planned."""

    async def plan_one(lane: Lane) -> None:
        lane.plan(await decide_here(lane.request, asking.said, state))

    async with asyncio.TaskGroup() as plans:
        for lane in asking.lanes:
            plans.create_task(plan_one(lane))
    target.post_message(LanesPlanned(asking))


async def follow_lanes(target: MessagePump, asking: RaceAsking, config: Config, senders: Senders) -> None:
    """Sends the prompt to all that may have it and posts what comes, in frames. Cancelling closes every connection."""
    sender = await senders.of(config)
    turns = _Turns(target, asking)
    try:
        await ask_lanes(asking.lanes, asking.prompt, asking.said, sender, told=turns.take)
    finally:
        turns.post_all()
        target.post_message(RaceOver(asking.number, sender.problem))


class _Turns:
    """Has the lanes shown in turn, whose news are the oldest first: to paint six of them at once takes so long on a
    large terminal that keys would have to wait for it."""

    def __init__(self, target: MessagePump, asking: RaceAsking) -> None:
        self._target = target
        self._number = asking.number
        self._places = {lane.name: place for place, lane in enumerate(asking.lanes)}
        self._came: dict[int, list[ReplyEvent]] = {}
        self._frames = Frames(self._post_next, length=TURN, gives_way=GIVES_WAY)

    def take(self, lane: Lane, event: ReplyEvent) -> None:
        append_joined(self._came.setdefault(self._places[lane.name], []), event)
        self._frames.due()

    def post_all(self) -> None:
        while self._came:
            self._frames.flush()

    def _post_next(self) -> None:
        place = next(iter(self._came), None)
        if place is not None:
            self._target.post_message(LanesCame(self._number, {place: self._came.pop(place)}))
        if self._came:
            self._frames.due()


async def compare_answers(
    target: MessagePump,
    asking: RaceAsking,
    rules: RaceRules,
    config: Config,
    modes: Modes,
    senders: Senders,
) -> None:
    """Posts who gives the same answer. A judge elsewhere is not shown credentials: nobody was asked about that."""
    sender = await senders.of(config)
    found = await consensus(
        asking.lanes,
        replace(asking.prompt, system="").as_text(),
        sender,
        config,
        modes,
        threshold=rules.threshold,
        judge=rules.judge,
    )
    target.post_message(AnswersCompared(asking.number, found))


async def keep_vote(target: MessagePump, number: int, lane: str, vote: Vote, *, instead_of: int | None) -> None:
    """Writes a vote into the ledger, and posts that and the new standings."""

    def keep() -> int:
        with Votes() as votes:
            return votes.cast(vote, instead_of=instead_of)

    try:
        kept = await asyncio.to_thread(keep)
    except LedgerError as error:
        target.post_message(LedgerFailed(f"the vote is not kept: {error}"))
        return
    target.post_message(VoteKept(number, kept, lane))
    await read_standings(target)


async def take_back_vote(target: MessagePump, number: int, vote: int) -> None:
    """Removes a vote from the ledger, and posts that and the new standings."""

    def forget() -> None:
        with Votes() as votes:
            votes.take_back(vote)

    try:
        await asyncio.to_thread(forget)
    except LedgerError as error:
        target.post_message(LedgerFailed(f"the vote is still there: {error}"))
        return
    target.post_message(VoteKept(number, None, ""))
    await read_standings(target)


async def read_standings(target: MessagePump) -> None:
    """Posts what all votes so far come to."""
    try:
        standings = await asyncio.to_thread(standings_now)
    except LedgerError as error:
        target.post_message(LedgerFailed(f"the standings cannot be read: {error}"))
    else:
        target.post_message(StandingsRead(standings))
