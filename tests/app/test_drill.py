"""The drill: who would answer if services were down, and who really answers."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from tests.app.panel import Panel, open_panel
from tests.app.routes import prompted
from tests.cli.house import CHAT_PATHS
from tests.waiting import until
from tui.app.screens.drill_answers import DrillAnswersScreen
from tui.chat.drill import MOST_TOKENS, QUESTION, Stage
from tui.demo.fleet import DemoFleet
from tui.routing.mode_files import Flip, flip_external, flip_private


def stages(panel: Panel) -> dict[str, Stage]:
    screen = panel.app.screen
    assert isinstance(screen, DrillAnswersScreen)
    return {drilled.model: drilled.stage for drilled in screen._table.records}


async def open_drill(panel: Panel) -> None:
    await panel.press("2")
    await panel.sees("task quick")
    await panel.press("f")
    await panel.sees("really asks every candidate")


async def test_a_service_is_thought_away_and_nothing_is_asked(fleet: DemoFleet) -> None:
    async with open_panel(fleet) as panel:
        await open_drill(panel)
        await panel.press("space", "enter")
        await panel.sees("DRILL: as if llama-swap were down")
        await panel.sees("llama-swap/gemma: llama-swap is do")
        assert prompted(fleet) == {}
        await panel.press("escape")
        await panel.sees_no("DRILL")


async def test_every_candidate_is_asked_once_after_the_cost_was_said(fleet: DemoFleet) -> None:
    async with open_panel(fleet, size=(160, 40)) as panel:
        await open_drill(panel)
        await panel.press("a")
        await panel.sees(QUESTION)
        await panel.sees("At most $0.000")
        await panel.sees("which may push other models out of memory")
        assert prompted(fleet) == {}, "nobody is asked before the person has said so"
        await panel.press("enter")
        await until(lambda: set(stages(panel).values()) == {Stage.ANSWERED}, "all have answered")
        assert {name: sorted(models) for name, models in prompted(fleet).items()} == {
            "llama-swap": ["coder", "gemma", "qwen3", "reasoning"],
            "ollama": ["llama3.2:latest", "qwen3:8b"],
            "litellm": ["gpt-5.2"],
        }
        await panel.sees("7 of 7 answered · $0.000")
        assert "served by openai/gpt-5.2" in panel.line_with("litellm/gpt-5.2")
        assert " ms" in panel.line_with("ollama/qwen3:8b")
        body = fleet.litellm.requests.to("/v1/chat/completions")[0].json()
        assert isinstance(body, dict)
        assert (body["max_tokens"], body["messages"][-1]["content"]) == (MOST_TOKENS, QUESTION)
        with closing(sqlite3.connect(fleet.folder / "data" / "fleetdeck" / "ledger.sqlite3")) as ledger:
            assert ledger.execute("SELECT count(*) FROM requests WHERE face = 'panel'").fetchone() == (7,)
        await panel.press("escape")
        await panel.sees("task quick")


async def test_modes_that_are_switched_meanwhile_hold(fleet: DemoFleet) -> None:
    flip_external(fleet.folder / "external-mode.json", Flip.ON, None)
    async with open_panel(fleet, size=(160, 40)) as panel:
        await open_drill(panel)
        await panel.press("a")
        await panel.sees("litellm/gpt-5.2")
        flip_private(fleet.folder / "state" / "fleetdeck" / "modes.json", Flip.ON, None)
        await panel.press("enter")
        await until(lambda: stages(panel)["litellm/gpt-5.2"] is Stage.SKIPPED, "the cloud is not asked")
        await panel.sees("private mode is on")
        await until(lambda: Stage.WAITING not in stages(panel).values(), "it goes on with the others")
        assert "gpt-5.2" not in prompted(fleet).get("litellm", [])


async def test_it_can_be_stopped_and_what_was_asked_last_is_ended(fleet: DemoFleet) -> None:
    async with open_panel(fleet, size=(160, 40)) as panel:
        await open_drill(panel)
        await panel.press("a")
        await panel.sees(QUESTION)
        await fleet.ollama.scene("hang")
        await fleet.llama_swap.scene("hang")
        await panel.press("enter")
        await until(lambda: prompted(fleet), "the first one is asked")
        await panel.press("escape")
        await panel.sees("it was stopped")
        waiting = [model for model, stage in stages(panel).items() if stage is Stage.WAITING]
        assert waiting
        await until(
            lambda: all(r.closed_early for s in fleet.servers.values() for r in s.requests if r.path in CHAT_PATHS),
            "the server sees that nobody reads any more",
        )
        await panel.press("escape")
        await panel.sees_no(QUESTION)


async def test_read_only_offers_no_asking(fleet: DemoFleet) -> None:
    async with open_panel(fleet, readonly=True) as panel:
        await panel.press("2")
        await panel.sees("task quick")
        await panel.press("f")
        await panel.sees("Space marks one")
        await panel.press("a")
        await panel.pilot.pause()
        assert "really" not in panel.painted
        assert not isinstance(panel.app.screen, DrillAnswersScreen)
