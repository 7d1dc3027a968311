"""A word in passing, and what is read beside it."""

from __future__ import annotations

import pytest

from tests.app.panel import open_panel
from tui.demo.fleet import DemoFleet

PATH = "~/.local/share/fleetdeck/exports/usage-by-model-2026-11-20-151646.csv"


@pytest.mark.parametrize("screen", ["1", "2", "3", "4", "5"])
async def test_it_takes_the_line_of_keys_and_no_line_that_is_read(fleet: DemoFleet, screen: str) -> None:
    async with open_panel(fleet, size=(80, 24)) as panel:
        await panel.press(screen)
        await panel.sees("Help")
        before = panel.painted.splitlines()[1:-1]
        panel.app.notify(f"saved in {PATH}", markup=False)
        await panel.sees(f"saved in {PATH}")
        assert panel.footer.startswith(f"▌saved in {PATH}")
        assert panel.painted.splitlines()[1:-1] == before
        panel.app.clear_notifications()
        await panel.sees("Help")


async def test_a_long_one_is_as_wide_as_the_terminal(fleet: DemoFleet) -> None:
    async with open_panel(fleet, size=(80, 24)) as panel:
        panel.app.notify("a word " * 20, severity="error", markup=False)
        await panel.sees("▌a word")
        assert [line[0] for line in panel.painted.splitlines()[-3:]] == ["╰", "▌", "▌"]
