"""What models were found to be able to do for agents, by whoever has probed them."""

from __future__ import annotations

import asyncio
import importlib
import logging

from textual.message_pump import MessagePump

from tui.app.messages import ProbesRead

log = logging.getLogger(__name__)

PERIOD = 20.0
"""Seconds between looks: a probe is a rare thing, and takes as long itself."""


async def follow_probes(target: MessagePump) -> None:
    """Posts what the ledger has of probes, at the start and where it has more."""
    await asyncio.to_thread(importlib.import_module, "tui.ledger.probes")
    from tui.ledger.file import LedgerError
    from tui.ledger.probes import Probed, probes_known

    posted: dict[str, Probed] = {}
    while True:
        try:
            found = await asyncio.to_thread(probes_known)
        except LedgerError as error:
            # The feed of what was used says the same where the person sees it.
            log.warning("what models can do for agents is not known: %s", error)
            found = posted
        if found != posted:
            posted = found
            target.post_message(ProbesRead(found))
        await asyncio.sleep(PERIOD)
