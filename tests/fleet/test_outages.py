"""Services that hang, die and come back: what the rows say meanwhile, and how soon."""

from __future__ import annotations

import asyncio
import time

from tests.fleet.test_failures import reset
from tests.fleet.watching import (
    RawServer,
    all_up,
    config_of,
    demo_config,
    http_answer,
    model_state,
    row,
    service,
    serving,
    state_comes,
    watched_fleet,
    watching,
)
from tests.waiting import PATIENCE, until
from tui.demo.fleet import DemoFleet
from tui.demo.http_server import Request, Response, json_response, text_response
from tui.fleet.monitor import Monitor
from tui.fleet.snapshot import ModelState, ServiceState
from tui.routing.locality import Where, locality

BUSY, DOWN, UP = ServiceState.BUSY, ServiceState.DOWN, ServiceState.UP
QWEN = "llama-swap/qwen3"


async def stream_is_open(fleet: DemoFleet, monitor: Monitor, *, since: int = 0, timeout: float = PATIENCE) -> None:
    await until(
        lambda: len(fleet.llama_swap.requests.to("/api/events")) > since and row(monitor, "llama-swap").state is UP,
        "the event stream is open",
        timeout=timeout,
    )


async def test_the_whole_fleet_comes_up_with_its_models(demo_key: None) -> None:
    async with watched_fleet() as (fleet, monitor):
        snapshot = await monitor.first_look(5.0)
        assert {one.name: one.state for one in snapshot.services} == dict.fromkeys(fleet.servers, UP)
        assert not snapshot.problems
        assert {one.name for one in snapshot.services if one.models} == {"llama-swap", "ollama", "litellm"}
        assert row(monitor, "llama-swap").version == "v250"
        assert [machine.state.value for machine in snapshot.machines] == ["up"]


async def test_a_service_that_hangs_delays_only_itself_and_recovers(demo_key: None) -> None:
    async with watched_fleet(timeout=0.4) as (fleet, monitor):
        await all_up(monitor)
        await fleet.ollama.scene("hang")
        hung = asyncio.create_task(state_comes(monitor, "ollama", DOWN))
        oldest = held_up = 0.0
        while not hung.done():
            now = time.time()
            ages = [one.seen.age(now) or 0.0 for one in monitor.snapshot.services if one.name != "ollama"]
            oldest = max(oldest, *ages)
            await asyncio.wait([hung], timeout=0.01)
            held_up += max(0.0, time.time() - now - 0.02)
        # Their period is 0.2 s; one that waited for Ollama's timeouts would be three times as old. A busy machine holds
        # all up alike.
        assert oldest - held_up < 0.5
        assert (await hung).reason == "timed out after 0.4 s"
        assert {one.state for one in row(monitor, "ollama").models} == {ModelState.UNKNOWN}
        assert all(one.state is UP for one in monitor.snapshot.services if one.name != "ollama")
        await fleet.ollama.scene("normal")
        await state_comes(monitor, "ollama", UP)
        await until(lambda: model_state(monitor, "ollama/qwen3:8b") is ModelState.IDLE, "its models are known again")


async def test_one_silence_is_slowness_and_two_are_an_outage(demo_key: None) -> None:
    async with watched_fleet("qdrant", timeout=0.3) as (fleet, monitor):
        await all_up(monitor)
        await fleet.qdrant.scene("hang")
        busy = await state_comes(monitor, "qdrant", BUSY)
        assert busy.reason == "no answer within 0.3 s"
        down = await state_comes(monitor, "qdrant", DOWN)
        assert down.since is not None
        assert busy.since is not None
        assert down.since > busy.since
        assert [problem.text for problem in monitor.snapshot.problems] == [
            "qdrant does not answer: timed out after 0.3 s"
        ]


async def test_an_open_stream_over_which_nothing_comes_any_more_does_not_hide_an_outage(demo_key: None) -> None:
    """As when the cable is pulled: no end of the stream ever arrives."""
    async with watched_fleet("llama-swap", timeout=0.3) as (fleet, monitor):
        await stream_is_open(fleet, monitor)
        await fleet.llama_swap.scene("hang")
        await state_comes(monitor, "llama-swap", DOWN, timeout=2.0)
        await until(lambda: fleet.llama_swap.open_connections <= 1, "the dead stream is given up")
        await fleet.llama_swap.scene("normal")
        await stream_is_open(fleet, monitor, since=1)
        await fleet.llama_swap.load("qwen3")
        await until(lambda: model_state(monitor, QWEN) is ModelState.READY, "states are pushed again")


