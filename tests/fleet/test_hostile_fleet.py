"""Whatever one server of the fleet sends, its row says so, and the others are watched as before."""

from __future__ import annotations

import resource
import sys
import time
from typing import Any

import pytest

from tests.fleet.test_failures import reset
from tests.fleet.watching import (
    RawServer,
    all_up,
    config_of,
    http_answer,
    model_state,
    row,
    says,
    service,
    state_comes,
    watched_fleet,
    watching,
)
from tests.waiting import until
from tui.demo.fleet import DemoFleet
from tui.demo.llama_swap_events import event_frame
from tui.demo.scenes import HOSTILE_NAMES, LONG_NAME, MANY_MODELS, SceneName
from tui.fleet.monitor import Monitor
from tui.fleet.printable import printable
from tui.fleet.snapshot import ModelState, ServiceState

DOWN, UP = ServiceState.DOWN, ServiceState.UP
ALL: tuple[str, ...] = ("llama-swap", "ollama", "litellm", "qdrant")


async def played(fleet: DemoFleet, monitor: Monitor, name: SceneName, **options: Any) -> None:
    """Plays a scene on every server but k3s, and looks at everything under it."""
    for server in ALL:
        await fleet.servers[server].scene(name, **options)
    monitor.look_now()


@pytest.mark.parametrize("variant", ["html", "binary", "truncated", "text", "empty"])
async def test_garbage_from_all_servers_but_one(demo_key: None, variant: str) -> None:
    async with watched_fleet() as (fleet, monitor):
        await played(fleet, monitor, "garbage", variant=variant)
        for name in ALL:
            seen = await state_comes(monitor, name, DOWN)
            assert seen.reason.isprintable()
            assert "answer" in seen.reason
        assert row(monitor, "k3s").state is UP
        await played(fleet, monitor, "normal")
        await all_up(monitor)


@pytest.mark.parametrize("variant", ["big", "endless"])
async def test_answers_of_fifty_megabytes_and_without_end_are_cut_off(demo_key: None, variant: str) -> None:
    async with watched_fleet(timeout=10.0) as (fleet, monitor):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        await played(fleet, monitor, "huge", variant=variant)
        for name in ALL:
            seen = await state_comes(monitor, name, DOWN, timeout=15.0)
            assert seen.reason == "answered with more than 8 MB"
        await all_up(monitor, {"k3s"})
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak
        # Four at a time, the server's side of it included; ru_maxrss counts KiB on Linux, bytes on macOS.
        assert grown < 200 * 1024 * (1024 if sys.platform == "darwin" else 1)


async def test_answers_nested_a_hundred_thousand_levels_deep(demo_key: None) -> None:
    async with watched_fleet() as (fleet, monitor):
        await played(fleet, monitor, "hostile", variant="deep")
        await until(lambda: "nested beyond reason" in row(monitor, "ollama").reason, "Ollama's row says so")
        await until(lambda: row(monitor, "litellm").reason, "LiteLLM's row says something")
        assert row(monitor, "k3s").state is UP
        await played(fleet, monitor, "normal")
        await all_up(monitor)


async def test_names_that_are_attacks_are_kept_as_they_are_and_shown_harmlessly(demo_key: None) -> None:
    async with watched_fleet("llama-swap", "ollama", "qdrant") as (fleet, monitor):
        for server in ("llama-swap", "ollama"):
            await fleet.servers[server].scene("hostile", variant="text")
        monitor.look_now()
        for server in ("llama-swap", "ollama"):
            await until(lambda: model_state(monitor, f"{server}/{HOSTILE_NAMES[0]}"), "they are listed")  # noqa: B023
            listed = {model.name for model in row(monitor, server).models}
            assert listed >= set(HOSTILE_NAMES), "a name is an identity: it is not changed"
            assert all(printable(model.about) == model.about for model in row(monitor, server).models)
            assert row(monitor, server).state is UP
        shown = "".join(answer.text for one in monitor.snapshot.services for answer in one.answers)
        assert not {character for character in shown if character != "\n" and printable(character) != character}


