"""What plans on screen heed beside the fleet and the modes: the ledger, the programs, Claude's settings."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

import pytest

from tests.app.panel import NOON, Clock, open_panel
from tests.app.routes import open_routes, shown
from tests.ledger.earlier import request_of
from tests.waiting import until
from tui.app import plan_feeds
from tui.demo.fleet import DemoFleet
from tui.ledger.file import ledger_path
from tui.ledger.records import Outcome
from tui.ledger.store import Ledger

QWEN = "llama-swap/qwen3"
LIMITED = '\n[models."ollama/qwen3:8b"]\nlimit = { requests_per_minute = 3 }\n'
GHOST = """
[clis.ghost]
kind = "command"
command = ["no-such-program-anywhere"]
models = ["x"]
[tasks.haunted]
models = ["ghost/x", "llama-swap/qwen3"]
"""
CLAUDE = '\n[clis.claude]\nkind = "claude"\n'


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan_feeds, "PERIOD", 0.1)


def ask(model: str, *, at: float = NOON, times: int = 1, refused_for: float | None = None) -> None:
    """Writes into the ledger that a model was asked, and refused where ``refused_for`` is given (seconds)."""
    with Ledger() as ledger:
        for _ in range(times):
            attempt = ledger.attempt(ledger.begin(request_of(model, at)), model, "local", at)
            if refused_for is not None:
                ledger.end_attempt(attempt, Outcome.REFUSED, "it is busy (429)", at=at, retry_after=refused_for)


def install(program: str, folder: Path) -> Path:
    """Puts a program into ``folder``, which is to be on the PATH."""
    (folder / program).write_text("#!/bin/sh\n")
    (folder / program).chmod(0o700)
    return folder


async def test_a_refusal_shows_counts_its_seconds_and_runs_out(fleet: DemoFleet) -> None:
    clock = Clock()
    async with open_panel(fleet, clock=clock) as panel:
        await open_routes(panel, "task default")
        assert shown(panel)["task default"] == [QWEN, "ollama/qwen3:8b"]
        ask(QWEN, refused_for=30)
        await panel.sees("it is busy (429); may be asked again in 30 s")
        assert shown(panel)["task default"] == ["ollama/qwen3:8b"]
        clock.now += 12
        await panel.sees("may be asked again in 18 s")
        await panel.press("enter")
        await panel.sees("rule: limit")
        clock.now += 3
        await panel.sees("may be asked again in 15 s")
        clock.now += 15
        await panel.press("escape")
        await until(lambda: shown(panel)["task default"][0] == QWEN, "it may be asked again")


async def test_a_refusal_that_another_process_was_given_shows(fleet: DemoFleet) -> None:
    cloudy = '\n[tasks.cloudy]\nmodels = ["litellm/rate-limited", "llama-swap/qwen3"]\n'
    async with open_panel(fleet, more=cloudy, clock=time.time) as panel:
        await open_routes(panel, "task cloudy")
        assert shown(panel)["task cloudy"] == ["litellm/rate-limited", QWEN]
        command = ("-m", "tui", "--config", str(fleet.folder / "config.toml"), "invoke", "-k", "cloudy", "-p", "hello")
        process = await asyncio.create_subprocess_exec(
            sys.executable, *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE
        )
        answer, _ = await asyncio.wait_for(process.communicate(), 30)
        assert process.returncode == 0
        assert answer
        await until(lambda: shown(panel)["task cloudy"] == [QWEN], "the refusal holds here too")
        await panel.sees("may be asked again in")


async def test_a_limit_that_is_reached_shows_and_fades_with_time(fleet: DemoFleet) -> None:
    clock = Clock()
    ask("ollama/qwen3:8b", times=3)
    async with open_panel(fleet, more=LIMITED, clock=clock) as panel:
        await open_routes(panel, "task default")
        await panel.sees("its limit is 3 requests a minute, and 3 went out in the last one")
        clock.now += 61
        await panel.sees_no("its limit is 3 requests a minute")
        await until(lambda: len(shown(panel)["task default"]) == 2, "it may be asked again")


async def test_a_program_that_is_not_there_is_skipped_until_it_is_installed(
    fleet: DemoFleet, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with open_panel(fleet, more=GHOST) as panel:
        await open_routes(panel, "task haunted")
        await panel.sees("ghost/x: no-such-program-anywhere is not installed, or not on the PATH")
        monkeypatch.setenv("PATH", str(install("no-such-program-anywhere", tmp_path)), prepend=":")
        await until(lambda: shown(panel)["task haunted"][0] == "ghost/x", "the program is found")


async def test_claude_behind_somebody_elses_address_is_skipped_with_the_reason(
    fleet: DemoFleet, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(install("claude", tmp_path)), prepend=":")
    settings = tmp_path / "home" / ".claude" / "settings.json"
    settings.parent.mkdir(parents=True)
    async with open_panel(fleet, more=CLAUDE, size=(200, 40)) as panel:
        await open_routes(panel, "tier opus")
        await panel.sees("1. ● claude/opus")
        settings.write_text(json.dumps({"env": {"ANTHROPIC_BASE_URL": "http://proxy.example:4000"}}))
        await panel.sees("would send Claude's subscription through proxy.example")
        assert "claude/opus" not in shown(panel)["tier opus"]


async def test_the_playground_says_it_before_a_prompt_is_sent(fleet: DemoFleet) -> None:
    async with open_panel(fleet) as panel:
        await panel.press("f4")
        await panel.sees(f"task default → ○ {QWEN}")
        ask(QWEN, refused_for=30)
        await panel.sees("task default → ○ ollama/qwen3:8b")
        await panel.press("ctrl+o")
        await panel.sees(f"{QWEN}: it is busy (429)")


async def test_a_ledger_that_cannot_be_read_is_a_problem_and_stops_nothing(fleet: DemoFleet) -> None:
    path = ledger_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"no ledger at all, whatever its name says" * 100)
    async with open_panel(fleet, size=(200, 40)) as panel:
        await panel.sees("limits are not kept: ")
        await open_routes(panel, "task default")
        assert shown(panel)["task default"][0] == QWEN
        path.unlink()
        await panel.sees_no("limits are not kept")
