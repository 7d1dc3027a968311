from __future__ import annotations

import hashlib
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Literal

import pytest

from tui.ledger.file import LedgerError, ledger_path
from tui.ledger.records import Action, Ending, KeepText, ModelFigures, NewRequest, Outcome
from tui.ledger.schema import MIGRATIONS
from tui.ledger.store import Ledger, figures_now, usage_now
from tui.ledger.usage import Usage

NOON = datetime(2026, 11, 20, 12, 0, 0).astimezone().timestamp()


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return ledger_path()


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    with Ledger() as opened:
        yield opened


def _request(prompt: str = "What is 2+2?", *, private: bool = False, at: float = NOON) -> NewRequest:
    return NewRequest(
        at=at,
        face="cli",
        asked_kind="tier",
        asked_name="opus",
        external=False,
        private=private,
        plan=("copilot/gpt", "swap/qwen"),
        prompt=prompt,
    )


def _everything(path: Path) -> bytes:
    """All that is on the disk, the log that is written ahead included."""
    return b"".join(file.read_bytes() for file in path.parent.iterdir())


def _rows(path: Path, table: str) -> list[dict[str, object]]:
    with sqlite3.connect(path) as connection:
        connection.row_factory = sqlite3.Row
        rows = [dict(row) for row in connection.execute(f"SELECT * FROM {table} ORDER BY id")]
    connection.close()
    return rows


def test_a_new_ledger_is_for_its_owner_alone(ledger: Ledger, path: Path) -> None:
    ledger.begin(_request())
    assert {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()} == {
        "ledger.sqlite3": 0o600,
        "ledger.sqlite3-wal": 0o600,
        "ledger.sqlite3-shm": 0o600,
    }
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_ledger_that_others_could_read_is_closed_to_them(path: Path) -> None:
    with Ledger():
        path.chmod(0o644)
    with Ledger():
        assert path.stat().st_mode & 0o777 == 0o600


def test_a_request_is_remembered_with_who_served_it_and_what_it_cost(ledger: Ledger, path: Path) -> None:
    number = ledger.begin(_request())
    first = ledger.attempt(number, "copilot/gpt", "cloud", NOON)
    ledger.end_attempt(first, Outcome.FAILED, "not logged in", at=NOON + 1)
    second = ledger.attempt(number, "swap/qwen", "local", NOON + 1)
    ledger.end_attempt(second, Outcome.FINISHED, at=NOON + 3)
    ending = Ending(
        at=NOON + 3,
        outcome=Outcome.FINISHED,
        model="swap/qwen",
        where="local",
        served_by="qwen3-30b",
        input_tokens=12,
        output_tokens=40,
        cost_usd=0.25,
        first_token_s=0.4,
        total_s=1.9,
        answer="4",
    )
    ledger.end(number, ending, prompt="What is 2+2?", keep_text="all")
    (request,) = _rows(path, "requests")
    assert request["plan"] == '["copilot/gpt", "swap/qwen"]'
    assert (request["model"], request["served_by"], request["place"]) == ("swap/qwen", "qwen3-30b", "local")
    assert (request["input_tokens"], request["output_tokens"], request["load_s"]) == (12, 40, None)
    assert request["prompt_sha256"] == hashlib.sha256(b"What is 2+2?").hexdigest()
    assert (request["prompt_length"], request["prompt"], request["answer"]) == (12, "What is 2+2?", "4")
    assert [attempt["cost_usd"] for attempt in _rows(path, "attempts")] == [None, 0.25]
    assert [attempt["reason"] for attempt in _rows(path, "attempts")] == ["not logged in", ""]


