"""Going anywhere with two keys."""

from __future__ import annotations

from tests.app.panel import Panel, open_panel
from tests.waiting import until
from tui.app.screens.jump import JumpScreen
from tui.app.widgets.prompt_editor import PromptEditor
from tui.demo.fleet import DemoFleet


async def jump(panel: Panel, key: str) -> None:
    await until(lambda: isinstance(panel.app.screen, JumpScreen), "the letters are shown")
    await panel.pilot.pause()
    await panel.press(key)
    await until(lambda: not isinstance(panel.app.screen, JumpScreen), "the letters are gone")


async def test_a_letter_over_each_place_goes_there(fleet: DemoFleet) -> None:
    async with open_panel(fleet) as panel:
        assert panel.services.has_focus
        await panel.press("apostrophe")
        await panel.sees("a letter goes there")
        lines = panel.painted.splitlines()
        assert lines[panel.services.region.y].startswith(" a fleet"), "over the table, in reading order"
        assert lines[panel.models.region.y].startswith(" s models")
        await jump(panel, "s")
        assert panel.models.has_focus
        await panel.press("apostrophe")
        await jump(panel, "escape")
        assert panel.models.has_focus, "another key goes nowhere"


async def test_from_a_field_for_text_it_has_a_key_that_is_no_text(fleet: DemoFleet) -> None:
    async with open_panel(fleet) as panel:
        await panel.press("3")
        await until(lambda: isinstance(panel.app.focused, PromptEditor), "a prompt can be written")
        editor = panel.app.focused
        assert isinstance(editor, PromptEditor)
        await panel.press("apostrophe")
        assert editor.text == "'"
        await panel.press("ctrl+@")
        await jump(panel, "a")
        assert panel.app.focused is not editor


async def test_a_screens_own_key_goes_to_that_screen(fleet: DemoFleet) -> None:
    async with open_panel(fleet, more='\n[keys]\n"logs.open" = "7"\n') as panel:
        await panel.press("apostrophe")
        await panel.sees("a letter goes there")
        await jump(panel, "7")
        await until(lambda: panel.app.current_mode == "logs", "the logs are shown")
