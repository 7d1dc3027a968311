"""What the mouse does: everything that a key does to a row."""

from __future__ import annotations

from tests.app.panel import open_panel
from tests.waiting import until
from tui.app.screens.details import DetailsScreen, ProblemsScreen
from tui.demo.fleet import DemoFleet


async def test_a_click_moves_the_cursor_and_a_double_click_opens_details(fleet: DemoFleet) -> None:
    async with open_panel(fleet) as panel:
        third = panel.models._key_of(panel.models.records[2])
        await panel.pilot.click(panel.models, offset=(5, 4))  # the border, the heading, two rows above it
        assert panel.models.cursor_key == third
        assert panel.models.has_focus
        assert panel.app.screen is panel.fleet_screen
        await panel.pilot.click(panel.models, offset=(5, 4), times=2)
        await until(lambda: isinstance(panel.app.screen, DetailsScreen), "the details are open")
        await panel.sees(f"╭─ {third}")


async def test_a_click_below_the_rows_and_on_the_heading_does_nothing(fleet: DemoFleet) -> None:
    async with open_panel(fleet, size=(120, 60)) as panel:
        await panel.go_to(panel.models, "ollama/qwen3:8b")
        await panel.pilot.click(panel.models, offset=(5, 1))
        await panel.pilot.click(panel.models, offset=(5, panel.models.size.height))
        assert panel.models.cursor_key == "ollama/qwen3:8b"


async def test_a_click_on_the_problems_line_lists_them(fleet: DemoFleet) -> None:
    async with open_panel(fleet) as panel:
        await panel.pilot.click("#problems")
        assert isinstance(panel.app.screen, ProblemsScreen)


async def test_the_wheel_scrolls_and_leaves_the_cursor(fleet: DemoFleet) -> None:
    from textual import events

    async with open_panel(fleet, size=(100, 24)) as panel:
        cursor = panel.models.cursor_key
        region = panel.models.region
        for _ in range(3):
            panel.app.screen._forward_event(
                events.MouseScrollDown(panel.models, region.x + 4, region.y + 3, 0, 1, 0, False, False, False)
            )
        await until(lambda: panel.models.scroll_offset.y > 0, "the table is scrolled")
        assert panel.models.cursor_key == cursor


async def test_the_row_under_the_pointer_is_marked(fleet: DemoFleet) -> None:
    async with open_panel(fleet) as panel:
        await panel.pilot.hover(panel.models, offset=(5, 5))
        assert panel.models.hover_index == 3
        await panel.pilot.hover(panel.services, offset=(5, 3))
        assert panel.models.hover_index is None
