"""Which answer of a race a person found the better one, and what that makes of the models, task by task."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from tui.ledger.file import LedgerFile


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrant:
    """A model whose answer was compared with others, and how fast it came. Seconds; None: not known."""

    model: str
    tokens_per_second: float | None = None
    first_token_s: float | None = None
    total_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """One answer that was found better than others. Nothing of prompt or answers is part of it."""

    at: float
    """Unix seconds."""
    face: str
    task: str
    """The task of the configuration that the race was for; empty: none was named."""
    winner: Entrant
    others: tuple[Entrant, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What all votes of one task make of one model. Medians; None: never known."""

    task: str
    model: str
    wins: int
    races: int
    """Votes in which its answer was one of those that were compared."""
    tokens_per_second: float | None
    first_token_s: float | None


class Votes(LedgerFile):
    """Votes in the ledger's file."""

    def cast(self, vote: Vote, *, instead_of: int | None = None) -> int:
        """Remembers a vote and returns its number. ``instead_of`` is the number of one that it replaces.

        Raises:
            LedgerError: the file cannot be written, or is no ledger.
        """
        with self.transaction() as connection:
            if instead_of is not None:
                connection.execute("DELETE FROM votes WHERE id = ?", (instead_of,))
            number = connection.execute(
                "INSERT INTO votes (at, face, task) VALUES (?, ?, ?)", (vote.at, vote.face, vote.task)
            ).lastrowid
            assert number is not None
            connection.executemany(
                "INSERT INTO entrants (vote, model, won, tokens_per_second, first_token_s, total_s)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                [
                    (number, one.model, won, one.tokens_per_second, one.first_token_s, one.total_s)
                    for won, one in [(True, vote.winner), *((False, other) for other in vote.others)]
                ],
            )
        return number

    def take_back(self, number: int) -> None:
        """Forgets a vote.

        Raises:
            LedgerError: the file cannot be written, or is no ledger.
        """
        with self.transaction() as connection:
            connection.execute("DELETE FROM votes WHERE id = ?", (number,))

    def standings(self) -> tuple[Standing, ...]:
        """By task in the order of their names, that of no task first; within one the most wins first.

        Raises:
            LedgerError: the file cannot be read, or is no ledger.
        """
        with self.connected() as connection:
            rows = connection.execute(
                "SELECT task, model, won, tokens_per_second, first_token_s"
                " FROM entrants JOIN votes ON votes.id = entrants.vote"
            ).fetchall()
        records: dict[tuple[str, str], _Record] = {}
        for task, model, won, rate, first in rows:
            record = records.setdefault((task, model), _Record())
            record.won.append(bool(won))
            record.rates.append(rate)
            record.firsts.append(first)
        return tuple(sorted((_standing(*key, record) for key, record in records.items()), key=_place))


@dataclass(slots=True)
class _Record:
    """All votes of one task in which one model took part."""

    won: list[bool] = field(default_factory=list)
    rates: list[float | None] = field(default_factory=list)
    firsts: list[float | None] = field(default_factory=list)


def standings_now(path: Path | None = None) -> tuple[Standing, ...]:
    """The standings of a ledger that is not created for the question.

    Raises:
        LedgerError: there is one, and it cannot be read.
    """
    with Votes.existing(path) or nullcontext() as votes:
        return () if votes is None else votes.standings()


def tasks_of(standings: Sequence[Standing]) -> tuple[str, ...]:
    """The tasks that have been voted in, each once."""
    return tuple(dict.fromkeys(standing.task for standing in standings))


def _standing(task: str, model: str, record: _Record) -> Standing:
    return Standing(
        task=task,
        model=model,
        wins=sum(record.won),
        races=len(record.won),
        tokens_per_second=_median(record.rates),
        first_token_s=_median(record.firsts),
    )


def _place(standing: Standing) -> tuple[str, int, float, float, str]:
    """The most wins first; of as many, who won the larger part of its races; then the faster one."""
    rate = standing.tokens_per_second or 0.0
    return (standing.task, -standing.wins, -standing.wins / standing.races, -rate, standing.model)


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None
