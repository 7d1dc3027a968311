"""What the chat protocols have in common: reading a request, and framing chunks and events."""

from __future__ import annotations

import time
import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Literal

from tui.demo.agent_answers import agent_answer
from tui.demo.http_server import Request, json_bytes
from tui.demo.models import SimulatedAnswer

SpokenTokens = AsyncIterator[tuple[Literal["reasoning", "text"], tuple[str, ...]]]
DONE = b"data: [DONE]\n\n"
# What llama-server b10488 calls itself in every reply.
FINGERPRINT = "b10488-4f8a1c2e"
PROMPT_TOKENS_PER_SECOND = 1500.0


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A request for text: what the chat, completion and message protocols ask in their different ways."""

    model: str
    prompt: str
    stream: bool
    include_usage: bool = False
    limit: int | None = None
    script: str = ""
    """What the model is to say, where the conversation itself decides that; empty: the usual answer to the prompt."""


def read_chat(request: Request, *, stream_by_default: bool = False) -> ChatRequest | None:
    """The request's model, prompt and options; None where no model is named."""
    body = request.json()
    if not isinstance(body, dict):
        return None
    model = body.get("model")
    if not isinstance(model, str) or not model:
        return None
    options = body.get("stream_options")
    limit = body.get("max_tokens", body.get("max_completion_tokens"))
    return ChatRequest(
        model,
        _prompt(body),
        bool(body.get("stream", stream_by_default)),
        isinstance(options, dict) and bool(options.get("include_usage")),
        limit if isinstance(limit, int) and not isinstance(limit, bool) else None,
        agent_answer(_turns(body)),
    )


def _prompt(body: dict[str, object]) -> str:
    if not isinstance(body.get("messages"), list):
        return str(body.get("prompt", ""))
    turns = _turns(body)
    return turns[-1][1] if turns else ""


def _turns(body: dict[str, object]) -> list[tuple[str, str]]:
    """Role and text of each turn; the Messages API has the system's beside them."""
    messages = body.get("messages")
    turns = [
        (str(message.get("role")), _text(message.get("content")))
        for message in (messages if isinstance(messages, list) else ())
        if isinstance(message, dict)
    ]
    return [("system", _text(body["system"])), *turns] if "system" in body else turns


def _text(content: object) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return ""


def reply_id(prefix: str, prompt: str) -> str:
    """An id for a reply, such as chatcmpl-1f0c…; new each time."""
    return f"{prefix}{zlib.crc32(prompt.encode('utf-8', 'surrogatepass')):08x}{time.monotonic_ns():x}"


def sse(value: object) -> bytes:
    return b"data: " + json_bytes(value) + b"\n\n"


def named_sse(event: str, value: object) -> bytes:
    return b"event: " + event.encode() + b"\ndata: " + json_bytes(value) + b"\n\n"


def usage(answer: SimulatedAnswer) -> dict[str, object]:
    return {
        "completion_tokens": answer.completion_tokens,
        "prompt_tokens": answer.prompt_tokens,
        "total_tokens": answer.prompt_tokens + answer.completion_tokens,
    }


def usage_with_cache(answer: SimulatedAnswer) -> dict[str, object]:
    return {**usage(answer), "prompt_tokens_details": {"cached_tokens": 0}}


def timings(read: int, written: int, seconds: float) -> dict[str, object]:
    """llama-server's `timings` block: the prompt at a fixed rate, the reply in the seconds that it took."""
    prompt_ms = read / PROMPT_TOKENS_PER_SECOND * 1000
    return {
        "cache_n": 0,
        "prompt_n": read,
        "prompt_ms": round(prompt_ms, 3),
        "prompt_per_token_ms": round(prompt_ms / read, 3),
        "prompt_per_second": PROMPT_TOKENS_PER_SECOND,
        "predicted_n": written,
        "predicted_ms": round(seconds * 1000, 3),
        "predicted_per_token_ms": round(seconds * 1000 / written, 3),
        "predicted_per_second": round(written / seconds, 2),
    }


async def anthropic_events(
    spoken: SpokenTokens, answer: SimulatedAnswer, model: str, number: str
) -> AsyncIterator[bytes]:
    """A reply as the Messages API streams it: message_start, blocks of thinking and text, message_stop."""
    message: dict[str, object] = {
        "id": number,
        "type": "message",
        "role": "assistant",
        "content": [],
        "model": model,
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": answer.prompt_tokens, "output_tokens": 0},
    }
    yield named_sse("message_start", {"type": "message_start", "message": message})
    index, open_kind = -1, ""
    async for kind, tokens in spoken:
        frames: list[bytes] = []
        if kind != open_kind:
            if open_kind:
                frames.append(_block_stop(index))
            index, open_kind = index + 1, kind
            block = {"type": "thinking", "thinking": "", "signature": ""} if kind == "reasoning" else _TEXT_BLOCK
            frames.append(
                named_sse(
                    "content_block_start", {"type": "content_block_start", "index": index, "content_block": block}
                )
            )
        for token in tokens:
            delta = {"type": "thinking_delta", "thinking": token} if kind == "reasoning" else _text_delta(token)
            frames.append(
                named_sse("content_block_delta", {"type": "content_block_delta", "index": index, "delta": delta})
            )
        yield b"".join(frames)
    stop = "end_turn" if answer.finish == "stop" else "max_tokens"
    ending = {
        "type": "message_delta",
        "delta": {"stop_reason": stop, "stop_sequence": None},
        "usage": {"output_tokens": answer.completion_tokens},
    }
    last = _block_stop(index) if index >= 0 else b""
    yield last + named_sse("message_delta", ending) + named_sse("message_stop", {"type": "message_stop"})


_TEXT_BLOCK: dict[str, object] = {"type": "text", "text": ""}


def _text_delta(token: str) -> dict[str, str]:
    return {"type": "text_delta", "text": token}


def _block_stop(index: int) -> bytes:
    return named_sse("content_block_stop", {"type": "content_block_stop", "index": index})


def anthropic_message(answer: SimulatedAnswer, model: str, number: str) -> dict[str, object]:
    """The whole reply of the Messages API, not streamed."""
    content: list[dict[str, str]] = []
    if answer.reasoning:
        content.append({"type": "thinking", "thinking": "".join(answer.reasoning), "signature": ""})
    content.append({"type": "text", "text": "".join(answer.text)})
    return {
        "id": number,
        "type": "message",
        "role": "assistant",
        "content": content,
        "model": model,
        "stop_reason": "end_turn" if answer.finish == "stop" else "max_tokens",
        "stop_sequence": None,
        "usage": {"input_tokens": answer.prompt_tokens, "output_tokens": answer.completion_tokens},
    }
