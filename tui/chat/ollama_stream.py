"""Ollama's own chat: one JSON object a line, durations in nanoseconds."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import AsyncGenerator

import msgspec

from tui.chat.figures import amount
from tui.chat.http_stream import asked, error_in_stream, lines_of
from tui.chat.pieces import Pieces
from tui.chat.prompt import Prompt
from tui.chat.reply import Ended, FailureKind, Piece, ReplyFailed, Usage
from tui.fleet.asking import Asker
from tui.fleet.failures import LookFailed
from tui.fleet.printable import printable
from tui.fleet.probes.shapes import count, unix_time

KEEP_ALIVE_LOOK = 0.3
"""Seconds for the question how long the model is to stay; 0.32 may hold the answer back while it loads another."""
USUAL_KEEP_ALIVE = 300.0
FOREVER = 10 * 365 * 86_400.0
"""Seconds: Ollama's "forever" ends in 292 years."""


class _Message(msgspec.Struct):
    content: object = None
    thinking: object = None


class _Line(msgspec.Struct):
    model: object = None
    remote_model: object = None
    message: _Message | None = None
    done: object = None
    done_reason: object = None
    error: object = None
    load_duration: object = None
    prompt_eval_count: object = None
    eval_count: object = None
    eval_duration: object = None


class _Running(msgspec.Struct):
    name: str = ""
    model: str = ""
    expires_at: object = None


class _RunningModels(msgspec.Struct):
    models: list[_Running] | None = None


_line_decoder = msgspec.json.Decoder(_Line)


async def stream_ollama(asker: Asker, model: str, prompt: Prompt) -> AsyncGenerator[Piece, None]:
    """One answer of ``POST /api/chat``.

    Raises:
        ReplyFailed: there is none, or it is not complete.
    """
    body: dict[str, object] = {"model": model, "messages": prompt.ollama_messages(), "stream": True}
    options = {"num_predict": prompt.max_tokens, "temperature": prompt.temperature}
    if options := {name: value for name, value in options.items() if value is not None}:
        body["options"] = options
    if prompt.thinking is not None:
        body["think"] = prompt.thinking
    if (keep_alive := await _keep_alive(asker, model)) is not None:
        body["keep_alive"] = keep_alive
    reader = OllamaReader(asker.service.name)
    async with (
        asked(asker, "/api/chat", body, "application/x-ndjson") as response,
        contextlib.aclosing(lines_of(response)) as reads,
    ):
        async for lines in reads:
            for piece in reader.read(lines):
                yield piece
            if reader.failure is not None:
                raise reader.failure
            if reader.ended is not None:
                break
    yield reader.end()


async def _keep_alive(asker: Asker, model: str) -> int | None:
    """What a chat has to say so that the model stays as long as it would without it.

    A chat that says nothing sets Ollama's default of five minutes anew, and so ends "forever" or a longer time. None:
    the default is right, or it is not known.
    """
    try:
        running = await asker.get_json("/api/ps", _RunningModels, timeout=KEEP_ALIVE_LOOK)
    except LookFailed:
        return None
    wanted = {model, f"{model}:latest"}
    for row in running.models or ():
        if not wanted & {row.name, row.model}:
            continue
        if (until := unix_time(row.expires_at)) is None:
            return None
        left = until - time.time()
        if left > FOREVER:
            return -1
        return math.ceil(left) if left > USUAL_KEEP_ALIVE else None
    return None


class OllamaReader:
    """What one answer has said so far."""

    def __init__(self, name: str) -> None:
        self.failure: ReplyFailed | None = None
        self.ended: Ended | None = None
        self._name = name
        self._pieces = Pieces()
        self._begun = False

    def read(self, lines: list[bytes]) -> list[Piece]:
        """What these lines say. Where one tells of a failure, ``failure`` is set, and what came before it is kept."""
        try:
            for line in lines:
                if line.strip():
                    self._line(line)
        except ReplyFailed as failure:
            self.failure = failure
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            reason = f"{self._name} answered with something that is no chat"
            self.failure = ReplyFailed(FailureKind.BAD_ANSWER, reason)
        return self._pieces.take()

    def end(self) -> Ended:
        """The last word on a complete answer.

        Raises:
            ReplyFailed: it is not complete.
        """
        if self.ended is None:
            if not self._begun:
                raise ReplyFailed(FailureKind.BAD_ANSWER, f"{self._name} answered with nothing")
            raise ReplyFailed(FailureKind.BROKEN, f"{self._name}: the answer broke off in the middle")
        return self.ended

    def _line(self, data: bytes) -> None:
        line = _line_decoder.decode(data)
        self._begun = True
        if line.error is not None:
            raise error_in_stream(self._name, line.error)
        if line.message is not None:
            self._pieces.think(line.message.thinking)
            self._pieces.say(line.message.content)
        if line.done is True:
            self._end(line)

    def _end(self, line: _Line) -> None:
        said, took = count(line.eval_count), amount(line.eval_duration)
        # Go leaves a number of zero out: a prompt that the cache held whole is told by its absence.
        read = count(line.prompt_eval_count)
        if said is not None or read is not None:
            self._pieces.add(Usage(read, said))
        load = amount(line.load_duration)
        served = line.remote_model or line.model
        self.ended = Ended(
            reason=printable(line.done_reason, 40) if isinstance(line.done_reason, str) else "stop",
            served_by=printable(served, 120) if isinstance(served, str) else None,
            load=None if load is None else load / 1e9,
            tokens_per_second=said * 1e9 / took if said and took else None,
        )