@pytest.mark.parametrize(
    ("keep", "where", "private", "kept"),
    [
        ("all", "cloud", False, True),
        ("all", "local", False, True),
        ("local", "local", False, True),
        ("local", "cloud", False, False),
        ("none", "local", False, False),
        ("all", "local", True, False),
        ("local", "local", True, False),
    ],
)
def test_text_is_kept_as_far_as_the_configuration_allows_and_never_of_private_prompts(
    ledger: Ledger, path: Path, keep: KeepText, where: Literal["local", "cloud"], private: bool, kept: bool
) -> None:
    number = ledger.begin(_request("the canary sings", private=private))
    attempt = ledger.attempt(number, "some/model", where, NOON)
    ledger.end_attempt(attempt, Outcome.FAILED, "400: cannot parse 'the canary sings'" if private else "", at=NOON)
    error = "400: cannot parse 'the canary sings'" if private else None
    ending = Ending(at=NOON, outcome=Outcome.FAILED, where="local", error=error, answer="the canary answers")
    ledger.end(number, ending, prompt="the canary sings", keep_text=keep)
    assert (b"canary" in _everything(path)) is kept
    (request,) = _rows(path, "requests")
    assert request["prompt_length"] == 16, "that there was a prompt is always known"


def test_a_prompt_that_left_the_house_on_its_way_is_not_one_that_stayed_at_home(ledger: Ledger, path: Path) -> None:
    number = ledger.begin(_request("the canary sings"))
    ledger.attempt(number, "copilot/gpt", "cloud", NOON)
    ledger.attempt(number, "swap/qwen", "local", NOON)
    ending = Ending(at=NOON, outcome=Outcome.FINISHED, model="swap/qwen", where="local")
    ledger.end(number, ending, prompt="the canary sings", keep_text="local")
    assert b"canary" not in _everything(path)


def test_keys_in_errors_are_not_kept(ledger: Ledger, path: Path) -> None:
    number = ledger.begin(_request())
    attempt = ledger.attempt(number, "some/model", "cloud", NOON)
    ledger.end_attempt(attempt, Outcome.FAILED, "401: api_key: sk-abcdefghijkl is wrong", at=NOON)
    ending = Ending(at=NOON, outcome=Outcome.FAILED, error="401: api_key: sk-abcdefghijkl is wrong")
    ledger.end(number, ending, prompt="x", keep_text="none")
    ledger.act(Action(at=NOON, face="cli", name="unit.stop", target="x", detail="token=sk-abcdefghijkl"))
    assert b"abcdefghijkl" not in _everything(path)


@pytest.mark.parametrize("prompt", ["", "\x00\x1b[2J", "\udce9 caf\u00e9", "\ud83d alone", "x" * 5_000_000])
def test_any_prompt_can_be_remembered(ledger: Ledger, path: Path, prompt: str) -> None:
    number = ledger.begin(_request(prompt))
    ledger.end(number, Ending(at=NOON, outcome=Outcome.FINISHED), prompt=prompt, keep_text="all")
    assert _rows(path, "requests")[0]["prompt_length"] == len(prompt)


def test_requests_count_for_a_minute_from_the_moment_they_are_sent(ledger: Ledger) -> None:
    number = ledger.begin(_request())
    for age in (0, 30, 59, 61):
        ledger.attempt(number, "copilot/gpt", "cloud", NOON - age)
    ledger.attempt(number, "swap/qwen", "local", NOON)
    assert ledger.usage(NOON).requests_in_last_minute == {"copilot/gpt": 3, "swap/qwen": 1}
    assert ledger.usage(NOON + 120).requests_in_last_minute == {}


def test_money_counts_from_midnight(ledger: Ledger) -> None:
    midnight = NOON - 12 * 3600
    for at, cost in ((midnight - 1, 100.0), (midnight + 1, 0.5), (NOON, 0.25), (NOON, None)):
        number = ledger.begin(_request(at=at))
        ledger.attempt(number, "copilot/gpt", "cloud", at)
        ending = Ending(at=at, outcome=Outcome.FINISHED, model="copilot/gpt", cost_usd=cost)
        ledger.end(number, ending, prompt="", keep_text="none")
    assert ledger.usage(NOON).usd_today == {"copilot/gpt": 0.75}


