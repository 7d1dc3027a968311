"""The real panel on the real simulated servers, driven as a person drives it and read as they read it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

from textual.dom import NoScreen
from textual.pilot import Pilot

from tests.waiting import until
from tui.app.app import FleetApp, Parting
from tui.app.screens.fleet import FleetScreen
from tui.app.widgets.row_table import RowTable
from tui.config.load import load_config
from tui.demo.fleet import DemoFleet

NOON = 1_795_176_000.0
"""2026-11-20 12:00:00 UTC, in Unix seconds."""


class Clock:
    """A clock that stands still until a test sets it."""

    def __init__(self, now: float = NOON) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True, slots=True)
class Panel:
    """An open panel."""

    app: FleetApp
    pilot: Pilot[Parting]

    @property
    def fleet_screen(self) -> FleetScreen:
        screen = self.app.screen_stack[0]
        assert isinstance(screen, FleetScreen)
        return screen

    @property
    def services(self) -> RowTable[object]:
        return self.fleet_screen.query_one("#services", RowTable)

    @property
    def models(self) -> RowTable[object]:
        return self.fleet_screen.query_one("#models", RowTable)

    @property
    def painted(self) -> str:
        """The text that is on the terminal now, line by line."""
        return "\n".join(strip.text for strip in self.app.screen._compositor.render_strips())

    def line_with(self, words: str) -> str:
        """The first painted line that holds ``words``; "" where none does."""
        return next((line for line in self.painted.splitlines() if words in line), "")

    @property
    def footer(self) -> str:
        return self.painted.splitlines()[-1]

    @property
    def problems_line(self) -> str:
        return self.painted.splitlines()[-2]

    def _paints(self, words: str) -> bool | None:
        """Whether the words are on the screen; None: a widget has gone, and what is left has no place yet."""
        try:
            return words in self.painted
        except NoScreen:
            return None

    async def sees(self, words: str) -> None:
        try:
            await until(lambda: self._paints(words), f"{words!r} is on the screen")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.painted}") from None

    async def sees_no(self, words: str) -> None:
        await until(lambda: self._paints(words) is False, f"{words!r} is off the screen")

    async def is_told(self, words: str) -> None:
        """Waits for a word in passing; it may be broken into lines on the screen."""
        try:
            await until(
                lambda: any(words in toast.message for toast in self.app._notifications),
                f"the person is told {words!r}",
            )
        except AssertionError as error:
            told = [toast.message for toast in self.app._notifications]
            raise AssertionError(f"{error}, but {told}") from None

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def go_to(self, table: RowTable[object], key: str) -> None:
        """Puts the focus and the cursor on a row, by its key."""
        await until(lambda: key in table._index, f"there is a row {key}")
        table.focus()
        table.cursor_key = key
        table.scroll_to_cursor()
        await self.pilot.pause()


def write_config(fleet: DemoFleet, more: str = "", replace: tuple[str, str] = ("", "")) -> Path:
    """Writes the fleet's configuration into its folder, with ``more`` behind it."""
    path = fleet.folder / "config.toml"
    path.write_text(fleet.config_toml().replace(*replace) + more, encoding="utf-8")
    return path


@contextlib.asynccontextmanager
async def open_panel(
    fleet: DemoFleet,
    *,
    more: str = "",
    replace: tuple[str, str] = ("", ""),
    size: tuple[int, int] = (120, 40),
    readonly: bool = False,
    clock: Callable[[], float] | None = None,
    wait_for_models: bool = True,
) -> AsyncIterator[Panel]:
    """A panel on ``fleet``'s servers; ``more`` is written behind the fleet's own configuration.

    ``replace``: words of that configuration, and those that stand in their place."""
    app = FleetApp(load_config(write_config(fleet, more, replace)), readonly=readonly, clock=clock or Clock())
    async with app.run_test(size=size, notifications=True) as pilot:
        panel = Panel(app, pilot)
        if wait_for_models:
            await until(lambda: looked_at(panel), "every service has been asked")
            await pilot.pause()
        yield panel


def looked_at(panel: Panel) -> bool:
    """True once every service has told of itself, and of its models where it has any."""
    snapshot = panel.app.state.snapshot
    return snapshot is not None and all(
        service.seen.at is not None and (service.models or service.kind in ("qdrant", "http"))
        for service in snapshot.services
    )
