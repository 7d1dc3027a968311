"""Asks the candidates of a plan in their order until one answers."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, Protocol, Self

from tui.chat.attempt import Attempt, AttemptRecord
from tui.chat.cli_stream import PROGRAM_LIMITS, stream_program
from tui.chat.loading_watch import loading_words
from tui.chat.program import ProgramLimits
from tui.chat.prompt import Prompt
from tui.chat.reply import (
    Candidate,
    Ended,
    Failed,
    FailureKind,
    FellBack,
    Finished,
    Loading,
    Piece,
    ReplyEvent,
    ReplyFailed,
    Started,
)
from tui.config.schema import Config
from tui.fleet.asking import Asker
from tui.fleet.printable import printable

LOOK_AFTER = 1.0
"""Seconds of silence after which a model's server is asked whether it is loading it."""
LOOK_AGAIN = 2.0


class NotPrivate(Exception):
    """A private prompt was to be sent to a candidate that is not local. Nothing was sent to anybody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchRecord:
    """What became of one prompt, for the ledger."""

    outcome: Literal["finished", "failed", "cancelled"]
    private: bool
    attempts: tuple[AttemptRecord, ...]
    """Every candidate that was asked, in order; the last one is that of the outcome."""
    finished: Finished | None
    failed: Failed | None
    text: str
    """What had come of the answer, complete or not."""
    reasoning: str


class Witness(Protocol):
    """Is told of all that a prompt leads to, as it happens. What it does must be quick: the answer waits for it."""

    def asked(self, candidate: Candidate, at: float) -> None:
        """A candidate is about to be asked; ``at`` is Unix seconds."""

    def answered(self, attempt: AttemptRecord) -> None:
        """The candidate asked last has answered, failed, or was given up from outside."""

    def ended(self, record: DispatchRecord) -> None:
        """All is over. Called once, however it ended."""


class Dispatcher:
    """Holds the connections to the services that it asked, for the next prompt. Use it as an async context manager."""

    def __init__(
        self,
        config: Config,
        *,
        program_limits: ProgramLimits = PROGRAM_LIMITS,
        look_after: float = LOOK_AFTER,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._config = config
        self._program_limits = program_limits
        self._look_after = look_after
        self._clock = clock
        self._askers: dict[str, Asker] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        askers, self._askers = self._askers, {}
        for asker in askers.values():
            await asker.close()

    async def ask(
        self,
        candidates: Sequence[Candidate],
        prompt: Prompt,
        *,
        private: bool = False,
        timeout: float | None = None,
        witness: Witness | None = None,
    ) -> AsyncGenerator[ReplyEvent, None]:
        """The events of one reply; the last is a ``Finished`` or a ``Failed``.

        The next candidate is asked only while nothing of an answer has come: what has come cannot be taken back. Each
        is asked once, since a proxy and a program retry by themselves. ``timeout`` is seconds for all of it together.
        Closing the generator (``contextlib.aclosing``), or cancelling, ends the far side at once.

        Raises:
            NotPrivate: ``private``, and a candidate is not known to be local.
        """
        deadline = None if timeout is None else asyncio.get_running_loop().time() + timeout
        course = _Course(witness)
        try:
            course.last = self._refusal(candidates, prompt, private)
            if course.last is not None:
                yield course.last
            for number, candidate in enumerate(candidates):
                if course.last is not None:
                    return
                following = candidates[number + 1] if number + 1 < len(candidates) else None
                async with contextlib.aclosing(self._ask_one(candidate, following, prompt, course, deadline)) as events:
                    async for event in events:
                        yield event
        except NotPrivate as refused:
            course.last = Failed(error=str(refused), kind=FailureKind.REFUSED)
            raise
        finally:
            if witness is not None:
                witness.ended(course.record(private))

    def _refusal(self, candidates: Sequence[Candidate], prompt: Prompt, private: bool) -> Failed | None:
        """Why nobody is to be asked at all."""
        if private:
            self._check_private(candidates)
        if prompt.is_empty:
            return Failed(error="the prompt is empty", kind=FailureKind.REFUSED)
        if not candidates:
            return Failed(error="there is no model to ask", kind=FailureKind.REFUSED)
        return None

    def _check_private(self, candidates: Sequence[Candidate]) -> None:
        for candidate in candidates:
            # A program always sends a prompt to its provider, whatever a plan may say of it.
            if candidate.where != "local" or candidate.model.partition("/")[0] in self._config.clis:
                raise NotPrivate(f"{printable(candidate.model, 80)} is not known to run on your own machines")

    async def _ask_one(
        self, candidate: Candidate, following: Candidate | None, prompt: Prompt, course: _Course, deadline: float | None
    ) -> AsyncGenerator[ReplyEvent, None]:
        """One candidate's events, up to the outcome or the step to the one that follows."""
        yield Started(candidate)
        attempt = Attempt(candidate, self._config.models.get(candidate.model), self._clock())
        course.begin(attempt)
        pieces = self._pieces(candidate, prompt)
        try:
            async with (
                contextlib.aclosing(pieces),
                contextlib.aclosing(self._watched(pieces, attempt, deadline)) as timely,
            ):
                async for piece in timely:
                    if isinstance(piece, Ended):
                        attempt.end(piece)
                        continue
                    attempt.take(piece)
                    if isinstance(piece, FellBack):
                        course.fell_back.append(piece)
                    yield piece
            course.last = attempt.finished(tuple(course.fell_back))
        except ReplyFailed as failure:
            attempt.fail(failure)
            timed_out = deadline is not None and asyncio.get_running_loop().time() >= deadline
            if following is None or attempt.told or timed_out:
                course.last = attempt.failed(failure, tuple(course.fell_back))
            else:
                course.fell_back.append(FellBack(candidate.model, following.model, failure.reason))
        finally:
            course.end()
        yield course.last or course.fell_back[-1]

    async def _pieces(self, candidate: Candidate, prompt: Prompt) -> AsyncGenerator[Piece, None]:
        owner, _, name = candidate.model.partition("/")
        if (program := self._config.clis.get(owner)) is not None:
            stream = stream_program(program, name, prompt, self._program_limits)
        else:
            asker = self._asker(owner)
            match asker.service.kind:
                case "qdrant" | "http":
                    raise ReplyFailed(
                        FailureKind.REFUSED, f"{owner} is of kind {asker.service.kind}, which answers no prompts"
                    )
                case "ollama":
                    from tui.chat.ollama_stream import stream_ollama

                    stream = stream_ollama(asker, name, prompt)
                case "anthropic":
                    from tui.chat.anthropic_stream import stream_anthropic

                    stream = stream_anthropic(asker, name, prompt)
                case _:
                    from tui.chat.openai_stream import stream_openai

                    stream = stream_openai(asker, name, prompt)
        async with contextlib.aclosing(stream):
            async for piece in stream:
                yield piece

    def _asker(self, owner: str) -> Asker:
        if owner not in self._askers:
            service = self._config.services.get(owner)
            if service is None:
                reason = f"there is no service or program {printable(owner, 60)}"
                raise ReplyFailed(FailureKind.UNKNOWN_MODEL, reason)
            self._askers[owner] = Asker(service)
        return self._askers[owner]

    async def _watched(
        self, pieces: AsyncGenerator[Piece, None], attempt: Attempt, deadline: float | None
    ) -> AsyncGenerator[Piece, None]:
        """The pieces, each in time; while the first is waited for, what its server says about loading the model."""
        first = asyncio.ensure_future(anext(pieces, None))
        try:
            async with contextlib.aclosing(self._loading_until(first, attempt, deadline)) as remarks:
                async for remark in remarks:
                    yield remark
            piece = await first
        finally:
            if not first.done():
                first.cancel()
                # Its own failure, if any, has no reader any more; the generator is closed only once it has ended.
                await asyncio.wait({first})
        while piece is not None:
            yield piece
            try:
                async with asyncio.timeout_at(deadline):
                    piece = await anext(pieces, None)
            except TimeoutError:
                raise _timed_out(attempt) from None

    async def _loading_until(
        self, first: asyncio.Future[Piece | None], attempt: Attempt, deadline: float | None
    ) -> AsyncGenerator[Loading, None]:
        told = ""
        pause = self._look_after
        while not await _done_within(first, pause, deadline):
            if deadline is not None and asyncio.get_running_loop().time() >= deadline:
                raise _timed_out(attempt)
            pause = max(self._look_after, min(LOOK_AGAIN, pause * 2))
            words = await self._loading_words(first, attempt.candidate, deadline)
            if words is None:
                continue
            attempt.note_loading(bool(words))
            if words and words != told:
                told = words
                yield Loading(words)

    async def _loading_words(
        self, first: asyncio.Future[Piece | None], candidate: Candidate, deadline: float | None
    ) -> str | None:
        """What the server says of loading the model, empty: that it does not; None where a piece came meanwhile."""
        owner, _, name = candidate.model.partition("/")
        if (asker := self._askers.get(owner)) is None:
            return ""
        look = asyncio.ensure_future(loading_words(asker, name))
        try:
            seconds = None if deadline is None else max(0.0, deadline - asyncio.get_running_loop().time())
            both: set[asyncio.Future[Any]] = {first, look}
            await asyncio.wait(both, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            return (look.result() or "") if look.done() else None
        finally:
            if not look.done():
                look.cancel()
                await asyncio.wait({look})


async def _done_within(future: asyncio.Future[Piece | None], seconds: float, deadline: float | None) -> bool:
    if deadline is not None:
        seconds = min(seconds, max(0.0, deadline - asyncio.get_running_loop().time()))
    await asyncio.wait({future}, timeout=seconds)
    return future.done()


def _timed_out(attempt: Attempt) -> ReplyFailed:
    seconds = f"{attempt.age:.0f} s" if attempt.age >= 1 else f"{attempt.age * 1000:.0f} ms"
    return ReplyFailed(
        FailureKind.TIMED_OUT,
        f"{printable(attempt.candidate.model, 80)} had not finished when the time was up (asked {seconds} ago)",
    )


class _Course:
    """How far one prompt has come."""

    def __init__(self, witness: Witness | None) -> None:
        self.attempts: list[Attempt] = []
        self.fell_back: list[FellBack] = []
        self.last: Finished | Failed | None = None
        self._witness = witness
        self._asking = False

    def begin(self, attempt: Attempt) -> None:
        self.attempts.append(attempt)
        self._asking = True
        if self._witness is not None:
            self._witness.asked(attempt.candidate, attempt.asked_at)

    def end(self) -> None:
        """The attempt under way is over, if it was not before."""
        asking, self._asking = self._asking, False
        self.attempts[-1].stop()
        if asking and self._witness is not None:
            self._witness.answered(self.attempts[-1].record())

    def record(self, private: bool) -> DispatchRecord:
        current = self.attempts[-1] if self.attempts else None
        last = self.last
        return DispatchRecord(
            outcome="cancelled" if last is None else "finished" if isinstance(last, Finished) else "failed",
            private=private,
            attempts=tuple(attempt.record() for attempt in self.attempts),
            finished=last if isinstance(last, Finished) else None,
            failed=last if isinstance(last, Failed) else None,
            text=current.text if current else "",
            reasoning=current.reasoning if current else "",
        )
