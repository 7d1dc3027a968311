"""vLLM, LocalAI and llama-server."""

from __future__ import annotations

import pytest

from tui.fleet.snapshot import ModelState, ServiceState

from .canned import KEY, Watched
from .conftest import Watch

METRICS = """# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="org/a } b"} 2.0
vllm:num_requests_running{engine="1",model_name="org/a } b"} 1.0
vllm:num_requests_waiting{engine="0",model_name="org/a } b"} 3.0
vllm:num_requests_waiting_by_reason{reason="capacity"} 50.0
vllm:kv_cache_usage_perc{engine="0"} 0.5
"""


def serve_vllm(it: Watched) -> None:
    it.server.text("/health", "")
    it.server.json("/version", {"version": "0.33.0"})
    it.server.text("/metrics", METRICS)
    entries: list[dict[str, object]] = [
        {"id": "org/model", "object": "model", "owned_by": "vllm", "root": "org/model", "parent": None},
        {"id": "sql", "object": "model", "root": "/adapters/sql", "parent": "org/model"},
    ]
    it.server.json("/v1/models", {"object": "list", "data": [{**entries[0], "max_model_len": 32768}, entries[1]]})


async def test_vllm_has_in_memory_what_it_lists(watch: Watch) -> None:
    it = await watch("vllm", key=KEY)
    serve_vllm(it)
    await it.look()
    facts = it.probe.facts()
    assert (facts.version, facts.in_flight) == ("0.33.0", 6)
    assert (it.model("org/model").state, it.model("org/model").context) == (ModelState.READY, 32768)
    assert it.model("sql").about == "adapter of org/model"


async def test_a_dead_engine_is_no_ready_model(watch: Watch) -> None:
    it = await watch("vllm")
    serve_vllm(it)
    await it.look()
    it.server.text("/health", "", 503)
    failure = await it.refused()
    assert (failure.state, failure.reason) == (ServiceState.DOWN, "its engine is dead (503): restart it")
    assert it.model("org/model").state is ModelState.UNKNOWN


async def test_vllm_without_figures(watch: Watch) -> None:
    it = await watch("vllm")
    serve_vllm(it)
    del it.server.answers["/metrics"]
    await it.look()
    assert it.probe.facts().in_flight is None
    it.server.text("/metrics", "vllm:num_requests_running nan\n# nothing else\n")
    await it.look("requests")
    assert it.probe.facts().in_flight is None


async def test_vllm_that_needs_a_key_says_so_in_a_string(watch: Watch) -> None:
    it = await watch("vllm")
    serve_vllm(it)
    it.server.json("/v1/models", {"error": "Unauthorized"}, 401)
    assert (await it.refused("models")).reason == "needs a key (401): Unauthorized"


def serve_localai(it: Watched) -> None:
    it.server.text("/readyz", "")
    it.server.json("/version", {"version": "v4.9.0"})
    it.server.json("/v1/models", {"object": "list", "data": [{"id": "a", "object": "model"}, {"id": "b"}]})
    it.server.json(
        "/system", {"backends": ["llama-cpp"], "loaded_models": [{"id": "b", "backend": "llama-cpp"}, {"id": "c"}]}
    )


async def test_localai_tells_what_is_loaded(watch: Watch) -> None:
    it = await watch("localai")
    serve_localai(it)
    await it.look()
    assert it.probe.facts().version == "v4.9.0"
    states = {name: model.state for name, model in it.models.items()}
    assert states == {"a": ModelState.IDLE, "b": ModelState.READY, "c": ModelState.READY}
    it.server.json("/system", {"backends": None, "loaded_models": None})
    await it.look()
    assert set(it.models) == {"a", "b"}
    assert it.model("b").state is ModelState.IDLE


async def test_localai_that_starts_says_why(watch: Watch) -> None:
    it = await watch("localai")
    it.server.json("/readyz", {"status": "starting", "reason": "startup preload in progress"}, 503)
    failure = await it.refused()
    assert (failure.state, failure.reason) == (ServiceState.STARTING, "startup preload in progress")


async def test_a_users_key_is_enough_for_localai(watch: Watch) -> None:
    it = await watch("localai", key=KEY)
    serve_localai(it)
    it.server.json("/system", {"error": {"message": "admin only"}}, 403)
    await it.look()
    assert it.model("a").state is ModelState.UNKNOWN
    assert it.model("a").reason == "whether it is loaded is not told to this key"


