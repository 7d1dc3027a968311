"""What is kept of conversations, how it is found again, and that what is deleted is gone from the disk."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ledger.asked import NOON
from tui.ledger.conversations import Conversations, NoSuchConversation, conversations_now
from tui.ledger.file import ledger_path
from tui.ledger.records import Ending, KeepText, NewRequest, Outcome
from tui.ledger.store import Ledger


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return ledger_path()


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    with Ledger() as opened:
        yield opened


@pytest.fixture
def kept(ledger: Ledger) -> Iterator[Conversations]:
    with Conversations() as opened:
        yield opened


def _request(
    ledger: Ledger,
    prompt: str,
    answer: str = "yes",
    *,
    private: bool = False,
    keep_text: KeepText = "all",
    where: str = "local",
    system: str = "",
    outcome: Outcome = Outcome.FINISHED,
) -> int:
    """A request that has been answered, as a dispatch writes it."""
    model = "swap/qwen" if where == "local" else "proxy/gpt"
    number = ledger.begin(
        NewRequest(
            at=NOON, face="panel", asked_kind="task", asked_name="default", external=False, private=private,
            plan=(model,), prompt=prompt,
        )
    )  # fmt: skip
    attempt = ledger.attempt(number, model, "local" if where == "local" else "cloud", NOON)
    ledger.end_attempt(attempt, outcome, f"about {prompt}" if outcome is Outcome.FAILED else "", at=NOON + 1)
    ending = Ending(
        at=NOON + 1, outcome=outcome, model=model, where="local" if where == "local" else "cloud", answer=answer,
        output_tokens=4, tokens_per_second=80.0, total_s=1.0,
        error=f"no {prompt}" if outcome is Outcome.FAILED else None,
    )  # fmt: skip
    ledger.end(number, ending, prompt=prompt, keep_text=keep_text, system=system)
    return number


def _all_bytes(path: Path) -> bytes:
    return b"".join(file.read_bytes() for file in path.parent.iterdir())


def test_turns_are_the_requests_in_order_with_who_answered(ledger: Ledger, kept: Conversations) -> None:
    first = kept.add(_request(ledger, "What is WAL?", "A log.", system="Be brief."), None)
    assert first is not None
    assert kept.add(_request(ledger, "And fsync?", "A wait.", where="cloud"), first) == first
    opened = kept.opened(first)
    assert [(turn.prompt, turn.answer) for turn in opened.turns] == [
        ("What is WAL?", "A log."),
        ("And fsync?", "A wait."),
    ]
    assert [(turn.model, turn.where, turn.stayed_home) for turn in opened.turns] == [
        ("swap/qwen", "local", True),
        ("proxy/gpt", "cloud", False),
    ]
    assert (opened.turns[0].system, opened.turns[0].asked_kind, opened.turns[0].asked_name) == (
        "Be brief.",
        "task",
        "default",
    )
    assert opened.name == "What is WAL?"


def test_text_stands_once_however_often_it_is_branched(ledger: Ledger, kept: Conversations, path: Path) -> None:
    requests = [_request(ledger, f"canary{number}") for number in range(3)]
    original = kept.add(requests[0], None)
    kept.add(requests[1], original)
    kept.add(requests[2], original)
    branch = kept.add(_request(ledger, "otherwise"), None, earlier=requests[:2], branch_of=original)
    assert branch is not None
    assert branch != original
    assert [turn.prompt for turn in kept.opened(branch).turns] == ["canary0", "canary1", "otherwise"]
    assert kept.opened(branch).branch_of == original
    with sqlite3.connect(path) as reading:
        assert reading.execute("SELECT count(*) FROM requests WHERE prompt = 'canary0'").fetchone() == (1,)
    reading.close()


def test_the_newest_comes_first_and_any_word_in_any_case_finds_it(ledger: Ledger, kept: Conversations) -> None:
    log = kept.add(_request(ledger, "What is a write-ahead log?", "It says what CHANGES."), None)
    bird = kept.add(_request(ledger, "Wie fängt man einen ÄRGERLICHEN Eisvogel?", "100% sanft_er"), None)
    assert log is not None
    assert bird is not None
    kept.add(_request(ledger, "And then?"), log)
    assert [one.number for one in kept.listed().conversations] == [log, bird]
    for words, found in {
        "changes": [log],
        "WRITE then": [log],
        "ärgerlichen": [bird],
        "100%": [bird],
        "t_e": [bird],
        "%": [bird],
        "log eisvogel": [],
        "' OR 1=1 --": [],
    }.items():
        assert [one.number for one in kept.listed(words).conversations] == found, words
    kept.rename(bird, "  Kingfishers\n of koala ")
    assert [(one.name, one.turns, one.model) for one in kept.listed("KINGFISHERS").conversations] == [
        ("Kingfishers of koala", 1, "swap/qwen")
    ]
    kept.rename(bird, "")
    assert kept.opened(bird).name == "Wie fängt man einen ÄRGERLICHEN Eisvogel?"


def test_of_more_than_are_listed_the_number_is_told(ledger: Ledger, kept: Conversations) -> None:
    for number in range(5):
        kept.add(_request(ledger, f"question {number}"), None)
    listing = kept.listed("question", most=3)
    assert ([one.name for one in listing.conversations], listing.found) == (
        ["question 4", "question 3", "question 2"],
        5,
    )


@pytest.mark.parametrize(("private", "keep_text"), [(True, "all"), (False, "none"), (True, "none")])
def test_what_leaves_no_text_begins_no_conversation(
    ledger: Ledger, kept: Conversations, path: Path, private: bool, keep_text: KeepText
) -> None:
    request = _request(ledger, "zugzwang", "zugzwang!", system="zugzwang?", private=private, keep_text=keep_text)
    assert kept.add(request, None) is None
    assert kept.listed().found == 0
    assert b"zugzwang" not in _all_bytes(path)
    number = kept.add(_request(ledger, "public"), None, earlier=[request])
    assert number is not None
    assert [turn.prompt for turn in kept.opened(number).turns] == [None, "public"]
    assert kept.opened(number).name == "public"


def test_deleting_takes_all_text_from_the_disk_and_leaves_the_figures(
    ledger: Ledger, kept: Conversations, path: Path
) -> None:
    for number in range(60):
        # Rows of all sizes between each other, so that SQLite moves some of them from page to page.
        _request(ledger, f"other {number} " * 20, "filler " * (number * 37 % 700))
    doomed = None
    for number in range(40):
        tries = [_request(ledger, f"zugzwang try {number}", outcome=Outcome.FAILED)] if number % 5 == 0 else []
        long = f"zugzwang {number} " * (1 + number * 53 % 900)
        doomed = kept.add(_request(ledger, long, long[::-1] + "zugzwang"), doomed, tries=tries)
        _request(ledger, f"between {number} " * 30, "filler " * (number * 91 % 500))
    assert doomed is not None
    kept.rename(doomed, "zugzwang")
    assert b"zugzwang" in _all_bytes(path)
    assert kept.delete(doomed)
    assert b"zugzwang" not in _all_bytes(path)
    assert b"gnawzguz" not in _all_bytes(path)
    assert kept.listed().found == 0
    with sqlite3.connect(path) as reading:
        assert reading.execute("SELECT count(*), sum(output_tokens) FROM requests").fetchone() == (148, 592)
    reading.close()
    for gone in (kept.opened, kept.delete, lambda number: kept.rename(number, "x")):
        with pytest.raises(NoSuchConversation, match="may have been deleted"):
            gone(doomed)


def test_what_a_branch_shares_stays_in_it(ledger: Ledger, kept: Conversations, path: Path) -> None:
    shared, only = _request(ledger, "shared"), _request(ledger, "zugzwang")
    original = kept.add(shared, None)
    assert original is not None
    kept.add(only, original)
    branch = kept.add(_request(ledger, "otherwise"), None, earlier=[shared], branch_of=original)
    assert branch is not None
    assert (kept.turns_elsewhere(original), kept.turns_elsewhere(branch)) == (1, 1)
    kept.delete(original)
    assert [turn.prompt for turn in kept.opened(branch).turns] == ["shared", "otherwise"]
    assert kept.opened(branch).branch_of is None
    assert b"zugzwang" not in _all_bytes(path)
    kept.delete(branch)
    assert b"shared" not in _all_bytes(path)


def test_a_number_is_never_given_again_and_a_deleted_conversation_is_not_gone_on_with(
    ledger: Ledger, kept: Conversations
) -> None:
    first = _request(ledger, "first")
    number = kept.add(first, None)
    assert number is not None
    kept.delete(number)
    again = kept.add(_request(ledger, "second"), number, earlier=[first])
    assert again is not None
    assert again > number
    assert [turn.prompt for turn in kept.opened(again).turns] == ["second"]


def test_a_deletion_says_where_a_reader_keeps_traces_on_the_disk(
    ledger: Ledger, kept: Conversations, path: Path
) -> None:
    number = kept.add(_request(ledger, "zugzwang"), None)
    assert number is not None
    with sqlite3.connect(path, isolation_level=None) as reading:
        reading.execute("BEGIN")
        reading.execute("SELECT count(*) FROM requests").fetchone()
        with kept.connected() as connection:
            connection.execute("PRAGMA busy_timeout = 50")
        assert not kept.delete(number)
        reading.execute("COMMIT")
    reading.close()
    assert conversations_now().found == 0


def test_asking_creates_no_ledger(path: Path) -> None:
    assert conversations_now("word").found == 0
    assert not path.exists()
