"""Reads how quick models were the last times, whenever a screen opens that shows it or an answer has ended."""

from __future__ import annotations

import asyncio
import logging

from textual.message_pump import MessagePump

from tui.app.messages import FiguresRead
from tui.ledger.file import LedgerError
from tui.ledger.store import figures_now

log = logging.getLogger(__name__)


async def tell_figures(target: MessagePump) -> None:
    """Posts the figures; a ledger that cannot be read leaves those that were shown."""
    try:
        figures = await asyncio.to_thread(figures_now)
    except LedgerError as error:
        log.warning("the figures of models are not known: %s", error)
        return
    target.post_message(FiguresRead(figures))
