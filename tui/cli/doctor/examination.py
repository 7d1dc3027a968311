"""Runs all checks at once, each within its time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable

from tui.cli.doctor.claude import check_claude
from tui.cli.doctor.configuration import check_configuration, read_configuration
from tui.cli.doctor.finding import Area, Finding, warning
from tui.cli.doctor.fleet_look import FleetLook, look_at_fleet
from tui.cli.doctor.machines import check_machines
from tui.cli.doctor.network import check_names, check_tailnet, resolve_hosts
from tui.cli.doctor.programs import look_at_programs
from tui.cli.doctor.routes import check_routes
from tui.cli.doctor.services import check_services
from tui.cli.doctor.terminal import check_terminal
from tui.cli.looking import modes_of
from tui.cli.main import Invocation
from tui.config.schema import Config

CHECKED_WITHIN = 7.0
"""Seconds for a check that asks neither services nor machines."""

log = logging.getLogger(__name__)


async def examine(invocation: Invocation) -> tuple[Finding, ...]:
    """Everything that was looked at, in the order of the areas; takes ten seconds where nothing answers."""
    reading = await read_configuration(invocation)
    config, modes = reading.config, modes_of(reading.config)
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(_within(Area.CONFIGURATION, check_configuration(config))),
            group.create_task(_within(Area.NETWORK, check_tailnet(config))),
            group.create_task(_within(Area.CLAUDE, check_claude(config, modes))),
        ]
        looked = group.create_task(_look(config))
        programs = group.create_task(look_at_programs(config))
    look = looked.result()
    async with asyncio.TaskGroup() as group:
        tasks += [
            group.create_task(_within(Area.SERVICES, check_services(config, look))),
            group.create_task(_within(Area.ROUTES, check_routes(config, look.snapshot, modes, programs.result()))),
        ]
    found = [
        *reading.findings,
        *check_names(config, look.names),
        *check_machines(config, look),
        *programs.result().findings,
        *(finding for task in tasks for finding in task.result()),
        *check_terminal(),
    ]
    order = list(Area)
    return tuple(sorted(found, key=lambda finding: order.index(finding.area)))


async def _look(config: Config) -> FleetLook:
    return await look_at_fleet(config, await resolve_hosts(config))


async def _within(area: Area, check: Awaitable[tuple[Finding, ...]]) -> tuple[Finding, ...]:
    """What a check finds. One that hangs or breaks is itself a finding, and takes no other with it."""
    try:
        async with asyncio.timeout(CHECKED_WITHIN):
            return await check
    except TimeoutError:
        text = f"could not be checked within {CHECKED_WITHIN:g} s"
        return (warning(area, str(area), text, "a disk or a program here does not answer; look again"),)
    except Exception as error:
        log.exception("the check of %s broke", area)
        text = f"could not be checked ({type(error).__name__}); that is a mistake of fleetdeck's own"
        return (warning(area, str(area), text, "please report it, with what was written to stderr"),)
