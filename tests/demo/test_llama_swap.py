"""llama-swap's look-alike: lists, loading, swapping, profiles, figures, errors, as v250 answers them."""

from __future__ import annotations

import asyncio
import dataclasses
import math
from typing import Any

import httpx
import pytest

from tests.demo.waiting import chat, chunks_of, text_of
from tests.waiting import until
from tui.demo.fleet import DemoFleet
from tui.demo.llama_swap import LlamaSwap
from tui.demo.llama_swap_catalogue import DEFAULT_CONFIG, LlamaSwapConfig


async def started(config: LlamaSwapConfig = DEFAULT_CONFIG, speed: float = math.inf) -> LlamaSwap:
    server = LlamaSwap(config=config, speed=speed)
    await server.open()
    return server


def row_of(name: str, body: dict[str, Any]) -> dict[str, Any]:
    return next(row for row in body["data"] if row["id"] == name)


async def test_health_is_open_and_quiet(fleet: DemoFleet, client: httpx.AsyncClient) -> None:
    for path in ("/health", "/wol-health"):
        assert (await client.get(fleet.llama_swap.url + path)).text == "OK"
    await client.get(f"{fleet.llama_swap.url}/api/performance")
    log = (await client.get(f"{fleet.llama_swap.url}/logs")).text
    assert '"GET /health HTTP/1.1" 200 2' in log
    assert "wol-health" not in log
    assert "performance" not in log


async def test_models_are_listed_with_their_kind(fleet: DemoFleet, client: httpx.AsyncClient) -> None:
    body = (await client.get(f"{fleet.llama_swap.url}/v1/models")).json()
    names = [row["id"] for row in body["data"]]
    assert names == sorted(names)
    assert "draft" not in names, "unlisted models are absent"
    qwen = row_of("qwen3", body)
    assert qwen["meta"] == {"llamaswap": {"type": "model", "aliases": ["gpt-4o-mini"]}, "n_ctx": 40960}
    assert qwen["context_length"] == 40960
    assert qwen["capabilities"] == {"function_calling": True}
    assert qwen["status"] == {"value": "unloaded"}
    assert row_of("code", body)["meta"]["llamaswap"] == {
        "type": "selector",
        "strategy": "warm",
        "targets": ["coder", "qwen3"],
    }
    assert row_of("openrouter/glm-4.7", body)["meta"]["llamaswap"] == {"type": "peer", "peerID": "openrouter"}
    await fleet.llama_swap.load("qwen3")
    body = (await client.get(f"{fleet.llama_swap.url}/v1/models")).json()
    assert row_of("qwen3", body)["status"] == row_of("code", body)["status"] == {"value": "loaded"}


async def test_running_shows_the_command_with_its_secret(fleet: DemoFleet, client: httpx.AsyncClient) -> None:
    await fleet.llama_swap.load("qwen3")
    (row,) = (await client.get(f"{fleet.llama_swap.url}/running")).json()["running"]
    assert set(row) == {"model", "state", "cmd", "proxy", "ttl", "name", "description"}
    assert (row["model"], row["state"], row["ttl"]) == ("qwen3", "ready", 300)
    assert "--api-key sk-secret-" in row["cmd"]


async def test_upstream_loads_and_blocks_until_ready(slow_fleet: DemoFleet, client: httpx.AsyncClient) -> None:
    server = slow_fleet.llama_swap
    redirect = await client.get(f"{server.url}/upstream/qwen3")
    assert (redirect.status_code, redirect.headers["location"]) == (301, "/upstream/qwen3/")
    assert (await client.get(f"{server.url}/upstream/qwen3/favicon.ico")).status_code == 409
    loading = asyncio.create_task(client.get(f"{server.url}/upstream/qwen3/?_=1"))
    await until(lambda: server.processes.by_name["qwen3"].state == "starting", "qwen3 is starting")
    assert not loading.done()
    assert (await loading).status_code == 200
    assert server.processes.by_name["qwen3"].state == "ready"


async def test_a_start_goes_on_when_its_client_has_left(slow_fleet: DemoFleet, client: httpx.AsyncClient) -> None:
    server = slow_fleet.llama_swap
    loading = asyncio.create_task(client.get(f"{server.url}/upstream/gemma/"))
    await until(lambda: server.processes.by_name["gemma"].state == "starting", "gemma is starting")
    loading.cancel()
    await until(lambda: server.processes.by_name["gemma"].state == "ready", "gemma is ready")


