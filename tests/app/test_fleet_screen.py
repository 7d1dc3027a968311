"""The Fleet screen: what is shown, when, and that it stays where the person is looking."""

from __future__ import annotations

import pytest

from tests.app.panel import NOON, Clock, Panel, open_panel
from tests.waiting import until
from tui.app.app import FleetApp
from tui.config.schema import Config
from tui.demo.fleet import DemoFleet


async def test_the_first_paint_waits_for_no_server(fleet: DemoFleet) -> None:
    for server in fleet.servers.values():
        await server.scene("hang")
    async with open_panel(fleet, wait_for_models=False) as panel:
        painted = panel.painted
        assert "fleetdeck" in painted
        assert "looking at the fleet" in panel.problems_line
        assert not any(server.requests for server in fleet.servers.values())
        await panel.sees("? llama-swap")
        assert "unknown" in panel.line_with("llama-swap")


async def test_every_service_and_model_gets_its_row(fleet: DemoFleet) -> None:
    async with open_panel(fleet) as panel:
        for name in fleet.servers:
            assert f"● {name}" in panel.painted
            assert " up " in panel.line_with(f"● {name}")
        assert " up " in panel.line_with("│ koala ")
        assert "○ idle" in panel.line_with("llama-swap/qwen3 ")
        assert "v250" in panel.line_with("● llama-swap")
        assert "✓ no problems" in panel.problems_line


async def test_a_state_is_a_symbol_and_a_word(fleet: DemoFleet) -> None:
    async with open_panel(fleet) as panel:
        await fleet.qdrant.scene("down")
        await fleet.litellm.scene("unauthorized")
        await fleet.llama_swap.load("gemma")
        panel.app.monitor.look_now()
        await panel.sees("× qdrant")
        assert " down " in panel.line_with("× qdrant")
        assert "refused" in panel.line_with("× qdrant")
        await panel.sees("◐ litellm")
        assert " busy " in panel.line_with("◐ litellm")
        await panel.sees("● ready")
        assert "● ready" in panel.line_with("llama-swap/gemma")
        assert "qdrant does not answer" in panel.problems_line
        assert "more (!)" in panel.problems_line


async def test_a_dead_source_blanks_no_live_one_and_comes_back(fleet: DemoFleet) -> None:
    async with open_panel(fleet) as panel:
        await fleet.llama_swap.scene("down")
        panel.app.monitor.look_now()
        await panel.sees("× llama-swap")
        assert "? unknown" in panel.line_with("llama-swap/qwen3 "), "a model of a dead service is not called idle"
        assert "● ollama" in panel.painted
        assert "○ idle" in panel.line_with("ollama/llama3.2")
        await fleet.llama_swap.scene("normal")
        panel.app.monitor.look_now()
        await panel.sees("● llama-swap")


async def test_what_is_old_is_called_stale_and_not_up(fleet: DemoFleet) -> None:
    clock = Clock()
    async with open_panel(fleet, clock=clock) as panel:
        for server in fleet.servers.values():
            await server.scene("hang")
        clock.now = NOON + 3600
        await until(lambda: "stale" in panel.line_with("ollama ") or "? " in panel.line_with("ollama "), "it is stale")
        assert " up " not in panel.line_with("● ollama ")
        assert " stale " in panel.line_with("│ koala "), "nor is its machine"
        assert "1 h ago" in panel.line_with("ollama ") or "60 min ago" in panel.line_with("ollama ")


async def test_the_clock_and_the_ages_go_on_without_news(fleet: DemoFleet) -> None:
    clock = Clock()
    seldom = ("[services.qdrant]\n", "[services.qdrant]\nrefresh = 3600\n")
    async with open_panel(fleet, clock=clock, replace=seldom) as panel:
        assert "12:00:00" in panel.painted
        clock.now += 2.0
        await panel.sees("12:00:02")
        assert "2 s ago" in panel.line_with("● qdrant")


async def test_cursor_and_scroll_stay_on_their_row_while_rows_come_go_and_change(fleet: DemoFleet) -> None:
    async with open_panel(fleet, size=(120, 24)) as panel:
        table = panel.models
        await panel.go_to(table, "litellm/cooling-down")
        offset_on_screen = table.cursor_index - table.scroll_offset.y  # type: ignore[operator]
        await fleet.ollama.scene("hostile")  # rows above appear
        panel.app.monitor.look_now()
        await until(lambda: len(table.records) > 30, "more rows are there")
        assert table.cursor_key == "litellm/cooling-down"
        await panel.pilot.pause()
        assert table.cursor_index - table.scroll_offset.y == offset_on_screen  # type: ignore[operator]
        await fleet.ollama.scene("normal")  # and vanish
        panel.app.monitor.look_now()
        await until(lambda: len(table.records) < 30, "they are gone")
        await panel.pilot.pause()
        assert table.cursor_key == "litellm/cooling-down"
        assert table.cursor_index - table.scroll_offset.y == offset_on_screen  # type: ignore[operator]
        await fleet.llama_swap.load("gemma")  # one moves to the top
        await until(lambda: table.records[0].id == "llama-swap/gemma", "the loaded model is first")  # type: ignore[attr-defined]
        assert table.cursor_key == "litellm/cooling-down"


async def test_the_filter_narrows_both_tables_as_it_is_typed_and_escape_ends_it(fleet: DemoFleet) -> None:
    async with open_panel(fleet) as panel:
        everything = len(panel.models.records)
        await panel.press("slash", *"olla")
        await until(lambda: len(panel.models.records) < everything, "the models are filtered")
        assert {row.service.name for row in panel.models.records} == {"ollama"}  # type: ignore[attr-defined]
        assert "● llama-swap" not in panel.painted
        assert "filter: olla" in panel.painted
        await panel.press("space", *"a3")
        await until(lambda: len(panel.models.records) == 1, "both words have to match")
        await panel.press("enter")
        assert panel.models.has_focus, "after enter the keys work on the rows again"
        assert len(panel.models.records) == 1
        await panel.press("escape")
        await until(lambda: len(panel.models.records) == everything, "all rows are back")
        assert "filter:" not in panel.painted


async def test_letters_are_text_while_the_filter_has_the_focus(fleet: DemoFleet) -> None:
    async with open_panel(fleet) as panel:
        await panel.press("slash", *"qyL?:1")
        assert panel.app.screen is panel.fleet_screen
        assert panel.app.is_running
        assert panel.fleet_screen.filter_words == ("qyl?:1",)
        await panel.sees("nothing matches the filter")
        assert not fleet.llama_swap.requests or all("/upstream/" not in r.path for r in fleet.llama_swap.requests)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)])
async def test_name_and_state_are_readable_at_every_width(fleet: DemoFleet, size: tuple[int, int]) -> None:
    async with open_panel(fleet, size=size) as panel:
        assert "● llama-swap" in panel.painted
        assert " up " in panel.line_with("● llama-swap")
        assert "○ idle" in panel.line_with("llama-swap/coder")
        assert all(len(line) <= size[0] for line in panel.painted.splitlines())
        assert "latency" in panel.services.column_keys
        assert ("url" in panel.services.column_keys) == (size[0] > 400)


async def test_a_configuration_without_services_says_so() -> None:
    async with FleetApp(Config(), clock=Clock()).run_test(size=(80, 24)) as pilot:
        app = pilot.app
        assert isinstance(app, FleetApp)
        panel = Panel(app, pilot)
        await panel.sees("your configuration names no services")
        await panel.sees("no service lists a model")
        assert "✓ no problems" in panel.problems_line
