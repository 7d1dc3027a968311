"""Notices when files change: configuration, modes and themes, whoever wrote them."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import AsyncGenerator, Iterable
from pathlib import Path

PERIOD = 0.2
"""Seconds between looks. One look is one stat, some microseconds; a flipped mode has to show within 0.25 s."""

SETTLE = 0.02
SETTLE_AT_MOST = 10
"""A file that is written in place is empty or half for a moment: looks 20 ms apart, until two of them agree."""

_Signature = tuple[object, ...] | None


def watch_files(paths: Iterable[Path], *, period: float = PERIOD) -> AsyncGenerator[Path, None]:
    """Each path as it changes: appears, is replaced, is written in place, changes its mode, or goes.

    A link is followed, and a link that leads elsewhere is a change. A folder changes when a file right in it does. What
    counts are changes after this call, so call it before reading the files and no change falls in between. Changes that
    come faster than they are taken are one. Ends when it is closed or its task is cancelled.
    """
    watched = tuple(paths)
    return _changes(watched, {path: _signature(path) for path in watched}, period)


async def _changes(paths: tuple[Path, ...], seen: dict[Path, _Signature], period: float) -> AsyncGenerator[Path, None]:
    while True:
        for path in paths:
            now = _signature(path)
            if now != seen[path]:
                seen[path] = await _settled(path, seen[path], now)
                yield path
        await asyncio.sleep(period)


async def _settled(path: Path, before: _Signature, now: _Signature) -> _Signature:
    for _ in range(SETTLE_AT_MOST):
        # A file that was put in place whole, by renaming, is another file: there is nothing to wait for.
        if now is None or before is None or now[0] != before[0]:
            break
        await asyncio.sleep(SETTLE)
        before, now = now, _signature(path)
        if now == before:
            break
    return now


def _signature(path: Path) -> _Signature:
    """What differs after every change; None where there is no such file, or no right to look at it."""
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            with os.scandir(path) as entries:
                return (_identity(status), frozenset((entry.name, _entry(entry)) for entry in entries))
    except OSError:
        return None
    return _identity(status)


def _entry(entry: os.DirEntry[str]) -> _Signature:
    try:
        return _identity(entry.stat())
    except OSError:
        return None


def _identity(status: os.stat_result) -> tuple[object, ...]:
    # The change time shows what the modification time may hide: a copy with its times kept, or a new mode.
    return ((status.st_dev, status.st_ino), status.st_mode, status.st_mtime_ns, status.st_ctime_ns, status.st_size)
