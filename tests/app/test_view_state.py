"""What of a screen is found again the next time."""

from __future__ import annotations

import stat

import pytest
from textual.widgets import Input

from tests.app.panel import open_panel
from tests.waiting import until
from tui.app.screens.logs import LogsScreen
from tui.app.view_state import View, first_screen, keep_view, last_view, view_file
from tui.app.widgets.log_view import LogView
from tui.demo.fleet import DemoFleet


async def test_filter_row_and_focus_of_the_fleet_are_found_again(fleet: DemoFleet) -> None:
    async with open_panel(fleet) as panel:
        await panel.press("slash", *"ollama", "enter")
        await panel.go_to(panel.models, "ollama/qwen3:8b")
        await panel.press("q")
    assert stat.S_IMODE(view_file().stat().st_mode) == 0o600
    async with open_panel(fleet) as panel:
        assert panel.fleet_screen.query_one("#filter", Input).value == "ollama"
        assert panel.models.cursor_key == "ollama/qwen3:8b"
        assert panel.models.has_focus
        await panel.sees("filter: ollama")
        await panel.press("escape")
        await panel.sees("llama-swap/qwen3")


async def test_a_row_that_is_away_is_still_wanted_the_next_time(fleet: DemoFleet) -> None:
    async with open_panel(fleet) as panel:
        await panel.go_to(panel.models, "ollama/qwen3:8b")
    await fleet.ollama.scene("down")
    async with open_panel(fleet, wait_for_models=False) as panel:
        await until(lambda: panel.models.records, "there are models")
    await fleet.ollama.scene("normal")
    async with open_panel(fleet) as panel:
        assert panel.models.cursor_key == "ollama/qwen3:8b"


async def test_the_log_that_was_read_is_found_again(fleet: DemoFleet) -> None:
    async with open_panel(fleet) as panel:
        await panel.press("5")
        await panel.sees("llama-swap journal")
        await panel.press("right_square_bracket", "w")
        screen = panel.app.screen
        assert isinstance(screen, LogsScreen)
        left = screen.source
    async with open_panel(fleet) as panel:
        await panel.press("5")
        screen = panel.app.screen
        assert isinstance(screen, LogsScreen)
        await until(lambda: screen.source is not None, "a log is shown")
        assert screen.source == left
        assert screen.query_one(LogView).wrapped


async def test_nothing_that_was_written_to_a_model_is_kept(fleet: DemoFleet) -> None:
    async with open_panel(fleet) as panel:
        await panel.press("3")
        await panel.press(*"a secret of mine")
        await panel.sees("a secret of mine")
    assert "secret" not in view_file().read_text()


async def test_the_last_screen_comes_first_where_the_configuration_says_so(fleet: DemoFleet) -> None:
    async with open_panel(fleet, wait_for_models=False) as panel:
        await panel.press("2")
        await until(lambda: panel.app.current_mode == "routes", "the routes are shown")
    assert first_screen("fleet") == "fleet"
    last = ("[panel]\n", '[panel]\nscreen = "last"\n')
    async with open_panel(fleet, replace=last, wait_for_models=False) as panel:
        await until(lambda: panel.app.current_mode == "routes", "the routes are shown first")


@pytest.mark.parametrize("content", ["", "{", "[]", '{"views": 1}', '{"screen": "logs", "views": {"fleet": 3}}'])
def test_a_file_that_holds_something_else_is_no_obstacle(content: str) -> None:
    view_file().parent.mkdir(parents=True)
    view_file().write_text(content)
    assert last_view("fleet") == View()
    keep_view("fleet", View({"filter": "qwen"}), "logs")
    assert last_view("fleet") == View({"filter": "qwen"})
    assert first_screen("last") == "logs"
