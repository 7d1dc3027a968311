"""One collector at work on the simulated machine: its commands in, its lines of JSON out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from tui.demo.clock import machine_monotonic
from tui.demo.machine_figures import DRIVER

if TYPE_CHECKING:
    from tui.demo.machine import SimulatedMachine

SILENCE = 20.0
"""Seconds without a sign of life after which the real collector ends itself."""
LARGEST_SOURCE = 1 << 20
TERMINATED = -15
NO_SUCH_UNIT = 5
HELLO = {"protocol": 1, "python": "3.12.3", "system": "Linux", "hostname": "koala", "linger": True}
UNKNOWN_UNIT = {
    "MainPID": "0",
    "NRestarts": "0",
    "Result": "success",
    "LoadState": "not-found",
    "ActiveState": "inactive",
    "SubState": "dead",
    "StateChangeTimestampMonotonic": "0",
    "NeedDaemonReload": "no",
}


class _Over(Exception):
    """The session has nobody to talk to."""


class Session:
    """Runs from the first byte that ssh would hand to the far python3 until that ends."""

    def __init__(self, machine: SimulatedMachine, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._machine = machine
        self._reader = reader
        self._writer = writer
        self._units: Mapping[str, str] = {}
        self._journals: dict[int, asyncio.Task[None]] = {}
        self._shown: dict[str, str] = {}

    async def run(self) -> None:
        """Returns at the end of the input, and when the connection breaks."""
        try:
            await self._boot()
            async with asyncio.TaskGroup() as group:
                group.create_task(self._sample(self._interval))
                group.create_task(self._obey(group))
        except* (_Over, OSError, asyncio.IncompleteReadError, ValueError, KeyError):
            # As a far process that ends, whyever: ssh closes the connection.
            pass

    async def _boot(self) -> None:
        size = int(await self._reader.readline())
        if not 0 < size <= LARGEST_SOURCE:
            raise _Over
        await self._reader.readexactly(size)
        wanted: dict[str, Any] = json.loads(await self._reader.readline())
        self._interval = float(wanted["interval"])
        self._units = dict(wanted["units"])
        await self._say("hello", **HELLO)

    async def _say(self, kind: str, **facts: object) -> None:
        self._writer.write(json.dumps({"type": kind, **facts}).encode() + b"\n")
        await self._writer.drain()

    async def _sample(self, interval: float) -> None:
        """Samples, and tells of units: at once where the one that is simulated changes."""
        changed = asyncio.Event()
        unfollow = self._machine.unit.follow(changed.set)
        loop = asyncio.get_running_loop()
        due = loop.time()
        try:
            while True:
                changed.clear()
                await self._tell_units()
                if loop.time() >= due:
                    await self._say("gpu", driver=DRIVER, gpus=[self._machine.gpu()])
                    await self._say("host", **self._machine.host())
                    due = loop.time() + interval
                await _wait(changed, due - loop.time())
        finally:
            unfollow()

    async def _tell_units(self) -> None:
        for name, scope in self._units.items():
            out = self._show(name, scope)
            if self._shown.get(name) != out:
                self._shown[name] = out
                clock = machine_monotonic()
                await self._say("unit", unit=name, scope=scope, clock=clock, status=0, out=out, error="")

    def _show(self, name: str, scope: str) -> str:
        if self._is_there(name, scope):
            return self._machine.unit.properties.lines()
        return "".join(f"{key}={value}\n" for key, value in UNKNOWN_UNIT.items())

    def _is_there(self, name: str, scope: str) -> bool:
        return name == self._machine.unit.name and scope == "user"

    async def _obey(self, group: asyncio.TaskGroup) -> None:
        while True:
            try:
                async with asyncio.timeout(SILENCE):
                    line = await self._reader.readline()
            except TimeoutError:
                raise _Over from None
            if not line:
                raise _Over
            if line.strip():
                await self._do(group, json.loads(line))

    async def _do(self, group: asyncio.TaskGroup, command: dict[str, Any]) -> None:
        request = int(command.get("request", 0))
        match command["do"]:
            case "ping":
                await self._say("pong", request=request)
            case "pynvml":
                await self._reader.readexactly(int(command["size"]))
            case "unit":
                await self._act(request, str(command["unit"]), str(command["verb"]))
            case "log":
                follow = self._follow(request, str(command["unit"]), int(command["lines"]), command["after"])
                self._journals[request] = group.create_task(follow)
            case "unlog" if request in self._journals:
                self._journals.pop(request).cancel()
                await self._say("log_end", request=request, status=TERMINATED, text="")

    async def _act(self, request: int, name: str, verb: str) -> None:
        if not self._is_there(name, self._units[name]):
            error = f"Failed to {verb} {name}: Unit {name} not found."
            await self._say("done", request=request, status=NO_SUCH_UNIT, out="", error=error)
            return
        acts: dict[str, Callable[[], None]] = {
            "start": lambda: self._machine.unit.act("start"),
            "stop": lambda: self._machine.unit.act("stop"),
            "restart": lambda: self._machine.unit.act("restart"),
        }
        acts[verb]()
        await self._say("done", request=request, status=0, out="", error="")

    async def _follow(self, request: int, name: str, lines: int, after: str | None) -> None:
        """Without an end, as journalctl: of a unit that there is not it has no lines, but waits for some."""
        if not self._is_there(name, self._units[name]):
            await asyncio.Event().wait()
        if refusal := self._machine.journal.refusal:
            await self._say("log_end", request=request, status=1, text=refusal)
            return
        async with aclosing(self._machine.journal.follow(lines, after)) as entries:
            async for entry in entries:
                await self._say("log", request=request, entry=entry.as_json())


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(max(0.0, seconds)):
            await event.wait()
    except TimeoutError:
        pass
