"""Votes for the better answer, and what they make of the models."""

from __future__ import annotations

import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ledger.asked import NOON
from tui.ledger.file import LedgerError
from tui.ledger.schema import MIGRATIONS
from tui.ledger.store import Ledger
from tui.ledger.votes import Entrant, Standing, Vote, Votes, standings_now, tasks_of

QWEN, GEMMA, GPT = (Entrant(model=model) for model in ("swap/qwen", "swap/gemma", "litellm/gpt"))


@pytest.fixture
def votes(tmp_path: Path) -> Iterator[Votes]:
    with Votes(tmp_path / "ledger.sqlite3") as opened:
        yield opened


def vote(winner: Entrant, *others: Entrant, task: str = "") -> Vote:
    return Vote(at=NOON, face="panel", task=task, winner=winner, others=others)


def wins(standings: tuple[Standing, ...]) -> list[tuple[str, str, int, int]]:
    return [(one.task, one.model, one.wins, one.races) for one in standings]


def test_the_most_wins_stand_first_and_every_task_for_itself(votes: Votes) -> None:
    votes.cast(vote(GEMMA, QWEN, task="quick"))
    votes.cast(vote(GEMMA, GPT, task="quick"))
    votes.cast(vote(QWEN, GEMMA, task="quick"))
    votes.cast(vote(GPT, GEMMA))
    assert wins(votes.standings()) == [
        ("", "litellm/gpt", 1, 1),
        ("", "swap/gemma", 0, 1),
        ("quick", "swap/gemma", 2, 3),
        ("quick", "swap/qwen", 1, 2),
        ("quick", "litellm/gpt", 0, 1),
    ]
    assert tasks_of(votes.standings()) == ("", "quick")


def test_speeds_are_medians_of_what_is_known(votes: Votes) -> None:
    for rate, first in ((80.0, 0.2), (10.0, None), (90.0, 0.6), (None, None)):
        votes.cast(vote(Entrant(model="swap/qwen", tokens_per_second=rate, first_token_s=first), GEMMA))
    qwen, gemma = votes.standings()
    assert (qwen.tokens_per_second, qwen.first_token_s) == (80.0, pytest.approx(0.4))
    assert (gemma.tokens_per_second, gemma.first_token_s) == (None, None)


def test_a_vote_is_changed_and_taken_back(votes: Votes) -> None:
    first = votes.cast(vote(QWEN, GEMMA))
    second = votes.cast(vote(GEMMA, QWEN), instead_of=first)
    assert wins(votes.standings()) == [("", "swap/gemma", 1, 1), ("", "swap/qwen", 0, 1)]
    votes.take_back(second)
    assert votes.standings() == ()
    with sqlite3.connect(votes.path) as connection:
        assert connection.execute("SELECT count(*) FROM entrants").fetchone() == (0,)
    connection.close()


def test_asking_for_standings_makes_no_ledger(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "ledger.sqlite3"
    assert standings_now(path) == ()
    assert not path.parent.exists()


def test_a_ledger_from_before_there_were_votes_takes_them(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    with sqlite3.connect(path) as connection:
        for statement in MIGRATIONS[0]:
            connection.execute(statement)
        connection.execute("PRAGMA user_version = 1")
    connection.close()
    with Votes(path) as opened:
        opened.cast(vote(QWEN, GEMMA))
    assert wins(standings_now(path))[0] == ("", "swap/qwen", 1, 1)
    with Ledger(path) as ledger:
        assert ledger.usage(NOON).requests_in_last_minute == {}


def test_what_is_no_ledger_is_said(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    path.write_text("a shopping list, not a database, and long enough to be looked at as one" * 40)
    with pytest.raises(LedgerError, match="is no ledger"):
        standings_now(path)


@settings(max_examples=30)
@given(st.lists(st.permutations(("a/a", "b/b", "c/c")), max_size=8))
def test_every_vote_has_one_winner_and_everybody_in_it_took_part(ballots: list[list[str]]) -> None:
    with tempfile.TemporaryDirectory() as folder, Votes(Path(folder) / "ledger.sqlite3") as opened:
        for winner, *others in ballots:
            opened.cast(vote(Entrant(model=winner), *(Entrant(model=other) for other in others)))
        standings = opened.standings()
    assert {one.model: one.wins for one in standings if one.wins} == Counter(ballot[0] for ballot in ballots)
    assert all(one.races == len(ballots) for one in standings)
    assert [one.wins for one in standings] == sorted((one.wins for one in standings), reverse=True)
