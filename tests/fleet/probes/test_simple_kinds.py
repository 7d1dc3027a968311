"""Plain web pages, Qdrant, OpenAI-style and Anthropic APIs."""

from __future__ import annotations

import pytest

from tui.demo.http_server import Request, Response, json_response
from tui.fleet.probes.openai import api_path
from tui.fleet.snapshot import ModelState, ServiceState

from .canned import KEY, settings_for
from .conftest import Watch


async def test_a_page_is_alive_when_it_comes(watch: Watch) -> None:
    it = await watch("http", path="/ping")
    it.server.text("/ping", "anything")
    await it.look()
    assert it.asker.latency is not None


async def test_the_url_is_asked_to_the_letter(watch: Watch) -> None:
    it = await watch("http", path="/ping/")
    it.server.text("/ping/", "pong")
    await it.look()
    assert it.asker.answers[0].request == "GET /ping/"


async def test_a_page_without_the_expected_words_is_down(watch: Watch) -> None:
    it = await watch("http", path="/ping", expect="pong")
    it.server.text("/ping", "ping")
    failure = await it.refused()
    assert failure.state is ServiceState.DOWN
    assert failure.reason == "answered 200, but without “pong”"
    it.server.text("/ping", "…pong…")
    await it.look()


async def test_an_error_page_is_no_answer_even_with_the_expected_words(watch: Watch) -> None:
    it = await watch("http", path="/ping", expect="ok")
    it.server.text("/ping", "lookup failed", 500)
    assert (await it.refused()).reason == "answered 500: lookup failed"


async def test_a_redirect_is_reported_and_not_followed(watch: Watch) -> None:
    it = await watch("http", path="/ping", key=KEY)
    it.server.answers["/ping"] = Response(302, b"", "text/html", (("location", "/elsewhere"),))
    assert "redirects elsewhere (302)" in (await it.refused()).reason
    assert it.server.asked("/elsewhere") == 0


@pytest.mark.parametrize("kind", ["http", "ollama", "qdrant", "vllm", "llama-swap", "litellm", "localai"])
async def test_the_persons_refresh_sets_the_pace_of_the_liveness(watch: Watch, kind: str) -> None:
    assert (await watch(kind, refresh=0.7)).probe.looks[0].period == 0.7


async def test_qdrant_ready_with_its_collections(watch: Watch) -> None:
    it = await watch("qdrant", key=KEY)
    it.server.text("/readyz", "all shards are ready")
    it.server.json("/", {"title": "qdrant - vector search engine", "version": "1.19.0", "commit": "74f3e85b"})
    it.server.json(
        "/collections", {"result": {"collections": [{"name": "a"}, {"name": "b"}]}, "status": "ok", "time": 0}
    )
    await it.look()
    assert it.probe.facts().version == "1.19.0"
    assert it.probe.facts().remarks == ("2 collections",)
    assert [bool(r.headers.get("api-key")) for r in it.server.http.requests] == [False, False, True]


async def test_qdrant_whose_shards_are_not_ready_is_starting(watch: Watch) -> None:
    it = await watch("qdrant")
    it.server.text("/readyz", "some shards are not ready", 503)
    failure = await it.refused()
    assert (failure.state, failure.reason) == (ServiceState.STARTING, "some shards are not ready")


async def test_an_old_qdrant_is_asked_for_its_title_once_and_for_all(watch: Watch) -> None:
    it = await watch("qdrant")
    it.server.json("/", {"title": "qdrant - vector search engine", "version": "1.4.1"})
    await it.look("readiness")
    await it.look("readiness")
    assert it.server.asked("/readyz") == 1
    assert it.probe.facts().version == "1.4.1"


async def test_another_server_on_qdrants_port_is_not_qdrant(watch: Watch) -> None:
    it = await watch("qdrant")
    it.server.text("/readyz", "<html>Sign in</html>")
    failure = await it.refused()
    assert failure.state is ServiceState.DOWN
    assert "not as Qdrant does" in failure.reason


