"""llama-swap: what it lists, what is asked, and what it pushes."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from tui.demo.http_server import Request, Response, json_response, text_response
from tui.fleet.failures import LookFailed
from tui.fleet.probes.llama_swap import LlamaSwapProbe
from tui.fleet.probes.probe import ListeningProbe, ServiceFacts
from tui.fleet.snapshot import ModelRole, ModelState, ServiceState

from .canned import KEY, Clock, EventStream, Watched
from .conftest import Watch


def listed(name_: str, kind: str = "model", **others: object) -> dict[str, object]:
    extras: dict[str, object] = {"type": kind}
    extras |= {key: others.pop(key) for key in ("aliases", "peerID", "targets") if key in others}
    return {"id": name_, "object": "model", "created": 1795160000, "meta": {"llamaswap": extras}, **others}


def status(name: str, state: str, **others: object) -> dict[str, object]:
    return {"id": name, "name": "", "description": "", "state": state, "unlisted": False, "peerID": "", **others}


def request(number: str, model: str) -> dict[str, object]:
    return {"id": number, "model": model, "req_path": "/v1/chat/completions", "resp_bytes": 5, "req_headers": {}}


def serve(it: Watched, *models: dict[str, object], running: list[dict[str, object]] | None = None) -> EventStream:
    it.server.text("/wol-health", "OK")
    it.server.json("/v1/models", {"object": "list", "data": list(models)})
    it.server.json("/running", {"running": running or []})
    it.server.json("/api/version", {"version": "v250", "commit": "60226b63", "build_date": "2026-08-14T15:42:01Z"})
    it.server.json("/api/profiles", {"active": None, "profiles": []})
    stream = EventStream()
    it.server.answers["/api/events"] = lambda _: stream.response()
    return stream


@asynccontextmanager
async def listening(it: Watched) -> AsyncIterator[asyncio.Task[None]]:
    assert isinstance(it.probe, ListeningProbe)
    task = asyncio.create_task(it.probe.listen(it.asker, it.heard.set))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait({task})


async def clocked(watch: Watch) -> tuple[Watched, Clock]:
    it, clock = await watch("llama-swap"), Clock()
    it.probe = LlamaSwapProbe(it.settings, clock)
    return it, clock


async def failed_to_listen(it: Watched) -> LookFailed:
    async with listening(it) as task:
        await asyncio.wait({task}, timeout=5)
        error = task.exception()
    assert isinstance(error, LookFailed)
    return error


# -- what it lists and answers


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


# -- what it pushes


async def test_states_come_by_themselves(watch: Watch) -> None:
    it = await watch("llama-swap")
    stream = serve(it, listed("a"), listed("b"))
    await it.look()
    async with listening(it):
        for word, state in (
            ("starting", ModelState.STARTING),
            ("ready", ModelState.READY),
            ("stopping", ModelState.STOPPING),
            ("stopped", ModelState.IDLE),
            ("shutdown", ModelState.IDLE),
        ):
            stream.send("modelStatus", [status("a", word), status("p/x", "", peerID="p")])
            await it.until(lambda state=state: it.model("a").state is state)  # type: ignore[misc]
    assert set(it.models) == {"a", "b"}


async def test_unlisted_models_are_shown_while_they_run(watch: Watch) -> None:
    it = await watch("llama-swap")
    stream = serve(it, listed("pick", "selector", targets=["led-to"]))
    await it.look()
    entries = [status("hidden", "ready", unlisted=True), status("idle", "stopped"), status("led-to", "stopped")]
    async with listening(it):
        stream.send("modelStatus", entries)
        await it.until(lambda: "hidden" in it.models)
    assert set(it.models) == {"pick", "hidden", "led-to"}


async def test_requests_in_flight_of_every_generation(watch: Watch) -> None:
    it = await watch("llama-swap")
    stream = serve(it, listed("a"))
    in_flight: Callable[[], int | None] = lambda: it.probe.facts().in_flight  # noqa: E731
    await it.look()
    async with listening(it):
        stream.send("inflight", {"operation": "snapshot", "requests": [request("1", "a")]})
        await it.until(lambda: in_flight() == 1)
        stream.send("inflight", {"operation": "upsert", "request": request("2", "a")})
        await it.until(lambda: in_flight() == 2)
        stream.send("inflight", {"operation": "remove", "id": "1"})
        await it.until(lambda: in_flight() == 1)
        stream.send("inflight", {"operation": "snapshot", "requests": None})
        await it.until(lambda: in_flight() == 0)
        stream.send("inflight", {"requests": [request("3", "a"), request("4", "a")]})
        await it.until(lambda: in_flight() == 2)
        stream.send("inflight", {"total": 3})
        await it.until(lambda: in_flight() == 3)
        stream.send("inflight", {"operation": "something new", "total": 9})
        stream.send("inflight", {"total": 0})
        await it.until(lambda: in_flight() == 0)
        stream.end()
    assert in_flight() is None, "without the stream nothing is known of requests"


async def test_progress_of_a_request_is_no_news(watch: Watch) -> None:
    it = await watch("llama-swap")
    stream = serve(it, listed("a"))
    await it.look()
    async with listening(it):
        stream.send("inflight", {"operation": "upsert", "request": request("1", "a")})
        await it.until(lambda: it.probe.facts().in_flight == 1)
        before = it.probe.facts()
        stream.send("inflight", {"operation": "upsert", "request": request("1", "a")})
        stream.send("uiConfig", {"activity": {}})
        stream.send("logData", {"source": "proxy", "data": "after it\n"})
        stream.send("modelStatus", [status("a", "ready")])
        seen: list[ServiceFacts] = []

        def ready() -> bool:
            seen.append(it.probe.facts())
            return it.model("a").state is ModelState.READY

        await it.until(ready)
    assert all(facts is before for facts in seen[:-1])


async def test_the_time_left_counts_from_the_last_request(watch: Watch) -> None:
    it, clock = await clocked(watch)
    stream = serve(it, listed("a"), running=[{"model": "a", "state": "ready", "ttl": 60}])
    await it.look()
    async with listening(it):
        stream.send("modelStatus", [status("a", "ready")])
        stream.send("inflight", {"operation": "snapshot", "requests": [request("1", "a"), request("2", "a")]})
        await it.until(lambda: it.probe.facts().in_flight == 2)
        assert it.model("a").until is None
        stream.send("inflight", {"operation": "remove", "id": "1"})
        await it.until(lambda: it.probe.facts().in_flight == 1)
        assert it.model("a").until is None, "another request is still in flight"
        clock.now += 30
        stream.send("inflight", {"operation": "remove", "id": "2"})
        await it.until(lambda: it.probe.facts().in_flight == 0)
        assert it.model("a").until == clock.now + 60
        stream.send("modelStatus", [status("a", "stopping")])
        await it.until(lambda: it.model("a").state is ModelState.STOPPING)
        assert it.model("a").until is None


async def test_a_ready_model_of_unknown_ttl_is_asked_for_soon(watch: Watch) -> None:
    it = await watch("llama-swap")
    stream = serve(it, listed("a"))
    await it.look()
    it.server.json("/running", {"running": [{"model": "a", "state": "ready", "ttl": 300}]})
    async with listening(it):
        stream.send("modelStatus", [status("a", "ready")])
        await it.until(lambda: it.model("a").state is ModelState.READY)
        await it.look("running models")
        assert it.model("a").ttl == 300


async def test_what_was_pushed_meanwhile_is_newer_than_the_answer(watch: Watch) -> None:
    it = await watch("llama-swap")
    stream = serve(it, listed("a"))

    def slow(_: Request) -> Response:
        stream.send("modelStatus", [status("a", "stopping")])

        async def body() -> AsyncIterator[bytes]:
            yield b'{"running":[{"model":"a",'
            await it.until(lambda: it.model("a").state is ModelState.STOPPING)
            yield b'"state":"ready","ttl":60}]}'

        return Response(200, body())

    await it.look("models")
    async with listening(it):
        stream.send("modelStatus", [status("a", "ready")])
        await it.until(lambda: it.model("a").state is ModelState.READY)
        it.server.answers["/running"] = slow
        await it.look("running models")
    assert (it.model("a").state, it.model("a").ttl) == (ModelState.STOPPING, 60.0)


async def test_a_switched_profile_is_pushed(watch: Watch) -> None:
    it = await watch("llama-swap")
    stream = serve(it, listed("a"))
    it.server.json("/api/profiles", {"active": None, "profiles": [{"id": "work", "pins": {"code": "a"}}]})
    await it.look()
    async with listening(it):
        stream.send("profileChanged", {"active": "work"})
        await it.until(lambda: "code" in it.models)
        stream.send("profileChanged", {"active": None})
        await it.until(lambda: "code" not in it.models)


# -- why a model did not start


async def test_a_failed_start_says_why(watch: Watch) -> None:
    it = await watch("llama-swap")
    stream = serve(it, listed("a"))
    row = {"id": 7, "model": "a", "error_msg": "unspecific error: upstream command exited prematurely"}
    it.server.json("/api/metrics/activity", {"data": [{"id": 6, "model": "b", "error_msg": "no"}, row], "page": 1})
    await it.look()
    async with listening(it):
        stream.send("logData", {"source": "upstream", "data": "an error of long ago\n"})
        stream.send("modelStatus", [status("a", "stopped")])
        stream.send("modelStatus", [status("a", "starting")])
        text = "loading\n\x1b[31mCUDA error: out of memory --token=secret123\x1b[0m\nmain: exiting due to HTTP\n"
        stream.send("logData", {"source": "upstream", "data": text[:20]})
        stream.send("logData", {"source": "upstream", "data": text[20:]})
        stream.send("modelStatus", [status("a", "stopped")])
        await it.until(lambda: "failed to start" in it.model("a").reason)
        stream.send("activity", {"id": 7})
        await it.until(lambda: "prematurely" in it.model("a").reason)
        assert it.model("a").state is ModelState.IDLE
        reason = it.model("a").reason
        assert reason.startswith(
            "failed to start: upstream command exited prematurely; it wrote: CUDA error: out of memory"
        )
        assert "secret123" not in reason
        assert "\x1b" not in reason
        stream.send("modelStatus", [status("a", "starting")])
        await it.until(lambda: it.model("a").state is ModelState.STARTING)
        stream.send("modelStatus", [status("a", "ready")])
        await it.until(lambda: it.model("a").state is ModelState.READY)
    assert it.model("a").reason == ""
    assert it.server.http.requests.to("/api/metrics/activity")[0].query["min_id"] == ("7",)


async def test_the_rows_of_an_old_version_say_why(watch: Watch) -> None:
    it = await watch("llama-swap")
    stream = serve(it, listed("a"))
    await it.look()
    async with listening(it):
        stream.send("modelStatus", [status("a", "starting")])
        stream.send("modelStatus", [status("a", "stopped")])
        stream.send("metrics", [{"id": 1, "model": "a", "error_msg": "boom"}])
        await it.until(lambda: it.model("a").reason == "failed to start: boom")
    assert it.server.asked("/api/metrics/activity") == 0


async def test_finished_requests_are_not_looked_up_without_a_failure(watch: Watch) -> None:
    it = await watch("llama-swap")
    stream = serve(it, listed("a"))
    await it.look()
    async with listening(it):
        stream.send("activity", {"id": 1})
        stream.send("modelStatus", [status("a", "ready")])
        await it.until(lambda: it.model("a").state is ModelState.READY)
    assert it.server.asked("/api/metrics/activity") == 0


@pytest.mark.parametrize("line", ["POST /api/models/unload/a", "POST /api/models/unload", "GET /unload"])
async def test_a_start_that_was_called_off_did_not_fail(watch: Watch, line: str) -> None:
    it = await watch("llama-swap")
    stream = serve(it, listed("a"))
    await it.look()
    async with listening(it):
        stream.send("modelStatus", [status("a", "starting")])
        stream.send("modelStatus", [status("a", "stopped")])
        await it.until(lambda: it.model("a").reason == "failed to start")
        access = f'[INFO] Request 127.0.0.1 "{line} HTTP/1.1" 200 2 "fleetdeck" 12ms\n'
        stream.send("logData", {"source": "proxy", "data": access})
        await it.until(lambda: it.model("a").reason == "")


async def test_a_process_that_ends_by_itself(watch: Watch) -> None:
    it = await watch("llama-swap")
    stream = serve(it, listed("a"))
    await it.look()
    line = "[WARN] <a> upstream process exited unexpectedly\n"
    async with listening(it):
        stream.send("logData", {"source": "proxy", "data": line.replace("<a>", "<history>")})
        stream.send("modelStatus", [status("a", "ready")])
        await it.until(lambda: it.model("a").state is ModelState.READY)
        stream.send("logData", {"source": "upstream", "data": "Segmentation fault\n"})
        stream.send("modelStatus", [status("a", "stopped")])
        stream.send("logData", {"source": "proxy", "data": line})
        await it.until(lambda: it.model("a").reason == "its process ended by itself: Segmentation fault")


# -- a stream that is not what it should be


async def test_broken_messages_are_left_out_and_counted(watch: Watch) -> None:
    it = await watch("llama-swap")
    stream = serve(it, listed("a"))
    await it.look()
    deep = "[" * 100_000 + "]" * 100_000
    async with listening(it):
        stream.send_raw("modelStatus", "{broken")
        stream.send_raw("modelStatus", '{"not": "a list"}')
        stream.send_raw("inflight", deep)
        stream.send_raw("inflight", {"not": "a string"})
        stream.send_bytes(b"data:no json\n\n")
        stream.send_bytes(b"data:\xff\xfe\n\n")
        stream.send_bytes(f"data:{deep}\n\n".encode())
        stream.send_bytes(b": a comment\n\nretry: soon\n\nevent:message\n\n")
        stream.send_raw("perfsys", "{broken, but nobody reads it")
        stream.send("logData", {"source": "elsewhere", "data": "x"})
        stream.send("modelStatus", [{"id": None}, {"id": 7, "state": "ready"}, status("a", "ready")])
        await it.until(lambda: it.model("a").state is ModelState.READY)
    assert it.probe.facts().remarks == ()
    assert set(it.models) == {"a"}


async def test_unreadable_events_are_remarked(watch: Watch) -> None:
    it = await watch("llama-swap")
    stream = serve(it)
    async with listening(it):
        stream.send_raw("modelStatus", "{")
        await it.until(lambda: it.probe.facts().remarks == ("1 unreadable event",))
        stream.send_raw("modelStatus", "{")
        await it.until(lambda: it.probe.facts().remarks == ("2 unreadable events",))


async def test_a_line_of_many_kilobytes(watch: Watch) -> None:
    it = await watch("llama-swap")
    stream = serve(it, listed("a"))
    async with listening(it):
        stream.send("logData", {"source": "upstream", "data": '"\\\n' * 100_000})
        stream.send("modelStatus", [status("a", "ready")])
        await it.until(lambda: "a" in it.models)


async def test_an_event_without_an_end_is_cut_off(watch: Watch) -> None:
    it = await watch("llama-swap")
    serve(it)

    async def endless() -> AsyncIterator[bytes]:
        yield b"data:"
        while True:
            yield b"x" * 262_144

    it.server.answers["/api/events"] = Response(200, endless(), "text/event-stream")
    assert (await failed_to_listen(it)).reason == "sent an event of more than 8 MB"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (text_response("<html>Sign in</html>", 200, "text/html"), "no event stream"),
        (json_response({}), "no event stream"),
        (json_response({"src": "llama-swap", "error": "unauthorized"}, 401), "needs a key (401): unauthorized"),
        (json_response({"src": "llama-swap", "error": {"message": "no"}}, 500), "answered 500: no"),
    ],
)
async def test_an_answer_that_is_no_stream(watch: Watch, answer: Response, reason: str) -> None:
    it = await watch("llama-swap")
    serve(it)
    it.server.answers["/api/events"] = answer
    assert reason in (await failed_to_listen(it)).reason


async def test_an_error_page_without_an_end_does_not_hold_the_listener(watch: Watch) -> None:
    it = await watch("llama-swap", timeout=0.2)
    serve(it)
    stream = EventStream("text/plain")
    it.server.answers["/api/events"] = Response(500, stream.response().body, "text/plain")
    assert (await failed_to_listen(it)).timed_out


async def test_a_server_that_vanishes_ends_the_stream(watch: Watch) -> None:
    it = await watch("llama-swap")
    stream = serve(it, listed("a"))
    async with listening(it) as task:
        stream.send("modelStatus", [status("a", "ready")])
        await it.until(lambda: "a" in it.models)
        it.server.http.close()
        await asyncio.wait({task}, timeout=5)
        error = task.exception()
    assert isinstance(error, LookFailed)
    assert error.state is ServiceState.DOWN


async def test_the_streams_end_is_no_error(watch: Watch) -> None:
    it = await watch("llama-swap")
    stream = serve(it)
    async with listening(it) as task:
        stream.end()
        await asyncio.wait_for(task, 5)
