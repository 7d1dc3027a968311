"""Which answer of a race somebody finds the better one, as the ledger keeps it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tui.chat.race import Lane
from tui.ledger.votes import Entrant, Vote


def answered(lanes: Iterable[Lane]) -> tuple[Lane, ...]:
    """The lanes between which somebody can choose."""
    return tuple(lane for lane in lanes if lane.finished is not None)


def vote_for(winner: Lane, lanes: Sequence[Lane], *, at: float, face: str, task: str) -> Vote:
    """A vote for the answer of one lane, against every other model that has answered: a model that answered in two
    lanes has neither lost against itself nor taken part twice. ``at`` is Unix seconds."""
    best = _entrant(winner)
    others = {entrant.model: entrant for entrant in map(_entrant, answered(lanes)) if entrant.model != best.model}
    return Vote(at=at, face=face, task=task, winner=best, others=tuple(others.values()))


def _entrant(lane: Lane) -> Entrant:
    assert lane.finished is not None
    timings = lane.finished.timings
    return Entrant(
        model=lane.finished.model,
        tokens_per_second=timings.tokens_per_second,
        first_token_s=timings.first_token,
        total_s=timings.total,
    )
