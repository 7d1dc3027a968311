"""Writing down what a llama-swap lists and pushes, and listening to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tui.fleet.failures import LookFailed
from tui.fleet.probes.llama_swap import LlamaSwapProbe
from tui.fleet.probes.probe import ListeningProbe

from .canned import Clock, EventStream, Watched
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
