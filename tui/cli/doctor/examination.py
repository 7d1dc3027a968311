"""Runs all checks at once, each within its time."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from tui.cli.doctor.claude import check_claude
from tui.cli.doctor.configuration import check_configuration, read_configuration
from tui.cli.doctor.finding import Area, Finding, warning
from tui.cli.doctor.fleet_look import FleetLook, look_at_fleet
from tui.cli.doctor.machines import check_machines
from tui.cli.doctor.network import check_names, check_tailnet, resolve_hosts
from tui.cli.doctor.programs import ProgramsLook, look_at_programs
from tui.cli.doctor.routes import check_routes
from tui.cli.doctor.services import check_services
from tui.cli.doctor.terminal import check_terminal
from tui.cli.log import log_file
from tui.cli.looking import modes_of
from tui.cli.main import Invocation
from tui.config.paths import path_words
from tui.config.schema import Config
from tui.fleet.snapshot import FleetSnapshot

CHECKED_WITHIN = 9.5
"""Seconds for each check; those that wait for others bound themselves more closely."""

T = TypeVar("T")

log = logging.getLogger(__name__)


async def examine(invocation: Invocation) -> tuple[Finding, ...]:
    """Everything that was looked at, in the order of the areas; takes ten seconds where nothing answers."""
    reading = await read_configuration(invocation)
    config, modes = reading.config, modes_of(reading.config)
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(_within(Area.CONFIGURATION, check_configuration(config), _alone)),
            group.create_task(_within(Area.NETWORK, check_tailnet(config), _alone)),
            group.create_task(_within(Area.CLAUDE, check_claude(config, modes), _alone)),
        ]
        looking = group.create_task(_within(Area.MACHINES, _look(config), _nothing_seen))
        asking = group.create_task(_within(Area.PROGRAMS, look_at_programs(config), _no_programs))
    look, programs = looking.result(), asking.result()
    async with asyncio.TaskGroup() as group:
        routes = check_routes(config, look.snapshot, modes, programs)
        tasks.append(group.create_task(_within(Area.SERVICES, check_services(config, look), _alone)))
        tasks.append(group.create_task(_within(Area.ROUTES, routes, _alone)))
    found = [
        *reading.findings,
        *look.findings,
        *check_names(config, look.names),
        *check_machines(config, look),
        *programs.findings,
        *(finding for task in tasks for finding in task.result()),
        *check_terminal(),
    ]
    order = list(Area)
    return tuple(sorted(found, key=lambda finding: order.index(finding.area)))


async def _look(config: Config) -> FleetLook:
    return await look_at_fleet(config, await resolve_hosts(config))


async def _within(area: Area, check: Awaitable[T], otherwise: Callable[[Finding], T]) -> T:
    """What a check finds. One that hangs or breaks is itself a finding, and takes no other with it."""
    try:
        async with asyncio.timeout(CHECKED_WITHIN):
            return await check
    except TimeoutError:
        text = f"could not be checked within {CHECKED_WITHIN:g} s"
        return otherwise(warning(area, str(area), text, "a disk or a program here does not answer; look again"))
    except Exception as error:
        log.exception("the check of %s broke", area)
        text = f"could not be checked ({type(error).__name__}); that is a mistake of fleetdeck's own"
        return otherwise(warning(area, str(area), text, f"please report it; {path_words(log_file())} has more"))


def _alone(finding: Finding) -> tuple[Finding, ...]:
    return (finding,)


def _nothing_seen(finding: Finding) -> FleetLook:
    return FleetLook(FleetSnapshot(at=time.time()), names={}, journals={}, findings=(finding,))


def _no_programs(finding: Finding) -> ProgramsLook:
    return ProgramsLook((finding,), unusable={}, models={})
