"""Numbers out of answers that anybody may have written."""

from __future__ import annotations


def amount(value: object) -> float | None:
    """A number that is told as one or as text, finite and not negative."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except ValueError:
        return None
    return found if 0 <= found < 1e15 else None
