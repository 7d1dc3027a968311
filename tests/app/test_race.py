"""The race on the simulated servers: lanes stream together, none disturbs another, and votes and agreement are kept."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from textual.widgets import Input

from tests.app.panel import Panel, open_panel
from tests.app.test_playground import ask as ask_playground
from tests.app.test_playground import find, playground
from tests.app.test_prompting import attach
from tests.chat.scripted import Scripted
from tests.waiting import until
from tui.app.screens.dialogs import ConfirmScreen
from tui.app.screens.lane_finder import LaneFinder, TaskFinder
from tui.app.screens.playground import PlaygroundScreen
from tui.app.screens.race import RaceScreen
from tui.app.widgets.choices import Choice
from tui.app.widgets.prompt_editor import PromptEditor
from tui.app.widgets.race_bar import RaceBar
from tui.app.widgets.race_results import Page
from tui.chat.drill import Stage
from tui.demo.fleet import DemoFleet
from tui.demo.models import answer_to
from tui.ledger.file import ledger_path
from tui.ledger.votes import standings_now

CHAT_PATHS = ("/v1/chat/completions", "/api/chat")
GEMMA, LLAMA, CLOUD = "llama-swap/gemma", "ollama/llama3.2:latest", "litellm/gpt-5.2"
ENDLESS = "write 100000 tokens"
SECRET = "use ghp_" + "a1B2" * 9
LONG = "It is the first of them, for the reason that all others have been ruled out before, one by one"


@contextlib.asynccontextmanager
async def a_race(fleet: DemoFleet, *models: str, **options: object) -> AsyncIterator[Panel]:
    """An open race between ``models``; without any, between those of the task ``default``."""
    async with open_panel(fleet, **options) as panel:  # type: ignore[arg-type]
        await panel.press("3")
        await until(lambda: isinstance(panel.app.screen, PlaygroundScreen), "the playground is open")
        playground = panel.app.screen
        assert isinstance(playground, PlaygroundScreen)
        playground.choice = Choice("task", "default")
        await panel.press("ctrl+r")
        await until(lambda: isinstance(panel.app.screen, RaceScreen), "the race is open")
        if models:
            await race_between(panel, *models)
        await panel.pilot.pause()
        yield panel


async def open_race_of(panel: Panel, *models: str) -> None:
    """Opens the race from the playground, between these models."""
    await panel.press("ctrl+r")
    await until(lambda: isinstance(panel.app.screen, LaneFinder), "it is asked who takes part")
    await panel.press("escape")
    await race_between(panel, *models)


async def race_between(panel: Panel, *models: str) -> None:
    bar = screen(panel).query_one(RaceBar)
    bar.rules = replace(bar.rules, choices=tuple(Choice("model", model) for model in models))
    await until(lambda: names(panel) == list(models), "the lanes are there")


def screen(panel: Panel) -> RaceScreen:
    found = next(one for stack in panel.app._screen_stacks.values() for one in stack if isinstance(one, RaceScreen))
    assert isinstance(found, RaceScreen)
    return found


def names(panel: Panel) -> list[str]:
    return [lane.lane.name for lane in screen(panel).lanes]


def stages(panel: Panel) -> list[Stage]:
    return [lane.lane.stage for lane in screen(panel).lanes]


async def send(panel: Panel, text: str) -> None:
    editor = screen(panel).query_one(PromptEditor)
    editor.show_prompt(text)
    editor.focus()
    await panel.press("enter")


async def ask(panel: Panel, text: str) -> None:
    await send(panel, text)
    await until(lambda: not screen(panel).busy, "the race is over")
    await panel.pilot.pause()


def prompts(fleet: DemoFleet) -> int:
    return sum(record.path in CHAT_PATHS for server in fleet.servers.values() for record in server.requests)


async def test_a_tasks_models_race_and_their_figures_are_told_ordered_and_kept(fleet: DemoFleet) -> None:
    async with a_race(fleet, size=(200, 50)) as panel:
        assert names(panel) == ["llama-swap/qwen3", "ollama/qwen3:8b"]
        await panel.sees("race of 2  for the task default")
        await ask(panel, "why?")
        assert stages(panel) == [Stage.ANSWERED, Stage.ANSWERED]
        answer = "".join(answer_to("why?", thinking=True).text)
        assert [lane.view.parts.answer for lane in screen(panel).lanes] == [answer, answer]
        await panel.sees("▌ why?")
        await panel.sees("by total time")
        await panel.press("o")
        await panel.sees("by time to first token")
        await panel.press("O", "O")
        await panel.sees("by GPU memory")
        await panel.press("c")
        await panel.sees_no("by GPU memory")
    with sqlite3.connect(ledger_path()) as ledger:
        rows = ledger.execute("SELECT face, asked_name, outcome FROM requests ORDER BY asked_name").fetchall()
    ledger.close()
    assert rows == [("panel", name, "finished") for name in ("llama-swap/qwen3", "ollama/qwen3:8b")]


async def test_a_vote_is_kept_for_the_task_changed_and_taken_back(fleet: DemoFleet) -> None:
    async with a_race(fleet, GEMMA, LLAMA) as panel:
        await panel.press("escape", "b")
        assert standings_now() == (), "nothing has been answered yet"
        await ask(panel, "why?")
        await panel.press("right", "b")
        await until(lambda: screen(panel).results.better == LLAMA, "it has the vote")
        await panel.sees("★ the better one")
        await panel.press("left", "b")
        await until(lambda: screen(panel).results.better == GEMMA, "the other one has it")
        await panel.press("S")
        await panel.sees("standings · task default")
        await until(lambda: [one.wins for one in screen(panel).results.standings] == [1, 0], "the standings follow")
        first, _ = standings_now()
        assert (first.task, first.model, first.races) == ("default", GEMMA, 1)
        await panel.press("b")
        await until(lambda: standings_now() == (), "it is taken back")
        await panel.press("T")
        await until(lambda: isinstance(panel.app.screen, TaskFinder), "the tasks are listed")
        panel.app.screen.query_one("#find", Input).value = "no task"
        await panel.pilot.pause()
        await panel.press("enter")
        await panel.sees("for no task")
        await panel.press("b")
        await until(lambda: [one.task for one in standings_now()] == ["", ""], "it counts for no task")


async def test_escape_ends_all_lanes_at_their_servers_and_gives_the_prompt_back(fleet: DemoFleet) -> None:
    fleet.llama_swap.speed = fleet.ollama.speed = 5.0
    async with a_race(fleet, GEMMA, LLAMA) as panel:
        await send(panel, ENDLESS)
        await until(lambda: all(lane.lane.text for lane in screen(panel).lanes), "both answer")
        await panel.sees("esc stops all")
        await send(panel, "and this?")
        await panel.is_told("answers are still coming")
        screen(panel).query_one(PromptEditor).show_prompt("")
        await panel.press("escape")
        chats = [record for name in ("llama-swap", "ollama") for record in fleet.servers[name].requests]
        chats = [record for record in chats if record.path in CHAT_PATHS]
        await until(lambda: all(record.closed_early for record in chats), "both servers see it")
        assert len(chats) == 2
        await until(lambda: not screen(panel).busy, "it is over")
        assert all(lane.view.parts.answer for lane in screen(panel).lanes), "what had come stays"
        assert screen(panel).query_one(PromptEditor).text == ENDLESS


async def test_one_that_fails_disturbs_nobody_and_says_why(fleet: DemoFleet) -> None:
    async with (
        Scripted({"a": 500, "b": "Bee"}).running() as server,
        a_race(fleet, "one/a", "one/b", GEMMA, more=server.config_toml()) as panel,
    ):
        await ask(panel, "why?")
        assert stages(panel) == [Stage.FAILED, Stage.ANSWERED, Stage.ANSWERED]
        await panel.sees("out of order")
        await panel.sees("× failed: ")
        assert screen(panel).lanes[1].lane.text == "Bee"


async def test_private_sends_nothing_away_and_a_canary_is_nowhere_afterwards(fleet: DemoFleet) -> None:
    answers = {"a": LONG + " canary", "b": LONG, "j": "[[1, 2]]"}
    async with (
        Scripted(answers).running() as server,
        a_race(fleet, "one/a", "one/b", CLOUD, more=server.config_toml()) as panel,
    ):
        await panel.press("f9")
        await panel.sees("private on")
        await ask(panel, "the canary sings")
        assert stages(panel) == [Stage.ANSWERED, Stage.ANSWERED, Stage.SKIPPED]
        await panel.sees("the request is private")
        bar = screen(panel).query_one(RaceBar)
        bar.rules = replace(bar.rules, judge="one/j")
        await panel.press("b", "a")
        await panel.sees("judged by one/j")
        await until(lambda: len(standings_now()) == 2, "the vote is kept")
    assert prompts(fleet) == 0, "LiteLLM was asked nothing"
    assert "one/j" in [f"one/{model}" for model, _ in server.prompts]
    kept = [path for path in fleet.folder.rglob("*") if path.is_file() and path.suffix != ".toml"]
    assert any(path.name.startswith("ledger") for path in kept)
    for path in kept:
        assert b"canary" not in path.read_bytes(), path


async def test_what_is_not_expected_is_asked_about_once_for_all_lanes_and_they_are_named(fleet: DemoFleet) -> None:
    await fleet.llama_swap.load("qwen3")
    async with a_race(fleet, "llama-swap/coder", "llama-swap/reasoning", CLOUD, "litellm/claude-sonnet") as panel:
        await send(panel, SECRET)
        await until(lambda: isinstance(panel.app.screen, ConfirmScreen), "it is asked about the credential")
        await panel.sees(f"These will have it: {CLOUD}, litellm/claude-sonnet.")
        await panel.press("n")
        await until(lambda: not screen(panel).busy, "it is given up")
        assert prompts(fleet) == 0
        assert screen(panel).query_one(PromptEditor).text == SECRET
        await send(panel, SECRET)
        await until(lambda: isinstance(panel.app.screen, ConfirmScreen), "it is asked again")
        await panel.press("y")
        await panel.sees("Load llama-swap/coder, llama-swap/reasoning for this race?")
        await panel.sees("llama-swap/coder: llama-swap may unload qwen3")
        assert prompts(fleet) == 0
        await panel.press("y")
        await until(lambda: stages(panel) == [Stage.ANSWERED] * 4, "all have answered")
        assert prompts(fleet) == 4


async def test_six_are_marked_and_no_seventh_and_scrolled_to_where_there_is_no_room(fleet: DemoFleet) -> None:
    async with a_race(fleet, size=(80, 24)) as panel:
        await panel.sees("race of 2  ◌ 2 load first  for the task default")
        await panel.press("ctrl+o")
        await until(lambda: isinstance(panel.app.screen, LaneFinder), "the finder is open")
        await panel.sees("2 of 6 marked")
        finder = panel.app.screen
        assert isinstance(finder, LaneFinder)
        finder.marked.clear()
        finder.query_one("#find", Input).value = "haiku"
        await panel.pilot.pause()
        await panel.press("tab")
        await panel.sees("✓ tier haiku")
        finder.query_one("#find", Input).value = "ollama"
        await panel.pilot.pause()
        await panel.press(*["tab", "down"] * 3)
        finder.query_one("#find", Input).value = "litellm"
        await panel.pilot.pause()
        await panel.press(*["tab", "down"] * 4)
        await panel.sees("6 of 6 marked")
        await panel.press("enter")
        await until(lambda: len(names(panel)) == 6, "the lanes are there")
        assert names(panel)[0] == "tier haiku"
        first, _, third, *_ = names(panel)
        await panel.sees("lane 1 of 6 ← →")
        assert f"─ {first} ─" in panel.painted
        assert f"─ {third} ─" not in panel.painted
        await panel.press("escape", "right", "right")
        await panel.sees("lane 3 of 6")
        await panel.sees(f"─ {third} ─")
        await panel.press("left", "left", "left")
        await panel.sees(f"─ {first} ─")


async def test_a_race_is_there_again_as_it_was_left_with_what_was_written_and_seen_meanwhile(fleet: DemoFleet) -> None:
    async with a_race(fleet, LLAMA, CLOUD) as panel:
        await ask(panel, "why?")
        race = screen(panel)
        await panel.press("escape")
        await until(lambda: isinstance(panel.app.screen, PlaygroundScreen), "it is left")
        await panel.press(*"and now?", "ctrl+r")
        await until(lambda: panel.app.screen is race, "it is back")
        assert stages(panel) == [Stage.ANSWERED, Stage.ANSWERED]
        assert race.results.page is Page.CHART
        assert race.query_one(PromptEditor).text == "and now?"
        panel.app.action_look_now()
        local, cloud = race.lanes
        await until(lambda: local.lane.memory, "what the model holds of the GPU is seen")
        await panel.sees("+3.7 GiB")
        assert cloud.lane.memory is None


async def test_the_conversations_turns_go_along_for_all_until_they_are_left_out(fleet: DemoFleet) -> None:
    await fleet.llama_swap.load("gemma")
    async with playground(fleet, GEMMA, size=(160, 50)) as panel:
        await ask_playground(panel, "one?")
        await open_race_of(panel, GEMMA, LLAMA)
        await panel.sees("1 turn goes along")
        await ask(panel, "and two?")
        assert stages(panel) == [Stage.ANSWERED, Stage.ANSWERED]
        await panel.sees("▌ after 1 turn: and two?")
        answer = "".join(answer_to("one?").text)
        for server, path in ((fleet.llama_swap, CHAT_PATHS[0]), (fleet.ollama, CHAT_PATHS[1])):
            body = server.requests.to(path)[-1].json()
            assert isinstance(body, dict)
            assert [one["content"] for one in body["messages"]] == ["one?", answer, "and two?"]
        await panel.press("w")
        await panel.sees("no turns go along · 1 left out")
        await ask(panel, "alone?")
        body = fleet.ollama.requests.to(CHAT_PATHS[1])[-1].json()
        assert isinstance(body, dict)
        assert len(body["messages"]) == 1
        await panel.press("escape", "ctrl+r")
        await panel.sees("no turns go along · 1 left out")


@pytest.mark.parametrize("private", [True, False], ids=["private", "keep-local"])
async def test_turns_that_stay_at_home_keep_the_race_there(fleet: DemoFleet, private: bool) -> None:
    await fleet.llama_swap.load("gemma")
    more = "" if private else '\n[ledger]\nkeep_text = "local"\n'
    async with playground(fleet, GEMMA, size=(160, 50), more=more) as panel:
        if private:
            await panel.press("f9")
        await ask_playground(panel, "zugzwang one?")
        if private:
            await panel.press("f9")
        await open_race_of(panel, GEMMA, CLOUD)
        await panel.sees("■ private" if private else "■ at home")
        await find(panel, CLOUD)
        await panel.sees("× no model on your own machines may take")
        await panel.press("escape")
        await ask(panel, "zugzwang two?")
        assert stages(panel) == [Stage.ANSWERED, Stage.SKIPPED]
        await panel.sees("under private" if private else "under no mode · stays at home")
        assert not fleet.litellm.requests.to(CHAT_PATHS[0])
    with sqlite3.connect(ledger_path()) as ledger:
        kept = [prompt for (prompt,) in ledger.execute("SELECT prompt FROM requests ORDER BY id")]
    ledger.close()
    assert kept == ([None, None] if private else ["zugzwang one?", "zugzwang two?"])


async def test_files_go_along_in_all_lanes_and_stand_above_the_prompt(fleet: DemoFleet, tmp_path: Path) -> None:
    notes = tmp_path / "notes.md"
    notes.write_text("whales sing\n")
    async with a_race(fleet, GEMMA, LLAMA) as panel:
        await attach(panel, notes)
        await panel.sees("with  ≡ notes.md 12 B ×")
        await ask(panel, "What sings?")
        await panel.sees_no("with  ≡")
        for server, path in ((fleet.llama_swap, CHAT_PATHS[0]), (fleet.ollama, CHAT_PATHS[1])):
            body = server.requests.to(path)[-1].json()
            assert isinstance(body, dict)
            assert "whales sing" in body["messages"][-1]["content"]


async def test_read_only_sends_and_votes_nothing(fleet: DemoFleet) -> None:
    async with a_race(fleet, GEMMA, LLAMA, readonly=True) as panel:
        await panel.sees("read-only: nothing is sent")
        await send(panel, "why?")
        assert not screen(panel).busy
        assert screen(panel).query_one(PromptEditor).text == "why?", "the prompt is where it was"
        await panel.press("escape", "b", "a")
        await panel.pilot.pause()
        assert prompts(fleet) == 0
        assert standings_now() == ()
