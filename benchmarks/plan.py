"""How thoroughly to measure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Times in seconds."""

    rounds: int = 5
    presses: int = 60
    """Keys in each round."""
    idle: float = 15.0
    """For how long a program is left alone in each round."""
    watched: float = 60.0
    """For how long services are watched at their default periods, the longest of which is a minute at home."""


THOROUGH = Plan()
QUICK = Plan(rounds=2, presses=20, idle=5.0, watched=20.0)
