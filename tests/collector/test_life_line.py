"""A collector lasts no longer than whoever asked for it, and leaves nobody behind."""

from __future__ import annotations

import asyncio
import os
import signal

import psutil

from tests.collector.running import RunningCollector
from tests.collector.systemd import FakeSystemd
from tests.fakenvml import GPU, FakeDriver
from tests.waiting import until

UNIT = "llama-swap.service"


async def _ends(collector: RunningCollector, within: float = 5.0) -> int:
    async with asyncio.timeout(within):
        return await collector.process.wait()


async def test_it_ends_with_its_input(systemd: FakeSystemd) -> None:
    async with RunningCollector(systemd.environment) as collector:
        await collector.next("hello")
        assert collector.process.stdin is not None
        collector.process.stdin.close()
        assert await _ends(collector) == 0


async def test_it_ends_after_silence_but_not_while_there_are_signs_of_life(systemd: FakeSystemd) -> None:
    async with RunningCollector(systemd.environment, SILENCE=0.7) as collector:
        for _ in range(10):
            collector.send_bytes(b"\n")
            await collector.next("host")
        assert await _ends(collector) == 0


async def test_it_ends_even_while_its_driver_hangs(driver: FakeDriver, systemd: FakeSystemd) -> None:
    async with RunningCollector({**driver.environment, **systemd.environment}) as collector:
        await collector.next("gpu")
        driver.set(GPU, driver="delay nvmlDeviceGetPowerUsage 30\n")
        for _ in range(4):
            await collector.next("host")
        assert collector.process.stdin is not None
        collector.process.stdin.close()
        assert await _ends(collector) == 0


async def test_it_ends_when_nobody_reads(systemd: FakeSystemd) -> None:
    async with RunningCollector(systemd.environment) as collector:
        await collector.next("hello")
        collector.process._transport.get_pipe_transport(1).close()  # type: ignore[attr-defined]
        await _ends(collector)


async def test_its_children_end_with_it_even_when_it_is_killed(systemd: FakeSystemd) -> None:
    systemd.write_journal("one")
    async with RunningCollector(systemd.environment, units=[(UNIT, "user")]) as collector:
        collector.send(do="log", request=1, unit=UNIT, lines=1, after=None)
        await collector.next("log")
        children = psutil.Process(collector.process.pid).children(recursive=True)
        assert any("tail" in child.name() for child in children)
        os.kill(collector.process.pid, signal.SIGKILL)
        await until(lambda: not any(child.is_running() for child in children), "its children are gone")


async def test_what_it_cannot_understand_ends_it_with_a_reason(systemd: FakeSystemd) -> None:
    async with RunningCollector(systemd.environment) as collector:
        await collector.next("hello")
        collector.send_bytes(b"no json\n")
        assert await _ends(collector) == 70
