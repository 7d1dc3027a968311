"""Process numbers of what runs in the simulated fleet."""

from __future__ import annotations

import itertools

_numbers = itertools.count(48_113, 7)


def next_pid() -> int:
    """The number of a process that starts now."""
    return next(_numbers)
