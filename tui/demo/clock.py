"""Times as servers write them."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta


def now_rfc3339(after_seconds: float = 0.0) -> str:
    """The time in that many seconds, UTC, with microseconds: 2026-11-20T14:02:11.412345Z."""
    return (
        (datetime.now(UTC) + timedelta(seconds=after_seconds)).isoformat(timespec="microseconds").replace("+00:00", "Z")
    )


def rfc3339(at: float) -> str:
    """Seconds since the epoch, as RFC 3339 with milliseconds in UTC."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def whole_seconds_rfc3339() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def parse_rfc3339(text: str) -> float:
    """Seconds since the epoch; raises ValueError where the text is no RFC 3339 time with an offset."""
    parsed = datetime.fromisoformat(text)
    if parsed.tzinfo is None:
        raise ValueError(f"{text!r} has no offset")
    return parsed.timestamp()


UPTIME = 11 * 86_400.0
"""Seconds that the simulated machine had run when this process started."""
_STARTED = time.monotonic()


def machine_monotonic() -> float:
    """Seconds since the simulated machine was started."""
    return UPTIME + time.monotonic() - _STARTED
