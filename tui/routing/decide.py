"""Decides where one request goes: gathers what the plan depends on, as far as the request does, and makes the plan."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Collection
from dataclasses import dataclass

from tui.config.schema import Config
from tui.fleet.snapshot import FleetSnapshot
from tui.ledger.usage import Usage
from tui.routing.guard import Findings, look
from tui.routing.modes import Modes
from tui.routing.plan import Plan, plan
from tui.routing.policy import Request, programs_to_find, services_to_ask, targets_of

LONGEST_LOOK = 0.3
"""Seconds for which the services that a request may go to are looked at. What has not answered by then is unknown."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Decision:
    """A plan, and everything that it was made of."""

    plan: Plan
    snapshot: FleetSnapshot
    modes: Modes
    usage: Usage
    findings: Findings
    remark: str = ""
    """What could not be looked at, for the person to know: one sentence."""


async def decide(
    request: Request, prompt: str, config: Config, modes: Modes, *, longest_look: float = LONGEST_LOOK
) -> Decision:
    """The plan for one request, after a look at the services that its targets name, and at nothing else.

    ``request.prompt_tokens`` should be that of ``prompt``. Asks the servers what costs nothing, and reads the ledger,
    Claude's settings and the PATH. ``longest_look`` is seconds.
    """
    targets = targets_of(request, config, external_on=request.external or modes.external.enabled)
    async with _looking_at(services_to_ask(targets, config), config, longest_look) as looked:
        # While the servers' answers are on their way.
        findings = look(prompt, programs_to_find(targets, config), config)
        usage, remark = _usage()
        snapshot = await looked
    made = plan(request, config, snapshot, modes, usage, findings, snapshot.at)
    return Decision(made, snapshot, modes, usage, findings, remark)


def prepare_to_look() -> None:
    """Imports what a look needs, so that this is no part of the time that the look may take."""
    for module in ("httpx", "httpcore", "tui.fleet.monitor"):
        importlib.import_module(module)


def _usage() -> tuple[Usage, str]:
    from tui.ledger.file import LedgerError
    from tui.ledger.store import usage_now

    try:
        return usage_now(time.time()), ""
    except LedgerError as error:
        log.warning("limits are not kept: %s", error)
        return Usage(), f"limits are not kept: {error}"


@contextlib.asynccontextmanager
async def _looking_at(
    services: Collection[str], config: Config, longest: float
) -> AsyncIterator[Awaitable[FleetSnapshot]]:
    """Looks until the block is left; what it gives is the snapshot, once all have answered or the time is over."""
    prepare_to_look()
    from tui.fleet.monitor import Monitor

    monitor = Monitor(config, services=services)
    running = asyncio.create_task(monitor.run())
    looked = asyncio.create_task(monitor.first_look(longest))
    try:
        # Lets both begin.
        await asyncio.sleep(0)
        yield looked
    finally:
        for task in (looked, running):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
