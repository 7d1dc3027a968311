"""What the panel follows: the fleet, the mode files, the configuration, the themes.

Each feed is a worker of its own that posts messages and touches no widget.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from textual.message_pump import MessagePump

from tui.app.messages import ConfigRead, FleetSeen, ModesRead, ThemesRead
from tui.app.themes import read_themes
from tui.config.errors import ConfigError
from tui.config.load import load_config
from tui.config.watch import watch_files
from tui.routing.modes import read_modes

if TYPE_CHECKING:
    from tui.fleet.monitor import Monitor

SELDOM = 1.0
"""Seconds between looks at files that a person edits by hand: each look wakes the process."""


async def import_after_first_paint() -> None:
    """What watching needs takes 130 ms to import: in a thread it holds up neither the first paint nor a key."""
    for module in ("httpx", "tui.fleet.monitor"):
        await asyncio.to_thread(importlib.import_module, module)


async def follow_fleet(target: MessagePump, monitor: Monitor) -> None:
    """Runs the monitor and posts each newer snapshot."""
    async with asyncio.TaskGroup() as group:
        group.create_task(monitor.run(), name="monitor")
        async for snapshot in monitor.subscribe():
            target.post_message(FleetSeen(snapshot))


async def follow_modes(target: MessagePump, external_file: Path, modes_file: Path) -> None:
    """Posts the modes now, and after each change of their files."""
    changes = watch_files((external_file, modes_file))
    target.post_message(ModesRead(read_modes(external_file, modes_file)))
    async for _ in changes:
        target.post_message(ModesRead(read_modes(external_file, modes_file)))


async def follow_config(target: MessagePump, path: Path) -> None:
    """Posts the configuration after each change of its file; a broken one leaves the last good one in force."""
    async for _ in watch_files((path,), period=SELDOM):
        try:
            target.post_message(ConfigRead(load_config(path)))
        except ConfigError as error:
            target.post_message(ConfigRead(None, str(error)))


async def follow_themes(target: MessagePump, folders: Sequence[Path]) -> None:
    """Posts the themes after each change in their folders."""
    async for _ in watch_files(folders, period=SELDOM):
        target.post_message(ThemesRead(read_themes(folders)))
