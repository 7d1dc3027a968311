"""Scenes: each server misbehaves in its own words, and comes back."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest

from tests.demo.waiting import chat
from tests.waiting import PATIENCE, until
from tui.demo.fleet import DemoFleet, ServiceName
from tui.demo.scenes import HOSTILE_NAMES, MANY_MODELS, Scene

PAGES: dict[ServiceName, str] = {
    "llama-swap": "/v1/models",
    "ollama": "/api/tags",
    "litellm": "/v1/models",
    "qdrant": "/collections",
    "k3s": "/ping",
}


@pytest.fixture(params=PAGES)
def name(request: pytest.FixtureRequest) -> ServiceName:
    found: ServiceName = request.param
    return found


async def get(fleet: DemoFleet, client: httpx.AsyncClient, name: ServiceName, **more: httpx.Timeout) -> httpx.Response:
    return await client.get(fleet.servers[name].url + PAGES[name], **more)  # type: ignore[arg-type]


async def test_error_is_a_500_and_normal_ends_it(
    fleet: DemoFleet, client: httpx.AsyncClient, name: ServiceName
) -> None:
    await fleet.servers[name].scene("error", message="the disk is on fire")
    answer = await get(fleet, client, name)
    assert answer.status_code == 500
    assert "the disk is on fire" in answer.text
    await fleet.servers[name].scene("normal")
    assert (await get(fleet, client, name)).status_code == 200


async def test_slow_answers_late(fleet: DemoFleet, client: httpx.AsyncClient, name: ServiceName) -> None:
    await fleet.servers[name].scene("slow", latency=0.08)
    answer = await get(fleet, client, name)
    assert answer.status_code == 200
    assert answer.elapsed.total_seconds() >= 0.08


async def test_hang_accepts_and_says_nothing_until_it_ends(
    fleet: DemoFleet, client: httpx.AsyncClient, name: ServiceName
) -> None:
    server = fleet.servers[name]
    await server.scene("hang")
    with pytest.raises(httpx.ReadTimeout):
        await get(fleet, client, name, timeout=httpx.Timeout(PATIENCE, read=0.05))
    await until(lambda: server.requests[-1].closed_early, "the client that gave up was noticed")
    waiting = asyncio.create_task(get(fleet, client, name))
    await until(lambda: len(server.requests) == 2, "the second request arrived")
    await server.scene("normal")
    assert (await waiting).status_code == 200


@pytest.mark.parametrize("variant", ["html", "binary", "truncated", "text", "empty"])
async def test_garbage_is_a_200_that_is_no_json(fleet: DemoFleet, client: httpx.AsyncClient, variant: str) -> None:
    await fleet.ollama.scene("garbage", variant=variant)
    answer = await get(fleet, client, "ollama")
    assert answer.status_code == 200
    with pytest.raises(ValueError):
        json.loads(answer.content)


async def test_huge_is_as_large_as_asked(fleet: DemoFleet, client: httpx.AsyncClient) -> None:
    await fleet.qdrant.scene("huge", size=3_000_000)
    assert len((await get(fleet, client, "qdrant")).json()["data"]) > 100_000
    await fleet.qdrant.scene("huge", variant="endless")
    read = 0
    async with client.stream("GET", f"{fleet.qdrant.url}/collections") as answer:
        async for piece in answer.aiter_bytes():
            read += len(piece)
            if read > 2_000_000:
                break
    await until(lambda: fleet.qdrant.requests[-1].closed_early, "the reader that had enough was noticed")


async def test_down_refuses_and_up_again_is_the_same_address(
    fleet: DemoFleet, client: httpx.AsyncClient, name: ServiceName
) -> None:
    url = fleet.servers[name].url
    await get(fleet, client, name)
    await fleet.servers[name].scene("down")
    with pytest.raises(httpx.ConnectError):
        await get(fleet, client, name)
    await fleet.servers[name].scene("normal")
    assert fleet.servers[name].url == url
    assert (await get(fleet, client, name)).status_code == 200


async def test_restart_is_down_for_a_moment_and_forgets(fleet: DemoFleet, client: httpx.AsyncClient) -> None:
    await fleet.llama_swap.load("qwen3")
    await client.put(f"{fleet.llama_swap.url}/api/profiles/active", json={"name": "coding"})
    await fleet.llama_swap.scene("restart", down_for=0.05, wait=0)
    with pytest.raises(httpx.ConnectError):
        await get(fleet, client, "llama-swap")
    await until(lambda: fleet.llama_swap.playing.name == "normal", "llama-swap is back")
    assert (await client.get(f"{fleet.llama_swap.url}/running")).json() == {"running": []}
    assert (await client.get(f"{fleet.llama_swap.url}/api/profiles")).json()["active"] is None


async def test_loading_and_unauthorized_in_each_servers_words(fleet: DemoFleet, client: httpx.AsyncClient) -> None:
    for server in fleet.servers.values():
        await server.scene("loading")
    question = chat("qwen3:8b")
    assert (await client.post(f"{fleet.llama_swap.url}/v1/chat/completions", json=question)).status_code == 503
    assert "maximum pending requests" in (await client.post(f"{fleet.ollama.url}/api/chat", json=question)).text
    assert (await client.get(f"{fleet.litellm.url}/health/readiness")).json()["db"] == "stalled"
    assert (await client.get(f"{fleet.qdrant.url}/readyz")).text == "some shards are not ready"
    assert (await client.get(f"{fleet.k3s.url}/ping")).status_code == 503
    for server in fleet.servers.values():
        await server.scene("unauthorized")
    refused = await get(fleet, client, "llama-swap")
    assert refused.headers["www-authenticate"] == 'Basic realm="llama-swap"'
    assert refused.json() == {"src": "llama-swap", "error": "unauthorized: invalid or missing API key"}
    assert (await get(fleet, client, "ollama")).json()["error"] == "unauthorized"
    assert (await get(fleet, client, "litellm")).json()["error"]["type"] == "auth_error"
    assert "API key" in (await get(fleet, client, "qdrant")).text
    assert (await get(fleet, client, "k3s")).json()["reason"] == "Unauthorized"
    assert (await client.get(f"{fleet.llama_swap.url}/wol-health")).status_code == 200


async def read_into(received: list[str], answer: httpx.Response) -> None:
    async for piece in answer.aiter_text():
        received.append(piece)


async def test_drop_breaks_a_stream_after_so_many_tokens(fleet: DemoFleet, client: httpx.AsyncClient) -> None:
    await fleet.llama_swap.scene("drop", after=7)
    await fleet.ollama.scene("drop", after=7)
    for url in (f"{fleet.llama_swap.url}/v1/chat/completions", f"{fleet.ollama.url}/api/chat"):
        received: list[str] = []
        model = "gemma" if "completions" in url else "llama3.2"
        async with client.stream("POST", url, json=chat(model, stream=True)) as answer:
            with pytest.raises(httpx.RemoteProtocolError):
                await read_into(received, answer)
        assert "".join(received).count('"content":"') == 7


@pytest.mark.parametrize("name", ["llama-swap", "ollama", "litellm", "qdrant"])
async def test_hostile_answers_are_valid_json_with_names_no_terminal_should_see(
    fleet: DemoFleet, client: httpx.AsyncClient, name: ServiceName
) -> None:
    await fleet.servers[name].scene("hostile")
    text = json.dumps((await get(fleet, client, name)).json())
    assert all(json.dumps(hostile) in text for hostile in HOSTILE_NAMES)
    await fleet.servers[name].scene("hostile", variant="many")
    assert (await get(fleet, client, name)).text.count("model-0") >= MANY_MODELS
    await fleet.servers[name].scene("hostile", variant="deep")
    assert (await get(fleet, client, name)).text.count("[" * 100_000) == 1
    await fleet.servers[name].scene("normal")
    assert "[/red]" not in (await get(fleet, client, name)).text


def test_a_scene_or_variant_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="unauthorized"):
        Scene("nonsense")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="endless"):
        Scene("huge", variant="html")
