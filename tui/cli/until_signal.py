"""Ending in good order when somebody else says so."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Coroutine


async def until_signal(work: Coroutine[None, None, int]) -> int:
    """Ends the work in good order when this program is told to end, as ctrl+c does of itself."""
    ended_by: list[int] = []
    task = asyncio.current_task()
    assert task is not None

    def end(number: int) -> None:
        ended_by.append(number)
        task.cancel()

    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup
                asyncio.get_running_loop().add_signal_handler(number, end, number)
    try:
        return await work
    except asyncio.CancelledError:
        if not ended_by:
            raise
        return 128 + ended_by[0]