async def test_a_killed_llama_swap_is_down_within_two_seconds_and_back_with_its_models_within_two(
    demo_key: None,
) -> None:
    """With the periods and timeouts that a person gets."""
    async with watched_fleet("llama-swap", refresh=None, timeout=2.0) as (fleet, monitor):
        await stream_is_open(fleet, monitor)
        await fleet.llama_swap.load("qwen3")
        await until(lambda: model_state(monitor, QWEN) is ModelState.READY, "qwen3 is ready")
        await fleet.llama_swap.scene("down")
        down = await state_comes(monitor, "llama-swap", DOWN, timeout=2.0)
        assert down.reason == "connection refused"
        assert model_state(monitor, QWEN) is ModelState.UNKNOWN
        await fleet.llama_swap.scene("normal")
        await state_comes(monitor, "llama-swap", UP, timeout=2.0)
        await until(lambda: model_state(monitor, QWEN) is ModelState.IDLE, "its models are back", timeout=1.0)


async def test_a_llama_swap_that_falls_again_and_again_is_listened_to_soon_after_each_return(demo_key: None) -> None:
    async with watched_fleet("llama-swap") as (fleet, monitor):
        for number in range(6):
            await stream_is_open(fleet, monitor, since=number)
            await fleet.llama_swap.scene("down")
            await state_comes(monitor, "llama-swap", DOWN)
            await fleet.llama_swap.scene("normal")
        await stream_is_open(fleet, monitor, since=6, timeout=2.0)


async def test_each_step_of_a_model_is_pushed_without_a_question(demo_key: None) -> None:
    async with watched_fleet("llama-swap", speed=5, refresh=3600.0) as (fleet, monitor):
        await stream_is_open(fleet, monitor)
        await until(lambda: model_state(monitor, QWEN) is ModelState.IDLE, "qwen3 is idle")
        await until(lambda: row(monitor, "llama-swap").version, "its first questions are answered")
        fleet.llama_swap.requests.clear()
        seen: list[ModelState | None] = []

        async def follow() -> None:
            async for _ in monitor.subscribe():
                state = model_state(monitor, QWEN)
                if not seen or seen[-1] is not state:
                    seen.append(state)

        following = asyncio.create_task(follow())
        await fleet.llama_swap.load("qwen3")
        await until(lambda: seen and seen[-1] is ModelState.READY, "qwen3 is shown ready", timeout=1.0)
        await fleet.llama_swap.unload("qwen3")
        await until(lambda: seen[-1] is ModelState.IDLE, "qwen3 is shown idle", timeout=1.0)
        following.cancel()
        expected = [ModelState.IDLE, ModelState.STARTING, ModelState.READY, ModelState.STOPPING, ModelState.IDLE]
        assert seen == expected
        # Once a model is ready, its time to live is asked for: nothing else was.
        assert {record.path for record in fleet.llama_swap.requests} <= {"/running"}


async def test_a_polled_server_is_seen_within_its_period_and_timeout(demo_key: None) -> None:
    async with watched_fleet("ollama", refresh=0.3, timeout=0.5) as (fleet, monitor):
        await all_up(monitor)
        await fleet.ollama.load("qwen3:8b")
        ready = "qwen3:8b is shown ready"
        await until(lambda: model_state(monitor, "ollama/qwen3:8b") is ModelState.READY, ready, timeout=0.8)
        await fleet.ollama.scene("down")
        await state_comes(monitor, "ollama", DOWN, timeout=0.8)
        await fleet.ollama.scene("normal")
        await state_comes(monitor, "ollama", UP, timeout=0.8)


async def test_look_now_asks_at_once_and_only_the_one_named(demo_key: None) -> None:
    async with watched_fleet("ollama", "qdrant", refresh=3600.0) as (fleet, monitor):
        await all_up(monitor)
        await until(lambda: row(monitor, "ollama").version, "its first questions are answered")
        await fleet.ollama.load("qwen3:8b")
        before = row(monitor, "qdrant").seen
        monitor.look_now("ollama")
        ready = "qwen3:8b is shown ready"
        await until(lambda: model_state(monitor, "ollama/qwen3:8b") is ModelState.READY, ready, timeout=0.5)
        assert row(monitor, "qdrant").seen == before
        monitor.look_now()
        await until(lambda: row(monitor, "qdrant").seen != before, "qdrant was asked as well", timeout=0.5)


