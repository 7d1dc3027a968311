"""Claude Code's status line, and the quota that it hands the panel."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import pytest

from tui.bridges.claude_quota import Quota, Window, keep_quota, newest, quota_file, read_quota, told_quota
from tui.cli.main import run
from tui.config.paths import modes_file
from tui.routing.mode_files import Flip, flip_hold

Output = pytest.CaptureFixture[str]

CONFIG = """
[machines.koala]
addresses = ["koala"]
[services.llama-swap]
kind = "llama-swap"
url = "http://koala:8080"
[services.vllm]
kind = "vllm"
url = "http://koala:8000"
[clis.claude]
kind = "claude"
[clis.copilot]
kind = "opencode"
provider = "github-copilot"
[models."llama-swap/away"]
where = "cloud"
[tiers]
opus = { fallback = ["llama-swap/away", "llama-swap/qwen3", "vllm/big"] }
sonnet = { external = "copilot/claude-sonnet-4.5" }
haiku = { fallback = ["vllm/small"] }
"""


def tell(told: object, monkeypatch: pytest.MonkeyPatch, *options: str) -> int:
    reading, writing = os.pipe()
    os.write(writing, told if isinstance(told, bytes) else json.dumps(told).encode())
    os.close(writing)
    with os.fdopen(reading) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        return run([*options, "claude", "statusline"])


def test_the_status_line_shows_mode_model_route_and_quota(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    config = home / "config.toml"
    config.write_text(CONFIG)
    options = ("--config", str(config))
    soon = time.time() + 7200
    told = {
        "model": {"id": "claude-sonnet-5-5", "display_name": "Sonnet 5.5"},
        "rate_limits": {
            "seven_day": {"used_percentage": 12.4, "resets_at": soon + 86400 * 3},
            "five_hour": {"used_percentage": 34, "resets_at": soon},
        },
    }
    assert tell(told, monkeypatch, *options) == 0
    line = capsys.readouterr().out
    assert line.startswith("[CLAUDE] Sonnet 5.5 · sonnet → claude/sonnet · 5 h 34% used, resets in 2 h · week 12% used")
    run(["external", "on"])
    capsys.readouterr()
    assert tell(told, monkeypatch, *options) == 0
    line = capsys.readouterr().out
    assert line.startswith("[EXTERNAL since ")
    assert "sonnet → copilot/claude-sonnet-4.5" in line
    assert line.count("\n") == 1
    file = quota_file()
    assert file.stat().st_mode & 0o777 == 0o600
    assert [window.name for window in read_quota(file).windows] == ["five_hour", "seven_day"]
    assert json.loads(file.read_bytes())["schema"] == 1


@pytest.mark.parametrize(
    ("model", "routed"),
    [
        # What llama-swap passes on to others it alone knows, and it is not asked; vLLM passes nothing on.
        ("opus", "opus → llama-swap/qwen3 ? · PRIVATE on"),
        ("sonnet", "sonnet → nowhere at home · PRIVATE on"),
        ("haiku", "haiku → vllm/small · PRIVATE on"),
    ],
)
def test_in_private_mode_the_route_at_home_is_named_as_far_as_it_is_known(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output, model: str, routed: str
) -> None:
    config = home / "config.toml"
    config.write_text(CONFIG)
    run(["private", "on"])
    capsys.readouterr()
    assert tell({"model": {"id": f"claude-{model}-5-5"}}, monkeypatch, "--config", str(config)) == 0
    assert capsys.readouterr().out == f"[CLAUDE] claude-{model}-5-5 · {routed}\n"


def test_what_a_lent_machine_would_answer_is_not_named(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    config = home / "config.toml"
    config.write_text(CONFIG)
    run(["private", "on"])
    flip_hold(modes_file(), "koala", Flip.ON, "game")
    capsys.readouterr()
    assert tell({"model": {"id": "opus"}}, monkeypatch, "--config", str(config)) == 0
    assert "opus → nowhere at home · PRIVATE on · HOLD koala" in capsys.readouterr().out


@pytest.mark.parametrize(
    "told",
    [b"", b"{", b"[]", b"null", b"\xff", b"[" * 50_000, {"model": 5}, {"model": {"display_name": ["x"]}},
     {"rate_limits": {"five_hour": {"used_percentage": "x"}, "y": None}}, {"rate_limits": [1]},
     {"model": {"display_name": "\x1b[31mred\n"}}],
)  # fmt: skip
def test_whatever_it_is_told_the_status_line_is_one_clean_line(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output, told: object
) -> None:
    assert tell(told, monkeypatch) == 0
    line = capsys.readouterr().out
    assert line.startswith("[CLAUDE]")
    assert line.count("\n") == 1
    assert "\x1b" not in line
    assert not quota_file().exists()


def test_modes_that_nobody_can_read_are_unknown(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output) -> None:
    for file in (modes_file(), home / ".claude" / "state" / "external-mode.json"):
        file.parent.mkdir(parents=True)
        file.write_text("{")
    assert tell({"model": {"id": "x"}}, monkeypatch) == 0
    output = capsys.readouterr()
    assert output.out == "[EXTERNAL ?] x · PRIVATE ?\n"
    assert all(name in output.err for name in ("modes.json", "external-mode.json"))


def window(name: str = "five_hour", used: float = 10.0, resets: float | None = 5000.0, told: float = 100.0) -> Window:
    return Window(name, used, resets, told)


def test_a_session_that_idles_takes_nothing_back(tmp_path: Path) -> None:
    kept = Quota((window(used=40.0, told=200.0),))
    assert newest(kept, Quota((window(used=10.0, told=300.0),))) == kept, "use only grows until the reset"
    assert newest(kept, Quota((window(used=40.0, told=300.0),))) == kept, "a repeated figure is as old as it was"
    assert newest(kept, Quota((window(used=90.0, resets=400.0, told=300.0),))) == kept, "of a window that is over"
    later = window(used=1.0, resets=9000.0, told=300.0)
    assert newest(kept, Quota((later,))) == Quota((later,)), "a new window begins low"
    other = window(name="seven_day", told=300.0)
    assert newest(kept, Quota((other,))) == Quota((*kept.windows, other)), "what is not told stays"


def test_the_quota_is_written_only_where_there_is_news(tmp_path: Path) -> None:
    file = tmp_path / "state" / "quota.json"
    keep_quota(file, Quota((window(),)))
    first = file.stat().st_ino
    keep_quota(file, Quota((window(told=900.0),)))
    assert file.stat().st_ino == first
    keep_quota(file, Quota((window(used=11.0, told=900.0),)))
    assert read_quota(file) == Quota((window(used=11.0, told=900.0),))
    file.write_text("{")
    assert read_quota(file) == Quota()
    keep_quota(file, Quota((window(),)))
    assert read_quota(file) == Quota((window(),))


def test_what_is_spent_of_a_limit_is_a_percentage_and_a_reset_says_so() -> None:
    told = told_quota({"spend_limit": {"used_usd": 5, "limit_usd": 20, "resets_at": "2026-11-20T00:00:00Z"}}, 1.0)
    assert told.windows[0].used_percent == 25.0
    assert "spent 25% used" in told.words(0.0)
    assert told.briefs(0.0) == ("claude spent 25% (now)",) * 2
    later = time.time() + 1e9
    assert told.words(later) == "spent reset since"
    assert told.briefs(later) == (), "what is over says nothing of the present"
