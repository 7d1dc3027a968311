"""A child process whose lines are read, and whose complaints are kept for the person."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

LONGEST_LINE = 4 << 20
COMPLAINT_KEPT = 8000
END_WITHIN = 0.5


class ProgramEnded(Exception):
    """There will be no more lines. ``status`` is None where the program could not even be started."""

    def __init__(self, status: int | None, reason: str = "") -> None:
        super().__init__(reason or f"ended with status {status}")
        self.status = status


class Program:
    """Runs while its context lasts, in a session of its own: it can neither ask on the terminal nor be hit by Ctrl-C.

    ``complained`` is called when it has written to standard error; ``complaint`` is the end of all it wrote there.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self.complaint = ""
        self.complained: Callable[[], None] | None = None
        self._command = command
        self._process: asyncio.subprocess.Process | None = None
        self._listening: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """
        Raises:
            ProgramEnded: it cannot be started.
        """
        starting = asyncio.ensure_future(self._start())
        try:
            self._process = await asyncio.shield(starting)
        except asyncio.CancelledError:
            # asyncio forgets a child whose start is broken off, and it would go on by itself.
            with contextlib.suppress(OSError):
                await _kill(await starting)
            raise
        except OSError as error:
            reason = f"{self._command[0]} cannot be started here: {(error.strerror or str(error)).lower()}"
            raise ProgramEnded(None, reason) from None
        self._listening = asyncio.create_task(self._listen(), name=f"complaints of {self._command[0]}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._process is not None
        assert self._listening is not None
        self._listening.cancel()
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        try:
            async with asyncio.timeout(END_WITHIN):
                await self._process.wait()
        except TimeoutError:
            pass
        finally:
            await _kill(self._process)

    async def _start(self) -> asyncio.subprocess.Process:
        pipe = asyncio.subprocess.PIPE
        return await asyncio.create_subprocess_exec(
            *self._command, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True, limit=LONGEST_LINE
        )

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def write(self, data: bytes) -> None:
        """Raises nothing where the program is gone: reading tells that."""
        assert self._process is not None
        assert self._process.stdin is not None
        if not self._process.stdin.is_closing():
            self._process.stdin.write(data)

    async def read_line(self) -> bytes:
        """
        Raises:
            ProgramEnded: it has, or it wrote a line longer than 4 MiB.
        """
        assert self._process is not None
        assert self._process.stdout is not None
        assert self._listening is not None
        try:
            line = await self._process.stdout.readline()
        except ValueError:
            raise ProgramEnded(None, f"it wrote a line longer than {LONGEST_LINE >> 20} MiB") from None
        if line.endswith(b"\n"):
            return line
        await asyncio.wait([self._listening], timeout=END_WITHIN)
        try:
            async with asyncio.timeout(END_WITHIN):
                status = await self._process.wait()
        except TimeoutError:
            raise ProgramEnded(None, "it closed its output") from None
        raise ProgramEnded(status)

    async def _listen(self) -> None:
        assert self._process is not None
        assert self._process.stderr is not None
        while words := await self._process.stderr.read(4096):
            self.complaint = (self.complaint + words.decode(errors="replace"))[-COMPLAINT_KEPT:]
            if self.complained is not None:
                self.complained()


async def _kill(process: asyncio.subprocess.Process) -> None:
    """Ends it, if it has not ended, and what we hold of it: a proxy that ssh started may keep the pipes for longer."""
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    try:
        await process.wait()
    finally:
        process._transport.close()  # type: ignore[attr-defined]
