"""LiteLLM's look-alike: groups, deployments, fallbacks, keys and errors, as 1.106 without a database has them."""

from __future__ import annotations

import httpx
import pytest

from tests.demo.waiting import chat, chunks_of, text_of
from tui.demo.fleet import DemoFleet


async def test_health_needs_no_key_and_the_rest_does(fleet: DemoFleet) -> None:
    async with httpx.AsyncClient(verify=False, base_url=fleet.litellm.url) as stranger:
        for path in ("/health/liveliness", "/health/liveness"):
            assert (await stranger.get(path)).json() == "I'm alive!"
        assert (await stranger.get("/health/readiness")).json() == {"status": "healthy", "db": "Not connected"}
        refused = await stranger.get("/v1/models")
        assert refused.status_code == 401
        assert refused.json()["error"] == {
            "message": "Authentication Error, No api key passed in.",
            "type": "auth_error",
            "param": "None",
            "code": "401",
        }
        wrong = await stranger.get("/v1/models", headers={"authorization": "Bearer sk-wrong"})
        assert wrong.status_code == 400
        assert wrong.json()["error"]["type"] == "no_db_connection"


async def test_groups_and_their_fallbacks(fleet: DemoFleet, client: httpx.AsyncClient) -> None:
    url = fleet.litellm.url
    plain = (await client.get(f"{url}/v1/models")).json()
    assert plain["object"] == "list"
    assert all("metadata" not in row for row in plain["data"])
    full = (await client.get(f"{url}/v1/models?include_metadata=true&fallback_type=general")).json()["data"]
    fallbacks = {row["id"]: row["metadata"]["fallbacks"] for row in full}
    assert fallbacks["flaky"] == ["local-chat"]
    assert fallbacks["mixed"] == ["gpt-5.2"]
    assert fallbacks["local-chat"] == []
    settings = (await client.get(f"{url}/get/config/callbacks")).json()["router_settings"]
    assert settings["fallbacks"] == [{"flaky": ["local-chat"]}, {"mixed": ["gpt-5.2"]}]
    fields = (await client.get(f"{url}/router/settings")).json()["fields"]
    assert {"routing_strategy", "fallbacks", "cooldown_time"} <= {field["field_name"] for field in fields}
    unknown = await client.get(f"{url}/v1/models/nope")
    assert (unknown.status_code, set(unknown.json())) == (404, {"detail"})


async def test_deployments_point_home_or_away(fleet: DemoFleet, client: httpx.AsyncClient) -> None:
    rows = (await client.get(f"{fleet.litellm.url}/model/info")).json()["data"]
    assert rows == (await client.get(f"{fleet.litellm.url}/v1/model/info")).json()["data"]
    bases = {row["model_name"]: row["litellm_params"].get("api_base") for row in rows}
    assert bases["local-chat"] == f"http://localhost:{fleet.llama_swap.port}/v1"
    assert bases["local-small"] == f"http://localhost:{fleet.ollama.port}/v1"
    assert bases["gpt-5.2"] == "https://api.openai.com/v1"
    first = rows[0]["model_info"]
    assert len(first["id"]) == 64
    assert first["db_model"] is False
    assert sum(value is None for value in first.values()) > 40
    one = (await client.get(f"{fleet.litellm.url}/model/info?litellm_model_id={first['id']}")).json()["data"]
    assert [row["model_name"] for row in one] == ["local-chat"]
    groups = (await client.get(f"{fleet.litellm.url}/model_group/info")).json()["data"]
    assert {row["model_group"] for row in groups} == set(bases)


async def test_a_fallback_shows_in_the_headers_and_not_in_the_body(fleet: DemoFleet, client: httpx.AsyncClient) -> None:
    url = f"{fleet.litellm.url}/v1/chat/completions"
    whole = await client.post(url, json=chat("flaky"))
    assert whole.headers["x-litellm-attempted-fallbacks"] == "1"
    assert whole.headers["x-litellm-model-group"] == "local-chat"
    assert whole.json()["model"] == "qwen3"
    streamed = await client.post(url, json=chat("flaky", stream=True))
    assert streamed.headers["x-litellm-model-group"] == "local-chat"
    chunks = chunks_of(streamed.text)
    assert chunks[0]["model"] == "local-chat"
    assert text_of(chunks, "reasoning_content")
    assert text_of(chunks) == whole.json()["choices"][0]["message"]["content"]
    assert "timings" not in streamed.text
    direct = await client.post(url, json=chat("local-chat", max_tokens=1))
    assert direct.headers["x-litellm-attempted-fallbacks"] == "0"


