"""Runs one command-line program for one prompt, and leaves nothing of it behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tui.chat.reply import FailureKind, ReplyFailed
from tui.fleet.printable import printable

READ_SIZE = 64 * 1024
KEPT_STDERR = 8 * 1024
SLICE = 0.25
"""Seconds of silence after which a read comes back empty, so that its caller can look at what else has happened."""
LAST_WORDS_WITHIN = 0.5
"""Seconds in which what a program wrote before its end has to be read."""

ORDINARY_VARIABLES = frozenset(
    {
        "PATH",
        "HOME",
        "USER",
        "LOGNAME",
        "SHELL",
        "LANG",
        "LANGUAGE",
        "TZ",
        "XDG_CONFIG_HOME",
        "XDG_DATA_HOME",
        "XDG_STATE_HOME",
        "XDG_CACHE_HOME",
        "XDG_RUNTIME_DIR",
        "DBUS_SESSION_BUS_ADDRESS",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "NODE_EXTRA_CA_CERTS",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "NO_PROXY",
        "ALL_PROXY",
        "http_proxy",
        "https_proxy",
        "no_proxy",
        "all_proxy",
    }
)
"""What any program needs to run, find its own login and reach the network; no key is among them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramLimits:
    """Seconds. Programs retry for minutes without a word, so that each has to be bounded from outside."""

    first_word: float = 120.0
    """From the start to the first piece of an answer."""
    silence: float = 300.0
    """From one piece to the next."""
    grace: float = 2.0
    """From SIGTERM to SIGKILL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """How a program is to be run."""

    command: tuple[str, ...]
    environment: Mapping[str, str]
    stdin: bytes = b""
    in_own_folder: bool = True
    """In an empty folder that is its temporary folder too, and is removed with all that it holds: an agent reads
    instructions from where it is started, and some leave reports with the prompt in them."""
    keeps_in: tuple[Path, ...] = ()
    """Folders in which it makes one named after that own folder, for what was said; that one is removed as well."""


class Child:
    """A running program."""

    def __init__(self, process: asyncio.subprocess.Process, name: str) -> None:
        self.name = name
        self._process = process
        self._reading: asyncio.Task[bytes] | None = None
        self._at_end = False
        self.stderr = bytearray()
        """The last 8 KiB of it."""

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative: the signal that ended it."""
        return self._process.returncode

    async def read(self) -> bytes | None:
        """What it wrote; empty where nothing came for a quarter second; None at its end.

        A program has ended when its own process has, even where a process that it left behind holds the pipe open.
        """
        if self._at_end:
            return None
        assert self._process.stdout is not None
        if self._reading is None:
            self._reading = asyncio.ensure_future(self._process.stdout.read(READ_SIZE))
        ended = self.exit_code is not None
        await asyncio.wait({self._reading}, timeout=LAST_WORDS_WITHIN if ended else SLICE)
        if not self._reading.done():
            self._at_end = ended
            return None if ended else b""
        data, self._reading = self._reading.result(), None
        self._at_end = not data
        return data or None

    async def wait(self, seconds: float) -> int | None:
        """Its exit code, where it ends within so many seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._process.wait()
        return self.exit_code

    def last_words(self) -> str:
        """The last line that it wrote to stderr and that says something; empty where there is none."""
        lines = self.stderr.decode("utf-8", errors="replace").splitlines()
        return next((line.strip() for line in reversed(lines) if line.strip()), "")

    async def stop(self, grace: float) -> None:
        """Ends it and all that it started: SIGTERM to its process group, and SIGKILL where that does not suffice.

        The group gets SIGKILL in any case: a launcher that ends by SIGTERM leaves its own child running (copilot 1.0).
        """
        if self._reading is not None:
            self._reading.cancel()
        if self.exit_code is None:
            self._signal(signal.SIGTERM)
            await self.wait(grace)
        self._signal(signal.SIGKILL)
        if self.exit_code is None:
            await self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)


@asynccontextmanager
async def running(
    invocation: Invocation, grace: float, note: Callable[[str], None] = lambda line: None
) -> AsyncGenerator[Child, None]:
    """A program in a process group of its own, its standard input written and closed, until the block is left.

    ``note`` is called with each line that it writes to stderr.

    Raises:
        ReplyFailed: it is not installed, or cannot be run.
    """
    name = printable(Path(invocation.command[0]).name, 60)
    path = shutil.which(invocation.command[0], path=invocation.environment.get("PATH"))
    if path is None:
        raise ReplyFailed(FailureKind.NOT_INSTALLED, f"{name} is not installed: there is no such program on the PATH")
    folder = Path(tempfile.mkdtemp(prefix="fleetdeck-")) if invocation.in_own_folder else None
    environment = dict(invocation.environment) | ({"TMPDIR": str(folder)} if folder else {})
    try:
        try:
            process = await asyncio.create_subprocess_exec(
                path,
                *invocation.command[1:],
                stdin=asyncio.subprocess.PIPE if invocation.stdin else asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=environment,
                cwd=folder,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            said = (getattr(error, "strerror", None) or str(error)).lower()
            raise ReplyFailed(FailureKind.NOT_INSTALLED, f"{name} cannot be run: {printable(said, 120)}") from None
        child, guard = Child(process, name), None
        tasks = [
            asyncio.create_task(_write(process, invocation.stdin)),
            asyncio.create_task(_drain(process, child, note)),
        ]
        try:
            guard = await _guard(process.pid)
            yield child
        finally:
            await _uninterrupted(_end(child, guard, tasks, grace))
    finally:
        if folder is not None:
            for left in (folder, *(parent / folder.name for parent in invocation.keeps_in)):
                shutil.rmtree(left, ignore_errors=True)


_GUARD = 'read -r _ || kill -s KILL -- "-$1"'


async def _guard(group: int) -> asyncio.subprocess.Process:
    """A shell that ends a process group when we are killed ourselves: its standard input ends with us.

    opencode's server would else run on for ever with its 500 MB, and an answer that nobody reads would be paid for.
    """
    return await asyncio.create_subprocess_exec(
        *("/bin/sh", "-c", _GUARD, "sh", str(group)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )


async def _dismiss(guard: asyncio.subprocess.Process) -> None:
    """Lets the guard go without a blow: the group has ended, and its number may soon be another's."""
    assert guard.stdin is not None
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        guard.stdin.write(b"\n")
        await guard.stdin.drain()
    guard.stdin.close()
    await guard.wait()