def serve_llama_server(it: Watched, **props: object) -> None:
    it.server.json("/health", {"status": "ok"})
    meta = {"vocab_type": 2, "n_ctx_train": 131072, "n_params": 8030261312, "size": 4912898304}
    it.server.json("/v1/models", {"object": "list", "data": [{"id": "qwen3", "owned_by": "llamacpp", "meta": meta}]})
    told = {"default_generation_settings": {"n_ctx": 8192}, "total_slots": 2, "build_info": "b6000-abc123"}
    it.server.json("/props", {**told, **props})
    it.server.json("/slots", [{"id": 0, "is_processing": True}, {"id": 1, "is_processing": False}])


async def test_llama_server_with_its_one_model(watch: Watch) -> None:
    it = await watch("llama-server")
    serve_llama_server(it)
    await it.look()
    await it.look()
    facts = it.probe.facts()
    assert (facts.version, facts.in_flight) == ("b6000-abc123", 1)
    model = it.model("qwen3")
    assert (model.state, model.context, model.size) == (ModelState.READY, 8192, 4912898304)
    assert it.server.asked("/props") == 1


async def test_old_slots_say_busy_with_a_number(watch: Watch) -> None:
    it = await watch("llama-server")
    serve_llama_server(it)
    it.server.json("/slots", [{"id": 0, "state": 1}, {"id": 1, "state": 0}])
    await it.look()
    assert it.probe.facts().in_flight == 1


async def test_slots_that_are_switched_off_are_asked_for_once(watch: Watch) -> None:
    it = await watch("llama-server")
    serve_llama_server(it)
    it.server.json("/slots", {"error": {"code": 501, "type": "not_supported_error", "message": "no"}}, 501)
    await it.look()
    await it.look()
    assert it.probe.facts().in_flight is None
    assert it.server.asked("/slots") == 1


async def test_a_server_that_may_sleep_is_never_woken(watch: Watch) -> None:
    it = await watch("llama-server")
    serve_llama_server(it, is_sleeping=False)
    await it.look()
    assert it.model("qwen3").state is ModelState.READY
    serve_llama_server(it, is_sleeping=True)
    await it.look()
    assert (it.model("qwen3").state, it.model("qwen3").reason) == (ModelState.IDLE, "asleep: the next request wakes it")
    assert it.server.asked("/slots") == 0


async def test_a_routers_models_and_nothing_that_loads_one(watch: Watch) -> None:
    it = await watch("llama-server")
    it.server.json("/health", {"status": "ok"})
    statuses: dict[str, dict[str, object]] = {
        "a": {"value": "loaded"},
        "b": {"value": "unloaded"},
        "c": {"value": "loading"},
        "d": {"value": "sleeping"},
        "e": {"value": "unloaded", "failed": True, "exit_code": 1},
        "f": {"value": "downloading"},
        "g": {"value": "something new"},
    }
    it.server.json("/v1/models", {"data": [{"id": name, "status": status} for name, status in statuses.items()]})
    await it.look()
    shown = {name: (model.state, model.reason) for name, model in it.models.items()}
    assert shown == {
        "a": (ModelState.READY, ""),
        "b": (ModelState.IDLE, ""),
        "c": (ModelState.STARTING, ""),
        "d": (ModelState.IDLE, "asleep: the next request wakes it"),
        "e": (ModelState.IDLE, "failed to start (exit code 1)"),
        "f": (ModelState.STARTING, "being downloaded"),
        "g": (ModelState.UNKNOWN, ""),
    }
    assert it.server.asked("/props") == it.server.asked("/slots") == 0


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}},
        {"status": "loading model"},
    ],
)
async def test_a_model_that_loads_is_no_outage(watch: Watch, body: object) -> None:
    it = await watch("llama-server")
    it.server.json("/health", body, 503)
    failure = await it.refused()
    assert (failure.state, failure.reason) == (ServiceState.STARTING, "loading its model")


async def test_what_is_known_is_asked_anew_after_an_outage(watch: Watch) -> None:
    it = await watch("llama-server")
    serve_llama_server(it)
    await it.look()
    it.server.json("/health", {"error": {"message": "Loading model"}}, 503)
    await it.refused()
    assert it.probe.facts().version is None
    serve_llama_server(it, build_info="b7000-def")
    await it.look()
    assert it.probe.facts().version == "b7000-def"