async def test_unloading_a_starting_model_aborts_the_start(slow_fleet: DemoFleet, client: httpx.AsyncClient) -> None:
    server = slow_fleet.llama_swap
    loading = asyncio.create_task(client.get(f"{server.url}/upstream/qwen3/"))
    await until(lambda: server.processes.by_name["qwen3"].state == "starting", "qwen3 is starting")
    assert (await client.post(f"{server.url}/api/models/unload/gpt-4o-mini")).text == "OK"
    failed = await loading
    assert failed.status_code == 500
    assert failed.json() == {"src": "llama-swap", "error": "unspecific error: group: model unloaded"}
    assert server.processes.by_name["qwen3"].state == "stopped"


async def test_loading_one_model_evicts_the_other(fleet: DemoFleet, client: httpx.AsyncClient) -> None:
    url = fleet.llama_swap.url
    await client.post(f"{url}/v1/chat/completions", json=chat("qwen3", max_tokens=2))
    await client.post(f"{url}/v1/chat/completions", json=chat("coder", max_tokens=2))
    assert [row["model"] for row in (await client.get(f"{url}/running")).json()["running"]] == ["coder"]
    assert (await client.post(f"{url}/api/models/unload")).json() == {"msg": "ok"}
    assert (await client.get(f"{url}/running")).json() == {"running": []}


async def test_a_model_that_does_not_start(fleet: DemoFleet, client: httpx.AsyncClient) -> None:
    url = fleet.llama_swap.url
    failed = await client.post(f"{url}/v1/chat/completions", json=chat("too-large"))
    message = "unspecific error: upstream command exited prematurely"
    assert (failed.status_code, failed.json()) == (500, {"src": "llama-swap", "error": message})
    (row,) = (await client.get(f"{url}/api/metrics/activity")).json()["data"]
    assert (row["resp_status_code"], row["error_msg"]) == (500, message)
    async with client.stream("GET", f"{url}/logs/stream/too-large") as log:
        assert "out of memory" in await anext(log.aiter_text())


async def test_a_stream_ends_with_usage_and_timings(fleet: DemoFleet, client: httpx.AsyncClient) -> None:
    question = chat("qwen3", stream=True, stream_options={"include_usage": True})
    answer = await client.post(f"{fleet.llama_swap.url}/v1/chat/completions", json=question)
    assert answer.headers["content-type"] == "text/event-stream"
    assert answer.text.endswith("data: [DONE]\n\n")
    chunks = chunks_of(answer.text)
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": None}
    assert text_of(chunks, "reasoning_content")
    assert "##" in text_of(chunks)
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["completion_tokens"] == chunks[-1]["timings"]["predicted_n"]
    assert chunks[-2]["choices"][0]["finish_reason"] == "stop"
    whole = (await client.post(f"{fleet.llama_swap.url}/v1/chat/completions", json=chat("qwen3"))).json()
    assert whole["choices"][0]["message"]["content"] == text_of(chunks)
    assert whole["timings"]["predicted_per_second"] > 0


async def test_messages_and_completions(fleet: DemoFleet, client: httpx.AsyncClient) -> None:
    url = fleet.llama_swap.url
    stream = (await client.post(f"{url}/v1/messages", json=chat("qwen3", stream=True, max_tokens=50))).text
    kinds = [line.removeprefix("event: ") for line in stream.splitlines() if line.startswith("event: ")]
    assert (kinds[0], kinds[1], kinds[-2], kinds[-1]) == (
        "message_start",
        "content_block_start",
        "message_delta",
        "message_stop",
    )
    assert '"thinking_delta"' in stream
    assert '"text_delta"' in stream
    assert '"stop_reason":"max_tokens"' in stream
    legacy = (await client.post(f"{url}/v1/completions", json={"model": "gemma", "prompt": "hello"})).json()
    assert legacy["choices"][0]["text"]


