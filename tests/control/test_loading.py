"""Models are loaded and unloaded, and what is reported is what was then seen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.fleet.watching import config_of, demo_config, model_state, row, service, serving, state_comes, watching
from tests.waiting import until
from tui.config.schema import Config
from tui.control.loading import (
    LoadingFailed,
    disturbed_by_load,
    disturbed_by_unload,
    load_model,
    unload_model,
    unload_service,
)
from tui.demo.fleet import DemoFleet
from tui.demo.fleet_config import KEY_VARIABLE, MASTER_KEY
from tui.demo.http_server import Request, Response, json_response
from tui.demo.ollama import Ollama
from tui.fleet.monitor import Monitor
from tui.fleet.snapshot import ModelState, ServiceState

READY, IDLE = ModelState.READY, ModelState.IDLE


class Watched:
    """A simulated fleet, its configuration and a monitor that has seen its models."""

    def __init__(self, fleet: DemoFleet, config: Config, monitor: Monitor) -> None:
        self.fleet = fleet
        self.config = config
        self.monitor = monitor

    async def load(self, model_id: str, timeout: float = 5.0) -> ModelState:
        return (await load_model(self.monitor, self.config, model_id, timeout=timeout)).state

    async def unload(self, model_id: str, timeout: float = 5.0) -> ModelState:
        return (await unload_model(self.monitor, self.config, model_id, timeout=timeout)).state

    async def shows(self, model_id: str, *states: ModelState | None) -> None:
        await until(lambda: model_state(self.monitor, model_id) in states, f"{model_id} is shown {states}")


@pytest.fixture
async def it(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Watched]:
    monkeypatch.setenv(KEY_VARIABLE, MASTER_KEY)
    async with DemoFleet(speed=20, services=["llama-swap", "ollama", "litellm"]) as fleet:
        config = demo_config(fleet)
        async with watching(config) as monitor:
            await until(lambda: all(one.models for one in monitor.snapshot.services), "all models are listed")
            await until(lambda: fleet.llama_swap.requests.to("/api/events"), "llama-swap is listened to")
            yield Watched(fleet, config, monitor)


@pytest.mark.parametrize("model_id", ["llama-swap/qwen3", "ollama/llama3.2:latest"])
async def test_a_model_is_loaded_and_unloaded_and_seen_so(it: Watched, model_id: str) -> None:
    await it.shows(model_id, IDLE)
    assert await it.load(model_id) is READY
    assert await it.load(model_id) is READY, "what is loaded is not loaded again"
    service_name, _, name = model_id.partition("/")
    if service_name == "ollama":
        assert name in it.fleet.ollama.loaded
    else:
        assert it.fleet.llama_swap.processes.by_name[name].state == "ready"
    assert await it.unload(model_id) is IDLE
    assert name not in it.fleet.ollama.loaded
    assert not it.fleet.llama_swap.processes.running()
    assert await it.unload(model_id) is IDLE, "what is not loaded need not be unloaded"


async def test_a_model_that_takes_the_place_of_another(it: Watched) -> None:
    await it.load("llama-swap/qwen3")
    assert await it.load("llama-swap/gemma") is READY
    await it.shows("llama-swap/qwen3", IDLE)


async def test_another_name_for_a_model_loads_and_unloads_that_model(it: Watched) -> None:
    assert await it.load("llama-swap/gpt-4o-mini") is READY
    assert [process.name for process in it.fleet.llama_swap.processes.running()] == ["qwen3"]
    assert await it.unload("llama-swap/gpt-4o-mini") is IDLE
    assert not it.fleet.llama_swap.processes.running()


async def test_a_model_that_is_listed_only_while_it_is_loaded_can_be_unloaded(it: Watched) -> None:
    await it.fleet.llama_swap.load("draft")
    await it.shows("llama-swap/draft", READY)
    await it.unload("llama-swap/draft")
    assert it.fleet.llama_swap.processes.by_name["draft"].state == "stopped"
    assert model_state(it.monitor, "llama-swap/draft") in (None, IDLE)


async def test_a_model_that_does_not_start_fails_in_the_words_of_llama_swap(it: Watched) -> None:
    with pytest.raises(LoadingFailed) as caught:
        await it.load("llama-swap/too-large")
    assert str(caught.value).startswith("llama-swap refused too-large (500): ")
    assert "exited prematurely" in str(caught.value) or "upstream" in str(caught.value)
    await it.shows("llama-swap/too-large", IDLE)


@pytest.mark.parametrize(
    ("model_id", "words"),
    [
        ("llama-swap/no-such-model", "llama-swap/no-such-model: llama-swap lists no such model"),
        ("nobody/qwen3", "nobody/qwen3: there is no service nobody"),
        ("qwen3", "qwen3: there is no service qwen3"),
        ("\x1b[2J/x", "␛[2J/x: there is no service ␛[2J"),
        ("litellm/local-chat", "litellm is of kind litellm, which loads and unloads nothing on demand"),
        (
            "ollama/gpt-oss:120b-cloud",
            "ollama/gpt-oss:120b-cloud runs elsewhere (ollama.com): there is nothing to load here",
        ),
        (
            "llama-swap/openrouter/glm-4.7",
            "llama-swap/openrouter/glm-4.7 runs elsewhere (peer openrouter): there is nothing to load here",
        ),
    ],
)
async def test_what_cannot_be_loaded_is_refused_before_anything_is_sent(it: Watched, model_id: str, words: str) -> None:
    for act in (it.load, it.unload):
        with pytest.raises(LoadingFailed) as caught:
            await act(model_id)
        assert str(caught.value) == words
    assert not [r for server in it.fleet.servers.values() for r in server.requests if r.method != "GET"]
    assert not [r for r in it.fleet.llama_swap.requests if r.path.startswith("/upstream")]


async def test_a_load_that_takes_too_long_is_given_up_and_said_to_be(it: Watched) -> None:
    await it.fleet.ollama.scene("hang")
    with pytest.raises(LoadingFailed, match=r"still not loaded after 0\.3 s") as caught:
        await it.load("ollama/qwen3:8b", timeout=0.3)
    assert "ollama/qwen3:8b" in str(caught.value)
    await it.fleet.ollama.scene("normal")
    assert await it.load("ollama/qwen3:8b") is READY


async def test_a_service_that_dies_while_it_loads_or_unloads_is_no_success(it: Watched) -> None:
    await it.load("ollama/llama3.2:latest")
    finish = await it.fleet.ollama.borrow("llama3.2:latest")
    unloading = asyncio.create_task(it.unload("ollama/llama3.2:latest", timeout=1.0))
    await until(lambda: it.fleet.ollama.requests.to("/api/generate", "POST")[-1:], "it is asked to unload")
    await it.fleet.ollama.scene("down")
    await state_comes(it.monitor, "ollama", ServiceState.DOWN)
    with pytest.raises(LoadingFailed):
        await unloading
    finish()


async def test_a_server_that_is_down_says_so(it: Watched) -> None:
    await it.fleet.ollama.scene("down")
    with pytest.raises(LoadingFailed, match="ollama could not be asked about qwen3:8b: connection refused"):
        await it.load("ollama/qwen3:8b")


async def test_an_overloaded_ollama_is_quoted(it: Watched) -> None:
    it.fleet.ollama.queue_full = True
    with pytest.raises(LoadingFailed, match=r"ollama refused qwen3:8b \(503\): server busy"):
        await it.load("ollama/qwen3:8b")


async def test_a_load_that_is_interrupted_leaves_nothing_running(it: Watched) -> None:
    await it.fleet.ollama.scene("hang")
    tasks = asyncio.all_tasks()
    loading = asyncio.create_task(it.load("ollama/qwen3:8b"))
    await until(lambda: it.fleet.ollama.requests.to("/api/generate"), "it is being loaded")
    loading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await loading
    await until(lambda: len(asyncio.all_tasks()) <= len(tasks) + 1, "its question is given up")
    await it.fleet.ollama.scene("normal")


async def test_unloading_cuts_off_the_answer_of_llama_swap_and_was_announced(it: Watched) -> None:
    await it.load("llama-swap/qwen3")
    url = f"{it.fleet.llama_swap.url}/v1/chat/completions"
    body = {"model": "qwen3", "stream": True, "messages": [{"role": "user", "content": "write 20000 tokens"}]}
    async with httpx.AsyncClient(verify=False) as client, client.stream("POST", url, json=body) as answer:
        pieces = answer.aiter_bytes()
        await anext(pieces)
        await until(lambda: row(it.monitor, "llama-swap").in_flight == 1, "a request is in flight")
        swap = row(it.monitor, "llama-swap")
        words = ("1 request is being answered by llama-swap now and may be cut off.",)
        assert disturbed_by_unload(swap, swap.model("qwen3")) == words
        assert disturbed_by_unload(swap, None) == ("1 loaded: qwen3.", *words)
        gemma = swap.model("gemma")
        assert gemma is not None
        assert disturbed_by_load(swap, gemma) == ("llama-swap may unload qwen3 to make room.", *words)
        assert await it.unload("llama-swap/qwen3") is IDLE
        with pytest.raises(httpx.HTTPError):
            async for _ in pieces:
                pass


async def test_unloading_waits_for_the_answer_of_ollama(it: Watched) -> None:
    finish = await it.fleet.ollama.borrow("llama3.2:latest")
    it.monitor.look_now("ollama")
    await it.shows("ollama/llama3.2:latest", READY)
    unloading = asyncio.create_task(it.unload("ollama/llama3.2:latest"))
    await until(lambda: it.fleet.ollama.requests.to("/api/generate"), "it is asked to unload")
    seen = row(it.monitor, "ollama").seen.at or 0.0
    await until(lambda: (row(it.monitor, "ollama").seen.at or 0.0) > seen + 0.3, "it was looked at again")
    assert not unloading.done(), "a model that still answers is not gone"
    finish()
    assert await unloading is IDLE


async def test_all_models_of_a_service_are_unloaded_and_named(it: Watched) -> None:
    await it.load("ollama/llama3.2:latest")
    await it.load("ollama/qwen3:8b")
    unloaded = await unload_service(it.monitor, it.config, "ollama", timeout=5.0)
    assert sorted(unloaded) == ["ollama/llama3.2:latest", "ollama/qwen3:8b"]
    assert not it.fleet.ollama.loaded
    assert await unload_service(it.monitor, it.config, "ollama") == ()
    with pytest.raises(LoadingFailed, match="there is no service nobody"):
        await unload_service(it.monitor, it.config, "nobody")


class OllamaWithEmbeddings(Ollama):
    """Ollama as it answers for a model that cannot complete text: /api/generate refuses to load it."""

    async def answer(self, request: Request) -> Response:
        body = request.json()
        model = self.find(body.get("model")) if isinstance(body, dict) else None
        unloads = isinstance(body, dict) and body.get("keep_alive") == 0
        if request.path == "/api/generate" and model and "completion" not in model.capabilities and not unloads:
            return json_response({"error": f'"{model.name}" does not support generate'}, 400)
        return await super().answer(request)


async def test_a_model_that_only_embeds_is_loaded_through_embedding_nothing() -> None:
    server = OllamaWithEmbeddings(speed=20)
    await server.open()
    config = config_of(service("ollama", "ollama", server.url))
    async with watching(config) as monitor:
        await until(lambda: model_state(monitor, "ollama/nomic-embed-text:latest") is IDLE, "it is listed")
        loaded = await load_model(monitor, config, "ollama/nomic-embed-text:latest", timeout=5.0)
        assert loaded.state is READY
        assert not (server.requests.to("/api/embed")[0].json() or {}).get("input")  # type: ignore[attr-defined]
        unloaded = await unload_model(monitor, config, "ollama/nomic-embed-text:latest", timeout=5.0)
        assert unloaded.state is IDLE
    await server.close()


@pytest.mark.parametrize(
    "name", ["a b", "50%", "what?", "c#", "ü/日本", "org/model:tag", "x\x1by", "..", "a/../b", "a%2Fb"]
)
async def test_any_name_reaches_the_model_that_has_it(name: str) -> None:
    """A name is a part of a path for llama-swap; whatever is in it, no other path may come of it."""
    paths: list[str] = []
    loaded = True

    async def answer(request: Request) -> Response:
        nonlocal loaded
        if request.method == "POST":
            paths.append(request.path)
            loaded = False
        running = [{"model": name, "state": "ready"}] if loaded else []
        return json_response({"data": [{"id": name}], "running": running, "status": "ok"})

    async with serving(answer) as url, watching(config := config_of(service("it", "llama-swap", url))) as monitor:
        await until(lambda: model_state(monitor, f"it/{name}") is READY, "it is loaded")
        if "." in name:
            with pytest.raises(LoadingFailed, match="no path"):
                await unload_model(monitor, config, f"it/{name}", timeout=3.0)
            assert not paths
        else:
            await unload_model(monitor, config, f"it/{name}", timeout=3.0)
            assert paths == [f"/api/models/unload/{name}"]