async def test_a_look_that_is_asked_for_while_one_is_under_way_is_not_lost() -> None:
    """The answer under way may be older than what the person wants to see."""
    loaded: list[dict[str, str]] = []
    held = asyncio.Event()
    asked = 0

    async def answer(request: Request) -> Response:
        nonlocal asked
        if request.path == "/api/ps":
            asked += 1
            now = json_response({"models": [*loaded]})
            if asked == 2:
                await held.wait()
            return now
        return json_response({"models": [{"name": "a:latest"}], "version": "0.33.0"})

    async with (
        serving(answer) as url,
        watching(config_of(service("it", "ollama", url, refresh=3600.0, timeout=5.0))) as monitor,
    ):
        await until(lambda: model_state(monitor, "it/a:latest") is ModelState.IDLE, "its model is idle")
        monitor.look_now()
        await until(lambda: asked == 2, "an answer is under way")
        loaded.append({"name": "a:latest"})
        monitor.look_now()
        held.set()
        await until(lambda: model_state(monitor, "it/a:latest") is ModelState.READY, "its model is ready", timeout=1.0)


async def test_a_dead_source_never_blanks_a_live_one(demo_key: None) -> None:
    async with watched_fleet(timeout=0.3) as (fleet, monitor):
        await all_up(monitor)
        before = {one.name: {model.name for model in one.models} for one in monitor.snapshot.services}
        await fleet.llama_swap.scene("down")
        await fleet.qdrant.scene("garbage")
        await fleet.litellm.scene("hang")
        await state_comes(monitor, "llama-swap", DOWN)
        await state_comes(monitor, "qdrant", DOWN)
        await state_comes(monitor, "litellm", DOWN)
        monitor.look_now()
        await all_up(monitor, {"ollama", "k3s"})
        after = {one.name: {model.name for model in one.models} for one in monitor.snapshot.services}
        assert after == before, "what is down keeps its models, each of unknown state"
        assert {one.state for one in row(monitor, "llama-swap").models} == {ModelState.UNKNOWN}
        assert monitor.snapshot.machines[0].state.value == "up", "one service that answers proves its machine"
        assert [problem.about for problem in monitor.snapshot.problems][-1] != "ollama"


async def test_what_leads_out_of_the_house_is_still_known_while_litellm_is_down(demo_key: None) -> None:
    async with DemoFleet(speed=20) as fleet:
        config = demo_config(fleet)
        async with watching(config) as monitor:
            await all_up(monitor)
            await until(
                lambda: locality("litellm/local-chat", config, monitor.snapshot).where is Where.LOCAL, "it is local"
            )
            await fleet.litellm.scene("down")
            await state_comes(monitor, "litellm", DOWN)
            assert locality("litellm/local-chat", config, monitor.snapshot).where is Where.LOCAL
            assert locality("litellm/gpt-5.2", config, monitor.snapshot).where is Where.CLOUD


async def test_a_server_that_resets_every_question_but_one_is_not_hammered() -> None:
    questions = 0

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal questions
        head = await server.read_request(reader)
        questions += 1
        if b"GET /wol-health" in head:
            writer.write(http_answer(b"OK"))
            await writer.drain()
        else:
            reset(writer)

    async with (
        RawServer(behave) as server,
        watching(config_of(service("it", "llama-swap", server.url, refresh=0.2))) as monitor,
    ):
        busy = await state_comes(monitor, "it", BUSY)
        assert busy.reason == "connection reset"
        first = busy.seen
        await until(lambda: (row(monitor, "it").seen.at or 0) > (first.at or 0) + 0.6, "three periods went by")
        assert questions < 25


async def test_a_service_that_answers_in_part_says_so_and_keeps_the_rest() -> None:
    broken = True

    async def answer(request: Request) -> Response:
        if request.path == "/api/tags" and broken:
            return json_response({"error": "disk on fire"}, 500)
        if request.path == "/api/version":
            return json_response({"version": "0.33.0"})
        if request.path in ("/api/ps", "/api/tags"):
            return json_response({"models": [{"name": "a:latest"}]})
        return text_response("404", 404)

    async with (
        serving(answer) as url,
        watching(config_of(service("it", "ollama", url))) as monitor,
    ):
        seen = await state_comes(monitor, "it", BUSY)
        assert seen.reason == "answered 500: disk on fire"
        await until(lambda: model_state(monitor, "it/a:latest") is ModelState.READY, "what is loaded is shown")
        broken = False
        monitor.look_now()
        up = await state_comes(monitor, "it", UP)
        assert up.fault is not None
        assert up.fault.text == "answered 500: disk on fire", "the last fault is kept for later"
