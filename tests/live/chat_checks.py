"""Answers through the product from the real llama-swap, LiteLLM and Ollama."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass

from tests.live.checks import Check, Stage
from tests.live.litellm_server import ANSWER
from tests.live.llama_swap_server import FAILURE, START_DELAY
from tests.live.openai_upstream import THOUGHT, WORDS
from tests.live.recording import asking
from tui.chat.dispatch import Dispatcher
from tui.chat.prompt import Prompt
from tui.chat.reply import (
    Failed,
    FailureKind,
    FellBack,
    Finished,
    Loading,
    Reasoning,
    ReplyEvent,
    Text,
)
from tui.config.schema import Config, KeySource, ServiceKind, ServiceSettings

KEY_VARIABLE = "FLEETDECK_LIVE_CHAT_KEY"
SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Asked:
    model: str
    where: str = "local"
    why: str = "the check wants it"


async def _reply(kind: ServiceKind, url: str, *models: str, key: str = "") -> list[ReplyEvent]:
    os.environ[KEY_VARIABLE] = key
    source = KeySource(env=KEY_VARIABLE) if key else None
    config = Config(services={kind: ServiceSettings(name=kind, kind=kind, url=url, key=source)})
    async with Dispatcher(config, look_after=0.1) as dispatcher:
        candidates = [Asked(f"{kind}/{model}") for model in models]
        events = dispatcher.ask(candidates, Prompt.of("Which birds sing?"), timeout=SECONDS)
        async with contextlib.aclosing(events):
            return [event async for event in events]


def _said(events: list[ReplyEvent]) -> tuple[str, str]:
    thought = "".join(event.text for event in events if isinstance(event, Reasoning))
    return thought, "".join(event.text for event in events if isinstance(event, Text))


def _finished(events: list[ReplyEvent]) -> Finished:
    assert isinstance(events[-1], Finished), events[-1]
    return events[-1]


def _failed(events: list[ReplyEvent]) -> Failed:
    assert isinstance(events[-1], Failed), events[-1]
    return events[-1]


async def llama_swap_loads_and_answers(stage: Stage) -> None:
    server = await stage.llama_swap()
    async with asking(server.url) as client:
        await client.post("/api/models/unload")
        events = await _reply("llama-swap", server.url, "bird")
        await client.post("/api/models/unload")
    assert _said(events) == (THOUGHT, "".join(WORDS))
    assert [event.text for event in events if isinstance(event, Loading)] == ["bird is being loaded"]
    timings = _finished(events).timings
    assert timings.load is not None, timings
    assert timings.first_token is not None, timings
    assert START_DELAY / 2 < timings.load <= timings.first_token, timings
    assert timings.tokens_per_second, timings


async def llama_swaps_failures(stage: Stage) -> None:
    server = await stage.llama_swap()
    broken = _failed(await _reply("llama-swap", server.url, "broken"))
    assert (broken.kind, broken.partial) == (FailureKind.SERVER_ERROR, False), broken
    assert FAILURE not in broken.error, "its log's words come by another way"
    unknown = _failed(await _reply("llama-swap", server.url, "no-such-model"))
    assert unknown.kind is FailureKind.UNKNOWN_MODEL, unknown
    peer = await _reply("llama-swap", server.url, "goose", "owl")
    assert _finished(peer).model == "llama-swap/owl"
    assert len(_finished(peer).fell_back) == 1
    async with asking(server.url) as client:
        await client.post("/api/models/unload")


async def litellms_fallback_is_told(stage: Stage) -> None:
    server = await stage.litellm()
    events = await _reply("litellm", server.process.url, "flaky", key=server.key)
    (step,) = (event for event in events if isinstance(event, FellBack))
    assert (step.from_, step.to) == ("litellm/flaky", "litellm/local-chat"), step
    assert _said(events) == (THOUGHT, "".join(WORDS))
    assert _finished(events).served_by == "openai/qwen3", _finished(events).served_by


async def litellms_price_is_told(stage: Stage) -> None:
    server = await stage.litellm()
    events = await _reply("litellm", server.process.url, "mocky", key=server.key)
    assert _said(events)[1] == ANSWER
    finished = _finished(events)
    assert finished.usage.output, finished
    assert finished.cost, finished


async def litellms_failures(stage: Stage) -> None:
    server = await stage.litellm()
    dead = _failed(await _reply("litellm", server.process.url, "dead", key=server.key))
    assert (dead.kind, dead.partial) == (FailureKind.SERVER_ERROR, False), dead
    wrong = _failed(await _reply("litellm", server.process.url, "mocky", key="sk-wrong-key-of-somebody"))
    assert wrong.kind is FailureKind.NOT_LOGGED_IN, wrong
    assert "sk-wrong-key" not in wrong.error
    unknown = _failed(await _reply("litellm", server.process.url, "no-such-group", key=server.key))
    assert unknown.kind is FailureKind.UNKNOWN_MODEL, unknown
    after = await _reply("litellm", server.process.url, "dead", "local-chat", key=server.key)
    assert _finished(after).model == "litellm/local-chat"


async def ollama_answers_and_keeps_its_model(stage: Stage) -> None:
    server = await stage.ollama()
    async with asking(server.process.url) as client:
        await client.post("/api/generate", json={"model": "tiny", "keep_alive": -1})
        events = await _reply("ollama", server.process.url, "tiny")
        running = (await client.get("/api/ps")).json()["models"]
        await client.post("/api/generate", json={"model": "tiny", "keep_alive": 0})
    assert _finished(events).usage.output, _finished(events)
    assert _finished(events).timings.tokens_per_second
    assert int(running[0]["expires_at"][:4]) > 2200, f"'forever' became {running[0]['expires_at']}"
    unknown = _failed(await _reply("ollama", server.process.url, "no-such-model"))
    assert unknown.kind is FailureKind.UNKNOWN_MODEL, unknown


CHECKS = (
    Check("reply: llama-swap loads a model, says so, and it answers", llama_swap_loads_and_answers),
    Check("reply: what fails at llama-swap is told in kind", llama_swaps_failures),
    Check("reply: LiteLLM's own fallback is told", litellms_fallback_is_told),
    Check("reply: LiteLLM's price is told", litellms_price_is_told),
    Check("reply: what fails at LiteLLM is told in kind", litellms_failures),
    Check("reply: Ollama answers, and keeps its model for as long as before", ollama_answers_and_keeps_its_model),
)