async def test_profiles_pin_names_until_a_restart(fleet: DemoFleet, client: httpx.AsyncClient) -> None:
    url = fleet.llama_swap.url
    before = (await client.get(f"{url}/api/profiles")).json()
    assert before["active"] is None
    assert {"id": "coding", "description": "Coding", "pins": {"image-gen": "", "llm-code": "coder"}} in before[
        "profiles"
    ]
    assert (await client.post(f"{url}/v1/chat/completions", json=chat("llm-code"))).status_code == 404
    assert (await client.put(f"{url}/api/profiles/active", json={"name": "coding"})).json() == {"active": "coding"}
    assert (await client.post(f"{url}/v1/chat/completions", json=chat("llm-code", max_tokens=1))).status_code == 200
    assert (await client.put(f"{url}/api/profiles/active", json={"name": "nope"})).status_code == 404
    assert (await client.put(f"{url}/api/profiles/active", json={})).status_code == 400
    assert (await client.put(f"{url}/api/profiles/active", json={"name": None})).json() == {"active": None}


async def test_activity_is_paged_and_pulled_by_id(fleet: DemoFleet, client: httpx.AsyncClient) -> None:
    url = fleet.llama_swap.url
    for _ in range(3):
        await client.post(f"{url}/v1/chat/completions", json=chat("gemma", max_tokens=3))
    page = (await client.get(f"{url}/api/metrics/activity?limit=2")).json()
    assert [row["id"] for row in page["data"]] == [3, 2]
    assert (page["total"], page["total_pages"], page["page"], page["limit"]) == (3, 2, 1, 2)
    assert page["data"][0]["tokens"]["output_tokens"] == 3
    assert [row["id"] for row in (await client.get(f"{url}/api/metrics/activity?min_id=3")).json()["data"]] == [3]
    assert (await client.get(f"{url}/api/metrics/activity?limit=0")).status_code == 400
    stats = (await client.get(f"{url}/api/metrics/stats?model=gemma")).json()
    assert (stats["total_requests"], stats["total_output_tokens"]) == (3, 9)
    assert sum(stats["gen_histogram"]["bins"]) == 3


async def test_performance_shows_the_loaded_model_and_only_newer_samples(
    fleet: DemoFleet, client: httpx.AsyncClient
) -> None:
    await fleet.llama_swap.load("qwen3")
    url = f"{fleet.llama_swap.url}/api/performance"
    body = (await client.get(url)).json()
    assert body["enabled"] is True
    assert body["gpu_stats"][-1]["mem_used_mb"] > 18_000
    last = body["gpu_stats"][-1]["timestamp"]
    assert (await client.get(url, params={"after": last})).json()["gpu_stats"] == []
    assert (await client.get(url, params={"after": "yesterday"})).status_code == 400
    fleet.llama_swap.performance.has_gpu = False
    assert (await client.get(url)).json()["gpu_stats"] is None
    fleet.llama_swap.performance.enabled = False
    disabled = await client.get(url)
    assert (disabled.status_code, disabled.json()) == (503, {"enabled": False})
    assert (await client.get(f"{fleet.llama_swap.url}/metrics")).status_code == 503


async def test_prometheus_and_hardware(fleet: DemoFleet, client: httpx.AsyncClient) -> None:
    text = (await client.get(f"{fleet.llama_swap.url}/metrics")).text
    assert 'llamaswap_gpu_memory_total_bytes{id="0",name="NVIDIA GeForce RTX 4090",uuid="GPU-' in text
    hardware = (await client.get(f"{fleet.llama_swap.url}/api/hardware")).json()
    assert hardware["accelerators"][0]["memory"]["capacity_bytes"] == 24_564 * 1024**2


async def test_an_idle_model_is_unloaded_after_its_time_to_live(fleet: DemoFleet, client: httpx.AsyncClient) -> None:
    fleet.llama_swap.processes.set_ttl("gemma", 0.05)
    await client.post(f"{fleet.llama_swap.url}/v1/chat/completions", json=chat("gemma", max_tokens=1))
    await until(lambda: not fleet.llama_swap.processes.running(), "gemma was unloaded")
    assert "Unloading model, TTL of" in (await client.get(f"{fleet.llama_swap.url}/logs")).text


