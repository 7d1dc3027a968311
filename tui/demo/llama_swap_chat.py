"""llama-swap's model routes: load on demand, then talk as llama-server does (b10488), or as the Messages API."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tui.demo.chat_wire import (
    DONE,
    FINGERPRINT,
    PROMPT_TOKENS_PER_SECOND,
    ChatRequest,
    SpokenTokens,
    anthropic_events,
    anthropic_message,
    read_chat,
    reply_id,
    sse,
    timings,
    usage_with_cache,
)
from tui.demo.http_server import Request, Response, StreamBroken, json_bytes, json_response
from tui.demo.llama_swap_events import InflightRequest
from tui.demo.llama_swap_processes import Process, StartFailed
from tui.demo.llama_swap_telemetry import finished_row
from tui.demo.models import SimulatedAnswer, SimulatedModel, answer_to
from tui.demo.scenes import HOSTILE_TEXT

if TYPE_CHECKING:
    from tui.demo.llama_swap import LlamaSwap

CONCURRENCY_LIMIT = 10
EVENT_STREAM = "text/event-stream"
LOADING_REMARK_SECONDS = 0.75
MODEL_ROUTES = ("/v1/chat/completions", "/v1/completions", "/v1/messages")


@dataclass(slots=True)
class Call:
    """One request on its way through a model."""

    path: str
    chat: ChatRequest
    model: SimulatedModel
    process: Process | None
    selector: str
    entry: InflightRequest
    answer: SimulatedAnswer
    began: float
    in_use: bool = False
    told: int = 0
    first_token: float = 0.0


class ModelRoutes:
    """Everything that goes to a model, and may load it."""

    def __init__(self, server: LlamaSwap) -> None:
        self._server = server

    async def answer(self, request: Request, forced_model: str | None = None) -> Response:
        """A chat, completion or message request; `forced_model` is the one that /upstream/ names."""
        server = self._server
        chat = read_chat(request)
        name = forced_model or (chat.model if chat else "")
        if chat is None:
            if not name:
                return server.problem(request, 404, "no model id could be identified")
            chat = ChatRequest(name, "", stream=False)
        target = server.resolve(name)
        if target is None:
            return server.problem(request, 404, "no router for requested model")
        if forced_model is None:
            chat = replace(chat, model=target.told)
        process = target.process
        if process is not None and process.busy >= CONCURRENCY_LIMIT:
            return self._too_many()
        hostile = HOSTILE_TEXT if server.playing.name == "hostile" else ""
        call = Call(
            path=_protocol(request.path),
            chat=chat,
            model=target.model,
            process=process,
            selector=target.selector,
            entry=server.inflight.begin(request, target.name),
            answer=answer_to(
                chat.prompt, thinking=target.model.thinking, limit=chat.limit, hostile=hostile, script=chat.script
            ),
            began=time.monotonic(),
        )
        if chat.stream and self._shows_loading(call):
            return Response(200, self._loading_then_talking(call), EVENT_STREAM)
        return await self._load_and_answer(request, call)

    def _too_many(self) -> Response:
        """The one error that does not say `src` in v250, whatever the request accepts."""
        message = "Too many requests"
        objects = self._server.config.error_shape == "object"
        body = self._server.problem_body(429, message) if objects else json_bytes({"error": message})
        return Response(429, body, "application/json", (("Retry-After", "1"),))

    def _shows_loading(self, call: Call) -> bool:
        return (
            self._server.config.send_loading_state
            and call.path == "/v1/chat/completions"
            and call.process is not None
            and call.process.state != "ready"
        )

    async def _load_and_answer(self, request: Request, call: Call) -> Response:
        try:
            await self._use(call)
            if call.chat.stream:
                self._server.inflight.headers_sent(call.entry, EVENT_STREAM)
                return Response(200, self._talk(call), EVENT_STREAM)
            async for _, tokens in self._spoken(call):
                call.told += len(tokens)
            body = self._whole_reply(call)
        except StartFailed as failed:
            message = f"unspecific error: {failed}"
            self._finish(call, 500, error=message)
            return self._server.problem(request, 500, message)
        except (StreamBroken, asyncio.CancelledError):
            self._finish(call, 502, error="the request was broken off")
            raise
        self._finish(call, 200, content_type="application/json")
        return json_response(body)

    async def _use(self, call: Call) -> None:
        if call.process is not None:
            await self._server.processes.use(call.process)
            call.in_use = True

    async def _spoken(self, call: Call) -> SpokenTokens:
        speed = call.model.tokens_per_second * self._server.speed
        async for kind, tokens in self._server.speak(call.answer, speed):
            if call.process is not None and call.process.state != "ready":
                raise StreamBroken
            call.first_token = call.first_token or time.monotonic()
            yield kind, tokens

    async def _talk(self, call: Call) -> AsyncGenerator[bytes, None]:
        if call.path == "/v1/messages":
            frames = anthropic_events(
                self._spoken(call),
                call.answer,
                call.chat.model,
                reply_id("msg_", call.chat.prompt),
            )
        else:
            frames = self._chunks(call)
        status = 499
        try:
            async for frame in frames:
                self._server.inflight.grew(call.entry, len(frame))
                yield frame
            status = 200
            call.told = call.answer.completion_tokens
        finally:
            self._finish(call, status, content_type=EVENT_STREAM, error="" if status == 200 else "client disconnected")

    async def _chunks(self, call: Call) -> AsyncIterator[bytes]:
        legacy = call.path == "/v1/completions"
        number = reply_id("cmpl-" if legacy else "chatcmpl-", call.chat.prompt)
        base: dict[str, object] = {
            "created": int(time.time()),
            "id": number,
            "model": call.chat.model,
            "system_fingerprint": FINGERPRINT,
            "object": "text_completion" if legacy else "chat.completion.chunk",
        }

        def chunk(delta: dict[str, object], finish: str | None = None) -> bytes:
            content = {"text": delta.get("content", "")} if legacy else {"delta": delta}
            return sse({"choices": [{"finish_reason": finish, "index": 0, **content}], **base})

        if not legacy:
            yield chunk({"role": "assistant", "content": None})
        async for kind, tokens in self._spoken(call):
            key = "reasoning_content" if kind == "reasoning" else "content"
            call.told += len(tokens)
            yield b"".join(chunk({key: token}) for token in tokens)
        last: dict[str, object] = {"choices": [{"finish_reason": call.answer.finish, "index": 0, "delta": {}}], **base}
        if call.chat.include_usage:
            yield sse(last)
            last = {"choices": [], **base, "usage": usage_with_cache(call.answer)}
        yield sse(last | {"timings": self._timings(call)}) + DONE

    async def _loading_then_talking(self, call: Call) -> AsyncIterator[bytes]:
        """`sendLoadingState`: remarks while the model loads. A failure then is a bare JSON object in a 200 stream."""

        def remark(text: str) -> bytes:
            return sse({"choices": [{"delta": {"reasoning_content": text}}]})

        loading = asyncio.create_task(self._use(call))
        try:
            yield remark("━━━━━") + remark("\n") + remark(f"llama-swap loading model: {call.model.name}") + remark("\n")
            while not loading.done():
                await asyncio.wait({loading}, timeout=LOADING_REMARK_SECONDS / self._server.speed)
                yield remark(".")
            took = time.monotonic() - call.began
            yield remark("\n") + remark(f"Done! ({took:.2f}s)") + remark("\n") + remark("━━━━━") + remark(" \n")
            loading.result()
        except StartFailed as failed:
            message = f"unspecific error: {failed}"
            self._finish(call, 500, content_type=EVENT_STREAM, error=message)
            yield self._server.problem_body(500, message)
            return
        except (asyncio.CancelledError, GeneratorExit):
            loading.cancel()
            self._finish(call, 499, content_type=EVENT_STREAM, error="client disconnected")
            raise
        async with contextlib.aclosing(self._talk(call)) as frames:
            async for frame in frames:
                yield frame

    def _timings(self, call: Call) -> dict[str, object]:
        seconds = max(1e-3, time.monotonic() - (call.first_token or time.monotonic()))
        return timings(call.answer.prompt_tokens, max(1, call.told), seconds)

    def _whole_reply(self, call: Call) -> dict[str, object]:
        answer, chat = call.answer, call.chat
        if call.path == "/v1/messages":
            return anthropic_message(answer, chat.model, reply_id("msg_", chat.prompt))
        legacy = call.path == "/v1/completions"
        text = "".join(answer.text)
        message: dict[str, object] = {"role": "assistant", "content": text}
        if answer.reasoning:
            message["reasoning_content"] = "".join(answer.reasoning)
        content: dict[str, object] = {"text": text, "logprobs": None} if legacy else {"message": message}
        return {
            "choices": [{"finish_reason": answer.finish, "index": 0, **content}],
            "created": int(time.time()),
            "model": chat.model,
            "system_fingerprint": FINGERPRINT,
            "object": "text_completion" if legacy else "chat.completion",
            "usage": usage_with_cache(answer),
            "id": reply_id("cmpl-" if legacy else "chatcmpl-", chat.prompt),
            "timings": self._timings(call),
        }

    def _finish(self, call: Call, status: int, *, content_type: str = "application/json", error: str = "") -> None:
        server = self._server
        server.inflight.end(call.entry)
        if call.in_use and call.process is not None:
            call.in_use = False
            server.processes.release(call.process)
        reported = status == 200 and call.path != "/v1/messages"
        figures = self._timings(call) if reported else {}
        per_second = figures.get("predicted_per_second", -1)
        assert isinstance(per_second, int | float)
        server.record(
            finished_row(
                server.activity.next_id(),
                call.model.name,
                call.path,
                content_type,
                status,
                call.began,
                tokens=(call.answer.prompt_tokens, call.told) if status == 200 else None,
                speeds=(PROMPT_TOKENS_PER_SECOND, float(per_second)) if reported else (-1, -1),
                error=error,
                selector=call.selector,
            )
        )


def _protocol(path: str) -> str:
    """The model route that a path ends in; /upstream/x/v1/chat/completions is a chat as well."""
    return next((route for route in MODEL_ROUTES if path.endswith(route)), MODEL_ROUTES[0])
