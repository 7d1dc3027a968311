"""One sitting at a llama-swap: idle, watched, loading, loaded, talking, failing and unloaded, all written down."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import quote

import httpx

from tests.live.recording import JSON, Answer, Ask, Recording, record, record_answers, until

# Nothing here loads a model or changes anything.
QUIET_ASKS = (
    Ask.get("/wol-health"),
    Ask.get("/health"),
    Ask.get("/v1/models"),
    Ask.get("/running"),
    Ask.get("/api/version"),
    Ask.get("/api/profiles"),
    Ask.get("/api/metrics/activity"),
    Ask.get("/api/metrics/stats"),
    Ask.get("/api/hardware"),
    Ask.get("/logs"),
    Ask.get("/metrics"),
)
# Which paths ask for a key, and how a refusal looks; what shows a key is in `keyed_asks`.
KEYLESS_ASKS = (
    Ask.get("/wol-health"),
    Ask.get("/health"),
    Ask.get("/v1/models"),
    Ask.get("/running"),
    Ask.get("/api/events"),
    Ask.get("/api/performance"),
    Ask.get("/metrics"),
    Ask.get("/api/profiles"),
    Ask("models with a wrong key", "GET", "/v1/models", headers={"authorization": "Bearer sk-wrong"}),
    Ask("models for a reader of text", "GET", "/v1/models", headers={"accept": "text/plain"}),
)
STREAM_OPENS_WITH = ("logData", "logData", "modelStatus", "uiConfig", "profileChanged", "inflight")


@dataclass(frozen=True, slots=True)
class LlamaSwapNames:
    """What the server's models are called: one that loads, one that cannot start, and a profile."""

    loads: str
    fails: str
    profile: str


@dataclass(slots=True)
class EventLog:
    """The events of `/api/events` so far: their types in order, and their inner values."""

    ended: bool = False
    types: list[str] = field(default_factory=list)
    values: dict[str, list[JSON]] = field(default_factory=dict)

    def add(self, line: str) -> None:
        if not line.startswith("data:"):
            return
        event = json.loads(line[5:])
        self.types.append(event["type"])
        self.values.setdefault(event["type"], []).append(json.loads(event["data"]))

    def states(self, model: str) -> list[str]:
        """The states that a model went through, each once in a row."""
        states: list[str] = []
        for status in self.values.get("modelStatus", []):
            assert isinstance(status, list)
            for entry in status:
                assert isinstance(entry, dict)
                if entry["id"] == model and (not states or states[-1] != entry["state"]):
                    states.append(str(entry["state"]))
        return states

    def operations(self) -> set[str]:
        """The kinds of message about requests in flight."""
        return {str(value["operation"]) for value in self.values.get("inflight", []) if isinstance(value, dict)}


@asynccontextmanager
async def listening(client: httpx.AsyncClient) -> AsyncIterator[EventLog]:
    """Reads `/api/events` until the end of the block. The opening batch has arrived when the block begins."""
    log = EventLog()

    async def read() -> None:
        try:
            async with client.stream("GET", "/api/events", timeout=httpx.Timeout(5.0, read=None)) as answer:
                answer.raise_for_status()
                async for line in answer.aiter_lines():
                    log.add(line)
        finally:
            log.ended = True

    task = asyncio.create_task(read())
    try:
        await until(lambda: len(log.types) >= len(STREAM_OPENS_WITH) or log.ended, "the stream's opening batch")
        if task.done():
            task.result()
        yield log
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def keyed_asks(key: str) -> tuple[Ask, ...]:
    """The two ways to show a key that the panel's programs use."""
    return (
        Ask("models with the key", "GET", "/v1/models", headers={"authorization": f"Bearer {key}"}),
        Ask("profiles with the key in x-api-key", "GET", "/api/profiles", headers={"x-api-key": key}),
    )


