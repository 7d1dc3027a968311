"""Ollama: what is loaded and where, until when, and what is only passed on."""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime, timedelta

import pytest

from tui.demo.http_server import Response
from tui.fleet.snapshot import ModelState, ServiceState

from .canned import Watched
from .conftest import Watch

GIB = 1024**3


def tag(name: str, **others: object) -> dict[str, object]:
    details = {"format": "gguf", "family": "llama", "parameter_size": "3.2B", "quantization_level": "Q4_K_M"}
    return {"name": name, "model": name, "size": 2 * GIB, "digest": "a80c", "details": details, **others}


def loaded(name: str, **others: object) -> dict[str, object]:
    expires = (datetime.now(UTC) + timedelta(minutes=5)).isoformat()
    return {"name": name, "model": name, "size": 4 * GIB, "size_vram": 4 * GIB, "expires_at": expires, **others}


def serve(it: Watched, tags: list[dict[str, object]], ps: list[dict[str, object]]) -> None:
    it.server.json("/api/tags", {"models": tags})
    it.server.json("/api/ps", {"models": ps})
    it.server.json("/api/version", {"version": "0.32.15"})


async def test_loaded_and_known_models(watch: Watch) -> None:
    it = await watch("ollama")
    expires = datetime.now(UTC) + timedelta(minutes=4)
    told = expires.strftime("%Y-%m-%dT%H:%M:%S.123456789+00:00")
    serve(
        it,
        [tag("llama3.2:latest"), tag("qwen3:8b", capabilities=["completion", "thinking"])],
        [loaded("llama3.2:latest", expires_at=told, context_length=8192)],
    )
    await it.look()
    assert it.probe.facts().version == "0.32.15"
    ready = it.model("llama3.2:latest")
    assert ready.state is ModelState.READY
    assert (ready.size, ready.vram, ready.context, ready.gpu_share) == (4 * GIB, 4 * GIB, 8192, 1.0)
    assert ready.until == pytest.approx(expires.timestamp(), abs=2)
    assert ready.about == "3.2B Q4_K_M"
    assert it.model("qwen3:8b").state is ModelState.IDLE
    assert it.model("qwen3:8b").size is None


async def test_an_unknown_quantization_is_not_worth_a_word(watch: Watch) -> None:
    it = await watch("ollama")
    serve(it, [tag("tiny", details={"parameter_size": "38K", "quantization_level": "unknown"})], [])
    await it.look()
    assert it.model("tiny").about == "38K"


async def test_part_of_a_model_on_the_gpu(watch: Watch) -> None:
    it = await watch("ollama")
    serve(it, [tag("big:70b")], [loaded("big:70b", size=40 * GIB, size_vram=10 * GIB)])
    await it.look()
    assert it.model("big:70b").gpu_share == 0.25


async def test_a_model_on_the_processor_alone(watch: Watch) -> None:
    it = await watch("ollama")
    serve(it, [tag("small")], [loaded("small", size_vram=0)])
    await it.look()
    assert (it.model("small").vram, it.model("small").gpu_share) == (0, 0.0)


async def test_a_negative_keep_alive_means_forever(watch: Watch) -> None:
    it = await watch("ollama")
    serve(it, [tag("kept")], [loaded("kept", expires_at="2318-03-01T04:12:09.123456789-04:00")])
    await it.look()
    assert it.model("kept").until == math.inf


@pytest.mark.parametrize("expiry", ["0001-01-01T00:00:00Z", "2020-01-01T00:00:00Z", "tomorrow", 17, "9999-99-99"])
async def test_an_expiry_that_says_nothing_is_none(watch: Watch, expiry: object) -> None:
    it = await watch("ollama")
    serve(it, [tag("m")], [loaded("m", expires_at=expiry)])
    await it.look()
    assert it.model("m").state is ModelState.READY
    assert it.model("m").until is None


async def test_answers_of_an_old_version(watch: Watch) -> None:
    it = await watch("ollama")
    serve(it, [{"name": "old", "size": 5}], [{"name": "old", "size": 5, "size_vram": 5}])
    await it.look()
    assert it.model("old").state is ModelState.READY
    assert (it.model("old").until, it.model("old").context, it.model("old").about) == (None, None, "")


async def test_a_model_of_the_cloud_is_passed_on(watch: Watch) -> None:
    it = await watch("ollama")
    cloud = {"remote_model": "gpt-oss:120b", "remote_host": "https://ollama.com:443", "size": 384}
    serve(it, [tag("gpt-oss:120b-cloud", **cloud), tag("odd", remote_model="x"), tag("odder", remote_host=["?"])], [])
    await it.look()
    assert it.model("gpt-oss:120b-cloud").remote == "ollama.com"
    assert it.model("gpt-oss:120b-cloud").state is ModelState.UNKNOWN
    assert it.model("odd").remote == "elsewhere, as x"
    assert it.model("odder").remote is not None


async def test_a_loaded_model_that_is_not_listed_is_shown_too(watch: Watch) -> None:
    it = await watch("ollama")
    serve(it, [], [loaded("just-pulled")])
    await it.look()
    assert it.model("just-pulled").state is ModelState.READY


async def test_lists_may_be_null(watch: Watch) -> None:
    it = await watch("ollama")
    it.server.json("/api/tags", {"models": None})
    it.server.json("/api/ps", {"models": None})
    it.server.json("/api/version", {"version": "0.0.0"})
    await it.look()
    assert it.models == {}


async def test_before_the_first_answer_no_state_is_claimed(watch: Watch) -> None:
    it = await watch("ollama")
    serve(it, [tag("m")], [])
    await it.look("models")
    assert it.model("m").state is ModelState.UNKNOWN
    await it.look()
    assert it.model("m").state is ModelState.IDLE


async def test_silence_of_the_list_alone_is_business(watch: Watch) -> None:
    it = await watch("ollama", timeout=0.2)
    serve(it, [], [])
    it.server.hanging.add("/api/ps")
    failure = await it.refused()
    assert failure.state is ServiceState.BUSY
    assert failure.reason == "answers, but its list of loaded models does not come (is one loading?)"


async def test_silence_of_everything_is_an_outage(watch: Watch) -> None:
    it = await watch("ollama", timeout=0.2)
    it.server.hanging |= {"/api/ps", "/api/version"}
    started = time.monotonic()
    failure = await it.refused()
    assert failure.state is ServiceState.DOWN
    assert failure.reason == "timed out after 0.2 s"
    assert time.monotonic() - started < 2


async def test_the_host_check_is_explained(watch: Watch) -> None:
    it = await watch("ollama")
    it.server.answers["/api/ps"] = Response(403, b"", None)
    failure = await it.refused()
    assert failure.state is ServiceState.BUSY
    assert "refuses questions to the name 127.0.0.1 (403)" in failure.reason
    assert "OLLAMA_HOST" in failure.reason


async def test_another_403_is_not_called_a_host_check(watch: Watch) -> None:
    it = await watch("ollama")
    it.server.json("/api/ps", {"error": "forbidden by proxy"}, 403)
    assert "OLLAMA_HOST" not in (await it.refused()).reason
