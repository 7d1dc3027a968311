"""How much of each model has been used so far, as far as limits depend on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Refusal:
    """A model that said "not now": 429, or that its quota is reached."""

    until: float
    """Unix seconds: when it may be asked again."""
    reason: str


@dataclass(frozen=True, slots=True)
class Usage:
    """What all faces and processes have asked so far, by model id."""

    requests_in_last_minute: Mapping[str, int] = field(default_factory=dict)
    usd_today: Mapping[str, float] = field(default_factory=dict)
    """US dollars since midnight, local time, as far as costs are known."""
    refusals: Mapping[str, Refusal] = field(default_factory=dict)
    """Those that still hold."""
