"""The Messages API's stream: from Anthropic itself, and inside the lines that Claude Code prints."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator

import msgspec

from tui.chat.http_stream import asked, error_in_stream, lines_of
from tui.chat.pieces import Pieces
from tui.chat.prompt import Prompt
from tui.chat.reply import Ended, FailureKind, Piece, ReplyFailed, Usage
from tui.fleet.asking import Asker
from tui.fleet.printable import printable
from tui.fleet.probes.openai import api_path
from tui.fleet.probes.shapes import count

MAX_TOKENS = 8192
"""The API demands a number. All models since Claude 3.5 (2024) write so many."""
SHORTEST_THINKING = 1024
"""Tokens: the least that the API takes for it (version 2023-06-01)."""


class _MessageUsage(msgspec.Struct):
    input_tokens: object = None
    output_tokens: object = None
    cache_creation_input_tokens: object = None
    cache_read_input_tokens: object = None


class _Message(msgspec.Struct):
    model: object = None
    usage: _MessageUsage | None = None


class _Delta(msgspec.Struct):
    text: object = None
    thinking: object = None
    stop_reason: object = None


class MessageEvent(msgspec.Struct):
    """One event of the stream; which fields it has depends on its type, and unknown types are to be ignored."""

    type: object = None
    message: _Message | None = None
    delta: _Delta | None = None
    usage: _MessageUsage | None = None
    error: object = None


_event_decoder = msgspec.json.Decoder(MessageEvent)


async def stream_anthropic(asker: Asker, model: str, prompt: Prompt) -> AsyncGenerator[Piece, None]:
    """One answer of ``POST /v1/messages``.

    Raises:
        ReplyFailed: there is none, or it is not complete.
    """
    body: dict[str, object] = {
        "model": model,
        "messages": prompt.anthropic_messages(),
        "max_tokens": prompt.max_tokens or MAX_TOKENS,
        "stream": True,
    }
    if prompt.system:
        body["system"] = prompt.system
    if prompt.thinking:
        # What it may think counts towards its answer, and is 1 024 tokens at least; it takes no temperature then.
        most = max(2 * SHORTEST_THINKING, prompt.max_tokens or MAX_TOKENS)
        body |= {"max_tokens": most, "thinking": {"type": "enabled", "budget_tokens": most // 2}}
    elif prompt.temperature is not None:
        body["temperature"] = prompt.temperature
    name = asker.service.name
    reader = MessageReader(name)
    async with (
        asked(asker, api_path(asker.service.url, "/messages"), body, "text/event-stream") as response,
        contextlib.aclosing(lines_of(response)) as reads,
    ):
        async for lines in reads:
            failure = _read(reader, lines, name)
            for piece in reader.pieces.take():
                yield piece
            if failure is not None:
                raise failure
            if reader.complete:
                break
    yield reader.end()


def _read(reader: MessageReader, lines: list[bytes], name: str) -> ReplyFailed | None:
    for line in lines:
        # Every event says its type in its data as well, so that the `event:` lines need not be paired with it.
        if not line.startswith(b"data:"):
            continue
        try:
            reader.read(_event_decoder.decode(line[5:]))
        except ReplyFailed as failure:
            return failure
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return ReplyFailed(FailureKind.BAD_ANSWER, f"{name} answered with something that is no message")
    return None


class MessageReader:
    """What one message has said so far; ``pieces`` gathers it."""

    def __init__(self, name: str) -> None:
        self.pieces = Pieces()
        self.complete = False
        self.begun = False
        self._name = name
        self.model: str | None = None
        self._input: int | None = None
        self.stop: str | None = None

    def read(self, event: MessageEvent) -> None:
        """Takes one event in.

        Raises:
            ReplyFailed: it tells of an error.
        """
        self.begun = True
        match event.type:
            case "content_block_delta" if event.delta is not None:
                self.pieces.think(event.delta.thinking)
                self.pieces.say(event.delta.text)
            case "message_start" if event.message is not None:
                model = event.message.model
                self.model = printable(model, 120) if isinstance(model, str) else None
                self._input = _input_tokens(event.message.usage)
            case "message_delta":
                if event.delta is not None and isinstance(event.delta.stop_reason, str):
                    self.stop = printable(event.delta.stop_reason, 40)
                if event.usage is not None:
                    self._input = _input_tokens(event.usage) or self._input
                    self.pieces.add(Usage(self._input, count(event.usage.output_tokens)))
            case "message_stop":
                self.complete = True
            case "error":
                raise error_in_stream(self._name, event.error)

    def end(self) -> Ended:
        """The last word on a complete message.

        Raises:
            ReplyFailed: it is not complete.
        """
        if not self.complete:
            if not self.begun:
                raise ReplyFailed(FailureKind.BAD_ANSWER, f"{self._name} answered with no message")
            raise ReplyFailed(FailureKind.BROKEN, f"{self._name}: the answer broke off in the middle")
        return Ended(reason=self.stop or "end_turn", served_by=self.model)


def _input_tokens(usage: _MessageUsage | None) -> int | None:
    """All that was read; the API counts what its cache held apart."""
    if usage is None or (fresh := count(usage.input_tokens)) is None:
        return None
    return fresh + (count(usage.cache_creation_input_tokens) or 0) + (count(usage.cache_read_input_tokens) or 0)
