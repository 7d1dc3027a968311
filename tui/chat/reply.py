"""What happens between a prompt and the end of its answer, as a stream of frozen events.

Every backend, whatever it speaks, is turned into these; every face reads them. Times are seconds, money US dollars.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

CUT_OFF = frozenset({"length", "max_tokens", "model_length"})
"""How servers say that an answer ended because it may not be longer: OpenAI's word, Anthropic's, Mistral's."""


class Candidate(Protocol):
    """One model that a request may go to, as a plan names it."""

    @property
    def model(self) -> str:
        """``service/name`` or ``program/name``."""

    @property
    def where(self) -> str:
        """``local`` or ``cloud``."""

    @property
    def why(self) -> str: ...


class FailureKind(StrEnum):
    """What went wrong, for a program to decide on; the words beside it are for people."""

    UNREACHABLE = "unreachable"
    """No connection was made."""
    TIMED_OUT = "timed_out"
    NOT_LOGGED_IN = "not_logged_in"
    """A key or login is missing, or was refused."""
    RATE_LIMITED = "rate_limited"
    """Too many requests, or a quota is used up."""
    UNKNOWN_MODEL = "unknown_model"
    REFUSED = "refused"
    """The request itself was not accepted."""
    SERVER_ERROR = "server_error"
    BROKEN = "broken"
    """The answer ended before it was complete."""
    BAD_ANSWER = "bad_answer"
    """What came is no answer in the protocol that was spoken."""
    NOT_INSTALLED = "not_installed"
    INTERRUPTED = "interrupted"
    """The person ended it."""


class ReplyFailed(Exception):
    """One candidate gave no (complete) answer. ``reason`` is one harmless sentence without keys.

    ``retry_after`` is how many seconds it asked us to wait, where it said so.
    """

    def __init__(self, kind: FailureKind, reason: str, *, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.kind = kind
        self.reason = reason
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Started:
    """A candidate is being asked."""

    candidate: Candidate


@dataclass(frozen=True, slots=True)
class Loading:
    """The model is being loaded, or waits for its turn: silence that is no hanging. ``text`` says it in words."""

    text: str


@dataclass(frozen=True, slots=True)
class Retrying:
    """The program that was asked did not get an answer, and tries again by itself."""

    text: str


@dataclass(frozen=True, slots=True)
class Restarted:
    """What has come so far is void: the program that was asked begins its answer anew."""

    reason: str


@dataclass(frozen=True, slots=True)
class Reasoning:
    """A piece of the model's thinking, exactly as it came: pass it through ``printable_lines`` before a terminal."""

    text: str


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of the answer, exactly as it came: pass it through ``printable_lines`` before a terminal."""

    text: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens, as the server counted them; None: it did not say."""

    input: int | None = None
    output: int | None = None


@dataclass(frozen=True, slots=True)
class FellBack:
    """One model did not answer, so another is asked. LiteLLM's own fallbacks are told likewise."""

    from_: str
    to: str
    reason: str


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds since the model that answered was asked, its loading included; None: not known."""

    load: float | None = None
    first_token: float | None = None
    total: float | None = None
    tokens_per_second: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """The answer is complete."""

    model: str
    where: str
    reason: str
    """The server's word for why it stopped: ``stop``, ``length``…"""
    served_by: str
    """What really answered, as far as that was said."""
    fell_back: tuple[FellBack, ...] = ()
    usage: Usage = Usage()
    cost: float | None = None
    timings: Timings = Timings()

    @property
    def is_cut_off(self) -> bool:
        """True where the model would have said more, had it been let."""
        return self.reason in CUT_OFF


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """Nobody answered, or an answer broke off."""

    error: str
    kind: FailureKind
    model: str = ""
    """The candidate asked last; empty: none was."""
    partial: bool = False
    """True where a part of an answer had come: it is not the whole."""
    fell_back: tuple[FellBack, ...] = ()
    retry_after: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A backend's last word on a complete answer, from which :class:`Finished` is made."""

    reason: str
    served_by: str | None = None
    cost: float | None = None
    load: float | None = None
    tokens_per_second: float | None = None


Piece = Loading | Retrying | Restarted | Reasoning | Text | Usage | FellBack | Ended
"""What a backend yields. The last one is an :class:`Ended`, unless it raises :class:`ReplyFailed`."""
ReplyEvent = Started | Loading | Retrying | Restarted | Reasoning | Text | Usage | FellBack | Finished | Failed
"""What a face reads. The last one is a :class:`Finished` or a :class:`Failed`, and there is just one of them."""


def event_json(event: ReplyEvent) -> dict[str, object]:
    """The line of ``invoke --events`` for an event. Times are milliseconds there."""
    match event:
        case Started(candidate):
            return {
                "event": "started",
                "model": candidate.model,
                "where": str(candidate.where),
                "why": candidate.why,
            }
        case Loading(text) | Retrying(text) | Reasoning(text) | Text(text):
            return {"event": type(event).__name__.lower(), "text": text}
        case Restarted(reason):
            return {"event": "restarted", "reason": reason}
        case Usage():
            return {"event": "usage"} | usage_json(event)
        case FellBack():
            return {"event": "fell_back"} | fell_back_json(event)
        case Finished():
            return {"event": "finished"} | finished_json(event)
        case Failed():
            return {
                "event": "failed",
                "error": event.error,
                "kind": str(event.kind),
                "model": event.model or None,
                "partial": event.partial,
                "fell_back": [fell_back_json(each) for each in event.fell_back],
                "retry_after_s": event.retry_after,
            }


def finished_json(finished: Finished) -> dict[str, object]:
    """What ``invoke --json`` tells of an answer, but for what was asked and the text itself."""
    timings = finished.timings
    return {
        "model": finished.model,
        "where": str(finished.where),
        "served_by": finished.served_by,
        "finish_reason": finished.reason,
        "fell_back": [fell_back_json(each) for each in finished.fell_back],
        "usage": usage_json(finished.usage),
        "cost_usd": finished.cost,
        "timings": {
            "load_ms": _milliseconds(timings.load),
            "first_token_ms": _milliseconds(timings.first_token),
            "total_ms": _milliseconds(timings.total),
            "tokens_per_second": None if timings.tokens_per_second is None else round(timings.tokens_per_second, 2),
        },
    }


def fell_back_json(step: FellBack) -> dict[str, object]:
    return {"from": step.from_, "to": step.to, "reason": step.reason}


def usage_json(usage: Usage) -> dict[str, object]:
    return {"input": usage.input, "output": usage.output}


def _milliseconds(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)
