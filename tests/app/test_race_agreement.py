"""Whether the answers of a race agree, by their words or by a judge that the person names."""

from __future__ import annotations

from dataclasses import replace

from textual.widgets import Input

from tests.app.panel import Panel
from tests.app.test_hostile import harmful
from tests.app.test_race import LONG, a_race, ask, screen
from tests.chat.scripted import Scripted
from tests.waiting import until
from tui.app.widgets.race_bar import RaceBar
from tui.app.widgets.race_results import Page
from tui.chat.conversation import OpenConversation, OpenTurn
from tui.demo.fleet import DemoFleet
from tui.ledger.records import Turn


async def test_agreement_is_shown_with_who_agrees_and_follows_the_threshold(fleet: DemoFleet) -> None:
    async with (
        Scripted({"a": "Paris", "b": "paris.", "c": "[/red]Ro\x1bme"}).running() as server,
        a_race(fleet, "one/a", "one/b", "one/c", more=server.config_toml()) as panel,
    ):
        await ask(panel, "Capital of France?")
        await panel.press("a")
        await panel.sees("✓ they agree: 2 of 3 (67%) say the same, 66% wanted")
        await panel.sees("A  one/a, one/b")
        await panel.sees("A, as one/b")
        await panel.sees("B, alone")
        assert "[/red]Ro" in panel.painted
        assert not harmful(panel.painted)
        await panel.press("plus")
        await panel.sees("× they do not agree: 2 of 3 (67%) say the same, 75% wanted")


async def test_long_answers_want_a_judge_that_the_person_names_and_may_stop(fleet: DemoFleet) -> None:
    async with (
        Scripted({"a": LONG, "b": LONG + " indeed", "j": "[[1, 2]]"}).running() as server,
        a_race(fleet, "one/a", "one/b", more=server.config_toml()) as panel,
    ):
        await ask(panel, "Which?")
        await panel.press("a")
        await panel.sees("a judge can tell")
        assert len(server.prompts) == 2
        await name_judge(panel, "one/j")
        await panel.sees("✓ they agree: 2 of 2 (100%)")
        await panel.sees("judged by one/j")
        await fleet.ollama.scene("hang")
        await name_judge(panel, "ollama/qwen3:8b")
        await until(lambda: len(fleet.ollama.requests.to("/api/chat")) == 1, "the other judge is asked")
        await panel.sees("The answers are being compared")
        await panel.press("escape")
        await until(lambda: fleet.ollama.requests.to("/api/chat")[0].closed_early, "its server sees it")
        assert screen(panel).is_current
        assert screen(panel).results.page is Page.NONE


async def test_a_judge_is_told_the_turns_that_went_along(fleet: DemoFleet) -> None:
    earlier = Turn(
        at=0.0, asked_kind="model", asked_name="one/a", model="one/a", where="local", prompt="A gnu?", answer="A gnat."
    )
    async with (
        Scripted({"a": LONG, "b": LONG + " indeed", "j": "[[1, 2]]"}).running() as server,
        a_race(fleet, "one/a", "one/b", more=server.config_toml()) as panel,
    ):
        bar = screen(panel).query_one(RaceBar)
        bar.rules = replace(bar.rules, judge="one/j", conversation=OpenConversation((OpenTurn(earlier),)))
        await ask(panel, "Which of them?")
        await panel.press("a")
        await panel.sees("judged by one/j")
    told = next(text for model, text in server.prompts if model == "j")
    assert "User: A gnu?\\n\\nAssistant: A gnat.\\n\\nUser: Which of them?" in told


async def name_judge(panel: Panel, model: str) -> None:
    await panel.press("J")
    panel.app.screen.query_one("#find", Input).value = model
    await panel.pilot.pause()
    await panel.press("enter")
