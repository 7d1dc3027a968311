"""Two small look-alikes: a k3s server's /ping, and an OpenAI-like server with one model (as llama-server has)."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

from tui.demo.chat_wire import DONE, read_chat, reply_id, sse, usage
from tui.demo.http_server import Request, Response, json_response, text_response
from tui.demo.models import SimulatedModel, answer_to
from tui.demo.scenes import HOSTILE_TEXT, hostile_names
from tui.demo.server import DemoServer, Failure


class Kubernetes(DemoServer):
    """k3s as an anonymous caller sees it: /ping answers, all else asks for a credential (anonymous-auth=false)."""

    async def answer(self, request: Request) -> Response:
        if request.path == "/ping":
            return text_response("pong", 200, "text/plain")
        return self.failure("unauthorized", request)

    def failure(self, kind: Failure, request: Request) -> Response:
        status, reason, message = {
            "unauthorized": (401, "Unauthorized", "Unauthorized"),
            "loading": (503, "ServiceUnavailable", "apiserver not ready"),
            "error": (500, "InternalError", self.playing.message or "Internal error occurred"),
        }[kind]
        body = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": message,
            "reason": reason,
            "code": status,
        }
        return json_response(body, status)


class OpenAILike(DemoServer):
    """A server with /health, /v1/models and /v1/chat/completions, and one model that is always loaded."""

    def __init__(self, name: str, model: SimulatedModel, *, speed: float = 1.0, key: str = "", port: int = 0) -> None:
        super().__init__(name, port)
        self.model = model
        self.speed = speed
        self.key = key

    async def answer(self, request: Request) -> Response:
        if request.path in ("/health", "/v1/health"):
            return json_response({"status": "ok"})
        if self.key and request.headers.get("authorization") != f"Bearer {self.key}":
            return self.failure("unauthorized", request)
        match request.method, request.path:
            case "GET" | "HEAD", "/v1/models":
                names = (self.model.name, *hostile_names(self.playing))
                created = int(time.time())
                rows = [
                    {"id": name, "object": "model", "created": created, "owned_by": "llamacpp", "meta": None}
                    for name in names
                ]
                return json_response({"object": "list", "data": rows})
            case "POST", "/v1/chat/completions":
                return await self._chat(request)
        return self._error(404, "File Not Found", "not_found_error")

    def failure(self, kind: Failure, request: Request) -> Response:
        if kind == "unauthorized":
            return self._error(401, "Invalid API Key", "authentication_error")
        if kind == "loading":
            return self._error(503, "Loading model", "unavailable_error")
        return self._error(500, self.playing.message or "Compute error.", "server_error")

    def guarded(self, request: Request) -> bool:
        return request.path not in ("/health", "/v1/health")

    def _error(self, status: int, message: str, kind: str) -> Response:
        return json_response({"error": {"code": status, "message": message, "type": kind}}, status)

    async def _chat(self, request: Request) -> Response:
        chat = read_chat(request)
        if chat is None:
            return self._error(400, "model is required", "invalid_request_error")
        hostile = HOSTILE_TEXT if self.playing.name == "hostile" else ""
        answer = answer_to(
            chat.prompt, thinking=self.model.thinking, limit=chat.limit, hostile=hostile, script=chat.script
        )
        speed = self.model.tokens_per_second * self.speed
        base = {"id": reply_id("chatcmpl-", chat.prompt), "created": int(time.time()), "model": self.model.name}

        async def chunks() -> AsyncIterator[bytes]:
            def chunk(delta: dict[str, str], finish: str | None = None) -> bytes:
                choice = {"index": 0, "delta": delta, "finish_reason": finish}
                return sse({**base, "object": "chat.completion.chunk", "choices": [choice]})

            async for kind, tokens in self.speak(answer, speed):
                key = "reasoning_content" if kind == "reasoning" else "content"
                yield b"".join(chunk({key: token}) for token in tokens)
            yield chunk({}, answer.finish)
            if chat.include_usage:
                yield sse({**base, "object": "chat.completion.chunk", "choices": [], "usage": usage(answer)})
            yield DONE

        if chat.stream:
            return Response(200, chunks(), "text/event-stream")
        async for _ in self.speak(answer, speed):
            pass
        message = {"role": "assistant", "content": "".join(answer.text)}
        choice = {"index": 0, "message": message, "finish_reason": answer.finish}
        return json_response({**base, "object": "chat.completion", "choices": [choice], "usage": usage(answer)})
