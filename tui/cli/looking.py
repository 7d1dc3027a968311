"""How commands look at the fleet: once, or for as long as it is watched."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import replace

from tui.cli.main import Invocation
from tui.config.paths import modes_file
from tui.config.schema import Config, MachineSettings
from tui.fleet.monitor import Monitor
from tui.fleet.service_watch import ALIVE
from tui.fleet.snapshot import FleetSnapshot
from tui.routing.modes import Modes, read_modes

STREAM_WITHIN = 0.7
"""Seconds from the first look to the first words of an event stream."""


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


def narrowed(config: Config, machine: MachineSettings | None, services: Collection[str]) -> Config:
    """The configuration with these services alone, and of the machines with this one."""
    return replace(
        config,
        machines={machine.name: machine} if machine is not None else {},
        services={name: service for name, service in config.services.items() if name in services},
    )


def modes_of(config: Config) -> Modes:
    return read_modes(config.panel.external_mode_path, modes_file())


async def requests_known(monitor: Monitor) -> FleetSnapshot:
    """The snapshot once every llama-swap that answers has told of the requests in flight: its stream does, a moment
    after the first look; older ones never do, and are not waited for."""
    try:
        async with asyncio.timeout(STREAM_WITHIN):
            async for snapshot in monitor.subscribe():
                swaps = (service for service in snapshot.services if service.kind == "llama-swap")
                if all(swap.in_flight is not None or swap.state not in ALIVE for swap in swaps):
                    break
    except TimeoutError:
        pass
    return monitor.snapshot