@pytest.mark.parametrize("shape", ["string", "object"])
async def test_errors_as_string_or_object(client: httpx.AsyncClient, shape: Any) -> None:
    server = await started(dataclasses.replace(DEFAULT_CONFIG, error_shape=shape))
    error = (await client.post(f"{server.url}/v1/chat/completions", json=chat("nope"))).json()["error"]
    message = "no router for requested model"
    as_object = {"message": message, "type": "invalid_request_error", "param": None, "code": "not_found"}
    assert error == (message if shape == "string" else as_object)
    plain = await client.post(f"{server.url}/v1/chat/completions", json=chat("nope"), headers={"accept": "text/plain"})
    assert plain.text == f"llama-swap: {message}"
    await server.close()


async def test_keys_are_asked_for_where_they_are_configured() -> None:
    server = await started(dataclasses.replace(DEFAULT_CONFIG, api_keys=("sk-a",)))
    async with httpx.AsyncClient(verify=False, base_url=server.url) as client:
        assert (await client.get("/health")).status_code == 200
        assert (await client.get("/running")).status_code == 401
        for accepted in ({"authorization": "Bearer sk-a"}, {"x-api-key": "sk-a"}):
            assert (await client.get("/running", headers=accepted)).status_code == 200
        assert (await client.get("/running", auth=("anybody", "sk-a"))).status_code == 200
    await server.close()


async def test_loading_state_is_told_in_the_stream_and_so_is_a_failure(client: httpx.AsyncClient) -> None:
    server = await started(dataclasses.replace(DEFAULT_CONFIG, send_loading_state=True))
    url = f"{server.url}/v1/chat/completions"
    told = chunks_of((await client.post(url, json=chat("gemma", stream=True, max_tokens=3))).text)
    assert "id" not in told[0]
    assert "llama-swap loading model: gemma" in text_of(told, "reasoning_content")
    assert text_of([chunk for chunk in told if "id" in chunk])
    failed = await client.post(url, json=chat("too-large", stream=True))
    assert failed.status_code == 200
    assert failed.text.endswith('{"src":"llama-swap","error":"unspecific error: upstream command exited prematurely"}')
    await server.close()


async def test_a_request_in_flight_can_be_cancelled(slow_fleet: DemoFleet, client: httpx.AsyncClient) -> None:
    server = slow_fleet.llama_swap
    question = chat("gemma", "write 100000 tokens", stream=True)
    async with client.stream("POST", f"{server.url}/v1/chat/completions", json=question) as answer:
        assert (await client.post(f"{server.url}/api/inflight/1/cancel")).json() == {"msg": "ok"}
        with pytest.raises(httpx.RemoteProtocolError):
            await answer.aread()
    assert len(server.inflight) == 0
    assert (await client.post(f"{server.url}/api/inflight/1/cancel")).status_code == 404


async def test_a_reader_that_leaves_frees_the_model(slow_fleet: DemoFleet, client: httpx.AsyncClient) -> None:
    server = slow_fleet.llama_swap
    question = chat("gemma", "write 100000 tokens", stream=True)
    async with client.stream("POST", f"{server.url}/v1/chat/completions", json=question) as answer:
        await anext(answer.aiter_bytes())
        assert server.processes.by_name["gemma"].busy == 1
    await until(lambda: server.processes.by_name["gemma"].busy == 0, "gemma is idle again")
    assert server.requests[-1].closed_early


async def test_too_many_at_once_are_refused(slow_fleet: DemoFleet, client: httpx.AsyncClient) -> None:
    url = f"{slow_fleet.llama_swap.url}/v1/chat/completions"
    await slow_fleet.llama_swap.load("gemma")
    slow_fleet.llama_swap.processes.by_name["gemma"].busy = 10
    refused = await client.post(url, json=chat("gemma"))
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    assert refused.json() == {"error": "Too many requests"}


async def test_an_old_release_knows_less(client: httpx.AsyncClient) -> None:
    server = await started(dataclasses.replace(DEFAULT_CONFIG, era="old"))
    await server.load("qwen3")
    assert (await client.get(f"{server.url}/running")).json() == {"running": [{"model": "qwen3", "state": "ready"}]}
    for path in ("/api/profiles", "/api/metrics/activity", "/api/performance", "/metrics", "/api/hardware"):
        assert (await client.get(server.url + path)).status_code == 404
    assert (await client.get(f"{server.url}/api/metrics")).json() == []
    row = row_of("qwen3", (await client.get(f"{server.url}/v1/models")).json())
    assert not {"status", "meta"} & set(row)
    await server.close()
