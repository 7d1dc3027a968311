"""What the ledger remembers, as values. Times are Unix seconds, durations seconds, money US dollars."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

KeepText = Literal["all", "local", "none"]

LONGEST_TITLE = 60
"""Characters of a first prompt that a conversation is called by."""


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
    """One sentence. It is kept where the text is: servers quote prompts in their errors."""
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
    before: str | None = None
    """What its target was before it, in words: "active", "ready", "on"; None: nobody looked."""
    after: str | None = None
    """What was seen of its target afterwards."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A prompt and its whole answer, as a part of a conversation."""

    at: float
    asked_kind: Literal["tier", "task", "model"]
    asked_name: str
    model: str
    where: Literal["local", "cloud"]
    served_by: str | None = None
    prompt: str | None
    """None: its text was not kept, like that of every private turn."""
    answer: str | None
    system: str = ""
    private: bool = False
    stayed_home: bool = False
    """True where no model elsewhere was asked, not even one that did not answer."""
    output_tokens: int | None = None
    tokens_per_second: float | None = None
    total_s: float | None = None
    request: int | None = None
    """Its number in the ledger; None: it could not be remembered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """What has been said so far, the oldest turn first."""

    turns: tuple[Turn, ...] = ()
    number: int | None = None
    """In the ledger; None: it is not kept there, or not yet."""
    title: str = ""
    """What the person calls it; empty: they have not said."""
    begun_at: float = 0.0
    changed_at: float = 0.0
    branch_of: int | None = None
    """The conversation that it has its first turns from."""

    @property
    def name(self) -> str:
        """What it is called on screen."""
        return self.title or title_of(next((turn.prompt for turn in self.turns if turn.prompt), ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedConversation:
    """A conversation as a list of them all shows it."""

    number: int
    name: str
    model: str
    """That answered last."""
    begun_at: float
    changed_at: float
    turns: int
    beginning: str
    """The first characters of its first prompt."""
    branch_of: int | None = None


def title_of(prompt: str) -> str:
    """What a conversation is called that nobody has named: its first prompt's first words, in one line."""
    words = " ".join(prompt[: 4 * LONGEST_TITLE].split())
    if len(words) <= LONGEST_TITLE:
        return words or "untitled"
    return words[:LONGEST_TITLE].rsplit(" ", 1)[0] + " …"
