"""Servers that answer with what would harm a terminal, and terminals that change under the panel."""

from __future__ import annotations

import asyncio
import re
import time
import unicodedata

import pytest

from tests.app.panel import open_panel
from tests.waiting import until
from tui.app.screens.details import DetailsScreen
from tui.demo.fleet import DemoFleet
from tui.demo.scenes import MANY_MODELS

REORDERING = "\u202a\u202b\u202d\u202e\u2066\u2067"
LONGEST_PAUSE = 1.0
"""Seconds for which the panel may answer no key; measured 0.1 to 0.2 with 10 000 models on one core of a laptop."""


def harmful(text: str) -> list[str]:
    """The characters in painted text that a terminal would act upon, or that reorder what stands beside them."""
    return [
        c
        for c in text
        if c != "\n" and (unicodedata.category(c) == "Cc" or c in "\u202a\u202b\u202d\u202e\u2066\u2067")
    ]


@pytest.mark.parametrize("name", ["llama-swap", "ollama", "litellm", "qdrant"])
async def test_hostile_names_are_painted_as_text(fleet: DemoFleet, name: str) -> None:
    await fleet.servers[name].scene("hostile")
    async with open_panel(fleet, size=(200, 60)) as panel:
        if name != "qdrant":  # its collections are counted, not listed
            await panel.sees(f"{name}/[/red]closing-tag")
            assert f"{name}/␛[2J␛[1;1Hclear-screen" in panel.painted
            await panel.press("tab", "end")
        assert not harmful(panel.painted)
        await panel.go_to(panel.services, f"service {name}")
        await panel.press("enter")
        assert isinstance(panel.app.screen, DetailsScreen)
        assert not harmful(panel.painted)
        assert panel.app.is_running


async def test_every_surface_takes_a_hostile_name(fleet: DemoFleet) -> None:
    await fleet.llama_swap.scene("hostile")
    async with open_panel(fleet, size=(120, 50)) as panel:
        for key in (
            "llama-swap/[/red]closing-tag",
            "llama-swap/\x1b[2J\x1b[1;1Hclear-screen",
            "llama-swap/nul\x00byte",
        ):
            await panel.go_to(panel.models, key)
            await panel.press("enter")
            assert isinstance(panel.app.screen, DetailsScreen)
            assert not harmful(panel.painted)
            await panel.press("escape", "y", "L")
            await until(lambda: panel.app._notifications, "the person is told")
            assert not harmful(panel.painted)
            panel.app.clear_notifications()
        assert panel.app.is_running


async def test_hostile_error_texts_are_painted_as_text(fleet: DemoFleet) -> None:
    async with open_panel(fleet) as panel:
        await fleet.qdrant.scene("error", message="[/red] \x1b[2J \u202e sk-0123456789abcdef")
        panel.app.monitor.look_now()
        await until(lambda: "qdrant" in panel.problems_line, "it is a problem")
        await panel.press("exclamation_mark")
        assert not harmful(panel.painted)
        assert "sk-0123456789abcdef" not in panel.painted


async def longest_pause(done: asyncio.Event) -> float:
    """The longest time of the processor for which nothing else on the panel's loop got a turn."""
    longest = 0.0
    while not done.is_set():
        before = time.thread_time()
        await asyncio.sleep(0.005)
        longest = max(longest, time.thread_time() - before)
    return longest


async def test_ten_thousand_models_hold_up_no_key(fleet: DemoFleet) -> None:
    async with open_panel(fleet, size=(120, 40)) as panel:
        done = asyncio.Event()
        watching = asyncio.create_task(longest_pause(done))
        await fleet.ollama.scene("hostile", variant="many")
        panel.app.monitor.look_now("ollama")
        await until(lambda: len(panel.models.records) > MANY_MODELS, "all models are there", timeout=20)
        await panel.go_to(panel.models, "ollama/model-09999")
        await panel.press("down", "home", "end")
        done.set()
        assert await watching < LONGEST_PAUSE
        assert re.search(r"ready of 10 ?0\d\d", panel.painted)


async def test_names_of_twenty_thousand_characters_are_cut(fleet: DemoFleet) -> None:
    await fleet.ollama.scene("hostile", variant="long")
    async with open_panel(fleet) as panel:
        assert all(len(line) <= 120 for line in panel.painted.splitlines())
        await panel.press("tab", "end", "enter")
        assert panel.app.is_running


async def test_a_storm_of_sizes_leaves_a_whole_picture(fleet: DemoFleet) -> None:
    async with open_panel(fleet, size=(200, 50)) as panel:
        before = panel.painted
        for width in (180, 120, 99, 60, 40, 1, 3, 40, 101, 170, 199):
            await panel.pilot.resize_terminal(width, max(2, width // 4))
        await panel.pilot.resize_terminal(40, 10)
        assert all(len(line) <= 40 for line in panel.painted.splitlines())
        assert "● llama-s" in panel.painted
        await panel.pilot.resize_terminal(200, 50)
        await panel.pilot.pause()
        assert layout_of(panel.painted) == layout_of(before)


def layout_of(painted: str) -> list[str]:
    """What is where: names and states, without what goes on changing."""
    return [line[:26] for line in painted.splitlines()]
