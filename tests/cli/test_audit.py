"""``fleetdeck audit``: which model saw what, and what was done."""

from __future__ import annotations

import hashlib
import json
import time

import pytest

from tests.ledger.asked import Asked, ask
from tui.cli import audit as command
from tui.cli.main import run
from tui.ledger.file import ledger_path
from tui.ledger.records import Action
from tui.ledger.store import Ledger

pytestmark = pytest.mark.usefixtures("home_in_utc")
Output = pytest.CaptureFixture[str]
SECRET = "the plans of the secret garden"


@pytest.fixture
def audited() -> float:
    now = time.time()
    with Ledger() as ledger:
        ask(ledger, Asked(at=now - 60, prompt=SECRET, private=True, face="mcp"))
        gpt = Asked(at=now - 30, prompt=SECRET, model="copilot/gpt", where="cloud", external=True, answer="a rose")
        ask(ledger, gpt)
        ledger.act(
            Action(at=now - 20, face="panel", name="unit.stop", target="llama-swap", machine="koala", before="active",
                   after="inactive", detail="llama-swap.service on koala is inactive")
        )  # fmt: skip
        ledger.act(Action(at=now - 10, face="cli", name="model.load", target="swap/qwen", worked=False, detail="no"))
        ledger.act(Action(at=now - 30 * 86_400, face="cli", name="mode.external", target="on"))
    return now


def test_a_script_reads_who_saw_what_and_what_was_done(audited: float, capsys: Output) -> None:
    assert run(["audit", "--json"]) == 0
    out = capsys.readouterr().out
    document = json.loads(out)
    assert document["schema"] == 1
    cloud, home = document["seen"]
    digest = hashlib.sha256(SECRET.encode()).hexdigest()
    assert (cloud["model"], cloud["where"], cloud["face"], cloud["external"], cloud["private"]) == (
        "copilot/gpt",
        "cloud",
        "cli",
        True,
        False,
    )
    assert (home["face"], home["private"], home["asked"], home["outcome"]) == (
        "mcp",
        True,
        {"task": "quick"},
        "finished",
    )
    assert {one["prompt_sha256"] for one in document["seen"]} == {digest}
    assert home["prompt_length"] == len(SECRET)
    newest, oldest = document["actions"]
    assert (newest["action"], newest["worked"], newest["before"]) == ("model.load", False, None)
    assert (oldest["machine"], oldest["before"], oldest["after"]) == ("koala", "active", "inactive")
    assert SECRET not in out
    assert "rose" not in out


def test_a_person_reads_two_tables(audited: float, capsys: Output) -> None:
    assert run(["audit"]) == 0
    out = capsys.readouterr().out
    seen, done = out.split("\n\n")
    assert seen.startswith("What models saw\nAT ")
    assert "copilot/gpt  cloud  cli   quick      external" in seen
    assert "swap/qwen    local  mcp   quick      private" in seen
    assert done.startswith("What was done\nAT ")
    assert "unit.stop   llama-swap  koala    active  inactive  worked: llama-swap.service on koala is inactive" in done
    assert "failed: no" in done
    assert "mode.external" not in done
    assert SECRET not in out


def test_since_goes_back_further(audited: float, capsys: Output) -> None:
    assert run(["audit", "--since", "60d"]) == 0
    assert "mode.external" in capsys.readouterr().out


def test_a_long_ledger_is_one_table(audited: float, capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "PAGE", 1)
    assert run(["audit"]) == 0
    seen, _, _ = capsys.readouterr().out.partition("\n\n")
    assert seen.count("AT ") == 1
    assert len(seen.splitlines()) == 4


def test_without_a_ledger_there_is_nothing_and_none_is_made(capsys: Output) -> None:
    assert run(["audit"]) == 0
    assert capsys.readouterr().out == "What models saw\n  nothing\n\nWhat was done\n  nothing\n"
    assert run(["audit", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["seen"], document["actions"]) == ([], [])
    assert not ledger_path().exists()


def test_a_flipped_mode_is_told_with_what_it_was(capsys: Output) -> None:
    for action in ("on", "on", "toggle"):
        assert run(["external", action]) == 0
    capsys.readouterr()
    assert run(["audit", "--json"]) == 0
    done = json.loads(capsys.readouterr().out)["actions"]
    assert [(one["action"], one["target"], one["before"], one["after"]) for one in done] == [
        ("mode.external", "toggle", "on", "off"),
        ("mode.external", "on", "on", "on"),
        ("mode.external", "on", "off", "on"),
    ]
