"""What the ledger remembers, as values. Times are Unix seconds, durations seconds, money US dollars."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

KeepText = Literal["all", "local", "none"]


class Outcome(StrEnum):
    """How a request, or the asking of one model for it, ended."""

    RUNNING = "running"
    """Not ended yet; or the program was killed."""
    FINISHED = "finished"
    FAILED = "failed"
    BROKEN = "broken"
    """The stream ended before the answer did."""
    REFUSED = "refused"
    """429, or a quota that is reached."""
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRequest:
    """A request before it is sent."""

    at: float
    face: str
    """Who asked: "cli", "panel", "mcp"."""
    asked_kind: str
    """"tier", "task" or "model"."""
    asked_name: str
    external: bool
    private: bool
    """Whether it had to stay at home, for whatever reason."""
    plan: tuple[str, ...]
    """The candidates, in order."""
    prompt: str
    """Its hash and length are kept now; its text, as far as the configuration allows, when the request has ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a request ended. None: not known, or there was none."""

    at: float
    outcome: Outcome
    model: str | None = None
    """The candidate that answered."""
    where: Literal["local", "cloud"] | None = None
    served_by: str | None = None
    """What really answered, as its server says."""
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None
    load_s: float | None = None
    first_token_s: float | None = None
    total_s: float | None = None
    tokens_per_second: float | None = None
    error: str | None = None
    """One sentence. Of a private request it is not kept: servers quote prompts in their errors."""
    answer: str = ""


@dataclass(frozen=True, slots=True)
class ModelFigures:
    """How quick a model was the last times. None: nobody has measured it."""

    tokens_per_second: float | None = None
    """Of its last answer."""
    load_s: float | None = None
    """The median of the last times that it was loaded for a request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """Something that was done to a machine, service or model, or to a mode."""

    at: float
    face: str
    name: str
    """The action's id: "unit.stop", "model.unload", "mode.external"."""
    target: str
    machine: str | None = None
    worked: bool = True
    detail: str = ""
