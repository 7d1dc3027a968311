"""Something happens in the fleet while a screen is only being made."""

from __future__ import annotations

import asyncio

import pytest

from tests.app.panel import open_panel
from tui.demo.fleet import DemoFleet


@pytest.mark.parametrize("keys", ["2", "3 ctrl+o", "3 ctrl+r ctrl+o", "A", "2 enter", "down enter"])
async def test_a_screen_that_is_only_being_made_is_told_nothing(fleet: DemoFleet, keys: str) -> None:
    async with open_panel(fleet) as panel:
        *before, last = keys.split()
        await panel.press(*before)
        screen = panel.app.screen
        panel.app.simulate_key(last)
        while panel.app.screen is screen or not panel.app.screen.is_mounted:
            await asyncio.sleep(0)
            panel.app._tick()
        await panel.pilot.pause()
        assert panel.app.is_running
