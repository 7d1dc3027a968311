"""Qdrant, k3s and the OpenAI-like servers, as far as a panel looks at them."""

from __future__ import annotations

import httpx

from tests.demo.waiting import chat, chunks_of, text_of
from tui.demo.fleet import DemoFleet


async def test_qdrant(fleet: DemoFleet, client: httpx.AsyncClient) -> None:
    url = fleet.qdrant.url
    root = (await client.get(url)).json()
    assert (root["title"], root["version"]) == ("qdrant - vector search engine", "1.19.0")
    assert (await client.get(f"{url}/healthz")).text == "healthz check passed"
    assert (await client.get(f"{url}/readyz")).text == "all shards are ready"
    listed = (await client.get(f"{url}/collections")).json()
    assert listed["result"]["collections"][0] == {"name": "notes"}
    assert listed["status"] == "ok"
    mail = (await client.get(f"{url}/collections/mail")).json()["result"]
    assert (mail["status"], mail["points_count"], mail["optimizer_status"]) == ("yellow", 402, "ok")
    missing = await client.get(f"{url}/collections/nope")
    assert missing.status_code == 404
    assert "nope" in missing.json()["status"]["error"]


async def test_qdrant_asks_for_its_key_where_one_is_set() -> None:
    async with DemoFleet(every_key=True) as fleet, httpx.AsyncClient(verify=False, base_url=fleet.qdrant.url) as client:
        assert (await client.get("/healthz")).status_code == 200
        refused = await client.get("/collections")
        assert (refused.status_code, refused.headers["content-type"]) == (401, "text/plain")
        assert (await client.get("/collections", headers={"api-key": "sk-demo"})).status_code == 200


async def test_k3s_answers_ping_and_refuses_the_rest(fleet: DemoFleet, client: httpx.AsyncClient) -> None:
    assert (await client.get(f"{fleet.k3s.url}/ping")).text == "pong"
    refused = await client.get(f"{fleet.k3s.url}/readyz")
    assert (refused.status_code, refused.json()["kind"], refused.json()["code"]) == (401, "Status", 401)


async def test_many_small_servers(client: httpx.AsyncClient) -> None:
    async with DemoFleet(extra_services=300, services=[]) as fleet:
        assert len({server.port for server in fleet.extra}) == 300
        url = fleet.extra[-1].url
        assert (await client.get(f"{url}/v1/models")).json()["data"][0]["id"] == "model-299"
        question = chat("model-299", stream=True, max_tokens=5)
        chunks = chunks_of((await client.post(f"{url}/v1/chat/completions", json=question)).text)
        assert text_of(chunks)
        assert chunks[-1]["choices"][0]["finish_reason"] == "length"
