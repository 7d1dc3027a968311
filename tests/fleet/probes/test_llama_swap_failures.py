"""llama-swap: why a model did not start, or stopped by itself."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from tui.demo.fleet import DemoFleet
from tui.fleet.snapshot import ModelState

from .canned import Canned, Watched, settings_for
from .conftest import Watch
from .llama_swap_server import listed, listening, serve, status


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


async def test_what_another_model_writes_later_is_not_put_in_its_mouth(watch: Watch) -> None:
    it = await watch("llama-swap")
    stream = serve(it, listed("a"), listed("b"))
    await it.look()
    async with listening(it):
        stream.send("modelStatus", [status("a", "starting"), status("b", "stopped")])
        stream.send("logData", {"source": "upstream", "data": "cannot open the weights\n"})
        stream.send("modelStatus", [status("a", "stopped"), status("b", "stopped")])
        stream.send("modelStatus", [status("a", "stopped"), status("b", "starting")])
        stream.send("logData", {"source": "upstream", "data": "warning: no such device\n"})
        stream.send("metrics", [{"id": 1, "model": "a", "error_msg": "exited"}])
        await it.until(lambda: it.model("a").reason == "failed to start: exited; it wrote: cannot open the weights")


async def test_an_unlisted_model_that_failed_is_shown(watch: Watch) -> None:
    it = await watch("llama-swap")
    stream = serve(it)
    async with listening(it):
        stream.send("modelStatus", [status("hidden", "starting", unlisted=True)])
        stream.send("modelStatus", [status("hidden", "stopped", unlisted=True)])
        await it.until(lambda: "hidden" in it.models and it.model("hidden").reason == "failed to start")


async def test_what_is_no_complaint_is_not_called_the_cause_of_an_end(watch: Watch) -> None:
    it = await watch("llama-swap")
    stream = serve(it, listed("a"))
    await it.look()
    async with listening(it):
        stream.send("modelStatus", [status("a", "ready")])
        stream.send("logData", {"source": "upstream", "data": '127.0.0.1 "GET / HTTP/1.1" 200 -\n'})
        stream.send("modelStatus", [status("a", "stopped")])
        stream.send("logData", {"source": "proxy", "data": "[WARN] <a> upstream process exited unexpectedly\n"})
        await it.until(lambda: it.model("a").reason == "its process ended by itself")


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


async def test_the_simulated_llama_swap_from_start_to_failure() -> None:
    async with DemoFleet(speed=50, services=["llama-swap"]) as fleet:
        it = Watched(Canned(), settings_for("llama-swap", fleet.llama_swap.url))
        await it.look()
        async with listening(it), httpx.AsyncClient(base_url=fleet.llama_swap.url, timeout=10) as somebody:
            await somebody.get("/upstream/gemma/")
            await it.until(lambda: it.model("gemma").state is ModelState.READY)
            assert (await somebody.get("/upstream/too-large/")).status_code == 500
            await it.until(lambda: it.model("too-large").reason.startswith("failed to start"))
            assert it.model("too-large").state is ModelState.IDLE
            loading = asyncio.create_task(somebody.get("/upstream/qwen3/"))
            await it.until(lambda: it.model("qwen3").state is ModelState.STARTING)
            assert it.model("gemma").state is not ModelState.READY, "one model at a time"
            await it.until(lambda: it.model("qwen3").state is ModelState.READY)
            await loading
            assert it.probe.facts().in_flight is not None
        await it.asker.close()
