"""One sitting at an Ollama: idle, loaded, talking in its own and in OpenAI's way, and unloaded, all written down."""

from __future__ import annotations

import httpx

from tests.live.recording import JSON, Ask, Recording, record, record_answers, until

QUIET_ASKS = (
    Ask.get("/"),
    Ask.get("/api/version"),
    Ask.get("/api/tags"),
    Ask.get("/api/ps"),
    Ask.get("/v1/models"),
)
# Since v0.17 or so; before, 404.
STATUS_ASK = Ask.get("/api/status")


async def record_ollama(client: httpx.AsyncClient, model: str) -> Recording:
    """Loads and unloads `model`; leaves nothing loaded."""
    await _unloaded(client, model)
    recording = _named("idle", await record_answers(client, (*QUIET_ASKS, STATUS_ASK)))
    recording |= await record_answers(client, (_show(model), *_failing()))
    recording["load"] = await record(client, _load(model, "10m"))
    recording |= _named("loaded", await record_answers(client, QUIET_ASKS))
    recording |= await record_answers(client, _talking(model))
    recording["unload"] = await record(client, _load(model, 0))
    await _unloaded(client, model)
    recording |= _named("unloaded", await record_answers(client, QUIET_ASKS))
    return recording


def _show(model: str) -> Ask:
    return Ask("POST /api/show", "POST", "/api/show", {"model": model})


def _load(model: str, keep_alive: str | int) -> Ask:
    return Ask("load or unload", "POST", "/api/generate", {"model": model, "keep_alive": keep_alive, "stream": False})


def _talking(model: str) -> tuple[Ask, ...]:
    chat: dict[str, JSON] = {"model": model, "messages": [{"role": "user", "content": "Which birds sing?"}]}
    native: dict[str, JSON] = {**chat, "keep_alive": "10m"}
    # OpenAI's way has a temperature of its own, 1 by default, whatever the model's parameters say.
    openai: dict[str, JSON] = {**chat, "temperature": 0}
    streamed: JSON = {**openai, "stream": True, "stream_options": {"include_usage": True}}
    return (
        Ask("POST /api/chat streamed", "POST", "/api/chat", native),
        Ask("POST /api/chat", "POST", "/api/chat", {**native, "stream": False}),
        Ask("POST /v1/chat/completions streamed", "POST", "/v1/chat/completions", streamed),
        Ask("POST /v1/chat/completions", "POST", "/v1/chat/completions", openai),
    )


def _failing() -> tuple[Ask, ...]:
    chat: JSON = {"model": "no-such-model", "messages": [{"role": "user", "content": "hello"}]}
    return (
        Ask("show of an unknown model", "POST", "/api/show", {"model": "no-such-model"}),
        Ask("chat with an unknown model", "POST", "/api/chat", chat),
        Ask("OpenAI chat with an unknown model", "POST", "/v1/chat/completions", chat),
    )


async def _unloaded(client: httpx.AsyncClient, model: str) -> None:
    await record(client, _load(model, 0))

    async def absent() -> bool:
        loaded = (await client.get("/api/ps")).json()["models"]
        return all(entry["name"].removesuffix(":latest") != model.removesuffix(":latest") for entry in loaded)

    # The answer comes at once; the runner is gone only when it has ended.
    await until(absent, f"{model} is unloaded")


def _named(prefix: str, recording: Recording) -> Recording:
    return {f"{prefix} {name}": answer for name, answer in recording.items()}
