"""Waiting for named conditions: no test sleeps and hopes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

PATIENCE = 15.0
"""Seconds: far more than anything here takes, so that a busy machine fails no test."""
SOONEST, SELDOMEST = 0.001, 0.03
"""Seconds between looks, at first and later: a look at the screen takes what the panel itself could use."""


async def until(predicate: Callable[[], object], what: str, *, timeout: float = PATIENCE) -> None:
    """Waits until ``predicate`` holds; fails with the name of what did not come about."""
    try:
        async with asyncio.timeout(timeout):
            pause = SOONEST
            while not predicate():
                await asyncio.sleep(pause)
                pause = min(SELDOMEST, 1.4 * pause)
    except TimeoutError:
        raise AssertionError(f"still not so after {timeout:g} s: {what}") from None
