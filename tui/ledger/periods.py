"""Since when: a period as a person writes it, and the local days that it is made of."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta

UNITS = {"m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 7 * 86_400.0}
ALL = "all"
EXAMPLES = "7d, 24h, 2w, 2026-11-01, today or all"
_LONGEST = 100 * 365 * 86_400.0


class NoPeriod(ValueError):
    """What was written is no period; the text is a sentence for the person."""


def since_of(text: str, now: float) -> float:
    """When the period ``text`` began, in Unix seconds: so long before ``now``, or at a local day or time.

    Raises:
        NoPeriod: it is none.
    """
    words = text.strip().lower()
    if words == ALL:
        return 0.0
    if words == "today":
        return start_of_day(now)
    if (length := re.fullmatch(r"(\d{1,9})([mhdw])", words)) is not None:
        return max(0.0, now - min(int(length[1]) * UNITS[length[2]], _LONGEST))
    try:
        moment = datetime.fromisoformat(text.strip()).timestamp()
    except (ValueError, OverflowError, OSError):
        raise NoPeriod(f"{text!r} is no period: say {EXAMPLES}") from None
    return max(0.0, moment)


def start_of_day(at: float) -> float:
    """The local midnight at or before ``at``."""
    return _midnight(at, 0)


def first_whole_day(since: float) -> float:
    """The local midnight at or after ``since``: from there on, days count as a whole."""
    start = start_of_day(since)
    return start if start == since else _midnight(since, 1)


def day_number(at: float) -> int:
    """A local day as the ledger's sums have it: 20261120."""
    day = datetime.fromtimestamp(at).astimezone()
    return day.year * 10_000 + day.month * 100 + day.day


def days_between(first: int, last: int) -> list[int]:
    """All days from one to the other, as the ledger's sums have them."""
    begin, end = (date(day // 10_000, day // 100 % 100, day % 100) for day in (first, last))
    days = (begin + timedelta(days=number) for number in range((end - begin).days + 1))
    return [day.year * 10_000 + day.month * 100 + day.day for day in days]


def day_words(digits: str) -> str:
    """ "20261120" as "2026-11-20", and the month "202611" as "2026-11"."""
    return "-".join(part for part in (digits[:4], digits[4:6], digits[6:]) if part)


def _midnight(at: float, days_later: int) -> float:
    # Local time without a zone: a day may have 23 or 25 hours.
    day = datetime.fromtimestamp(at).replace(hour=0, minute=0, second=0, microsecond=0)  # noqa: DTZ006
    return (day + timedelta(days=days_later)).timestamp()
