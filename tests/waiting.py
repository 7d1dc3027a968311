"""Waiting for named conditions: no test sleeps and hopes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

PATIENCE = 15.0
"""Seconds: far more than anything here takes, so that a busy machine fails no test."""
SOONEST, SELDOMEST = 0.001, 0.03
"""Seconds between looks, at first and later: a look at the screen takes what the panel itself could use."""


async def until(predicate: Callable[[], object], what: str, *, timeout: float = PATIENCE) -> None:
    """Waits until ``predicate`` holds; fails with the name of what did not come about.

    Only its own pauses count as time: while a busy machine keeps this process from running, nothing can come about.
    """
    waited, pause = 0.0, SOONEST
    while not predicate():
        if waited >= timeout:
            raise AssertionError(f"still not so after {timeout:g} s: {what}")
        await asyncio.sleep(pause)
        waited += pause
        pause = min(SELDOMEST, 1.4 * pause)
