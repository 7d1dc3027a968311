"""A program on a terminal: what it prints is what a terminal of that size would show."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pyte

from tests.cli.demo_process import PATIENCE


@dataclass(slots=True)
class Terminal:
    """The terminal's side of a pseudo-terminal, and the program on the other side."""

    process: subprocess.Popen[bytes]
    descriptor: int
    screen: pyte.Screen
    raw: bytearray = field(default_factory=bytearray)
    """Every byte that the program wrote."""
    stream: pyte.ByteStream = field(init=False)
    """One for all that is read: what comes in one piece may end within a code or a letter."""

    def __post_init__(self) -> None:
        self.stream = pyte.ByteStream(self.screen)

    @property
    def shown(self) -> str:
        return "\n".join(self.screen.display)

    def write(self, text: str) -> None:
        os.write(self.descriptor, text.encode())

    def read_on(self, seconds: float) -> bool:
        """Takes in what is written next; False once the program has closed the terminal, or nothing comes."""
        readable, _, _ = select.select([self.descriptor], [], [], seconds)
        if not readable:
            return False
        try:
            written = os.read(self.descriptor, 65_536)
        except OSError:
            return False
        self.raw += written
        # pyte 0.8 knows neither private parameters nor intermediate bytes; what it would print of them is no text.
        self.stream.feed(written)
        return bool(written)

    def resize(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self.descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        # The terminal is no controlling one, so that the kernel tells nobody.
        self.process.send_signal(signal.SIGWINCH)
        self.screen.resize(lines, columns)

    def vanish(self) -> None:
        """As when its window is closed: reading and writing fail from now on."""
        os.close(self.descriptor)
        self.descriptor = os.open(os.devnull, os.O_RDWR)

    def sees(self, words: str, within: float = PATIENCE) -> None:
        limit = time.monotonic() + within
        while words not in self.shown:
            assert time.monotonic() < limit, f"{words!r} is not shown:\n{self.shown}"
            self.read_on(0.05)

    def is_filled(self) -> bool:
        """Reads on; whether the panel's first screen goes to the last column and to the last line."""
        self.read_on(0.01)
        lines = self.screen.display
        return lines[1].startswith("╭") and lines[1].endswith("╮") and "q Quit" in lines[-1]

    def ends(self) -> int:
        """Reads on until the program has ended; its exit code."""
        limit = time.monotonic() + PATIENCE
        while self.process.poll() is None or self.read_on(0.01):
            assert time.monotonic() < limit, f"it does not end:\n{self.shown}"
            self.read_on(0.02)
        return self.process.returncode


@contextlib.contextmanager
def on_terminal(
    command: Sequence[str],
    env: Mapping[str, str],
    *,
    columns: int = 120,
    lines: int = 40,
    term: str = "xterm-256color",
    color_term: str = "truecolor",
) -> Iterator[Terminal]:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    process = subprocess.Popen(
        command,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**env, "TERM": term, "COLORTERM": color_term},
        start_new_session=True,
    )
    os.close(theirs)
    try:
        yield Terminal(process, ours, pyte.Screen(columns, lines))
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        os.close(ours)