async def record_llama_swap(client: httpx.AsyncClient, names: LlamaSwapNames) -> tuple[Recording, EventLog]:
    """Loads and unloads `names.loads` and tries `names.fails`; leaves everything unloaded and no profile chosen."""
    recording: Recording = {}
    await client.post("/api/models/unload")
    async with listening(client) as log:
        recording |= _named("idle", await record_answers(client, QUIET_ASKS))
        loading = Ask("load", "GET", f"/upstream/{names.loads}/")
        loaded = asyncio.create_task(record(client, loading))
        await until(lambda: "starting" in log.states(names.loads), "the model starts")
        recording["starting GET /running"] = await record(client, Ask.get("/running"))
        recording["starting GET /v1/models"] = await record(client, Ask.get("/v1/models"))
        assert (await loaded).status < 500
        await until(lambda: "ready" in log.states(names.loads), "the model is ready")
        # As keys, so that the comparison of shapes compares them.
        told: JSON = dict.fromkeys(sorted(log.operations()), True)
        recording["what a load tells of requests in flight"] = Answer(200, "text/event-stream", told)
        recording |= await record_answers(client, _talking(names.loads))
        await until(lambda: len(log.values.get("activity", [])) >= 2, "the activity of two requests")
        recording |= _named("loaded", await record_answers(client, QUIET_ASKS))
        recording |= await record_answers(client, _failing(names.fails))
        recording |= await record_answers(client, _changing(names))
        await until(lambda: log.states(names.loads)[-1] == "stopped", "the model is unloaded")
        recording["event inflight at connect while busy"] = await _busy_opening(client, log, names.loads)
        recording["GET /api/performance"] = await _sampled_performance(client)
        recording["GET /api/performance?after="] = await _performance_after(client, recording["GET /api/performance"])
    for kind, values in log.values.items():
        recording[f"event {kind}"] = Answer(200, "text/event-stream", values)
    recording["event inflight in flight"] = Answer(200, "text/event-stream", _requests_in_flight(log))
    return recording, log


def _talking(model: str) -> tuple[Ask, ...]:
    chat: dict[str, JSON] = {"model": model, "messages": [{"role": "user", "content": "Which birds sing?"}]}
    streamed: JSON = {**chat, "stream": True, "stream_options": {"include_usage": True}}
    return (
        Ask("POST /v1/chat/completions", "POST", "/v1/chat/completions", chat),
        Ask("POST /v1/chat/completions streamed", "POST", "/v1/chat/completions", streamed),
    )


def _failing(model: str) -> tuple[Ask, ...]:
    chat: JSON = {"model": "no-such-model", "messages": [{"role": "user", "content": "hello"}]}
    return (
        Ask("load of a model that cannot start", "GET", f"/upstream/{model}/"),
        Ask("load of an unknown model", "GET", "/upstream/no-such-model/"),
        Ask("chat with an unknown model", "POST", "/v1/chat/completions", chat),
        Ask("chat without a model", "POST", "/v1/chat/completions", {"messages": []}),
        Ask("unload of an unknown model", "POST", "/api/models/unload/no-such-model"),
        Ask("cancel of an unknown request", "POST", "/api/inflight/999/cancel"),
        Ask("choice of an unknown profile", "PUT", "/api/profiles/active", {"name": "no-such-profile"}),
    )


def _changing(names: LlamaSwapNames) -> tuple[Ask, ...]:
    return (
        Ask("choice of a profile", "PUT", "/api/profiles/active", {"name": names.profile}),
        Ask("profiles with one chosen", "GET", "/api/profiles"),
        Ask("choice of no profile", "PUT", "/api/profiles/active", {"name": None}),
        Ask("unload of a model", "POST", f"/api/models/unload/{names.loads}"),
        Ask("unload of all", "POST", "/api/models/unload"),
    )


async def _busy_opening(client: httpx.AsyncClient, log: EventLog, model: str) -> Answer:
    """What a stream opens with about requests while one waits for its model."""
    chat = asyncio.create_task(record(client, _talking(model)[0]))
    await until(lambda: log.states(model)[-1] == "starting", "the model starts for a chat")
    async with listening(client) as late:
        opening = late.values["inflight"][0]
    assert (await chat).status == 200
    await client.post("/api/models/unload")
    await until(lambda: log.states(model)[-1] == "stopped", "the model is unloaded again")
    return Answer(200, "text/event-stream", opening)


async def _sampled_performance(client: httpx.AsyncClient) -> Answer:
    ask = Ask.get("/api/performance")

    async def sampled() -> bool:
        body = (await record(client, ask)).body
        return isinstance(body, dict) and bool(body.get("sys_stats"))

    # The server samples every 5 s and has nothing before the first time.
    await until(sampled, "a sample of the machine")
    return await record(client, ask)


async def _performance_after(client: httpx.AsyncClient, whole: Answer) -> Answer:
    assert isinstance(whole.body, dict)
    samples = whole.body["sys_stats"]
    assert isinstance(samples, list)
    assert isinstance(samples[-1], dict)
    return await record(client, Ask.get(f"/api/performance?after={quote(str(samples[-1]['timestamp']))}"))


def _requests_in_flight(log: EventLog) -> JSON:
    found: list[JSON] = []
    for value in log.values.get("inflight", []):
        if isinstance(value, dict) and value["operation"] == "upsert":
            found.append(value["request"])
    return found


def _named(prefix: str, recording: Recording) -> Recording:
    return {f"{prefix} {name}": answer for name, answer in recording.items()}