async def test_qdrant_without_its_key(watch: Watch) -> None:
    it = await watch("qdrant")
    it.server.text("/collections", "Must provide an API key or an Authorization bearer token", 401)
    failure = await it.refused("collections")
    assert failure.state is ServiceState.BUSY
    assert failure.reason.startswith("needs a key (401)")


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("http://koala:8000", "/v1/models"),
        ("http://koala:8000/", "/v1/models"),
        ("https://api.openai.com/v1", "/models"),
        ("https://api.openai.com/v1/", "/models"),
        ("https://host/v1beta/openai", "/models"),
        ("https://api.z.ai/api/paas/v4", "/models"),
    ],
)
def test_a_url_with_a_path_is_the_base_of_the_api(url: str, path: str) -> None:
    assert api_path(url, "/models") == path


@pytest.mark.parametrize(
    ("url", "period"),
    [
        ("http://koala:8000", 60.0),
        ("http://192.168.1.7:8000", 60.0),
        ("http://100.85.116.57:8000", 60.0),
        ("http://[fd7a::1]:8000", 60.0),
        ("http://koala.tail1234.ts.net", 60.0),
        ("https://api.openai.com/v1", 300.0),
        ("https://8.8.8.8/v1", 300.0),
    ],
)
def test_a_providers_list_is_asked_for_rarely(url: str, period: float) -> None:
    from tui.fleet.probes.registry import probe_for

    assert probe_for(settings_for("openai", url)).looks[0].period == period


@pytest.mark.parametrize("path", ["", "/v1"])
async def test_openai_models_with_the_context_that_some_tell(watch: Watch, path: str) -> None:
    it = await watch("openai", path=path, key=KEY)
    it.server.json(
        "/v1/models",
        {
            "object": "list",
            "data": [
                {"id": "gpt-5.2", "object": "model", "created": 1, "owned_by": "openai"},
                {"id": "glm/4.7", "name": "GLM 4.7", "context_length": 200000, "description": None},
                {"id": "fast", "context_window": 131072.0},
                {"id": "fast", "context_window": 1},
                {"id": ""},
                {"id": None},
            ],
        },
    )
    await it.look()
    assert list(it.models) == ["gpt-5.2", "glm/4.7", "fast"]
    assert it.model("gpt-5.2").state is ModelState.UNKNOWN
    assert it.model("glm/4.7").context == 200000
    assert it.model("glm/4.7").about == "GLM 4.7"
    assert it.model("fast").context == 131072


async def test_a_refused_key_is_no_outage(watch: Watch) -> None:
    it = await watch("openai", key=KEY)
    it.server.json("/v1/models", {"error": {"message": "Incorrect API key provided: sk-abcdef123456"}}, 401)
    failure = await it.refused()
    assert failure.state is ServiceState.BUSY
    assert failure.reason.startswith("key refused (401): Incorrect API key provided")
    assert "sk-abcdef123456" not in failure.reason


async def test_a_list_that_is_missing_is_no_empty_list(watch: Watch) -> None:
    it = await watch("openai")
    it.server.json("/v1/models", {"object": "list"})
    assert "other JSON than expected" in (await it.refused()).reason
    it.server.json("/v1/models", {"object": "list", "data": None})
    await it.look()
    assert it.models == {}


async def test_anthropics_list_is_read_page_by_page(watch: Watch) -> None:
    def page(request: Request) -> Response:
        assert request.headers["x-api-key"] == "sk-the-right-key"
        assert request.first("limit") == "1000"
        after = request.first("after_id")
        if after is None:
            first = {"id": "claude/a b", "type": "model", "display_name": "Claude A"}
            return json_response({"data": [first], "has_more": True, "first_id": "claude/a b", "last_id": "claude/a b"})
        assert after == "claude/a b"
        return json_response({"data": [{"id": "claude-b", "max_input_tokens": 200000}], "has_more": False})

    it = await watch("anthropic", key=KEY)
    it.server.answers["/v1/models"] = page
    await it.look()
    assert list(it.models) == ["claude/a b", "claude-b"]
    assert it.model("claude/a b").about == "Claude A"
    assert it.model("claude-b").context == 200000


async def test_a_list_without_an_end_is_left_after_some_pages(watch: Watch) -> None:
    it = await watch("anthropic", key=KEY)
    it.server.json("/v1/models", {"data": [{"id": "again"}], "has_more": True, "last_id": "again"})
    await it.look()
    assert list(it.models) == ["again"]
    assert it.server.asked("/v1/models") == 10
