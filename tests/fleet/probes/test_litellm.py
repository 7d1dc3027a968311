"""LiteLLM: its groups, their deployments, and every door by which a prompt may leave."""

from __future__ import annotations

import pytest

from tui.demo.http_server import Request, Response, json_response
from tui.fleet.snapshot import Deployment, ModelRole, ModelState, ServiceState

from .canned import KEY, Watched
from .conftest import Watch

FALLBACKS: dict[str, dict[str, list[object]]] = {
    "general": {"flaky": ["local-chat"]},
    "context_window": {"local-chat": ["long"]},
    "content_policy": {},
}
GROUPS = ("local-chat", "flaky", "long")


def group(name: str, kind: str) -> dict[str, object]:
    entry: dict[str, object] = {"id": name, "object": "model", "created": 1677610602, "owned_by": "openai"}
    return {**entry, "mode": "chat", "metadata": {"fallbacks": FALLBACKS[kind].get(name, [])}}


def models(request: Request) -> Response:
    if request.headers.get("authorization") != "Bearer sk-the-right-key":
        return json_response({"error": {"message": "Authentication Error, No api key passed in.", "code": "401"}}, 401)
    assert request.first("include_metadata") == "true"
    kind = request.first("fallback_type") or ""
    return json_response({"data": [group(name, kind) for name in GROUPS], "object": "list"})


def deployment(name: str, model: str, base: str | None, **info: object) -> dict[str, object]:
    params: dict[str, object] = {"model": model}
    if base is not None:
        params["api_base"] = base
    return {"model_name": name, "litellm_params": params, "model_info": {"id": "sha", "db_model": False, **info}}


def serve(it: Watched) -> None:
    it.server.json("/health/liveliness", "I'm alive!")
    it.server.json("/health/readiness", {"status": "healthy", "db": "Not connected"})
    it.server.json("/health/readiness/details", {"litellm_version": "1.108.7", "cache": None, "log_level": "INFO"})
    it.server.answers["/v1/models"] = models
    it.server.json(
        "/model/info",
        {
            "data": [
                deployment("local-chat", "openai/qwen3", "http://localhost:8080/v1", max_input_tokens=None),
                deployment("flaky", "openai/qwen3", "http://iguana:8080/v1", max_input_tokens=8192),
                deployment("flaky", "gpt-4o", None, max_input_tokens=128000),
                deployment("long", "gemini/pro", "", max_input_tokens=1_000_000.0),
            ]
        },
    )


async def test_groups_with_what_stands_behind_them(watch: Watch) -> None:
    it = await watch("litellm", key=KEY)
    serve(it)
    await it.look()
    facts = it.probe.facts()
    assert (facts.version, facts.remarks) == ("1.108.7", ("db none",))
    flaky = it.model("flaky")
    assert (flaky.role, flaky.state) == (ModelRole.GROUP, ModelState.UNKNOWN)
    assert flaky.targets == ("local-chat",)
    assert flaky.deployments == (Deployment("openai/qwen3", "http://iguana:8080/v1"), Deployment("gpt-4o", None))
    assert flaky.context == 8192
    assert it.model("long").deployments == (Deployment("gemini/pro", None),)


async def test_a_prompt_that_is_too_long_may_leave_by_another_door(watch: Watch) -> None:
    it = await watch("litellm", key=KEY)
    serve(it)
    await it.look()
    assert it.model("local-chat").targets == ("long",)


async def test_until_every_door_is_known_no_deployment_is_told(watch: Watch) -> None:
    it = await watch("litellm", key=KEY)
    serve(it)
    await it.look("models")
    assert it.model("local-chat").deployments is None
    it.server.json("/model/info", {"error": {"message": "no"}}, 500)
    await it.refused("deployments")
    assert it.model("local-chat").deployments is None


async def test_fallbacks_of_an_old_version_are_unknown_not_none(watch: Watch) -> None:
    it = await watch("litellm", key=KEY)
    serve(it)
    it.server.json("/v1/models", {"data": [{"id": "local-chat"}], "object": "list"})
    await it.look()
    assert it.model("local-chat").targets is None


@pytest.mark.parametrize(
    ("told", "targets"),
    [
        ([{"model": "long", "temperature": 0}], ("long",)),
        ([{"api_base": "http://x"}], None),
        ([7], None),
        ("long", None),
    ],
)
async def test_a_fallback_written_as_a_table(watch: Watch, told: object, targets: tuple[str, ...] | None) -> None:
    it = await watch("litellm", key=KEY)
    serve(it)
    it.server.json("/v1/models", {"data": [{"id": "local-chat", "metadata": {"fallbacks": told}}]})
    await it.look("models")
    assert it.model("local-chat").targets == targets


async def test_an_old_version_tells_its_version_in_its_readiness(watch: Watch) -> None:
    it = await watch("litellm", key=KEY)
    serve(it)
    it.server.json("/health/readiness", {"status": "healthy", "db": "connected", "litellm_version": "1.83.0"})
    del it.server.answers["/health/readiness/details"]
    await it.look()
    assert (it.probe.facts().version, it.probe.facts().remarks) == ("1.83.0", ())


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"status": "unhealthy", "db": "stalled"}, "is not ready (503): its database is stalled"),
        ({"error": {"message": "still warming up"}}, "is not ready (503): still warming up"),
    ],
)
async def test_a_proxy_that_is_not_ready_is_busy(watch: Watch, body: object, reason: str) -> None:
    it = await watch("litellm", key=KEY)
    serve(it)
    it.server.json("/health/readiness", body, 503)
    failure = await it.refused("readiness")
    assert (failure.state, failure.reason) == (ServiceState.BUSY, reason)
    await it.look("liveliness")


async def test_without_a_key_only_the_models_fail(watch: Watch) -> None:
    it = await watch("litellm")
    serve(it)
    await it.look("liveliness", "readiness", "version")
    for look in ("models", "deployments"):
        failure = await it.refused(look)
        assert failure.state is ServiceState.BUSY
        assert failure.reason.startswith("needs a key (401)")


async def test_a_plain_install_says_500_where_it_means_401(watch: Watch) -> None:
    it = await watch("litellm")
    serve(it)
    it.server.text("/v1/models", "Internal Server Error", 500)
    assert (await it.refused("models")).reason.startswith("needs a key")


async def test_a_wrong_key_without_a_database_is_called_a_wrong_key(watch: Watch) -> None:
    it = await watch("litellm", key=KEY)
    serve(it)
    error = {"message": "No connected db.", "type": "no_db_connection", "param": None, "code": "400"}
    it.server.json("/v1/models", {"error": error}, 400)
    assert (await it.refused("models")).reason == "key refused (400)"


async def test_a_key_that_may_not_see_the_details_does_not_mind(watch: Watch) -> None:
    it = await watch("litellm", key=KEY)
    serve(it)
    it.server.json("/health/readiness/details", {"detail": "admins only"}, 403)
    await it.look()
    assert it.probe.facts().version is None


async def test_something_else_on_its_port(watch: Watch) -> None:
    it = await watch("litellm")
    it.server.text("/health/liveliness", "<!DOCTYPE html><title>router</title>")
    failure = await it.refused()
    assert (failure.state, "not as LiteLLM does" in failure.reason) == (ServiceState.DOWN, True)


async def test_the_key_is_not_shown_to_questions_that_need_none(watch: Watch) -> None:
    it = await watch("litellm", key=KEY)
    serve(it)
    await it.look("liveliness", "readiness")
    assert all("authorization" not in record.headers for record in it.server.http.requests)
