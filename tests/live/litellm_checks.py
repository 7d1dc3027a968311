"""What the panel takes for granted about the LiteLLM proxy, checked with a real one that has no database."""

from __future__ import annotations

import json

from tests.live.checks import Check, Stage
from tests.live.litellm_server import ANSWER
from tests.live.recording import asking


def _chat(model: str, *, streamed: bool) -> dict[str, object]:
    body: dict[str, object] = {"model": model, "messages": [{"role": "user", "content": "Which birds sing?"}]}
    return {**body, "stream": True, "stream_options": {"include_usage": True}} if streamed else body


async def it_is_alive_without_a_key(stage: Stage) -> None:
    server = await stage.litellm()
    async with asking(server.process.url) as client:
        assert (await client.get("/health/liveliness")).json() == "I'm alive!"
        assert (await client.get("/health/readiness")).json()["db"] == "Not connected"


async def a_wrong_key_is_told_as_a_missing_database(stage: Stage) -> None:
    server = await stage.litellm()
    async with asking(server.process.url, {"Authorization": "Bearer sk-wrong"}) as client:
        answer = await client.get("/v1/models")
        assert answer.status_code == 400
        assert answer.json()["error"]["type"] == "no_db_connection"


async def its_models_and_where_they_fall_back_to(stage: Stage) -> None:
    server = await stage.litellm()
    async with asking(server.process.url, server.headers) as client:
        asked = {"include_metadata": "true", "fallback_type": "general"}
        listed = (await client.get("/v1/models", params=asked)).json()["data"]
        fallbacks = {entry["id"]: entry["metadata"]["fallbacks"] for entry in listed}
        assert fallbacks == {"local-chat": [], "flaky": ["local-chat"], "mocky": [], "dead": []}
        settings = (await client.get("/get/config/callbacks")).json()["router_settings"]
        assert settings["fallbacks"] == [{"flaky": ["local-chat"]}]


async def a_deployment_says_where_it_points_and_no_key(stage: Stage) -> None:
    server = await stage.litellm()
    async with asking(server.process.url, server.headers) as client:
        answer = await client.get("/model/info")
        bases = {entry["model_name"]: entry["litellm_params"].get("api_base") for entry in answer.json()["data"]}
        assert bases["mocky"] is None
        assert str(bases["flaky"]).startswith("http://127.0.0.1:")
        assert "sk-unused" not in answer.text
        assert server.key not in answer.text


async def a_chat_streams_and_counts(stage: Stage) -> None:
    server = await stage.litellm()
    async with asking(server.process.url, server.headers) as client:
        answer = await client.post("/v1/chat/completions", json=_chat("mocky", streamed=True))
    events = [line[6:] for line in answer.text.splitlines() if line.startswith("data: ")]
    assert events[-1] == "[DONE]"
    chunks = [json.loads(event) for event in events[:-1]]
    said = "".join(choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"])
    assert said == ANSWER
    assert chunks[-1]["usage"]["completion_tokens"] > 0


async def a_fallback_shows_in_the_headers(stage: Stage) -> None:
    server = await stage.litellm()
    async with asking(server.process.url, server.headers) as client:
        for streamed in (False, True):
            answer = await client.post("/v1/chat/completions", json=_chat("flaky", streamed=streamed))
            assert answer.status_code == 200
            assert answer.headers["x-litellm-attempted-fallbacks"] == "1"
            assert answer.headers["x-litellm-model-group"] == "local-chat"


async def a_dead_deployment_fails_with_a_reason(stage: Stage) -> None:
    server = await stage.litellm()
    async with asking(server.process.url, server.headers) as client:
        answer = await client.post("/v1/chat/completions", json=_chat("dead", streamed=False))
        assert answer.status_code == 500
        assert answer.json()["error"]["message"]
        assert isinstance(answer.json()["error"]["code"], str)


async def a_killed_server_comes_back_on_its_port(stage: Stage) -> None:
    server = await stage.litellm()
    await server.process.restart()
    async with asking(server.process.url, server.headers) as client:
        assert (await client.get("/v1/models")).status_code == 200


CHECKS = (
    Check("litellm: it says that it lives, and of its database, without a key", it_is_alive_without_a_key),
    Check("litellm: a wrong key is answered 400 no_db_connection", a_wrong_key_is_told_as_a_missing_database),
    Check("litellm: /v1/models and the settings tell the fallbacks", its_models_and_where_they_fall_back_to),
    Check("litellm: /model/info tells the base and hides the keys", a_deployment_says_where_it_points_and_no_key),
    Check("litellm: a chat streams, and ends with its usage and [DONE]", a_chat_streams_and_counts),
    Check("litellm: a fallback shows in the headers", a_fallback_shows_in_the_headers),
    Check("litellm: a dead deployment without fallback is a 500 with a reason", a_dead_deployment_fails_with_a_reason),
    Check("litellm: after kill -9 it comes back on its port", a_killed_server_comes_back_on_its_port),
)
