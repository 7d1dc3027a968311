"""llama-swap's event stream: framing, order, and what is told of loading, requests and profiles."""

from __future__ import annotations

import dataclasses
import math

import httpx
import pytest

from tests.demo.waiting import chat, event_stream, state_of
from tests.waiting import until
from tui.demo.fleet import DemoFleet
from tui.demo.llama_swap import LlamaSwap
from tui.demo.llama_swap_catalogue import DEFAULT_CONFIG


async def test_the_first_events_come_in_order(fleet: DemoFleet, client: httpx.AsyncClient) -> None:
    async with event_stream(client, fleet.llama_swap.url) as events:
        first = [await events.next() for _ in range(6)]
    assert [event.kind for event in first] == [
        "logData",
        "logData",
        "modelStatus",
        "uiConfig",
        "profileChanged",
        "inflight",
    ]
    assert [first[0].data["source"], first[1].data["source"]] == ["proxy", "upstream"]
    assert first[5].data == {"operation": "snapshot"}, "the list is left out where nothing is in flight"
    states = first[2].data
    assert {"id", "name", "description", "state", "unlisted", "peerID"} <= set(states[0])
    assert state_of("draft", states) == "stopped", "unlisted models are told of here"
    peer = next(row for row in states if row["peerID"])
    assert peer == {
        "id": "openrouter/glm-4.7",
        "name": "",
        "description": "",
        "state": "",
        "unlisted": False,
        "peerID": "openrouter",
    }


async def test_loading_swapping_and_unloading_are_told_step_by_step(
    slow_fleet: DemoFleet, client: httpx.AsyncClient
) -> None:
    server = slow_fleet.llama_swap
    await server.load("qwen3")
    steps: list[tuple[str, str]] = []
    async with event_stream(client, server.url) as events:
        await events.first("inflight")
        await server.load("gemma")
        while not steps or steps[-1] != ("stopped", "ready"):
            states = (await events.first("modelStatus")).data
            steps.append((state_of("qwen3", states), state_of("gemma", states)))
    assert steps == [
        ("stopping", "stopped"),
        ("stopped", "stopped"),
        ("stopped", "starting"),
        ("stopped", "ready"),
    ]


async def test_a_request_is_told_from_beginning_to_end(slow_fleet: DemoFleet, client: httpx.AsyncClient) -> None:
    server = slow_fleet.llama_swap
    async with event_stream(client, server.url) as events:
        await events.first("inflight")
        question = chat("gemma", "write 3000 tokens", stream=True)
        await client.post(f"{server.url}/v1/chat/completions", json=question, headers={"x-api-key": "sk-hidden"})
        began = (await events.first("inflight")).data
        assert began["operation"] == "upsert"
        entry = began["request"]
        assert (entry["id"], entry["model"], entry["req_path"]) == ("1", "gemma", "/v1/chat/completions")
        assert entry["req_headers"]["X-Api-Key"] == entry["req_headers"]["Authorization"] == "[REDACTED]"
        grown = (await events.first("inflight", lambda data: data["request"]["resp_bytes"] > 0)).data["request"]
        assert grown["elapsed_ms"] > 0
        last = await events.first("inflight", lambda data: data["operation"] == "remove")
        assert last.data == {"operation": "remove", "id": "1"}
        assert (await events.first("activity")).data == {"id": 1}


async def test_logs_and_profiles_are_told(fleet: DemoFleet, client: httpx.AsyncClient) -> None:
    async with event_stream(client, fleet.llama_swap.url) as events:
        await events.first("inflight")
        await client.put(f"{fleet.llama_swap.url}/api/profiles/active", json={"name": "away"})
        assert (await events.next()).data["data"] == '[INFO] active profile changed to "away"\n'
        assert (await events.next()).data == {"active": "away"}
        assert (await events.next()).kind == "modelStatus"
        line = await events.first("logData")
        assert '"PUT /api/profiles/active HTTP/1.1" 200' in line.data["data"]


async def test_a_reload_ends_the_stream_and_stops_the_models(fleet: DemoFleet, client: httpx.AsyncClient) -> None:
    await fleet.llama_swap.load("gemma")
    async with event_stream(client, fleet.llama_swap.url) as events:
        await events.first("inflight")
        await fleet.llama_swap.reload()
        with pytest.raises(EOFError):
            await events.first("an event that never comes")
    assert not fleet.llama_swap.processes.running()


async def test_a_hang_silences_open_streams(fleet: DemoFleet, client: httpx.AsyncClient) -> None:
    async with event_stream(client, fleet.llama_swap.url) as events:
        await events.first("inflight")
        await fleet.llama_swap.scene("hang")
        fleet.llama_swap.proxy_log.write("not heard yet\n")
        await until(lambda: fleet.llama_swap.hub.listeners == 1, "the stream stays open")
        await fleet.llama_swap.scene("normal")
        assert (await events.first("logData")).data["data"] == "not heard yet\n"


async def test_a_listener_that_leaves_is_forgotten(fleet: DemoFleet, client: httpx.AsyncClient) -> None:
    async with event_stream(client, fleet.llama_swap.url) as events:
        await events.first("inflight")
        assert fleet.llama_swap.hub.listeners == 1
    await until(lambda: fleet.llama_swap.hub.listeners == 0, "nobody listens any more")


async def test_the_history_of_the_logs_is_one_long_line(fleet: DemoFleet, client: httpx.AsyncClient) -> None:
    fleet.llama_swap.proxy_log.write('"quoted" \x1b[31mred\x1b[0m line\n' * 10_000)
    async with event_stream(client, fleet.llama_swap.url) as events:
        data = (await events.next()).data["data"]
    assert len(data.encode()) == 100 * 1024


async def test_an_old_release_tells_metrics_and_nothing_in_flight(client: httpx.AsyncClient) -> None:
    server = LlamaSwap(config=dataclasses.replace(DEFAULT_CONFIG, era="old"), speed=math.inf)
    await server.open()
    async with event_stream(client, server.url) as events:
        assert [(await events.next()).kind for _ in range(4)] == ["logData", "logData", "modelStatus", "metrics"]
        await client.post(f"{server.url}/v1/chat/completions", json=chat("gemma", max_tokens=1))
        kinds = set()
        while "metrics" not in kinds:
            event = await events.next()
            kinds.add(event.kind)
        assert event.data[0]["model"] == "gemma"
        assert "inflight" not in kinds
    await server.close()
