"""What plans depend on beside the fleet, the modes and the configuration: what was used, and what the guards see."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable

from textual.message_pump import MessagePump

from tui.app.messages import GuardsLooked, UsageRead
from tui.config.schema import Config
from tui.ledger.usage import Usage
from tui.routing.guard import look

PERIOD = 4.0
"""Seconds between looks. What was used fades with time alone, so that following files would not do."""


async def follow_usage(target: MessagePump, clock: Callable[[], float]) -> None:
    """Posts what limits and refusals depend on, whoever wrote it into the ledger."""
    # SQLite and what reads the ledger are no part of the first paint.
    await asyncio.to_thread(importlib.import_module, "tui.ledger.store")
    from tui.ledger.file import LedgerError
    from tui.ledger.store import usage_now

    posted = None
    while True:
        try:
            read = (await asyncio.to_thread(usage_now, clock()), "")
        except LedgerError as error:
            read = (Usage(), f"limits are not kept: {error}")
        if read != posted:
            posted = read
            target.post_message(UsageRead(*read))
        await asyncio.sleep(PERIOD)


async def follow_guards(target: MessagePump, config: Config) -> None:
    """Posts which programs cannot be run, and why Claude's subscription may not be used from here."""
    posted = None
    while True:
        found = await asyncio.to_thread(look, "", config.clis.keys(), config)
        if found != posted:
            posted = found
            target.post_message(GuardsLooked(found))
        await asyncio.sleep(PERIOD)
