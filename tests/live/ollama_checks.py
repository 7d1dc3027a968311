"""What the panel takes for granted about Ollama, checked with a real one and a model of random weights."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from tests.live.checks import Check, Stage
from tests.live.ollama_server import MODEL
from tests.live.recording import asking, until

CHAT = {"model": MODEL, "messages": [{"role": "user", "content": "Which birds sing?"}]}


async def a_loaded_model_shows_until_it_is_unloaded(stage: Stage) -> None:
    server = await stage.ollama()
    async with asking(server.process.url) as client:
        assert (await client.get("/api/ps")).json() == {"models": []}
        load = {"model": MODEL, "keep_alive": "10m", "stream": False}
        assert (await client.post("/api/generate", json=load)).json()["done_reason"] == "load"
        (loaded,) = (await client.get("/api/ps")).json()["models"]
        assert loaded["name"] == f"{MODEL}:latest"
        assert loaded["size"] > 0
        assert loaded["size_vram"] == 0
        left = datetime.fromisoformat(loaded["expires_at"]) - datetime.now(UTC)
        assert timedelta(minutes=9) < left <= timedelta(minutes=10)
        unload = {"model": MODEL, "keep_alive": 0, "stream": False}
        assert (await client.post("/api/generate", json=unload)).json()["done_reason"] == "unload"

        async def absent() -> bool:
            return bool((await client.get("/api/ps")).json() == {"models": []})

        await until(absent, "the model is gone from /api/ps")


async def forever_is_more_than_a_hundred_years(stage: Stage) -> None:
    server = await stage.ollama()
    async with asking(server.process.url) as client:
        await client.post("/api/generate", json={"model": MODEL, "keep_alive": -1, "stream": False})
        (loaded,) = (await client.get("/api/ps")).json()["models"]
        assert int(loaded["expires_at"][:4]) > datetime.now(UTC).year + 100
        await client.post("/api/generate", json={"model": MODEL, "keep_alive": 0, "stream": False})


async def a_chat_streams_tokens_and_ends_with_its_durations(stage: Stage) -> None:
    server = await stage.ollama()
    async with asking(server.process.url) as client, client.stream("POST", "/api/chat", json=CHAT) as answer:
        assert answer.headers["content-type"] == "application/x-ndjson"
        parts = [json.loads(line) async for line in answer.aiter_lines()]
    *words, last = parts
    assert len(words) >= 5
    assert all(part["message"]["content"] for part in words[:-1])
    assert not any(part["done"] for part in words)
    assert (last["done"], last["done_reason"]) == (True, "length")
    assert last["eval_count"] == 24
    # Nanoseconds: a hundred milliseconds would be 10^8.
    assert last["total_duration"] >= last["eval_duration"] > 100_000


async def showing_a_model_does_not_load_it(stage: Stage) -> None:
    server = await stage.ollama()
    async with asking(server.process.url) as client:
        await client.post("/api/generate", json={"model": MODEL, "keep_alive": 0, "stream": False})

        async def absent() -> bool:
            return bool((await client.get("/api/ps")).json() == {"models": []})

        await until(absent, "nothing is loaded")
        shown = (await client.post("/api/show", json={"model": MODEL})).json()
        assert shown["model_info"]["llama.context_length"] == 512
        assert "completion" in shown["capabilities"]
        assert await absent()


async def a_foreign_host_is_refused(stage: Stage) -> None:
    server = await stage.ollama()
    async with asking(server.process.url) as client:
        answer = await client.get("/api/version", headers={"host": "example.org"})
        assert (answer.status_code, answer.content) == (403, b"")


async def a_killed_server_comes_back_unloaded(stage: Stage) -> None:
    server = await stage.ollama()
    async with asking(server.process.url) as client:
        await client.post("/api/generate", json={"model": MODEL, "keep_alive": "10m", "stream": False})
        await server.process.restart()
        assert (await client.get("/api/ps")).json() == {"models": []}
        assert [entry["name"] for entry in (await client.get("/api/tags")).json()["models"]] == [f"{MODEL}:latest"]


CHECKS = (
    Check("ollama: a loaded model stands in /api/ps until it is unloaded", a_loaded_model_shows_until_it_is_unloaded),
    Check("ollama: a model kept forever expires in more than a century", forever_is_more_than_a_hundred_years),
    Check("ollama: a chat streams token by token", a_chat_streams_tokens_and_ends_with_its_durations),
    Check("ollama: /api/show loads nothing", showing_a_model_does_not_load_it),
    Check("ollama: another machine's name in Host is refused without words", a_foreign_host_is_refused),
    Check(
        "ollama: after kill -9 it comes back on its port, nothing loaded",
        a_killed_server_comes_back_unloaded,
    ),
)
