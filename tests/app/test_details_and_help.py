"""What opens on top of the Fleet screen: details, problems, help."""

from __future__ import annotations

import pytest

from tests.app.panel import Clock, open_panel
from tests.waiting import until
from tui.app.screens.details import DetailsScreen, ProblemsScreen
from tui.app.screens.dialogs import TextScreen
from tui.app.screens.help import HelpScreen
from tui.app.screens.race import RaceScreen
from tui.demo.fleet import DemoFleet
from tui.ledger.probes import Probed, Probes

UPSTREAM_KEY = "sk-secret-of-the-upstream-7c1f"


def text_of(screen: object) -> str:
    assert isinstance(screen, TextScreen)
    return screen._content.plain


async def test_enter_shows_the_raw_facts_of_a_service_without_its_keys(fleet: DemoFleet) -> None:
    await fleet.llama_swap.load("qwen3")
    async with open_panel(fleet) as panel:
        await panel.go_to(panel.services, "service llama-swap")
        panel.app.monitor.look_now()
        await panel.press("enter")
        assert isinstance(panel.app.screen, DetailsScreen)
        await until(lambda: "/running" in text_of(panel.app.screen), "the raw answer of /running is there")
        text = text_of(panel.app.screen)
        assert "--api-key •••" in text
        assert "llama-server" in text, "the command itself is shown"
        assert UPSTREAM_KEY not in text
        assert "→ 200, now" in text
        assert fleet.llama_swap.url in text
        assert "v250" in text
        await panel.press("escape")
        assert len(panel.app.screen_stack) == 1


async def test_no_key_is_painted_anywhere(fleet: DemoFleet) -> None:
    await fleet.llama_swap.load("qwen3")
    async with open_panel(fleet, size=(200, 50)) as panel:
        for name in ("llama-swap", "litellm"):
            await panel.go_to(panel.services, f"service {name}")
            await panel.press("enter")
            for secret in (UPSTREAM_KEY, "sk-demo"):
                assert secret not in text_of(panel.app.screen)
            await panel.press("q")


async def test_details_keep_the_last_error_after_it_is_over_and_say_how_old_facts_are(fleet: DemoFleet) -> None:
    clock = Clock()
    seldom = ("[services.qdrant]\n", "[services.qdrant]\nrefresh = 3600\n")
    async with open_panel(fleet, clock=clock, replace=seldom) as panel:
        await fleet.qdrant.scene("down")
        panel.app.monitor.look_now()
        await panel.sees("× qdrant")
        await fleet.qdrant.scene("normal")
        panel.app.monitor.look_now()
        await panel.sees("● qdrant")
        await panel.go_to(panel.services, "service qdrant")
        await panel.press("enter")
        text = text_of(panel.app.screen)
        assert "last error    connection refused (2026-11-20 12:00:00)" in text
        assert "seen          now, every" in text
        clock.now += 7
        await until(lambda: "seen          7 s ago" in text_of(panel.app.screen), "the open details grow older")


async def test_details_of_a_model_say_where_it_runs_and_why_that_is_believed(fleet: DemoFleet) -> None:
    async with open_panel(fleet) as panel:
        await panel.go_to(panel.models, "litellm/gpt-5.2")
        await panel.press("enter")
        await panel.sees("where         cloud: ")
        assert "deployment" in text_of(panel.app.screen)
        await panel.press("escape")
        await panel.go_to(panel.models, "llama-swap/qwen3")
        await panel.press("enter")
        await panel.sees("where         local: ")
        assert "general purpose, quality" in panel.painted


async def test_details_of_a_model_say_what_it_can_do_for_agents(fleet: DemoFleet) -> None:
    clock = Clock()
    probed = Probed(
        model="llama-swap/qwen3",
        at=clock.now - 120,
        calls_tools=True,
        tools_words="it called the tool and gave the number",
        writes_code=False,
        code_words="it never called the tool: no code was found",
    )
    with Probes() as probes:
        probes.keep(probed)
    async with open_panel(fleet, clock=clock) as panel:
        await until(lambda: panel.app.state.probes, "the ledger is read")
        await panel.go_to(panel.models, "llama-swap/qwen3")
        await panel.press("enter")
        await panel.sees("for agents    calls tools, writes no agent code (probed 2 min ago)")
        await panel.sees("no code       it never called the tool: no code was found")


async def test_details_survive_the_end_of_what_they_are_about(fleet: DemoFleet) -> None:
    async with open_panel(fleet) as panel:
        await fleet.ollama.scene("hostile")
        panel.app.monitor.look_now()
        await until(lambda: any("etc/passwd" in key for key in panel.models._index), "the passing row is there")
        await panel.go_to(panel.models, "ollama/../../../etc/passwd")
        await panel.press("enter")
        await fleet.ollama.scene("normal")
        panel.app.monitor.look_now()
        await panel.sees("no longer lists")


async def test_all_problems_are_one_key_or_one_click_away(fleet: DemoFleet) -> None:
    async with open_panel(fleet) as panel:
        await fleet.qdrant.scene("down")
        await fleet.k3s.scene("down")
        panel.app.monitor.look_now()
        await panel.sees("+1 more (!)")
        await panel.press("exclamation_mark")
        assert isinstance(panel.app.screen, ProblemsScreen)
        text = text_of(panel.app.screen)
        assert "qdrant does not answer: connection refused" in text
        assert "k3s does not answer: connection refused" in text
        await fleet.qdrant.scene("normal")
        panel.app.monitor.look_now()
        await until(lambda: "qdrant" not in text_of(panel.app.screen), "what is mended leaves the open list")
        await panel.press("escape")
        await panel.pilot.click("#problems")
        assert isinstance(panel.app.screen, ProblemsScreen)


@pytest.mark.parametrize("key", ["question_mark", "f1"])
async def test_help_names_the_focused_widget_and_lists_the_keys(fleet: DemoFleet, key: str) -> None:
    async with open_panel(fleet, size=(120, 60), wait_for_models=False) as panel:
        await panel.press(key)
        assert isinstance(panel.app.screen, HelpScreen)
        assert text_of(panel.app.screen).startswith("Fleet\n")
        assert "Unload the model under the cursor" in panel.painted
        await panel.press("escape", "tab", key)
        assert text_of(panel.app.screen).startswith("Models\n")
        assert "○ idle (known, not loaded)" in panel.painted


async def test_help_of_a_race_lists_the_keys_of_its_prompt_and_answers_too(fleet: DemoFleet) -> None:
    async with open_panel(fleet, wait_for_models=False) as panel:
        await panel.press("3", "ctrl+r")
        await until(lambda: isinstance(panel.app.screen, RaceScreen), "the race is open")
        await panel.press("f1")
        await until(lambda: isinstance(panel.app.screen, HelpScreen), "the help is open")
        text = text_of(panel.app.screen)
        for heading in ("on this screen", "in the prompt", "in the answer", "in tables", "everywhere"):
            assert f"\n{heading}\n" in text


async def test_f1_is_help_while_text_is_typed(fleet: DemoFleet) -> None:
    async with open_panel(fleet, wait_for_models=False) as panel:
        await panel.press("slash", "a", "f1")
        assert isinstance(panel.app.screen, HelpScreen)


async def test_a_dialog_is_closed_once_and_takes_no_screen_with_it(fleet: DemoFleet) -> None:
    async with open_panel(fleet, wait_for_models=False) as panel:
        await panel.press("f1", "f1", "escape", "escape", "escape", "escape")
        assert panel.app.screen is panel.fleet_screen
        assert panel.app.is_running
