"""Chat completions as OpenAI streams them, and everybody else: llama-swap, LiteLLM, vLLM, llama.cpp, LocalAI."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncGenerator, Mapping
from typing import TYPE_CHECKING

import msgspec

from tui.chat.figures import amount
from tui.chat.http_stream import asked, error_in_stream, in_short, lines_of
from tui.chat.pieces import Pieces
from tui.chat.prompt import Prompt
from tui.chat.reply import Ended, FailureKind, FellBack, Loading, Piece, ReplyFailed, Usage
from tui.fleet.asking import Asker
from tui.fleet.printable import printable
from tui.fleet.probes.openai import api_path
from tui.fleet.probes.shapes import count

if TYPE_CHECKING:
    import httpx

LONGEST_BARE_TEXT = 256 * 1024
_LOADING_RULE = "━"
_KNOW_TEMPLATES = frozenset({"llama-swap", "llama-server", "vllm"})
"""Kinds that hand arguments to the model's chat template (llama-server b10488, vLLM 0.33)."""


class _Delta(msgspec.Struct):
    content: object = None
    reasoning_content: object = None
    reasoning: object = None
    """Ollama and vLLM since 0.11, which deprecates the other name."""


class _Choice(msgspec.Struct):
    delta: _Delta | None = None
    message: _Delta | None = None
    """Where a server does not stream in spite of being asked to."""
    finish_reason: object = None
    error: object = None


class _Usage(msgspec.Struct):
    prompt_tokens: object = None
    completion_tokens: object = None
    cost: object = None
    """US$, told by LiteLLM (for priced models) and OpenRouter."""


class _Timings(msgspec.Struct):
    predicted_per_second: object = None


class _Chunk(msgspec.Struct):
    id: object = None
    model: object = None
    choices: list[_Choice] | None = None
    error: object = None
    usage: _Usage | None = None
    timings: _Timings | None = None


_chunk_decoder = msgspec.json.Decoder(_Chunk)


