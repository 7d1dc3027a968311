"""How the simulated LiteLLM proxy passes a chat on: fallbacks, headers, and errors in the middle of a stream."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tui.demo.chat_wire import (
    DONE,
    FINGERPRINT,
    ChatRequest,
    anthropic_events,
    anthropic_message,
    read_chat,
    reply_id,
    sse,
    timings,
    usage,
    usage_with_cache,
)
from tui.demo.http_server import Request, Response, json_response
from tui.demo.litellm_catalogue import Deployment
from tui.demo.models import SimulatedAnswer, answer_to
from tui.demo.scenes import HOSTILE_TEXT

if TYPE_CHECKING:
    from tui.demo.litellm import LiteLLM

VERSION = "1.106.2"
TOKENS_BEFORE_THE_BREAK = 6
COST_PARTS = ("original", "input", "output", "tool-usage", "discount-amount", "margin-amount", "margin-percent")
CONNECTION_ERROR = "litellm.InternalServerError: InternalServerError: OpenAIException - Connection error.."
BROKEN_STREAM = "litellm.APIConnectionError: APIConnectionError: OpenAIException - peer closed connection"


class DeploymentFailed(Exception):
    """A deployment did not answer; `status` and `kind` are what LiteLLM makes of it."""

    def __init__(self, message: str, status: int = 500, kind: str = "internal_server_error") -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind


@dataclass(slots=True)
class Call:
    """One request, and who serves it in the end. `release` gives the upstream's model back."""

    chat: ChatRequest
    deployment: Deployment
    fallbacks: int
    answer: SimulatedAnswer
    began: float
    release: Callable[[], None]

    @property
    def cost(self) -> float | None:
        """US$, or None for a model without a price."""
        deployment = self.deployment
        if deployment.input_cost is None or deployment.output_cost is None:
            return None
        return (
            self.answer.prompt_tokens * deployment.input_cost + self.answer.completion_tokens * deployment.output_cost
        )


