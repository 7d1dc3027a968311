"""Waiting for named conditions: no test sleeps and hopes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

PATIENCE = 5.0
"""Seconds: far more than anything here takes, so that a busy machine fails no test."""


async def until(predicate: Callable[[], object], what: str, *, timeout: float = PATIENCE) -> None:
    """Waits until ``predicate`` holds; fails with the name of what did not come about."""
    try:
        async with asyncio.timeout(timeout):
            while not predicate():
                await asyncio.sleep(0.002)
    except TimeoutError:
        raise AssertionError(f"still not so after {timeout:g} s: {what}") from None
