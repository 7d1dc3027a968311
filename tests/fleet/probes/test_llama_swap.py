"""llama-swap: what it lists and what it is asked."""

from __future__ import annotations

import math

import pytest

from tui.fleet.snapshot import ModelRole, ModelState

from .canned import KEY
from .conftest import Watch
from .llama_swap_server import clocked, listed, listening, serve, status


async def test_what_a_new_version_lists(watch: Watch) -> None:
    it = await watch("llama-swap", key=KEY)
    serve(
        it,
        listed("big", name="Big", description="thinks", context_length=32000, aliases=["gpt-4o", "o1"]),
        listed("small", status={"value": "unloaded"}),
        listed("openrouter/glm", "peer", peerID="openrouter", name="openrouter: glm"),
        listed("pick", "selector", targets=["small", "big"]),
        listed("away", "selector", targets=["small", "glm"]),
        running=[{"model": "big", "state": "ready", "cmd": "x --api-key sk-1", "ttl": 60}],
    )
    await it.look()
    assert it.probe.facts().version == "v250"
    big = it.model("big")
    assert (big.state, big.about, big.context, big.ttl, big.until) == (ModelState.READY, "thinks", 32000, 60.0, None)
    assert it.model("small").state is ModelState.IDLE
    assert (it.model("o1").role, it.model("o1").targets, it.model("o1").state) == (
        ModelRole.ALIAS,
        ("big",),
        ModelState.READY,
    )
    assert (it.model("openrouter/glm").role, it.model("openrouter/glm").remote) == (ModelRole.PEER, "peer openrouter")
    assert (it.model("pick").role, it.model("pick").state) == (ModelRole.SELECTOR, ModelState.READY)
    assert it.model("away").remote == "peer openrouter"
    liveness = it.server.http.requests.to("/wol-health")[0]
    assert "authorization" not in liveness.headers
    assert all("sk-1" not in answer.text for answer in it.asker.answers)


async def test_what_an_old_version_answers(watch: Watch) -> None:
    it = await watch("llama-swap")
    it.server.text("/health", "OK")
    it.server.json("/v1/models", {"data": [{"id": "a", "object": "model"}, {"id": "b"}]})
    it.server.json("/running", {"running": [{"model": "b", "state": "ready"}]})
    await it.look()
    await it.look("liveness")
    assert {name: model.state for name, model in it.models.items()} == {"a": ModelState.IDLE, "b": ModelState.READY}
    assert it.model("b").until is None
    assert it.probe.facts().version is None
    assert it.server.asked("/wol-health") == 1


@pytest.mark.parametrize(
    ("running", "expected"), [(None, {}), ([], {}), ([{"model": "x", "state": "odd"}], {"x": "unknown"})]
)
async def test_lists_may_be_null_and_states_new(watch: Watch, running: object, expected: dict[str, str]) -> None:
    it = await watch("llama-swap")
    serve(it)
    it.server.json("/v1/models", {"object": "list", "data": None})
    it.server.json("/running", {"running": running})
    it.server.json("/api/profiles", {"active": None, "profiles": None})
    await it.look()
    assert {name: model.state.value for name, model in it.models.items()} == expected


async def test_a_build_from_source_is_known_by_its_commit(watch: Watch) -> None:
    it = await watch("llama-swap")
    serve(it)
    it.server.json("/api/version", {"version": "0", "commit": "abcd1234", "build_date": "unknown"})
    await it.look("version")
    assert it.probe.facts().version == "abcd1234"


async def test_a_model_that_never_goes(watch: Watch) -> None:
    it = await watch("llama-swap")
    serve(it, listed("kept"), running=[{"model": "kept", "state": "ready", "ttl": 0}])
    await it.look()
    assert (it.model("kept").until, it.model("kept").ttl) == (math.inf, None)


async def test_loaded_in_the_list_is_not_yet_ready(watch: Watch) -> None:
    it = await watch("llama-swap")
    serve(it, listed("a", status={"value": "loaded"}), listed("b", status={"value": "unloaded"}))
    await it.look("models")
    assert {name: model.state for name, model in it.models.items()} == {"a": ModelState.UNKNOWN, "b": ModelState.IDLE}


async def test_an_active_profile_leads_names_elsewhere(watch: Watch) -> None:
    it = await watch("llama-swap")
    serve(it, listed("a"), listed("b"), listed("p/x", "peer", peerID="p"), listed("code", "profile"))
    pins = {"code": "a", "b": "x", "a": "", "self": "b"}
    profiles = [{"id": "work", "description": "", "pins": pins}, {"id": "none", "pins": None}]
    it.server.json("/api/profiles", {"active": "work", "profiles": profiles})
    await it.look()
    assert it.probe.facts().remarks == ("profile work",)
    assert (it.model("code").targets, it.model("code").state) == (("a",), ModelState.IDLE)
    assert (it.model("b").role, it.model("b").remote) == (ModelRole.PROFILE, "peer p")
    assert it.model("a").reason == "profile work answers 404 for it"
    assert it.model("self").remote is None, "pins do not chain: b is the model here"
    it.server.json("/api/profiles", {"active": None, "profiles": profiles})
    await it.look("profiles")
    assert set(it.models) == {"a", "b", "p/x"}


async def test_a_profile_that_is_not_known_claims_nothing(watch: Watch) -> None:
    it = await watch("llama-swap")
    serve(it, listed("code", "profile"))
    it.server.json("/api/profiles", {"active": "new", "profiles": []})
    await it.look()
    assert it.model("code").targets is None


async def test_without_the_stream_running_is_asked_often_and_with_it_rarely(watch: Watch) -> None:
    it, clock = await clocked(watch)
    stream = serve(it, listed("a"))
    await it.look("models", "running models")
    await it.look("running models")
    assert it.server.asked("/running") == 2
    async with listening(it):
        stream.send("modelStatus", [status("a", "stopped")])
        stream.send("modelStatus", [status("a", "stopping")])
        await it.until(lambda: it.model("a").state is ModelState.STOPPING)
        for clock.now in range(1_800_000_005, 1_800_000_120, 5):
            await it.look("running models")
    assert it.server.asked("/running") == 3
    clock.now += 5
    await it.look("running models")
    assert it.server.asked("/running") == 4