def test_a_refusal_holds_as_long_as_it_said_or_a_minute(ledger: Ledger) -> None:
    number = ledger.begin(_request())
    for model, retry_after in (("a/short", 5.0), ("a/silent", None), ("a/negative", -3.0)):
        attempt = ledger.attempt(number, model, "cloud", NOON)
        ledger.end_attempt(attempt, Outcome.REFUSED, f"429 by {model}", at=NOON, retry_after=retry_after)
    refusals = ledger.usage(NOON + 1).refusals
    assert {model: (refusal.until, refusal.reason) for model, refusal in refusals.items()} == {
        "a/short": (NOON + 5, "429 by a/short"),
        "a/silent": (NOON + 60, "429 by a/silent"),
    }
    assert set(ledger.usage(NOON + 6).refusals) == {"a/silent"}
    assert ledger.usage(NOON + 61).refusals == {}


def test_asking_what_was_used_creates_no_ledger(path: Path) -> None:
    assert usage_now(NOON) == Usage()
    assert not path.exists()


def test_processes_that_open_a_new_ledger_at_once_share_one(path: Path) -> None:
    program = (
        "import sys\nfrom tests.ledger.test_store import _request, NOON\nfrom tui.ledger.store import Ledger\n"
        "sys.stdin.readline()\n"
        "with Ledger() as ledger:\n"
        "    for _ in range(40):\n"
        "        ledger.attempt(ledger.begin(_request()), 'copilot/gpt', 'cloud', NOON)\n"
    )
    # Waiting at stdin, so that all of them come at the same moment.
    root = Path(__file__).parents[2]
    crowd = [subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, cwd=root) for _ in range(6)]
    for one in crowd:
        assert one.stdin is not None
        one.stdin.close()
    assert [one.wait(60) for one in crowd] == [0] * 6
    assert usage_now(NOON).requests_in_last_minute == {"copilot/gpt": 240}


def test_a_ledger_of_a_later_version_is_left_alone(path: Path) -> None:
    with Ledger():
        pass
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    connection.close()
    with pytest.raises(LedgerError, match="later fleetdeck"):
        Ledger()


def test_a_file_that_is_no_ledger_is_left_alone(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(b"a letter to my grandmother " * 100)
    with pytest.raises(LedgerError, match=r"no ledger.*move it away"):
        Ledger()
    with pytest.raises(LedgerError):
        usage_now(NOON)
    assert path.read_bytes().startswith(b"a letter")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_named(path: Path) -> None:
    path.parent.parent.mkdir(mode=0o500)
    with pytest.raises(LedgerError, match="cannot be opened"):
        Ledger()


def test_opening_is_fast(path: Path) -> None:
    with Ledger():
        pass
    times = []
    for _ in range(5):
        started = time.perf_counter()
        with Ledger() as ledger:
            ledger.usage(NOON)
        times.append(time.perf_counter() - started)
    assert min(times) < 0.02


def _answered(ledger: Ledger, model: str, rate: float | None, load: float | None) -> None:
    number = ledger.begin(_request())
    ending = Ending(at=NOON, outcome=Outcome.FINISHED, model=model, tokens_per_second=rate, load_s=load)
    ledger.end(number, ending, prompt="", keep_text="none")


def test_how_quick_models_were_is_the_last_rate_and_the_usual_load(ledger: Ledger) -> None:
    for load in (60.0, 12.0, 14.0, 13.0, 0.04, 99.0, 11.0):
        _answered(ledger, "swap/qwen", 80.0 + load, load)
    _answered(ledger, "swap/qwen", None, None)
    _answered(ledger, "ollama/x", 12.5, 0.05)
    _answered(ledger, "ollama/y", None, None)
    assert figures_now() == {"swap/qwen": ModelFigures(91.0, 13.0), "ollama/x": ModelFigures(12.5, None)}


def test_the_figures_of_no_ledger_are_none_and_make_none(path: Path) -> None:
    assert figures_now() == {}
    assert not path.exists()
