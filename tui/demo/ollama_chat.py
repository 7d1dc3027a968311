"""How the simulated Ollama talks: NDJSON with nanoseconds, and the OpenAI-like stream with `delta.reasoning`."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tui.demo.chat_wire import DONE, ChatRequest, read_chat, reply_id, sse, usage
from tui.demo.clock import now_rfc3339
from tui.demo.http_server import Request, Response, json_bytes, json_response
from tui.demo.models import SimulatedAnswer, answer_to
from tui.demo.ollama_catalogue import Loaded, OllamaModel, Overloaded, keep_alive_seconds
from tui.demo.scenes import HOSTILE_TEXT

if TYPE_CHECKING:
    from tui.demo.ollama import Ollama

NDJSON = "application/x-ndjson"
PROMPT_NANOSECONDS_PER_TOKEN = 650_000
RUNNER_CRASHED = "an error was encountered while running the model: CUDA error: an illegal memory access"


class RunnerCrashed(Exception):
    """The model's runner died in the middle of an answer."""


@dataclass(slots=True)
class Call:
    """One request that a loaded model works on. Times are monotonic seconds."""

    chat: ChatRequest
    answer: SimulatedAnswer
    model: OllamaModel
    loaded: Loaded | None
    keep_alive: float
    began: float
    loaded_at: float
    first_token: float = 0.0
    told: int = 0

    def metrics(self) -> dict[str, int]:
        """The figures of the last line, in nanoseconds; those that are zero are left out, as Go's omitempty does."""
        now = time.monotonic()
        figures = {
            "total_duration": int((now - self.began) * 1e9),
            "load_duration": int((self.loaded_at - self.began) * 1e9),
            "prompt_eval_count": self.answer.prompt_tokens,
            "prompt_eval_duration": self.answer.prompt_tokens * PROMPT_NANOSECONDS_PER_TOKEN,
            "eval_count": self.told,
            "eval_duration": int((now - (self.first_token or now)) * 1e9),
        }
        return {name: value for name, value in figures.items() if value}


