"""The ledger request by request, and action by action."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.ledger.asked import NOON, Asked, ask
from tui.ledger.file import LedgerFile
from tui.ledger.history import Wanted, actions, all_of, opened, requests, seen_prompts
from tui.ledger.records import Action
from tui.ledger.reports import By, usage
from tui.ledger.store import Ledger

DAY = 86_400.0


def test_requests_come_newest_first_and_page_by_page(ledger: Ledger) -> None:
    numbers = [ask(ledger, Asked(at=NOON + step // 3)) for step in range(25)]
    first = requests(ledger, Wanted(), most=10)
    rest = requests(ledger, Wanted(), after=first[-1], most=100)
    assert [one.number for one in (*first, *rest)] == numbers[::-1]
    paged = all_of(lambda after: requests(ledger, Wanted(), after=after, most=7))
    assert [one.number for one in paged] == numbers[::-1]
    assert [one.number for one in requests(ledger, Wanted(since=NOON + 8))] == numbers[:23:-1]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("SKY", [1]),
        ("sky qwen", [1]),
        ("sky gpt", []),
        ("gpt", [2]),
        ("cloud external", [2]),
        ("private", [3]),
        ("ÄRGER", [4]),
        ("100%", [4]),
        ("100_", []),
        ("2026-11-19", [4]),
        ("2026-02-30", []),
        ("panel", [2, 1]),
        ("", [3, 2, 1, 4]),
    ],
)
def test_words_find_requests(ledger: Ledger, words: str, found: list[int]) -> None:
    ask(ledger, Asked(prompt="why is the Sky blue", face="panel"))
    ask(ledger, Asked(at=NOON + 1, model="cloud/gpt", where="cloud", external=True, face="panel", prompt="and why not"))
    ask(ledger, Asked(at=NOON + 2, private=True, prompt="the sky over my house"))
    ask(ledger, Asked(at=NOON - DAY, prompt="nothing", answer="ärger, 100% of it"))
    assert [one.number for one in requests(ledger, Wanted(words=words))] == found


def test_an_interruption_that_comes_too_late_harms_nothing(ledger: Ledger) -> None:
    ledger.interrupt()
    ask(ledger, Asked())
    assert len(requests(ledger, Wanted(words="sky"))) == 1


def test_an_opened_request_has_all_that_is_kept(ledger: Ledger) -> None:
    number = ask(ledger, Asked(answer="because", rate=50.0))
    request = opened(ledger, number)
    assert request is not None
    assert (request.prompt, request.answer, request.plan) == (
        "why is the sky blue",
        "because",
        ("swap/qwen", "cloud/gpt"),
    )
    assert [(one.model, one.where, one.outcome) for one in request.attempts] == [("swap/qwen", "local", "finished")]
    assert opened(ledger, number + 1) is None


def test_of_a_private_request_there_is_no_text(ledger: Ledger) -> None:
    request = opened(ledger, ask(ledger, Asked(private=True, answer="because", error="quoted: why is the sky blue")))
    assert request is not None
    assert request.asked.private
    assert (request.prompt, request.answer, request.error, request.asked.keeps_text) == (None, None, None, False)
    assert requests(ledger, Wanted(words="sky")) == ()


def test_who_saw_a_prompt_is_told_by_its_hash(ledger: Ledger) -> None:
    ask(ledger, Asked(private=True, external=True, face="mcp", prompt="secret plans"))
    ask(ledger, Asked(at=NOON + 1, model="cloud/gpt", where="cloud"))
    cloud, home = seen_prompts(ledger, Wanted())
    assert (cloud.attempt.model, cloud.attempt.where, cloud.mode) == ("cloud/gpt", "cloud", "")
    assert (home.face, home.mode, home.prompt_length) == ("mcp", "external private", 12)
    assert len(home.prompt_sha256) == 64
    assert seen_prompts(ledger, Wanted(words="cloud")) == (cloud,)


def test_actions_keep_what_was_before_and_after(ledger: Ledger) -> None:
    done = Action(at=NOON, face="panel", name="unit.stop", target="swap", before="active", after="inactive")
    ledger.act(done)
    ledger.act(Action(at=NOON + 1, face="cli", name="model.load", target="swap/qwen", worked=False, detail="refused"))
    newest, oldest = actions(ledger, Wanted())
    assert oldest.action == done
    assert (newest.action.before, newest.action.after) == (None, None)
    assert actions(ledger, Wanted(words="inactive")) == (oldest,)
    assert actions(ledger, Wanted(words="failed")) == (newest,)


def test_asking_makes_no_ledger(tmp_path: Path) -> None:

    assert LedgerFile.existing(tmp_path / "nowhere" / "ledger.sqlite3") is None
    assert not (tmp_path / "nowhere").exists()
    with LedgerFile(tmp_path / "ledger.sqlite3"):
        pass
    found = LedgerFile.existing(tmp_path / "ledger.sqlite3")
    assert found is not None
    with found:
        assert usage(found, 0.0, By.MODEL).rows == ()
