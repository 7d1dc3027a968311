"""Conversations from a shell: listed, read, written into files, deleted."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from tests.ledger.kept import DAY, NOON, keep
from tui.cli.main import run
from tui.ledger.conversations import conversations_now
from tui.ledger.file import ledger_path

Output = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("CONFIG", "STATE", "DATA"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_they_are_listed_newest_first_and_found_by_any_word(capsys: Output) -> None:
    old = keep(("What is WAL?", "A log.\x1b[2J"), ("And fsync?", "A wait."), at=NOON - DAY)
    new = keep(("Kingfishers?", "None."))
    assert run(["conversations"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{new}  2026-11-20 12:00  Kingfishers?  llama-swap/qwen3  1 turn",
        f"{old}  2026-11-19 12:00  What is WAL?  llama-swap/qwen3  2 turns",
    ]
    assert run(["conversations", "--search", "WAIT", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["schema"], document["found"]) == (1, 1)
    assert document["conversations"][0] == {
        "id": old,
        "title": "What is WAL?",
        "model": "llama-swap/qwen3",
        "turns": 2,
        "begun_at": "2026-11-19T12:00:00Z",
        "changed_at": "2026-11-19T12:00:00Z",
        "branch_of": None,
    }
    assert run(["conversations", "show", str(old)]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(
        "# What is WAL?\n\n*2026-11-19 12:00*\n\n## You\n\nWhat is WAL?\n\n## llama-swap/qwen3 (local, "
    )
    assert "\x1b" not in shown


def test_without_a_ledger_there_is_none_and_none_is_made(capsys: Output) -> None:
    assert run(["conversations"]) == 0
    assert "none has been kept yet" in capsys.readouterr().err
    assert run(["conversations", "show", "1"]) == 2
    assert "there is no conversation 1" in capsys.readouterr().err
    assert not ledger_path().exists()


def test_a_file_is_written_for_its_owner_alone_and_never_over_another(home: Path, capsys: Output) -> None:
    number = str(keep(("What is WAL?", "A log.")))
    assert run(["conversations", "export", number, "wal.json"]) == 0
    assert capsys.readouterr().out == f"{home}/wal.json\n"
    assert json.loads((home / "wal.json").read_text())["turns"][0]["answer"] == "A log."
    assert (home / "wal.json").stat().st_mode & 0o777 == 0o600
    assert run(["conversations", "export", number, "wal.json"]) == 1
    assert "exists already" in capsys.readouterr().err


def test_deleting_needs_a_yes(capsys: Output) -> None:
    number = str(keep(("What is WAL?", "A log.")))
    assert run(["conversations", "delete", number]) == 2
    assert "--yes" in capsys.readouterr().err
    assert run(["--readonly", "conversations", "delete", number, "--yes"]) == 2
    assert conversations_now().found == 1
    assert run(["conversations", "delete", number, "--yes"]) == 0
    assert conversations_now().found == 0
    assert run(["conversations", "delete", number, "--yes"]) == 2
