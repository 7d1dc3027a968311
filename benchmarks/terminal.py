"""A program on a pseudo-terminal, and the screen that it draws there."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import queue
import signal
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Self

import pyte

COLUMNS, LINES = 120, 40
READ_SIZE = 65_536
SECONDS_TO_END = 3.0

DOWN, UP, PAGE_DOWN, HOME, END = b"\x1b[B", b"\x1b[A", b"\x1b[6~", b"\x1b[H", b"\x1b[F"


class NeverShown(Exception):
    """What was waited for did not come onto the screen; the text holds the screen as it was at the end."""


class Terminal:
    """Runs ``command`` from :meth:`__enter__` on and ends it, with all that it started, at the end of the block.

    Times are those of ``time.perf_counter``. Bytes are stamped by a thread that does nothing but read, so that the
    emulation, which takes milliseconds a frame, delays no stamp.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        columns: int = COLUMNS,
        lines: int = LINES,
        env: Mapping[str, str] | None = None,
    ) -> None:
        """``env``: what differs from this process's environment."""
        self.screen = pyte.Screen(columns, lines)
        self.started = 0.0
        """The moment just before the program was started."""
        self._command = list(command)
        # A colour depth of its own: what the person's terminal can do must not decide what is compared.
        self._env = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", **(env or {})}
        self._stream = pyte.ByteStream(self.screen)
        self._chunks: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()
        self._ended = False

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def text(self) -> str:
        """The whole screen, line by line."""
        return "\n".join(self.screen.display)

    def __enter__(self) -> Self:
        self._master, slave = pty.openpty()
        self._set_size(self.screen.columns, self.screen.lines)
        self.started = time.perf_counter()
        self._process = subprocess.Popen(
            self._command, stdin=slave, stdout=slave, stderr=slave, env=self._env, start_new_session=True
        )
        os.close(slave)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(SECONDS_TO_END)
                break
        self._reader.join(SECONDS_TO_END)
        os.close(self._master)

    def press(self, key: bytes) -> float:
        """Types ``key`` and returns when."""
        at = time.perf_counter()
        os.write(self._master, key)
        return at

    def resize(self, columns: int, lines: int) -> None:
        self.screen.resize(lines, columns)
        self._set_size(columns, lines)
        # Without a controlling terminal the kernel tells nobody.
        os.kill(self.pid, signal.SIGWINCH)

    def wait_until(self, shown: Callable[[Terminal], bool], what: str, timeout: float = 10.0) -> float:
        """Waits until ``shown`` holds and returns when the bytes came that made it so; the past counts.

        Raises:
            NeverShown: it did not within ``timeout`` seconds, or the program ended; ``what`` names it.
        """
        if shown(self):
            return time.perf_counter()
        deadline = time.perf_counter() + timeout
        while (at := self._take(deadline)) is not None:
            if shown(self):
                return at
        outcome = "the program ended" if self._ended else f"not within {timeout:g} s"
        raise NeverShown(f"{what}: {outcome}. The screen:\n{self.text}")

    def follow(self, seconds: float) -> None:
        """Goes on drawing for so long."""
        deadline = time.perf_counter() + seconds
        while self._take(deadline) is not None:
            pass

    def _take(self, deadline: float) -> float | None:
        """Draws the next bytes and returns when they came; None where none came until the deadline."""
        wait = deadline - time.perf_counter()
        if self._ended:
            time.sleep(max(0.0, wait))
            return None
        try:
            at, data = self._chunks.get(timeout=max(0.0, wait))
        except queue.Empty:
            return None
        if not data:
            self._ended = True
            return None
        self._stream.feed(data)
        return at

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._master, READ_SIZE)
            except OSError:  # Linux answers EIO once nobody holds the other side.
                data = b""
            self._chunks.put((time.perf_counter(), data))
            if not data:
                return

    def _set_size(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
