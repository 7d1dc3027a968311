"""Whatever a server answers: one plain sentence, no exception but the one, harmless words, and in time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.processor import without_collecting
from tui.config.schema import ServiceKind, ServiceSettings
from tui.demo.fleet import DemoFleet
from tui.demo.http_server import Response, json_response, text_response
from tui.demo.scenes import HOSTILE_NAMES, HOSTILE_TEXT, SceneName
from tui.fleet.failures import LookFailed
from tui.fleet.printable import printable
from tui.fleet.probes.llama_swap_events import UnreadableEvent, read_event
from tui.fleet.probes.probe import Look, Probe
from tui.fleet.probes.registry import PROBES, probe_for
from tui.fleet.probes.shapes import count, unix_time
from tui.fleet.snapshot import ServiceState

from .canned import ALLOWED, KEY, Canned, Watched, settings_for
from .conftest import Watch

KINDS: tuple[ServiceKind, ...] = get_args(ServiceKind)
DEEP = b'{"data":' + b"[" * 100_000 + b"]" * 100_000 + b"}"


def test_every_kind_of_the_configuration_has_a_probe() -> None:
    assert set(PROBES) == set(KINDS)
    for kind in KINDS:
        probe = probe_for(settings_for(kind, "http://127.0.0.1:1"))
        names = [look.name for look in probe.looks]
        assert len(set(names)) == len(names)
        assert probe.looks[0].period > 0


async def silence() -> AsyncIterator[bytes]:
    yield b'{"data":['
    await asyncio.Event().wait()


def answers() -> dict[str, Response]:
    return {
        "empty": Response(200, b""),
        "html": text_response("<!DOCTYPE html><title>Wi-Fi</title>", 200, "text/html"),
        "binary": Response(200, b"\x80\x81\xfe\xff\x00\x1b[31m" + bytes(range(256))),
        "truncated": Response(200, b'{"object":"list","data":[{"id":"qwen3","obj'),
        "wrong types": json_response(
            {"data": 7, "models": "x", "running": {}, "result": [], "profiles": 1, "active": {}}
        ),
        "items of wrong types": json_response({"data": ["x"], "models": [1], "running": [[]], "profiles": [None]}),
        "a list": json_response([[], {}, None]),
        "null": json_response(None),
        "deep": Response(200, DEEP),
        "never ending": Response(200, silence()),
        "bad gzip": Response(200, b"not gzip", headers=(("content-encoding", "gzip"),)),
        "hostile error": json_response({"error": {"message": HOSTILE_TEXT}}, 500),
        "401": json_response({"error": "unauthorized"}, 401),
        "503": json_response({"detail": [{"msg": HOSTILE_TEXT}]}, 503),
        "503 without words": Response(503, b"\xff\xfe"),
    }


async def outcome(look: Look, it: Watched) -> LookFailed | None:
    try:
        await look.ask(it.asker)
    except LookFailed as failure:
        return failure
    return None


@pytest.mark.parametrize("kind", KINDS)
async def test_any_answer_to_any_question(watch: Watch, kind: ServiceKind) -> None:
    async def every_question(name: str) -> None:
        it = await watch(kind, path="/ping" if kind == "http" else "", timeout=0.1)
        for path in ALLOWED[kind]:
            it.server.answers[path] = lambda _: answers()[name]
        for look in it.probe.looks:
            failure = await outcome(look, it)
            if failure is not None:
                assert failure.reason, name
                assert printable(failure.reason) == failure.reason
                assert len(failure.reason) < 400
        facts = it.probe.facts()
        assert all(printable(remark) == remark for remark in facts.remarks)
        assert all(printable(model.about) == model.about for model in facts.models)
        assert all("\x1b" not in raw.text for raw in it.asker.answers)

    await asyncio.gather(*map(every_question, answers()))


@pytest.mark.parametrize("kind", KINDS)
async def test_a_server_that_is_not_there(watch: Watch, kind: ServiceKind) -> None:
    it = await watch(kind)
    it.server.http.close(keep_port=True)
    failure = await it.refused()
    assert (failure.state, failure.reason, failure.connected) == (ServiceState.DOWN, "connection refused", False)


def hostile_fields(name: str) -> dict[str, object]:
    words = dict.fromkeys(("description", "display_name", "owned_by", "mode", "version"), HOSTILE_TEXT)
    extras = {"type": HOSTILE_TEXT, "aliases": [f"alias {name}", 7, None], "modelID": 3, "targets": {"x": 1}}
    details = {"parameter_size": HOSTILE_TEXT, "quantization_level": ["x"], "context_length": -5}
    numbers = dict.fromkeys(("context_length", "max_model_len", "size", "size_vram"), 1e300)
    return {"id": name, "name": name, **words, **numbers, "meta": {"llamaswap": extras}, "details": details}


@pytest.mark.parametrize(
    "kind", ["llama-swap", "ollama", "litellm", "openai", "anthropic", "vllm", "localai", "llama-server"]
)
async def test_hostile_names_stay_exact_and_all_else_is_made_harmless(watch: Watch, kind: ServiceKind) -> None:
    it = await watch(kind, key=KEY)
    names = [*HOSTILE_NAMES, "n" * 20_000, "a/b/c d%2F?x=1#y"]
    entries = [hostile_fields(name) for name in names]
    for path in ("/v1/models", "/api/tags", "/api/ps"):
        it.server.json(path, {"data": entries, "models": entries})
    look = next(look for look in it.probe.looks if look.tells_models)
    it.server.json("/props", {"build_info": HOSTILE_TEXT})
    await look.ask(it.asker)
    assert set(names) <= set(it.models)
    for model in it.models.values():
        assert printable(model.about) == model.about
        assert len(model.about) <= 250
        assert model.context is None
        assert model.size is None


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("qdrant", "http")])
async def test_ten_thousand_models_in_a_tenth_of_a_second(watch: Watch, kind: ServiceKind) -> None:
    it = await watch(kind, key=KEY)
    names = [f"model-{number:05d}" for number in range(10_000)]
    entries = [{"id": name, "name": name, "description": "x", "context_length": 4096} for name in names]
    for path in ("/v1/models", "/api/tags"):
        it.server.json(path, {"data": entries, "models": entries})
    it.server.json("/props", {"build_info": "b1"})
    look = next(look for look in it.probe.looks if look.tells_models)
    await look.ask(it.asker)
    with without_collecting():
        started = time.process_time()
        facts = it.probe.facts()
        first = time.process_time() - started
    assert len(facts.models) == 10_000
    assert it.probe.facts() is facts, "nothing has changed, so nothing is built again"
    # Half a second forgives a machine that is busy with other tests; a quiet one takes a fifth of that at most.
    assert first < 0.5


def demo_service(fleet: DemoFleet, name: str, timeout: float) -> tuple[Probe, ServiceSettings]:
    url = fleet.servers[name].url
    kind: ServiceKind = {"k3s": "http", "extra-000": "openai"}.get(name, name)  # type: ignore[assignment]
    expects = "pong" if kind == "http" else None
    service = settings_for(kind, f"{url}/ping" if kind == "http" else url, expect=expects, timeout=timeout)
    return probe_for(service), service


SCENES: tuple[tuple[SceneName, str], ...] = (
    ("normal", ""),
    ("hang", ""),
    ("error", ""),
    ("garbage", "html"),
    ("garbage", "binary"),
    ("garbage", "truncated"),
    ("garbage", "empty"),
    ("huge", "big"),
    ("huge", "endless"),
    ("hostile", "text"),
    ("hostile", "long"),
    ("hostile", "deep"),
    ("unauthorized", ""),
    ("loading", ""),
    ("down", ""),
)
MUST_FAIL_IN = {"hang", "error", "garbage", "huge", "down"}


@pytest.mark.parametrize(("scene", "variant"), SCENES)
async def test_every_scene_of_the_simulated_fleet(scene: SceneName, variant: str) -> None:
    async with DemoFleet(speed=50, keys=False, extra_services=1) as fleet:

        async def watch_one(name: str) -> None:
            server = fleet.servers[name]
            await server.scene(scene, **({"variant": variant} if variant else {}))
            probe, service = demo_service(fleet, name, 0.2 if scene == "hang" else 2.0)
            it = Watched(Canned(), service, probe)
            failures: dict[str, LookFailed] = {}
            for look in probe.looks:
                if (failure := await outcome(look, it)) is not None:
                    failures[look.name] = failure
                    if look is probe.looks[0]:
                        break
            await it.asker.close()
            assert scene != "normal" or not failures, (name, failures)
            assert scene not in MUST_FAIL_IN or failures, f"{name} seemed well in the scene {scene} {variant}"
            assert all(printable(failure.reason) == failure.reason for failure in failures.values())
            asked = {(record.method, record.path) for record in server.requests}
            assert asked <= {("GET", path) for path in ALLOWED[service.kind]}

        await asyncio.gather(*map(watch_one, fleet.servers))


@settings(max_examples=50, deadline=None)
@given(st.text() | st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists).map(repr))
def test_any_text_is_an_event_none_or_unreadable(text: str) -> None:
    with suppress(UnreadableEvent):
        read_event(text)


@given(st.integers() | st.floats(allow_nan=True) | st.text() | st.booleans() | st.none())
def test_a_count_is_a_whole_number_or_none(value: object) -> None:
    found = count(value)
    assert found is None or (isinstance(found, int) and found == value and 0 <= found <= 2**62)


@given(st.text() | st.datetimes().map(lambda moment: moment.isoformat() + "Z"))
def test_a_time_is_after_1970_or_none(text: str) -> None:
    found = unix_time(text)
    assert found is None or found > 0
