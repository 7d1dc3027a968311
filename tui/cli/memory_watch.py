"""What the models of a race take of GPUs, looked at while they answer and once more when they have."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from tui.chat.race import Lane
from tui.config.schema import Config
from tui.fleet.monitor import Monitor, running_monitor
from tui.fleet.snapshot import FleetSnapshot
from tui.routing.policy import targets_of

LAST_LOOK = 1.0
"""Seconds for it at most, after the last answer."""


@contextlib.asynccontextmanager
async def watched_memory(lanes: Sequence[Lane], config: Config) -> AsyncIterator[None]:
    """Has the lanes take in what is observed, until the block is left.

    Only the services of theirs that are on the person's own machines are looked at, and these machines.
    """
    watched = _of_lanes(lanes, config)
    if not watched.services:
        yield
        return
    async with running_monitor(watched) as monitor:
        following = asyncio.create_task(_follow(monitor, lanes))
        try:
            yield
            if any(lane.candidate is not None and lane.where == "local" and not lane.memory for lane in lanes):
                await _look_once_more(monitor)
        finally:
            following.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await following
        _observe(lanes, monitor.snapshot)


async def _follow(monitor: Monitor, lanes: Sequence[Lane]) -> None:
    async for snapshot in monitor.subscribe():
        _observe(lanes, snapshot)


def _observe(lanes: Sequence[Lane], snapshot: FleetSnapshot) -> None:
    for lane in lanes:
        lane.observe(snapshot)


async def _look_once_more(monitor: Monitor) -> None:
    """Waits until everything has been looked at anew: a quick answer is over before the next look would be due."""
    now = time.time()
    monitor.look_now()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LAST_LOOK):
            async for snapshot in monitor.subscribe():
                looks = [service.models_seen.at or service.seen.at for service in snapshot.services]
                looks += [machine.gpus_seen.at for machine in snapshot.machines if machine.gpus]
                if all(at is not None and at >= now for at in looks):
                    break


def _of_lanes(lanes: Sequence[Lane], config: Config) -> Config:
    targets = (target for lane in lanes for target in targets_of(lane.request, config, external_on=True).models)
    owners = {target.model.partition("/")[0] for target in targets}
    services = {
        name: service
        for name, service in config.services.items()
        if name in owners and service.kind != "litellm" and config.machine_of(service) is not None
    }
    machines = {machine.name: machine for service in services.values() if (machine := config.machine_of(service))}
    return replace(config, services=services, machines=machines)
