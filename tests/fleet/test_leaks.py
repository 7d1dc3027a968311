"""A panel stays open for weeks: what goes wrong a thousand times must cost nothing in the end."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from pathlib import Path

from tests.fleet.watching import model_state, row, watched_fleet
from tests.waiting import until
from tui.fleet.snapshot import ModelState, ServiceState

RESTARTS = 50
LITTLE = 400_000
"""Bytes: a leak of one connection with its buffers per restart would be ten times as much."""


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()) if Path("/proc/self/fd").exists() else [])


async def test_fifty_restarts_of_llama_swap_leak_no_task_no_socket_and_no_memory(demo_key: None) -> None:
    async with watched_fleet("llama-swap", refresh=0.02) as (fleet, monitor):
        server = fleet.llama_swap

        async def restart() -> None:
            streams = len(server.requests.to("/api/events"))
            await server.scene("restart", down_for=0.02)
            listening = "it is listened to again"
            await until(lambda: len(server.requests.to("/api/events")) > streams, listening, timeout=2.0)
            await until(lambda: row(monitor, "llama-swap").state is ServiceState.UP, "it is up", timeout=2.0)
            server.requests.clear()

        async def settled(tasks: int, files: int) -> None:
            await until(lambda: len(asyncio.all_tasks()) <= tasks, "no more tasks than before")
            await until(lambda: open_files() <= files, "no more files than before")

        for _ in range(5):
            await restart()
        await server.load("gemma")
        await until(lambda: model_state(monitor, "llama-swap/gemma") is ModelState.READY, "states are pushed")
        tasks, files = len(asyncio.all_tasks()), open_files()
        gc.collect()
        tracemalloc.start()
        try:
            before, _ = tracemalloc.get_traced_memory()
            for _ in range(RESTARTS):
                await restart()
            await settled(tasks, files)
            gc.collect()
            after, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert after - before < LITTLE
        await server.load("gemma")
        await until(lambda: model_state(monitor, "llama-swap/gemma") is ModelState.READY, "states are pushed still")


async def test_a_monitor_that_ends_leaves_nothing_behind(demo_key: None) -> None:
    async with watched_fleet() as (fleet, monitor):
        await monitor.first_look(2.0)
    before_tasks, before_files = asyncio.all_tasks(), open_files()
    async with watched_fleet(timeout=0.3) as (fleet, monitor):
        await fleet.ollama.scene("hang")
        await fleet.qdrant.scene("down")
        await until(lambda: row(monitor, "qdrant").state is ServiceState.DOWN, "something is going wrong")
    await until(lambda: asyncio.all_tasks() <= before_tasks, "its tasks have ended")
    await until(lambda: open_files() <= before_files, "its connections are closed")
