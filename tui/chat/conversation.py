"""A conversation that goes on: what of it goes along with the next prompt, and where that may go because of it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from tui.chat.prompt import Image, Message
from tui.ledger.records import Conversation, KeepText, Turn


@dataclass(frozen=True, slots=True)
class OpenTurn:
    """A turn, with what the ledger does not keep of it."""

    turn: Turn
    images: tuple[Image, ...] = ()
    left_out: bool = False
    """The person does not want it to go along any more."""

    @property
    def goes_along(self) -> bool:
        """A turn without its text, or whose answer was empty, says nothing to anybody."""
        return bool(not self.left_out and self.turn.prompt and self.turn.answer and self.turn.answer.strip())


@dataclass(frozen=True, slots=True)
class OpenConversation:
    """What has been said, the oldest turn first. Replaced, never changed."""

    turns: tuple[OpenTurn, ...] = ()
    number: int | None = None
    """In the ledger; None: it is not kept there, or not yet."""
    branch_of: int | None = None
    tries: tuple[int, ...] = ()
    """Requests for it that got no answer, and that the ledger does not count to it yet."""
    replaced: Turn | None = None
    """The turn that the next prompt is written from: where that may not go, this may not either."""

    @classmethod
    def of(cls, kept: Conversation) -> OpenConversation:
        return cls(tuple(OpenTurn(turn) for turn in kept.turns), kept.number, kept.branch_of)

    @property
    def carried(self) -> tuple[OpenTurn, ...]:
        """The turns that go along with the next prompt."""
        return tuple(turn for turn in self.turns if turn.goes_along)

    @property
    def messages(self) -> tuple[Message, ...]:
        return tuple(
            message
            for one in self.carried
            for message in (
                Message("user", one.turn.prompt or "", one.images),
                Message("assistant", one.turn.answer or ""),
            )
        )

    @property
    def is_private(self) -> bool:
        """True where a private turn goes along: what follows it may quote it, and is as private."""
        return any(turn.private for turn in self._quoted)

    @property
    def _quoted(self) -> tuple[Turn, ...]:
        """All that the next prompt holds words of."""
        carried = tuple(one.turn for one in self.carried)
        return carried if self.replaced is None else (*carried, self.replaced)

    def stays_home(self, keep_text: KeepText) -> str:
        """Why it may not leave the person's machines though it is not private; empty: it may.

        With ``local`` text is kept because it has stayed at home, and has to go on doing so.
        """
        if keep_text == "local" and any(turn.stayed_home for turn in self._quoted):
            return 'the conversation has stayed at home so far, and is kept for that reason (keep_text = "local")'
        return ""

    @property
    def requests(self) -> tuple[int, ...]:
        """The numbers of its turns in the ledger."""
        return tuple(one.turn.request for one in self.turns if one.turn.request is not None)

    def with_turn(self, turn: OpenTurn, number: int | None) -> OpenConversation:
        """With one turn more, under the number that the ledger has for it now."""
        tries = () if number is not None else self.tries
        return replace(self, turns=(*self.turns, turn), number=number, tries=tries, replaced=None)

    def with_try(self, request: int) -> OpenConversation:
        """With a request more that got no answer."""
        return replace(self, tries=(*self.tries, request))

    def before(self, place: int) -> OpenConversation:
        """A branch that shares the turns before ``place``; the whole stays what it is, as far as it is kept."""
        branch_of = self.number or self.branch_of
        return OpenConversation(self.turns[:place], branch_of=branch_of, replaced=self.turns[place].turn)

    def is_kept_from(self, place: int) -> bool:
        """Whether the ledger has the text of all turns from ``place`` on."""
        return self.number is not None and not any(one.turn.private for one in self.turns[place:])

    def leaving_out(self, places: Collection[int], *, out: bool) -> OpenConversation:
        """With these turns left out of what goes along, or taken back into it."""
        turns = (replace(one, left_out=out) if place in places else one for place, one in enumerate(self.turns))
        return replace(self, turns=tuple(turns))

    @property
    def confining(self) -> tuple[int, ...]:
        """The places of the turns that were private, or never left the person's machines."""
        return tuple(
            place
            for place, one in enumerate(self.turns)
            if one.goes_along and (one.turn.private or one.turn.stayed_home)
        )
