"""One candidate's answer while it comes: what it said, when, and what that makes in figures."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Literal

from tui.chat.reply import (
    Candidate,
    Ended,
    Failed,
    FailureKind,
    FellBack,
    Finished,
    Piece,
    Reasoning,
    ReplyFailed,
    Restarted,
    Text,
    Timings,
    Usage,
)
from tui.config.schema import ModelSettings

SHORTEST_RATE = 0.05
"""Seconds between first and last token below which their rate says more of buffers than of the model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRecord:
    """What became of one candidate."""

    model: str
    where: str
    asked_at: float
    """Unix seconds."""
    outcome: Literal["finished", "failed", "cancelled"]
    partial: bool
    """True where a part of an answer had come."""
    kind: FailureKind | None
    """None where it did not fail."""
    reason: str
    retry_after: float | None
    """Seconds from when it failed in which it wants no more requests, where it said so."""
    usage: Usage
    timings: Timings


class Attempt:
    """Gathers one candidate's pieces. ``settings`` is what the configuration says of the model."""

    def __init__(self, candidate: Candidate, settings: ModelSettings | None, asked_at: float) -> None:
        self.candidate = candidate
        self.told = False
        """True once a piece of an answer has come: from then on nobody else is asked."""
        self._settings = settings
        self.asked_at = asked_at
        self._began = time.perf_counter()
        self._first: float | None = None
        self._newest = 0.0
        self._over: float | None = None
        self._loading_since_begin = False
        self._loaded: float | None = None
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._usage = Usage()
        self._ended: Ended | None = None
        self._failure: ReplyFailed | None = None

    @property
    def age(self) -> float:
        """Seconds since it was asked."""
        return time.perf_counter() - self._began

    @property
    def text(self) -> str:
        return "".join(self._text)

    @property
    def reasoning(self) -> str:
        return "".join(self._reasoning)

    def take(self, piece: Piece) -> None:
        """Takes a piece in that has just come."""
        match piece:
            case Text(text):
                self._text.append(text)
                self._token()
            case Reasoning(text):
                self._reasoning.append(text)
                self._token()
            case Restarted():
                self._text.clear()
                self._reasoning.clear()
            case Usage():
                self._usage = piece

    def note_loading(self, loading: bool) -> None:
        """What a look at its server said while it was silent."""
        if loading:
            self._loading_since_begin, self._loaded = True, None
        elif self._loading_since_begin and self._loaded is None:
            self._loaded = self.age

    def end(self, ended: Ended) -> None:
        self._ended, self._over = ended, self.age

    def stop(self) -> None:
        """It is over, if it was not before: somebody has left in the middle."""
        if self._over is None:
            self._over = self.age

    def fail(self, failure: ReplyFailed) -> None:
        self._failure, self._over = failure, self.age

    def finished(self, fell_back: tuple[FellBack, ...]) -> Finished:
        """The complete answer.

        Raises:
            ReplyFailed: its backend stopped without a last word.
        """
        if self._ended is None:
            raise ReplyFailed(FailureKind.BROKEN, f"{self.candidate.model}: the answer broke off in the middle")
        _, _, name = self.candidate.model.partition("/")
        return Finished(
            model=self.candidate.model,
            where=str(self.candidate.where),
            reason=self._ended.reason,
            served_by=self._ended.served_by or name,
            fell_back=fell_back,
            usage=self._usage,
            cost=self._cost(self._ended),
            timings=self._timings(),
        )

    def failed(self, failure: ReplyFailed, fell_back: tuple[FellBack, ...]) -> Failed:
        broken = self.told and failure.kind is not FailureKind.TIMED_OUT
        return Failed(
            error=failure.reason,
            kind=FailureKind.BROKEN if broken else failure.kind,
            model=self.candidate.model,
            partial=self.told,
            fell_back=fell_back,
            retry_after=failure.retry_after,
        )

    def record(self) -> AttemptRecord:
        failure = self._failure
        return AttemptRecord(
            model=self.candidate.model,
            where=str(self.candidate.where),
            asked_at=self.asked_at,
            outcome="failed" if failure else "finished" if self._ended else "cancelled",
            partial=self.told,
            kind=failure.kind if failure else None,
            reason=failure.reason if failure else "",
            retry_after=failure.retry_after if failure else None,
            usage=self._usage,
            timings=self._timings(),
        )

    def _token(self) -> None:
        self.told = True
        self._newest = self.age
        if self._first is None:
            self._first = self._newest

    def _timings(self) -> Timings:
        total = self.age if self._over is None else self._over
        per_second = self._ended.tokens_per_second if self._ended else None
        if per_second is None and self._first is not None and self._usage.output:
            took = self._newest - self._first
            per_second = self._usage.output / took if took >= SHORTEST_RATE else None
        load = self._ended.load if self._ended else None
        if load is None and self._loading_since_begin:
            load = self._loaded if self._loaded is not None else self._first
        return Timings(load, self._first, total, per_second)

    def _cost(self, ended: Ended) -> float | None:
        """What the server says, else what the configured price makes of the tokens."""
        price = self._settings.price if self._settings else None
        if ended.cost is not None or price is None:
            return ended.cost
        if self._usage.input is None or self._usage.output is None:
            return None
        return (self._usage.input * price.input + self._usage.output * price.output) / 1e6
