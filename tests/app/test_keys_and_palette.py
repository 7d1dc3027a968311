"""Keys, the person's own keys, and the palette: one table of actions behind all of them."""

from __future__ import annotations

import pytest
from textual.dom import DOMNode

from tests.app.panel import open_panel
from tests.waiting import until
from tui.app.actions import ACTIONS, Scope, key_problems
from tui.app.screens.details import DetailsScreen, ProblemsScreen
from tui.app.screens.dialogs import ConfirmScreen
from tui.app.screens.help import HelpScreen
from tui.demo.fleet import DemoFleet


@pytest.mark.parametrize("key", ["colon", "ctrl+p"])
async def test_the_palette_finds_an_action_by_its_words_and_runs_it(fleet: DemoFleet, key: str) -> None:
    async with open_panel(fleet, wait_for_models=False) as panel:
        await panel.press(key)
        await panel.sees("panel: Problems  (!)")
        await panel.press(*"probl", "enter")
        await until(lambda: isinstance(panel.app.screen, ProblemsScreen), "the problems are listed")


async def test_the_palette_acts_on_the_row_under_the_cursor(fleet: DemoFleet) -> None:
    await fleet.llama_swap.load("qwen3")
    async with open_panel(fleet) as panel:
        await panel.sees("● ready")
        await panel.go_to(panel.models, "llama-swap/qwen3")
        await panel.press("ctrl+p", *"unload", "enter")
        await until(lambda: isinstance(panel.app.screen, ConfirmScreen), "it is asked")
        await panel.sees("Unload llama-swap/qwen3?")
        await panel.press("escape", "ctrl+p", *"details", "enter")
        await until(lambda: isinstance(panel.app.screen, DetailsScreen), "the details are open")
        await panel.sees("╭─ llama-swap/qwen3")


async def test_the_palette_offers_only_what_applies_here_and_nothing_of_textuals_own(fleet: DemoFleet) -> None:
    async with open_panel(fleet, size=(120, 60)) as panel:
        await panel.go_to(panel.models, "llama-swap/qwen3")
        await panel.press("ctrl+p")
        await panel.sees("model: Load  (L)")
        assert "model: Unload" not in panel.painted, "it is idle"
        for word in ("Screenshot", "Maximize", "Keys  ", "Toggle"):
            assert word not in panel.painted
        await panel.press("escape")
        assert "L Load" in panel.footer


async def test_what_cannot_be_loaded_is_not_offered_for_loading(fleet: DemoFleet) -> None:
    async with open_panel(fleet, size=(120, 60)) as panel:
        await panel.go_to(panel.services, "machine koala")
        await panel.press("ctrl+p")
        await panel.sees("panel: Problems")
        assert "model: Load" not in panel.painted
        assert "model: Unload" not in panel.painted


async def test_a_persons_own_key_works_and_is_the_one_that_is_shown(fleet: DemoFleet) -> None:
    async with open_panel(fleet, more='\n[keys]\n"panel.help" = "H"\n"fleet.filter" = "ctrl+s"\n') as panel:
        assert "H Help" in panel.footer
        await panel.press("f1")
        assert panel.app.screen is panel.fleet_screen, "the default is free now"
        await panel.press("H")
        assert isinstance(panel.app.screen, HelpScreen)
        await panel.sees("ctrl+s")
        await panel.press("escape", "ctrl+p", *"fleet: filter")
        await panel.sees("fleet: Filter  (ctrl+s)")
        await panel.press("escape", "ctrl+s")
        assert panel.fleet_screen.query_one("#filter").has_focus
        assert "no problems" in panel.problems_line


async def test_an_unknown_id_and_a_clash_are_said_on_the_problems_line(fleet: DemoFleet) -> None:
    more = '\n[keys]\n"model.lod" = "x"\n"fleet.copy" = "q"\n'
    async with open_panel(fleet, more=more) as panel:
        await panel.sees('there is no such action; did you mean "model.load"?')
        await panel.press("exclamation_mark")
        assert "[keys] fleet.copy = 'q' is already the key of panel.quit" in panel.painted


async def test_a_key_that_names_nothing_breaks_nothing(fleet: DemoFleet) -> None:
    async with open_panel(fleet, more='\n[keys]\n"panel.help" = "[/red]"\n"fleet.copy" = "no such key"\n') as panel:
        await panel.press("ctrl+p")
        await panel.sees("panel: Problems")
        await panel.press("escape")
        assert "╭─ fleet" in panel.painted


async def test_every_action_of_the_table_is_bound_and_can_be_carried_out(fleet: DemoFleet) -> None:
    async with open_panel(fleet, wait_for_models=False) as panel:
        places: dict[Scope, list[DOMNode]] = {
            Scope.APP: [panel.app],
            Scope.FLEET: [panel.fleet_screen],
            Scope.TABLE: [panel.models],
        }
        for action in ACTIONS:
            name = action.method.removeprefix("app.").removeprefix("screen.").partition("(")[0]
            for place in places.get(action.scope, []):
                doer = panel.app.screen if action.method.startswith("screen.") else place
                assert any(hasattr(doer, f"{form}action_{name}") for form in ("", "_")), action.id
                bound = [binding.id for bindings in place._bindings.key_to_bindings.values() for binding in bindings]
                assert action.id in bound


def test_default_keys_do_not_clash() -> None:
    assert key_problems({action.id: action.keys for action in ACTIONS}) == ()


async def test_q_leaves_the_panel(fleet: DemoFleet) -> None:
    async with open_panel(fleet, wait_for_models=False) as panel:
        await panel.press("q")
        assert panel.app._exit