class OllamaChat:
    """The endpoints that load a model."""

    def __init__(self, server: Ollama) -> None:
        self._server = server

    async def generate(self, request: Request) -> Response:
        """A prompt, or without one a load (or with keep_alive 0 an unload)."""
        body = request.json()
        prompt = body.get("prompt") if isinstance(body, dict) else None
        return await self._native(request, "generate", only_load=not prompt)

    async def chat(self, request: Request) -> Response:
        body = request.json()
        messages = body.get("messages") if isinstance(body, dict) else None
        return await self._native(request, "chat", only_load=not messages)

    async def embed(self, request: Request) -> Response:
        call = await self._begin(request, stream=False)
        if isinstance(call, Response):
            return call
        body = request.json()
        given = body.get("input", "") if isinstance(body, dict) else ""
        inputs = given if isinstance(given, list) else [given]
        vectors = [[round((len(str(text)) % 7 + place) / 1000, 4) for place in range(768)] for text in inputs]
        self._end(call)
        figures = call.metrics()
        return json_response(
            {
                "model": call.chat.model,
                "embeddings": vectors,
                "total_duration": figures["total_duration"],
                "load_duration": max(1, figures.get("load_duration", 1)),
                "prompt_eval_count": call.answer.prompt_tokens,
            }
        )

    async def openai_chat(self, request: Request) -> Response:
        call = await self._begin(request, stream=False)
        if isinstance(call, Response):
            return call
        if call.chat.stream:
            return Response(200, self._openai_stream(call), "text/event-stream")
        try:
            await self._say_all(call)
        except RunnerCrashed:
            return self._server.problem(request, 500, RUNNER_CRASHED)
        message: dict[str, object] = {"role": "assistant", "content": "".join(call.answer.text)}
        if call.answer.reasoning:
            message["reasoning"] = "".join(call.answer.reasoning)
        return json_response(
            {
                **self._openai_base(call, "chat.completion"),
                "choices": [{"index": 0, "message": message, "finish_reason": call.answer.finish}],
                "usage": usage(call.answer),
            }
        )

    async def _native(self, request: Request, kind: Literal["generate", "chat"], *, only_load: bool) -> Response:
        if only_load and (unloaded := self._unload(request, kind)) is not None:
            return unloaded
        call = await self._begin(request, stream=True)
        if isinstance(call, Response):
            return call
        if only_load:
            self._end(call)
            return json_response(self._line(call, kind, "", done_reason="load"))
        if call.chat.stream:
            return Response(200, self._ndjson(call, kind), NDJSON)
        try:
            await self._say_all(call)
        except RunnerCrashed:
            return self._server.problem(request, 500, RUNNER_CRASHED)
        text, thoughts = "".join(call.answer.text), "".join(call.answer.reasoning)
        line = self._line(call, kind, text, thoughts, done_reason=call.answer.finish)
        return json_response(line | call.metrics())

    def _unload(self, request: Request, kind: Literal["generate", "chat"]) -> Response | None:
        """keep_alive 0 without a prompt: answered at once, while the runner stops in the background."""
        body = request.json()
        if not isinstance(body, dict) or keep_alive_seconds(body.get("keep_alive")) != 0:
            return None
        model = self._server.find(body.get("model"))
        if model is None:
            return self._server.problem(request, 404, f"model '{body.get('model')}' not found")
        loaded = self._server.loaded.get(model.name)
        if loaded is not None:
            self._server.let_go(loaded)
        line: dict[str, object] = {"model": body["model"], "created_at": now_rfc3339()}
        line |= {"message": {"role": "assistant", "content": ""}} if kind == "chat" else {"response": ""}
        return json_response(line | {"done": True, "done_reason": "unload"})

    async def _begin(self, request: Request, *, stream: bool) -> Call | Response:
        began = time.monotonic()
        body = request.json()
        chat = read_chat(request, stream_by_default=stream)
        if chat is None or not isinstance(body, dict):
            return self._server.problem(request, 400, "model is required")
        model = self._server.find(chat.model)
        if model is None:
            return self._server.problem(request, 404, f"model '{chat.model}' not found")
        keep_alive = keep_alive_seconds(body.get("keep_alive"))
        loaded = None
        if not model.remote_host:
            try:
                loaded = await self._server.use(model, keep_alive)
            except Overloaded as full:
                return self._server.problem(request, 503, str(full))
        options = body.get("options")
        limit = options.get("num_predict") if isinstance(options, dict) else None
        thinking = model.model.thinking and body.get("think", True) is not False
        hostile = HOSTILE_TEXT if self._server.playing.name == "hostile" else ""
        limit = limit if isinstance(limit, int) and limit >= 0 else chat.limit
        answer = answer_to(chat.prompt, thinking=thinking, limit=limit, hostile=hostile, script=chat.script)
        return Call(chat, answer, model, loaded, keep_alive, began, time.monotonic())

    def _end(self, call: Call) -> None:
        loaded, call.loaded = call.loaded, None
        if loaded is not None:
            self._server.release(loaded, call.keep_alive)

    async def _spoken(self, call: Call) -> AsyncGenerator[tuple[str, tuple[str, ...]], None]:
        speed = call.model.model.tokens_per_second * self._server.speed
        async for kind, tokens in self._server.speak(call.answer, speed):
            call.first_token = call.first_token or time.monotonic()
            crash = call.model.fails_after
            if crash is not None and call.told + len(tokens) > crash:
                if crash > call.told:
                    yield kind, tokens[: crash - call.told]
                raise RunnerCrashed
            yield kind, tokens
            call.told += len(tokens)

    async def _say_all(self, call: Call) -> None:
        try:
            async for _ in self._spoken(call):
                pass
        finally:
            self._end(call)

    async def _ndjson(self, call: Call, kind: Literal["generate", "chat"]) -> AsyncGenerator[bytes, None]:
        try:
            async for spoken, tokens in self._spoken(call):
                lines = [
                    self._line(call, kind, "", token) if spoken == "reasoning" else self._line(call, kind, token)
                    for token in tokens
                ]
                yield b"".join(json_bytes(line) + b"\n" for line in lines)
            last = self._line(call, kind, "", done_reason=call.answer.finish) | call.metrics()
            yield json_bytes(last) + b"\n"
        except RunnerCrashed:
            yield json_bytes({"error": RUNNER_CRASHED}) + b"\n"
        finally:
            self._end(call)

    def _line(
        self, call: Call, kind: Literal["generate", "chat"], text: str, thinking: str = "", done_reason: str = ""
    ) -> dict[str, object]:
        line: dict[str, object] = {"model": call.chat.model, "created_at": now_rfc3339()}
        if call.model.remote_host:
            line |= {"remote_model": call.model.remote_model, "remote_host": call.model.remote_host}
        thoughts = {"thinking": thinking} if thinking else {}
        if kind == "chat":
            line["message"] = {"role": "assistant", "content": text, **thoughts}
        else:
            line |= {"response": text, **thoughts}
        line["done"] = bool(done_reason)
        if done_reason:
            line["done_reason"] = done_reason
        return line

    def _openai_base(self, call: Call, kind: str) -> dict[str, object]:
        return {
            "id": reply_id("chatcmpl-", call.chat.prompt),
            "object": kind,
            "created": int(time.time()),
            "model": call.chat.model,
            "system_fingerprint": "fp_ollama",
        }

    async def _openai_stream(self, call: Call) -> AsyncGenerator[bytes, None]:
        base = self._openai_base(call, "chat.completion.chunk")

        def chunk(delta: dict[str, object], finish: str | None = None) -> bytes:
            return sse({**base, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})

        try:
            async for kind, tokens in self._spoken(call):
                extra = [
                    {"content": "", "reasoning": token} if kind == "reasoning" else {"content": token}
                    for token in tokens
                ]
                yield b"".join(chunk({"role": "assistant", **delta}) for delta in extra)
            yield chunk({"role": "assistant", "content": ""}, call.answer.finish)
            if call.chat.include_usage:
                yield sse({**base, "choices": [], "usage": usage(call.answer)})
            yield DONE
        except RunnerCrashed:
            error = {"message": RUNNER_CRASHED, "type": "api_error", "param": None, "code": None}
            yield sse({"error": error})
        finally:
            self._end(call)