@pytest.mark.parametrize(("variant", "count"), [("many", MANY_MODELS), ("long", 2)])
async def test_ten_thousand_models_and_endless_names_hold_nobody_up(demo_key: None, variant: str, count: int) -> None:
    async with watched_fleet("llama-swap", "ollama", "k3s", refresh=0.5, timeout=5.0) as (fleet, monitor):
        await fleet.llama_swap.scene("hostile", variant=variant)
        await fleet.ollama.scene("hostile", variant=variant)
        monitor.look_now()
        for name in ("llama-swap", "ollama"):
            await until(lambda: len(row(monitor, name).models) >= count, "all are listed", timeout=15.0)  # noqa: B023
        assert all(answer.text == answer.text[:20_000] for answer in row(monitor, "ollama").answers)
        began = time.time()
        monitor.look_now("k3s")
        await until(lambda: (row(monitor, "k3s").seen.at or 0) > began, "k3s is still asked", timeout=2.0)
        assert variant == "many" or max(len(model.name) for model in row(monitor, "ollama").models) == LONG_NAME
        found = monitor.snapshot.find_model("ollama/model-09999") if variant == "many" else ()
        assert found is not None


STATUS = '[{"id":"qwen3","name":"","description":"","state":"ready","peerID":""}]'
STREAMS: dict[str, bytes] = {
    "no UTF-8": b"data: \xff\xfe\x00\n\n",
    "no JSON": b"data: {{{\n\n",
    "JSON of another shape": b"data: [1, 2]\n\n" + event_frame("modelStatus", "x"),
    "data that is no JSON": b'data: {"type":"modelStatus","data":"{"}\n\n',
    "data nested deep": b'data: {"type":"modelStatus","data":"' + b"[" * 100_000 + b'"}\n\n',
    "an envelope nested deep": b'data: {"type":"x","data":' + b"[" * 50_000 + b"]" * 50_000 + b"}\n\n",
    "a number for a name": event_frame("modelStatus", [{"id": 5, "state": ["ready"]}]),
    "escape codes": event_frame("logData", {"source": "proxy", "data": "\x1b[2J\x00 failed to start"}),
    "control lines": b"retry: " + b"9" * 5000 + b"\nid: \x00\nevent\n:comment\ndata\n\n",
    "carriage returns": b"data: {}\r\rdata: {}\r\n\r\n\r",
}


@pytest.mark.parametrize("case", STREAMS)
async def test_an_event_stream_that_sends_nonsense_is_read_on(case: str) -> None:
    good = b'data: {"type":"modelStatus","data":' + STATUS.replace('"', '\\"').join('""').encode() + b"}\n\n"
    paths = {
        b"/wol-health": http_answer(b"OK"),
        b"/v1/models": http_answer(b'{"data":[{"id":"qwen3"}]}'),
        b"/running": http_answer(b'{"running":[]}'),
        b"/api/events": b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n" + STREAMS[case] + good,
    }

    async def behave(reader: Any, writer: Any) -> None:
        head = await server.read_request(reader)
        path = head.split(b" ")[1]
        writer.write(paths.get(path, http_answer(status="404 Not Found")))
        await writer.drain()
        if path == b"/api/events":
            await reader.read(1)

    async with (
        RawServer(behave) as server,
        watching(config_of(service("it", "llama-swap", server.url, timeout=2.0))) as monitor,
    ):
        await until(lambda: model_state(monitor, "it/qwen3") is ModelState.READY, "what came after it was read")
        assert row(monitor, "it").state is UP


async def test_an_event_stream_that_breaks_each_time_is_not_opened_in_a_frenzy() -> None:
    opened = 0

    async def behave(reader: Any, writer: Any) -> None:
        nonlocal opened
        head = await server.read_request(reader)
        path = head.split(b" ")[1]
        if path == b"/api/events":
            opened += 1
            reset(writer)
            return
        writer.write(http_answer(b"OK") if path == b"/wol-health" else http_answer(status="404 Not Found"))
        await writer.drain()

    async with (
        RawServer(behave) as server,
        watching(config_of(service("it", "llama-swap", server.url))) as monitor,
    ):
        await until(lambda: opened >= 2, "it is tried again")
        began = row(monitor, "it").seen.at or 0.0
        await until(lambda: (row(monitor, "it").seen.at or 0.0) > began + 1.0, "a second goes by")
        assert opened <= 5


async def test_an_answer_that_is_larger_unpacked() -> None:
    import gzip

    packed = gzip.compress(bytes(100_000_000), 9)
    answer = http_answer(packed, headers=b"content-encoding: gzip\r\n")
    async with says(answer) as server, watching(config_of(service("it", "openai", server.url, timeout=5.0))) as monitor:
        seen = await state_comes(monitor, "it", DOWN)
        assert seen.reason == "answered with more than 8 MB"