async def _end(
    child: Child, guard: asyncio.subprocess.Process | None, tasks: list[asyncio.Task[None]], grace: float
) -> None:
    await child.stop(grace)
    if guard is not None:
        await _dismiss(guard)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _uninterrupted(ending: Coroutine[None, None, None]) -> None:
    """Waits for it also where the caller is cancelled meanwhile: nothing of a program may go on."""
    task = asyncio.ensure_future(ending)
    cancelled = False
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            cancelled = True
    if cancelled:
        raise asyncio.CancelledError


async def _write(process: asyncio.subprocess.Process, data: bytes) -> None:
    if process.stdin is None:
        return
    # A program that ends before it has read everything is judged by how it ends.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(data)
        await process.stdin.drain()
    process.stdin.close()


async def _drain(process: asyncio.subprocess.Process, child: Child, note: Callable[[str], None]) -> None:
    assert process.stderr is not None
    begun = b""
    while data := await process.stderr.read(READ_SIZE):
        child.stderr += data
        del child.stderr[:-KEPT_STDERR]
        *lines, begun = (begun[-KEPT_STDERR:] + data).split(b"\n")
        for line in lines:
            note(line.decode("utf-8", errors="replace"))


def environment_with(
    names: Iterable[str] = (), prefixes: tuple[str, ...] = (), more: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The ordinary variables, those named, and those that begin so; nothing else of ours reaches the program."""
    wanted = ORDINARY_VARIABLES | set(names)
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in wanted or name.startswith("LC_") or (prefixes and name.startswith(prefixes))
    }
    return kept | dict(more or {})