class LiteLLMChat:
    """/v1/chat/completions and /v1/messages."""

    def __init__(self, server: LiteLLM) -> None:
        self._server = server

    async def completions(self, request: Request) -> Response:
        call = await self._begin(request)
        if isinstance(call, Response):
            return call
        headers = self._headers(call)
        if call.chat.stream:
            return Response(200, self._stream(call), "text/event-stream; charset=utf-8", headers)
        await self._say_all(call)
        return json_response(self._whole(call), 200, (*headers, *self._cost_headers(call)))

    async def messages(self, request: Request) -> Response:
        call = await self._begin(request)
        if isinstance(call, Response):
            return call
        headers, number = self._headers(call), reply_id("msg_", call.chat.prompt)
        if call.chat.stream:
            return Response(200, self._anthropic(call, number), "text/event-stream; charset=utf-8", headers)
        await self._say_all(call)
        return json_response(anthropic_message(call.answer, call.chat.model, number), 200, headers)

    async def _begin(self, request: Request) -> Call | Response:
        server, began = self._server, time.monotonic()
        chat = read_chat(request)
        asked = chat.model if chat is not None else None
        if chat is None or not server.deployments_of(chat.model):
            message = (
                "/chat/completions: Invalid model name passed in model="
                f"{asked}. Call `/v1/models` to view available models for your key."
            )
            error = {"message": message, "type": "invalid_request_error", "param": None, "code": "400"}
            headers = (("x-litellm-call-id", reply_id("", message)), ("x-litellm-key-spend", "0.0"))
            more = {"provider_specific_fields": {"error": message}}
            return json_response({"error": error | more}, 400, (*headers, ("x-litellm-response-cost", "0")))
        groups = (chat.model, *server.fallbacks.get(chat.model, ()))
        failed: DeploymentFailed | None = None
        for number, group in enumerate(groups):
            deployment = server.deployments_of(group)[0]
            try:
                release = await server.borrow(deployment)
            except DeploymentFailed as failure:
                failed = failed or failure
                continue
            hostile = HOSTILE_TEXT if server.playing.name == "hostile" else ""
            thinking = deployment.simulated.thinking
            answer = answer_to(chat.prompt, thinking=thinking, limit=chat.limit, hostile=hostile, script=chat.script)
            return Call(chat, deployment, number, answer, began, release)
        assert failed is not None
        return self._failed(failed, groups)

    def _failed(self, failed: DeploymentFailed, groups: tuple[str, ...]) -> Response:
        server = self._server
        message = str(failed)
        if failed.kind == "internal_server_error":
            message += f". Received Model Group={groups[0]}\nAvailable Model Group Fallbacks={list(groups[1:]) or None}"
        headers: tuple[tuple[str, str], ...] = (
            ("x-litellm-call-id", reply_id("", message)),
            ("x-litellm-version", VERSION),
            ("x-litellm-response-cost", "0"),
        )
        if failed.kind == "throttling_error":
            headers += (("llm_provider-retry-after", "7"),)
        return server.problem(failed.status, message, failed.kind, headers)

    def _headers(self, call: Call) -> tuple[tuple[str, str], ...]:
        took = (time.monotonic() - call.began) * 1000
        return (
            ("x-litellm-call-id", reply_id("", call.chat.prompt)),
            ("x-litellm-model-id", call.deployment.id),
            ("x-litellm-model-name", call.deployment.model),
            ("x-litellm-model-api-base", self._server.base_of(call.deployment)),
            ("x-litellm-model-group", call.deployment.group),
            ("x-litellm-attempted-fallbacks", str(call.fallbacks)),
            ("x-litellm-attempted-retries", "0"),
            ("x-litellm-version", VERSION),
            ("x-litellm-response-duration-ms", f"{took:.3f}"),
            ("x-litellm-callback-duration-ms", "0.412"),
            *([("x-litellm-overhead-duration-ms", "2.113")] if self._at_home(call) else []),
            ("x-litellm-key-spend", "0.0"),
            *((f"x-litellm-response-cost-{part}", "0.0") for part in COST_PARTS),
        )

    def _at_home(self, call: Call) -> bool:
        return call.deployment.base in self._server.upstreams

    def _cost_headers(self, call: Call) -> tuple[tuple[str, str], ...]:
        return () if call.cost is None else (("x-litellm-response-cost", f"{call.cost:.10f}"),)

    async def _say_all(self, call: Call) -> None:
        speed = call.deployment.simulated.tokens_per_second * self._server.speed
        try:
            async for _ in self._server.speak(call.answer, speed):
                pass
        finally:
            call.release()

    def _whole(self, call: Call) -> dict[str, object]:
        message: dict[str, object] = {"content": "".join(call.answer.text), "role": "assistant"}
        if call.answer.reasoning:
            message["reasoning_content"] = "".join(call.answer.reasoning)
        choice: dict[str, object] = {"finish_reason": call.answer.finish, "index": 0, "message": message}
        body: dict[str, object] = {
            "id": reply_id("chatcmpl-", call.chat.prompt),
            "created": int(time.time()),
            # After a fallback 1.106 names the upstream's model here, else the group that was asked for.
            "model": call.deployment.bare_model if call.fallbacks else call.chat.model,
            "object": "chat.completion",
            "choices": [choice],
            "usage": usage(call.answer),
        }
        if self._at_home(call):
            message["provider_specific_fields"] = {"refusal": None}
            choice["provider_specific_fields"] = {}
            read, written = call.answer.prompt_tokens, max(1, call.answer.completion_tokens)
            seconds = max(1e-3, time.monotonic() - call.began)
            body |= {
                "system_fingerprint": FINGERPRINT,
                "usage": usage_with_cache(call.answer),
                "timings": timings(read, written, seconds),
            }
        return body

    async def _anthropic(self, call: Call, number: str) -> AsyncGenerator[bytes, None]:
        speed = call.deployment.simulated.tokens_per_second * self._server.speed
        spoken = self._server.speak(call.answer, speed)
        try:
            async for frame in anthropic_events(spoken, call.answer, call.chat.model, number):
                yield frame
        finally:
            call.release()

    async def _stream(self, call: Call) -> AsyncGenerator[bytes, None]:
        base: dict[str, object] = {
            "id": reply_id("chatcmpl-", call.chat.prompt),
            "created": int(time.time()),
            "model": call.deployment.group,
            "object": "chat.completion.chunk",
        } | ({"system_fingerprint": FINGERPRINT} if self._at_home(call) else {})
        breaks = call.deployment.trouble == "breaks-midway"
        told = 0

        def chunk(delta: dict[str, object], finish: str | None = None) -> bytes:
            choice: dict[str, object] = {"index": 0, "delta": delta}
            return sse({**base, "choices": [choice | ({"finish_reason": finish} if finish else {})]})

        try:
            speed = call.deployment.simulated.tokens_per_second * self._server.speed
            async for kind, tokens in self._server.speak(call.answer, speed):
                key = "reasoning_content" if kind == "reasoning" else "content"
                room = max(0, TOKENS_BEFORE_THE_BREAK - told) if breaks else len(tokens)
                frames = [chunk({key: token} | self._role(told + n)) for n, token in enumerate(tokens[:room])]
                yield b"".join(frames)
                told += len(frames)
                if breaks and told >= TOKENS_BEFORE_THE_BREAK:
                    yield sse({"error": {"message": BROKEN_STREAM, "type": None, "param": None, "code": "500"}})
                    return
            yield chunk({}, call.answer.finish)
            if call.chat.include_usage:
                figures = usage(call.answer) | ({} if call.cost is None else {"cost": call.cost})
                if self._at_home(call):
                    figures |= {
                        "completion_tokens_details": {
                            "reasoning_tokens": len(call.answer.reasoning),
                            "text_tokens": len(call.answer.text),
                        },
                        "prompt_tokens_details": {"cached_tokens": 0},
                    }
                yield sse({**base, "choices": [{"index": 0, "delta": {}}], "usage": figures})
            yield DONE
        finally:
            call.release()

    @staticmethod
    def _role(place: int) -> dict[str, object]:
        return {"role": "assistant"} if place == 0 else {}
