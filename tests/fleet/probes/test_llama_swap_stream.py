"""llama-swap: what it pushes, and a stream that is not what it should be."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from tui.demo.http_server import Request, Response, json_response, text_response
from tui.fleet.failures import LookFailed
from tui.fleet.probes.probe import ServiceFacts
from tui.fleet.snapshot import ModelState, ServiceState

from .canned import EventStream
from .conftest import Watch
from .llama_swap_server import clocked, failed_to_listen, listed, listening, request, serve, status


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
