"""Ollama's look-alike: memory, expiry, native and OpenAI-like streams, as 0.32 has them."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.demo.waiting import chat, chunks_of, text_of
from tests.waiting import PATIENCE, until
from tui.demo.fleet import DemoFleet
from tui.demo.ollama_catalogue import keep_alive_seconds

NANOSECOND_FIGURES = {"total_duration", "load_duration", "prompt_eval_count", "prompt_eval_duration", "eval_count"}


def lines_of(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


async def ps(fleet: DemoFleet, client: httpx.AsyncClient) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = (await client.get(f"{fleet.ollama.url}/api/ps")).json()["models"]
    return rows


async def test_it_says_that_it_runs(fleet: DemoFleet, client: httpx.AsyncClient) -> None:
    url = fleet.ollama.url
    assert (await client.get(url)).text == "Ollama is running"
    assert (await client.head(url)).status_code == 200
    assert (await client.get(f"{url}/api/version")).json() == {"version": "0.32.15"}
    assert (await client.get(f"{url}/api/status")).json()["cloud"]["disabled"] is False
    assert (await client.get(url, headers={"host": "evil.example"})).status_code == 403
    assert (await client.get(url, headers={"host": "koala.local:11434"})).status_code == 200


async def test_tags_tell_local_and_cloud_models_apart(fleet: DemoFleet, client: httpx.AsyncClient) -> None:
    rows = {row["name"]: row for row in (await client.get(f"{fleet.ollama.url}/api/tags")).json()["models"]}
    assert rows["qwen3:8b"]["capabilities"] == ["completion", "tools", "thinking"]
    assert set(rows["qwen3:8b"]["details"]) >= {"parent_model", "format", "family", "families", "parameter_size"}
    assert len(rows["qwen3:8b"]["digest"]) == 64
    assert "remote_host" not in rows["qwen3:8b"]
    cloud = rows["gpt-oss:120b-cloud"]
    assert (cloud["remote_host"], cloud["remote_model"]) == ("https://ollama.com:443", "gpt-oss:120b")


async def test_a_model_is_absent_from_ps_while_it_loads(slow_fleet: DemoFleet, client: httpx.AsyncClient) -> None:
    url = f"{slow_fleet.ollama.url}/api/generate"
    loading = asyncio.create_task(client.post(url, json={"model": "mixtral:8x7b", "keep_alive": "30m"}))
    await until(lambda: slow_fleet.ollama.requests.to("/api/generate"), "the load was asked for")
    assert await ps(slow_fleet, client) == []
    loaded = (await loading).json()
    assert {k: loaded[k] for k in ("model", "response", "done", "done_reason")} == {
        "model": "mixtral:8x7b",
        "response": "",
        "done": True,
        "done_reason": "load",
    }
    (row,) = await ps(slow_fleet, client)
    assert 0 < row["size_vram"] < row["size"], "part of it runs on the CPU"
    left = datetime.fromisoformat(row["expires_at"]) - datetime.now(UTC)
    assert timedelta(minutes=29) < left < timedelta(minutes=31)


async def test_ps_can_block_while_a_model_loads(slow_fleet: DemoFleet, client: httpx.AsyncClient) -> None:
    slow_fleet.ollama.wedge_ps = True
    # The connection is there already: making one may take as long as the model.
    await client.get(f"{slow_fleet.ollama.url}/api/version")
    loading = asyncio.create_task(slow_fleet.ollama.load("mixtral:8x7b"))
    await asyncio.sleep(0)
    with pytest.raises(httpx.ReadTimeout):
        await client.get(f"{slow_fleet.ollama.url}/api/ps", timeout=httpx.Timeout(PATIENCE, read=0.02))
    assert [row["name"] for row in await ps(slow_fleet, client)] == ["mixtral:8x7b"]
    await loading


async def test_forever_is_centuries_ahead_and_sorted_first(fleet: DemoFleet, client: httpx.AsyncClient) -> None:
    url = f"{fleet.ollama.url}/api/generate"
    await client.post(url, json={"model": "llama3.2"})
    await client.post(url, json={"model": "qwen3:8b", "keep_alive": -1})
    first, second = await ps(fleet, client)
    assert (first["name"], second["name"]) == ("qwen3:8b", "llama3.2:latest")
    assert datetime.fromisoformat(first["expires_at"]).year > 2300


async def test_unload_is_answered_at_once(fleet: DemoFleet, client: httpx.AsyncClient) -> None:
    url = f"{fleet.ollama.url}/api/generate"
    await client.post(url, json={"model": "llama3.2"})
    unloaded = (await client.post(url, json={"model": "llama3.2", "keep_alive": 0})).json()
    assert unloaded["done_reason"] == "unload"
    await until(lambda: not fleet.ollama.loaded, "llama3.2 is gone")
    assert await ps(fleet, client) == []


async def test_a_model_expires(fleet: DemoFleet, client: httpx.AsyncClient) -> None:
    await client.post(f"{fleet.ollama.url}/api/chat", json={"model": "llama3.2", "messages": [], "keep_alive": "40ms"})
    await until(lambda: not fleet.ollama.loaded, "llama3.2 has expired")


async def test_chat_streams_lines_with_thinking_and_figures(fleet: DemoFleet, client: httpx.AsyncClient) -> None:
    url = f"{fleet.ollama.url}/api/chat"
    answer = await client.post(url, json=chat("qwen3:8b", keep_alive=-1))
    assert answer.headers["content-type"] == "application/x-ndjson"
    *lines, last = lines_of(answer.text)
    assert "".join(line["message"].get("thinking", "") for line in lines)
    text = "".join(line["message"]["content"] for line in lines)
    assert text.strip()
    assert not any(line["done"] for line in lines)
    assert (last["done"], last["done_reason"]) == (True, "stop")
    assert NANOSECOND_FIGURES - {"load_duration"} <= set(last)
    assert last["eval_count"] == len(lines)
    whole = (await client.post(url, json=chat("qwen3:8b", stream=False, think=False))).json()
    assert whole["message"] == {"role": "assistant", "content": text}


async def test_errors_are_strings_and_below_v1_objects(fleet: DemoFleet, client: httpx.AsyncClient) -> None:
    url = fleet.ollama.url
    unknown = await client.post(f"{url}/api/show", json={"model": "nope"})
    assert (unknown.status_code, unknown.json()) == (404, {"error": "model 'nope' not found"})
    error = (await client.post(f"{url}/v1/chat/completions", json=chat("nope"))).json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    fleet.ollama.queue_full = True
    full = await client.post(f"{url}/api/chat", json=chat("qwen3:8b"))
    assert full.status_code == 503
    assert full.json()["error"] == "server busy, please try again.  maximum pending requests exceeded"


async def test_an_error_in_the_middle_is_a_line_without_done(fleet: DemoFleet, client: httpx.AsyncClient) -> None:
    answer = await client.post(f"{fleet.ollama.url}/api/chat", json=chat("broken"))
    assert answer.status_code == 200
    lines = lines_of(answer.text)
    assert len(lines) == 6
    assert set(lines[-1]) == {"error"}
    failed = await client.post(f"{fleet.ollama.url}/api/chat", json=chat("broken", stream=False))
    assert failed.status_code == 500


async def test_openai_stream_thinks_in_reasoning(fleet: DemoFleet, client: httpx.AsyncClient) -> None:
    question = chat("qwen3:8b", stream=True, stream_options={"include_usage": True})
    answer = await client.post(f"{fleet.ollama.url}/v1/chat/completions", json=question)
    chunks = chunks_of(answer.text)
    assert text_of(chunks, "reasoning")
    assert text_of(chunks)
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["completion_tokens"] > 0
    listed = (await client.get(f"{fleet.ollama.url}/v1/models")).json()["data"]
    assert "qwen3:8b" in [row["id"] for row in listed]


async def test_show_does_not_load(fleet: DemoFleet, client: httpx.AsyncClient) -> None:
    shown = (await client.post(f"{fleet.ollama.url}/api/show", json={"model": "qwen3:8b"})).json()
    assert shown["model_info"]["qwen3.context_length"] == 40960
    assert not fleet.ollama.loaded


async def test_a_cloud_model_answers_and_never_occupies_memory(fleet: DemoFleet, client: httpx.AsyncClient) -> None:
    lines = lines_of((await client.post(f"{fleet.ollama.url}/api/chat", json=chat("gpt-oss:120b-cloud"))).text)
    assert lines[0]["remote_host"] == "https://ollama.com:443"
    assert await ps(fleet, client) == []


async def test_embeddings(fleet: DemoFleet, client: httpx.AsyncClient) -> None:
    body = {"model": "nomic-embed-text", "input": ["one", "three"]}
    vectors = (await client.post(f"{fleet.ollama.url}/api/embed", json=body)).json()["embeddings"]
    assert [len(vector) for vector in vectors] == [768, 768]


@pytest.mark.parametrize(
    ("value", "seconds"),
    [(None, 300), (0, 0), (30, 30), (-1, -1), ("30m", 1800), ("1h30m", 5400), ("-1m", -60), ("250ms", 0.25)],
)
def test_keep_alive_is_seconds_or_a_go_duration(value: object, seconds: float) -> None:
    assert keep_alive_seconds(value) == seconds
