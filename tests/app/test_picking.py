"""Finding whom to ask: by a few letters, among however many, with the plan of each."""

from __future__ import annotations

from tests.app.panel import open_panel
from tests.app.test_playground import editor, find, playground, screen
from tests.waiting import until
from tui.app.screens.playground import PlaygroundScreen
from tui.app.widgets.choices import Choice
from tui.demo.fleet import DemoFleet


async def test_the_finder_shows_the_plan_of_a_row_and_its_choice_is_kept_for_the_next_time(fleet: DemoFleet) -> None:
    async with playground(fleet) as panel:
        await find(panel, "nothing like that")
        await panel.sees("nothing is called so")
        await panel.press("enter", "escape")
        await until(lambda: isinstance(panel.app.screen, PlaygroundScreen), "it is closed")
        assert screen(panel).choice == Choice("task", "default"), "nothing was chosen"
        await find(panel, "haiku")
        await panel.sees("1. ○ llama-swap/gemma  local  fallback of haiku")
        await panel.press("enter")
        await panel.sees("tier haiku →")
        assert editor(panel).has_focus
    async with open_panel(fleet) as panel:
        await panel.press("3")
        await panel.sees("tier haiku →")


async def test_the_finder_opens_at_the_choice_however_few_rows_there_is_room_for(fleet: DemoFleet) -> None:
    # It is beyond the rows that there is room for at first; the plans below the list name it with fewer spaces.
    async with playground(fleet, "ollama/mixtral:8x7b", size=(80, 24)) as panel:
        await panel.press("ctrl+o")
        await panel.sees("letters of a tier")
        await panel.sees("ollama/mixtral:8x7b   ")


async def test_the_finder_takes_ten_thousand_models(fleet: DemoFleet) -> None:
    await fleet.ollama.scene("hostile", variant="many")
    async with playground(fleet) as panel:
        await until(lambda: len(list(panel.app.state.snapshot.models())) > 10_000, "all are known", timeout=20)  # type: ignore[union-attr]
        await find(panel, "ollama 09997")
        await panel.sees("ollama/model-09997")
        await panel.press("enter")
        await panel.sees("ollama/model-09997  local")