async def test_a_local_group_loads_the_model_on_its_own_server(fleet: DemoFleet, client: httpx.AsyncClient) -> None:
    await client.post(f"{fleet.litellm.url}/v1/chat/completions", json=chat("local-code", max_tokens=1))
    assert [process.name for process in fleet.llama_swap.processes.running()] == ["coder"]
    await fleet.llama_swap.scene("down")
    away = await client.post(f"{fleet.litellm.url}/v1/chat/completions", json=chat("mixed", max_tokens=1))
    assert away.headers["x-litellm-model-group"] == "gpt-5.2", "the group left the house"


async def test_costs_are_told_where_there_is_a_price(fleet: DemoFleet, client: httpx.AsyncClient) -> None:
    url = f"{fleet.litellm.url}/v1/chat/completions"
    whole = await client.post(url, json=chat("gpt-5.2"))
    assert float(whole.headers["x-litellm-response-cost"]) > 0
    question = chat("gpt-5.2", stream=True, stream_options={"include_usage": True})
    streamed = await client.post(url, json=question)
    assert "x-litellm-response-cost" not in streamed.headers
    last = chunks_of(streamed.text)[-1]
    assert last["choices"] == [{"index": 0, "delta": {}}]
    assert last["usage"]["cost"] > 0
    assert "x-litellm-response-cost" not in (await client.post(url, json=chat("local-chat"))).headers


@pytest.mark.parametrize(
    ("group", "status", "kind"),
    [
        ("nope", 400, "invalid_request_error"),
        ("dead", 500, "internal_server_error"),
        ("rate-limited", 429, "throttling_error"),
        ("cooling-down", 429, "all_deployments_in_cooldown"),
    ],
)
async def test_errors_before_the_first_token(
    fleet: DemoFleet, client: httpx.AsyncClient, group: str, status: int, kind: str
) -> None:
    failed = await client.post(f"{fleet.litellm.url}/v1/chat/completions", json=chat(group, stream=True))
    assert failed.status_code == status
    error = failed.json()["error"]
    assert (error["type"], error["code"]) == (kind, str(status))
    assert (failed.headers.get("llm_provider-retry-after") == "7") == (group == "rate-limited")
    assert ("Try again in 20 seconds" in error["message"]) == (group == "cooling-down")


async def test_an_error_in_the_middle_comes_as_data_and_without_done(
    fleet: DemoFleet, client: httpx.AsyncClient
) -> None:
    url = f"{fleet.litellm.url}/v1/chat/completions"
    answer = await client.post(url, json=chat("breaks-midway", stream=True))
    assert answer.status_code == 200
    *chunks, last = chunks_of(answer.text)
    assert text_of(chunks)
    assert set(last["error"]) == {"message", "type", "param", "code"}
    assert "[DONE]" not in answer.text


async def test_messages_stream(fleet: DemoFleet, client: httpx.AsyncClient) -> None:
    answer = await client.post(f"{fleet.litellm.url}/v1/messages", json=chat("claude-sonnet", stream=True))
    assert answer.text.startswith("event: message_start\n")
    assert '"type":"message_stop"' in answer.text


async def test_the_health_check_that_costs_money_is_counted(fleet: DemoFleet, client: httpx.AsyncClient) -> None:
    assert fleet.litellm.health_checks == 0
    body = (await client.get(f"{fleet.litellm.url}/health")).json()
    assert fleet.litellm.health_checks == 1
    assert body["unhealthy_count"] == len(body["unhealthy_endpoints"]) > 0
    assert "model_id" in body["healthy_endpoints"][0]


async def test_what_needs_a_database_fails_in_its_own_shapes(fleet: DemoFleet, client: httpx.AsyncClient) -> None:
    for path in ("/health/latest", "/global/spend/models"):
        failed = await client.get(fleet.litellm.url + path)
        assert failed.status_code == 500
        assert isinstance(failed.json()["detail"], dict)


async def test_without_a_master_key_nobody_is_asked() -> None:
    async with DemoFleet(keys=False, services=["litellm"]) as fleet, httpx.AsyncClient(verify=False) as stranger:
        assert (await stranger.get(f"{fleet.litellm.url}/v1/models")).status_code == 200
        assert "FLEETDECK_DEMO_KEY" not in fleet.config_toml()
