"""One sitting at a LiteLLM proxy: what it says of itself and its models, one chat, one fallback, and its refusals.

`/health` is left out on purpose: it sends a real request to every model.
"""

from __future__ import annotations

from dataclasses import dataclass

import httpx

from tests.live.recording import JSON, Ask, Recording, record_answers

QUIET_ASKS = (
    Ask.get("/health/liveliness"),
    Ask.get("/health/liveness"),
    Ask.get("/health/readiness"),
    Ask.get("/health/readiness/details"),
    Ask.get("/v1/models"),
    Ask.get("/v1/models?include_metadata=true&fallback_type=general"),
    Ask.get("/model/info"),
    Ask.get("/v1/model/info"),
    Ask.get("/model_group/info"),
    Ask.get("/router/settings"),
    Ask.get("/get/config/callbacks"),
)


@dataclass(frozen=True, slots=True)
class LiteLLMNames:
    """What the groups are called: one at home that answers, one that falls back to it, and one with a price."""

    answers: str
    falls_back: str
    priced: str


async def record_litellm(client: httpx.AsyncClient, names: LiteLLMNames) -> Recording:
    """`client` sends the master key with every request that does not say otherwise."""
    return await record_answers(client, (*QUIET_ASKS, *_talking(names), *_refused(names)))


def _talking(names: LiteLLMNames) -> tuple[Ask, ...]:
    return (
        Ask("POST /v1/chat/completions", "POST", "/v1/chat/completions", _chat(names.answers, streamed=False)),
        Ask("POST /v1/chat/completions streamed", "POST", "/v1/chat/completions", _chat(names.answers, streamed=True)),
        Ask("chat with a price", "POST", "/v1/chat/completions", _chat(names.priced, streamed=False)),
        Ask("chat with a price streamed", "POST", "/v1/chat/completions", _chat(names.priced, streamed=True)),
        Ask("fallback", "POST", "/v1/chat/completions", _chat(names.falls_back, streamed=False)),
        Ask("fallback streamed", "POST", "/v1/chat/completions", _chat(names.falls_back, streamed=True)),
    )


def _refused(names: LiteLLMNames) -> tuple[Ask, ...]:
    wrong = {"authorization": "Bearer sk-wrong"}
    return (
        Ask("chat with an unknown model", "POST", "/v1/chat/completions", _chat("no-such-model", streamed=False)),
        Ask("unknown model", "GET", "/v1/models/no-such-model"),
        Ask("models with a wrong key", "GET", "/v1/models", headers=wrong),
        Ask("models without a key", "GET", "/v1/models", headers={"authorization": ""}),
        Ask("chat with a wrong key", "POST", "/v1/chat/completions", _chat(names.answers, streamed=True), wrong),
    )


def _chat(model: str, *, streamed: bool) -> JSON:
    body: dict[str, JSON] = {"model": model, "messages": [{"role": "user", "content": "Which birds sing?"}]}
    return {**body, "stream": True, "stream_options": {"include_usage": True}} if streamed else body
