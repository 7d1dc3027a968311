"""How commands look at the fleet: once, or for as long as it is watched."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection

from tui.cli.main import Invocation
from tui.config.paths import modes_file
from tui.config.schema import Config
from tui.fleet.monitor import Monitor
from tui.routing.modes import Modes, read_modes


async def config_or_discovered(invocation: Invocation) -> Config:
    """The person's configuration, else one of the servers found on this machine.

    Raises:
        ConfigError: their configuration cannot be used.
    """
    config = invocation.read_config()
    if config is None:
        from tui.fleet.discovery import discover

        config = await discover()
    return config


def modes_of(config: Config) -> Modes:
    return read_modes(config.panel.external_mode_path, modes_file())


@contextlib.asynccontextmanager
async def running_monitor(config: Config, services: Collection[str] | None = None) -> AsyncIterator[Monitor]:
    """A monitor that watches until the block is left; ``services`` None: all."""
    monitor = Monitor(config, services=services)
    running = asyncio.create_task(monitor.run())
    try:
        yield monitor
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
