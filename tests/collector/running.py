"""A collector as a process of its own, spoken to as a channel does."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from tui.fleet.machine_channel import BOOT, collector_source

Said = dict[str, Any]


class RunningCollector:
    """Runs while its context lasts.

    ``constants`` replaces some of the file's, so that a test need not wait for as long as a person does.
    """

    def __init__(
        self,
        environment: Mapping[str, str] | None = None,
        *,
        python: Sequence[str] = (sys.executable, "-I"),
        interval: float = 0.1,
        units: Sequence[tuple[str, str]] = (),
        **constants: Any,
    ) -> None:
        self.said: list[Said] = []
        self._environment = {**os.environ, **(environment or {})}
        self._python = python
        self._wanted = {"interval": interval, "units": units}
        self._constants = constants
        self._heard: dict[str, int] = {}

    async def __aenter__(self) -> Self:
        pipe = asyncio.subprocess.PIPE
        command = [*self._python, "-u", "-c", BOOT]
        self.process = await asyncio.create_subprocess_exec(
            *command, stdin=pipe, stdout=pipe, env=self._environment, limit=1 << 24
        )
        source = collector_source().decode()
        for constant, value in self._constants.items():
            before = next(line for line in source.splitlines() if line.startswith(f"{constant} = "))
            source = source.replace(before, f"{constant} = {value}")
        assert self.process.stdin is not None
        self.process.stdin.write(b"%d\n%b" % (len(source.encode()), source.encode()))
        self.process.stdin.write(json.dumps(self._wanted).encode() + b"\n")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with suppress(ProcessLookupError):
            self.process.kill()
        await self.process.communicate()

    def send(self, **command: object) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(command).encode() + b"\n")

    def send_bytes(self, data: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(data)

    def reading(self, on: bool) -> None:
        """Off: what the collector writes stays in the pipe."""
        pipe = self.process._transport.get_pipe_transport(1)  # type: ignore[attr-defined]
        (pipe.resume_reading if on else pipe.pause_reading)()

    async def next(self, kind: str, where: Callable[[Said], object] = lambda _: True, within: float = 10.0) -> Said:
        """The next line of a kind, behind the last one that was asked for, that is as wanted."""
        passed = [said for said in self.said[self._heard.get(kind, 0) :] if said["type"] == kind]
        try:
            async with asyncio.timeout(within):
                while True:
                    found = self._look(kind, where)
                    if found is not None:
                        return found
                    self.said.append(await self._read())
        except TimeoutError:
            raise AssertionError(f"no such {kind} within {within:g} s; the last was {passed[-1:]}") from None

    def _look(self, kind: str, where: Callable[[Said], object]) -> Said | None:
        for number in range(self._heard.get(kind, 0), len(self.said)):
            self._heard[kind] = number + 1
            if self.said[number]["type"] == kind and where(self.said[number]):
                return self.said[number]
        return None

    async def _read(self) -> Said:
        assert self.process.stdout is not None
        line = await self.process.stdout.readline()
        assert line, f"the collector ended with {await self.process.wait()}"
        said: Said = json.loads(line)
        return said
