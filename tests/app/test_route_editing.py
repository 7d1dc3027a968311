"""The candidates of a tier or task, put in another order, added and removed with keys."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Input

from tests.app.panel import Panel, open_panel
from tests.app.routes import open_route, open_routes, shown
from tests.waiting import until
from tui.app import feeds
from tui.app.screens.dialogs import ConfirmScreen
from tui.app.screens.route import RouteScreen
from tui.config.load import load_config
from tui.demo.fleet import DemoFleet
from tui.routing.mode_files import Flip, flip_external

COMMENTED = """
# What the night jobs ask for; leave the order to me.
[tasks.night]
models  = [
    "llama-swap/qwen3",   # the good one
    "ollama/qwen3:8b",
    "litellm/gpt-5.2",    # dear
]
prefer  = "warm"          # nobody is in a hurry
"""


@pytest.fixture(autouse=True)
def files_are_looked_at_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "SELDOM", 0.05)


def models_of(path: Path, task: str) -> tuple[str, ...]:
    return load_config(path).tasks[task].models


async def answer(panel: Panel, key: str) -> None:
    await until(lambda: isinstance(panel.app.screen, ConfirmScreen), "the diff is shown")
    await panel.press(key)


async def enter(panel: Panel, key: str, name: str) -> None:
    """Has a name asked for with ``key``, and gives it."""
    await panel.press(key)
    panel.app.screen.query_one(Input).value = name
    await panel.press("enter")


async def test_another_order_is_shown_as_a_diff_saved_and_undone_with_one_key(fleet: DemoFleet) -> None:
    path = fleet.folder / "config.toml"
    async with open_panel(fleet, more=COMMENTED) as panel:
        before = path.read_text()
        await open_route(panel, "task night")
        await panel.press("J")
        await panel.sees("changed, not saved: s saves")
        assert "2. asked · for night" in panel.line_with("2.  llama-swap/qwen3")
        assert "would go here · for night" in panel.line_with("1.  ollama/qwen3:8b")
        await panel.press("s")
        await panel.sees('-    "ollama/qwen3:8b",')
        assert path.read_text() == before, "nothing is written before the diff was seen"
        await panel.press("enter")
        await until(lambda: isinstance(panel.app.screen, RouteScreen), "enter pressed in haste cancels")
        assert path.read_text() == before
        await panel.press("s")
        await answer(panel, "y")
        await panel.is_told("saved config.toml; U takes it back")
        after = path.read_text()
        assert models_of(path, "night") == ("ollama/qwen3:8b", "llama-swap/qwen3", "litellm/gpt-5.2")
        for comment in ("# What the night jobs ask for", "# the good one", "# dear", "# nobody is in a hurry"):
            assert comment in after
        await panel.sees("Where a prompt for task night goes now")
        await until(lambda: shown(panel)["task night"][0] == "ollama/qwen3:8b", "the matrix follows the file")
        await panel.press("U")
        await panel.is_told("config.toml is as it was before; U brings the change back")
        assert path.read_text() == before
        await until(lambda: shown(panel)["task night"][0] == "llama-swap/qwen3", "the matrix follows the file")
        await panel.press("U")
        await until(lambda: path.read_text() == after, "undoing it again brings the change back")


async def test_a_candidate_is_added_by_its_name_with_what_the_fleet_has_proposed(fleet: DemoFleet) -> None:
    path = fleet.folder / "config.toml"
    async with open_panel(fleet) as panel:
        await open_route(panel, "task quick")
        await panel.press("a", *"ollama/qw")
        await until(lambda: panel.app.screen.query_one(Input)._suggestion == "ollama/qwen3:8b", "a model is proposed")
        await panel.press("right", "enter")
        await panel.sees("3.  ollama/qwen3:8b")
        await panel.press("s")
        await answer(panel, "y")
        await until(lambda: len(models_of(path, "quick")) == 3, "it is saved")
        assert models_of(path, "quick") == ("llama-swap/gemma", "ollama/llama3.2:latest", "ollama/qwen3:8b")
        assert load_config(path).tasks["quick"].prefer == "warm"


async def test_a_name_that_nobody_answers_for_stays_in_the_field_with_the_reason(fleet: DemoFleet) -> None:
    async with open_panel(fleet) as panel:
        await open_route(panel, "task quick")
        for typed, reason in (
            ("qwen3", "names no model; say service/name or program/name"),
            ("nobody/x", "no service or program is called nobody"),
            ("qdrant/x", "which answers no prompts"),
            ("llama-swap/gemma", "is a candidate already"),
        ):
            await enter(panel, "a", typed)
            await panel.is_told(reason)
            field = panel.app.screen.query_one(Input)
            assert (field.display, field.value) == (True, typed)
            await panel.press("escape")
            assert not field.display
        assert "changed" not in panel.painted


async def test_a_candidate_is_taken_out_of_a_tier_and_unsaved_changes_are_taken_back(fleet: DemoFleet) -> None:
    path = fleet.folder / "config.toml"
    async with open_panel(fleet) as panel:
        await open_route(panel, "tier opus")
        await panel.press("down", "x")
        await panel.sees_no("2.  litellm/gpt-5.2")
        await panel.press("U")
        await panel.sees("2.  litellm/gpt-5.2")
        assert "changed" not in panel.painted
        await panel.press("down", "delete", "s")
        await answer(panel, "y")
        await until(lambda: load_config(path).tiers["opus"].fallback == ("llama-swap/qwen3",), "it is saved")
        assert load_config(path).tiers["opus"].external == "litellm/gpt-5.2"
        assert "# The simulated fleet" in path.read_text()


async def test_who_answers_in_claudes_stead_is_named_and_taken_away(fleet: DemoFleet) -> None:
    path = fleet.folder / "config.toml"
    flip_external(fleet.folder / "external-mode.json", Flip.ON)
    async with open_panel(fleet) as panel:
        screen = await open_route(panel, "tier haiku")
        await panel.sees("tier haiku · external: llama-swap/gemma")
        await enter(panel, "E", "litellm/gpt-5.2")
        await panel.press("s")
        await answer(panel, "y")
        await until(lambda: load_config(path).tiers["haiku"].external == "litellm/gpt-5.2", "it is saved")
        await until(lambda: not screen.changed, "the panel has taken it up")
        await until(lambda: shown(panel)["tier haiku"][0] == "litellm/gpt-5.2", "prompts go there now")
        await panel.press("E", "ctrl+u", "enter", "s")
        await answer(panel, "y")
        await until(lambda: load_config(path).tiers["haiku"].external is None, "it is taken away")
        assert load_config(path).tiers["haiku"].fallback == ("llama-swap/gemma", "ollama/llama3.2:latest")
        assert "haiku  = { " in path.read_text()


async def test_what_is_not_saved_is_not_left_behind_unasked(fleet: DemoFleet) -> None:
    async with open_panel(fleet) as panel:
        await open_route(panel, "task default")
        await panel.press("x", "escape")
        await panel.sees("Leave without saving?")
        await panel.press("n")
        await panel.sees("changed, not saved: s saves")
        await panel.press("escape", "y")
        await panel.sees_no("changed, not saved")
        await open_route(panel, "task default")
        await panel.sees("1.  llama-swap/qwen3")


async def test_a_file_that_changed_meanwhile_is_not_overwritten(fleet: DemoFleet) -> None:
    path = fleet.folder / "config.toml"
    async with open_panel(fleet) as panel:
        await open_route(panel, "task default")
        await panel.press("J", "s")
        await until(lambda: isinstance(panel.app.screen, ConfirmScreen), "the diff is shown")
        theirs = path.read_text() + "# somebody else was here\n"
        path.write_text(theirs)
        await panel.press("y")
        await panel.is_told("changed")
        assert path.read_text() == theirs


async def test_an_edit_made_elsewhere_shows_and_is_taken_back_only_after_a_diff(fleet: DemoFleet) -> None:
    path = fleet.folder / "config.toml"
    async with open_panel(fleet) as panel:
        await open_route(panel, "task default")
        await panel.press("J", "s")
        await answer(panel, "y")
        await panel.is_told("saved config.toml")
        await panel.sees("Where a prompt for task default goes now")
        path.write_text(path.read_text().replace('"ollama/qwen3:8b", "llama-swap/qwen3"]', '"llama-swap/coder"]'))
        await panel.sees("1.  llama-swap/coder")
        await panel.press("U")
        await panel.sees("Take back the last change of the configuration?")
        await panel.press("n")
        assert models_of(path, "default") == ("llama-swap/coder",)


async def test_read_only_explains_and_takes_every_changing_key_away(fleet: DemoFleet) -> None:
    async with open_panel(fleet, readonly=True) as panel:
        before = (fleet.folder / "config.toml").read_text()
        await open_route(panel, "task default")
        await panel.sees("1.  llama-swap/qwen3")
        for words in ("Earlier", "Later", "Add", "External", "Remove", "Save", "Undo"):
            assert words not in panel.footer
        await panel.press("J", "K", "x", "a", "E", "s", "U")
        assert not panel.app.screen.query_one(Input).display
        assert "changed" not in panel.painted
        assert (fleet.folder / "config.toml").read_text() == before
        await panel.press("escape")
        await open_routes(panel)