async def stream_openai(asker: Asker, model: str, prompt: Prompt) -> AsyncGenerator[Piece, None]:
    """One answer of ``POST /v1/chat/completions``.

    Raises:
        ReplyFailed: there is none, or it is not complete.
    """
    body: dict[str, object] = {
        "model": model,
        "messages": prompt.openai_messages(),
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if prompt.max_tokens is not None:
        # api.openai.com refuses the old name for newer models; most other servers know nothing else.
        newer = asker.service.host.endswith("openai.com")
        body["max_completion_tokens" if newer else "max_tokens"] = prompt.max_tokens
    if prompt.temperature is not None:
        body["temperature"] = prompt.temperature
    if prompt.thinking is not None and asker.service.kind in _KNOW_TEMPLATES:
        body["chat_template_kwargs"] = {"enable_thinking": prompt.thinking}
    path = api_path(asker.service.url, "/chat/completions")
    async with asked(asker, path, body, "text/event-stream, application/json") as response:
        reader = OpenAiReader(asker.service.name, model, shows_loading=asker.service.kind == "llama-swap")
        if fallback := reader.read_headers(response):
            yield fallback
        async with contextlib.aclosing(lines_of(response)) as reads:
            async for lines in reads:
                for piece in reader.read(lines):
                    yield piece
                if reader.failure is not None:
                    raise reader.failure
                if reader.done:
                    break
        for piece in reader.end():
            yield piece


class OpenAiReader:
    """What one stream has said so far."""

    def __init__(self, service: str, model: str, *, shows_loading: bool) -> None:
        self.done = False
        self.failure: ReplyFailed | None = None
        self._service = service
        self._model = model
        self._loading = shows_loading
        self._remark = ""
        self._remarked = False
        self._began = time.monotonic()
        self._load: float | None = None
        self._finish: str | None = None
        self._served_by: str | None = None
        self._cost: float | None = None
        self._per_second: float | None = None
        self._bare = bytearray()
        self._chunks = 0
        self._pieces = Pieces()

    def read_headers(self, response: httpx.Response) -> FellBack | None:
        """LiteLLM says before the first token who really serves; the ``model`` of its body is an alias, or wrong."""
        headers = response.headers
        if (name := headers.get("x-litellm-model-name")) is None:
            return None
        self._served_by = printable(name, 120)
        self._cost = amount(headers.get("x-litellm-response-cost"))
        group = headers.get("x-litellm-model-group")
        if not group or group == self._model or headers.get("x-litellm-attempted-fallbacks", "0") == "0":
            return None
        reason = f"{self._service} got no answer from it and fell back by itself"
        return FellBack(f"{self._service}/{self._model}", f"{self._service}/{printable(group, 80)}", reason)

    def read(self, lines: list[bytes]) -> list[Piece]:
        """What these lines say. Where one tells of a failure, ``failure`` is set, and what came before it is kept."""
        try:
            for line in lines:
                if line.startswith(b"data:"):
                    data = line[5:].strip()
                    if data == b"[DONE]":
                        self.done = True
                        break
                    self._chunk(data)
                elif line.strip() and not line.startswith((b":", b"event:", b"id:", b"retry:")):
                    self._keep_bare(line)
        except ReplyFailed as failure:
            self.failure = failure
        return self._pieces.take()

    def end(self) -> list[Piece]:
        """What follows from the stream having ended.

        Raises:
            ReplyFailed: it is not complete.
        """
        if self._bare:
            # No event stream: a whole answer after all, or llama-swap's error after it has told of a model's loading.
            self._chunk(bytes(self._bare))
        if self._finish is None and not self.done:
            if not self._chunks:
                raise ReplyFailed(FailureKind.BAD_ANSWER, f"{self._service} answered with nothing")
            raise ReplyFailed(FailureKind.BROKEN, f"{self._service}: the answer broke off in the middle")
        self._pieces.add(
            Ended(
                reason=self._finish or "stop",
                served_by=self._served_by,
                cost=self._cost,
                load=self._load,
                tokens_per_second=self._per_second,
            )
        )
        return self._pieces.take()

    def _chunk(self, data: bytes) -> None:
        if not data:
            return
        try:
            chunk = _chunk_decoder.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise ReplyFailed(
                FailureKind.BAD_ANSWER, f"{self._service} answered with something that is no chat completion"
            ) from None
        self._chunks += 1
        if chunk.error is not None:
            raise error_in_stream(self._service, chunk.error)
        if self._loading and not _is_remark(chunk):
            self._loading = False
            self._load = time.monotonic() - self._began if self._remarked else None
        for choice in chunk.choices or ():
            self._choice(choice)
        if chunk.usage is not None:
            self._pieces.add(Usage(count(chunk.usage.prompt_tokens), count(chunk.usage.completion_tokens)))
            self._cost = amount(chunk.usage.cost) or self._cost
        if chunk.timings is not None:
            self._per_second = amount(chunk.timings.predicted_per_second)
        if self._served_by is None and isinstance(chunk.model, str) and chunk.model:
            self._served_by = printable(chunk.model, 120)

    def _choice(self, choice: _Choice) -> None:
        if choice.error is not None:
            raise error_in_stream(self._service, choice.error)
        if isinstance(choice.finish_reason, str):
            self._finish = printable(choice.finish_reason, 40)
        delta = choice.delta or choice.message
        if delta is None:
            return
        thought = delta.reasoning_content or delta.reasoning
        if self._loading and isinstance(thought, str):
            self._remarks(thought)
        else:
            self._pieces.think(thought)
        if isinstance(delta.content, list):
            for part in delta.content:
                self._pieces.say(part.get("text") if isinstance(part, Mapping) else None)
        else:
            self._pieces.say(delta.content)

    def _keep_bare(self, line: bytes) -> None:
        self._bare += line + b"\n"
        if len(self._bare) > LONGEST_BARE_TEXT:
            raise ReplyFailed(
                FailureKind.BAD_ANSWER, f"{self._service} answered with something that is no event stream"
            )

    def _remarks(self, text: str) -> None:
        self._remarked = True
        *whole, self._remark = (self._remark + text).split("\n")
        for line in whole:
            if words := in_short(line.strip(f" .{_LOADING_RULE}")):
                self._pieces.add(Loading(words))


def _is_remark(chunk: _Chunk) -> bool:
    """llama-swap's own chunks, which tell of the loading as if the model thought it, have no id; a model's have one."""
    return chunk.id is None and chunk.usage is None and bool(chunk.choices)
