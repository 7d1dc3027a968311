"""A collector at work: here as a child process, elsewhere sent over the system's ssh, which finds hosts and keys."""

from __future__ import annotations

import asyncio
import logging
import sys
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from tui.config.schema import MachineSettings
from tui.fleet.machine_program import Program, ProgramEnded
from tui.fleet.machine_trouble import ConnectionFailed, Trouble, last_words, tailscale_check, trouble_of_ssh
from tui.fleet.machine_wire import Hello, Message, decode
from tui.fleet.snapshot import MachineState

log = logging.getLogger(__name__)

BOOT = "import sys;b=sys.stdin.buffer;exec(b.read(int(b.readline())))"
"""Runs as many bytes as the first line says; standard input stays open behind them, which ``python3 -`` would read to
its end. It holds no single quote, so that every login shell passes it on as it is."""
HELLO_WITHIN = 9.0
"""Seconds from the start of ssh, which gives up on a silent host itself after 5."""
CONFIRMED_WITHIN = 300.0
"""Seconds that a person may take to confirm a connection in their browser."""
SILENT_AFTER = 8.0
"""Seconds without a line, though a sign of life is asked for every 3."""
NOISE_KEPT = 2000
SSH = (
    "ssh",
    # No terminal, no forwarding of X11 or the agent, no questions.
    *("-T", "-x", "-a", "-o", "BatchMode=yes"),
    *("-o", "ConnectTimeout=5", "-o", "ServerAliveInterval=3", "-o", "ServerAliveCountMax=2"),
    # What ~/.ssh/config may say for people's own sessions would clash with ours.
    *("-o", "ClearAllForwardings=yes", "-o", "RemoteCommand=none", "-o", "PermitLocalCommand=no"),
    # A client that shares a dead connection hangs, and none of ssh's timeouts ends that.
    *("-o", "ControlMaster=no", "-o", "ControlPath=none"),
)
"""Never -q or LogLevel=ERROR: they suppress the banner by which Tailscale asks for a confirmation."""


@dataclass(frozen=True, slots=True)
class WatchedUnit:
    """A systemd unit and whether it is the person's own (``user``) or the machine's (``system``)."""

    name: str
    scope: str = "user"


def collector_source() -> bytes:
    return files("tui.fleet").joinpath("collector.py").read_bytes()


@cache
def packed_pynvml() -> bytes | None:
    """NVIDIA's module for a machine that lacks it; None where we do, too."""
    spec = find_spec("pynvml")
    return zlib.compress(Path(spec.origin).read_bytes()) if spec is not None and spec.origin is not None else None


def ssh_command(host: str, remote: str) -> tuple[str, ...]:
    return (*SSH, "--", host, remote)


def collector_command(machine: MachineSettings) -> tuple[str, ...]:
    """What runs a collector on ``machine``: -I keeps files in the far home from standing in for Python's modules."""
    if machine.ssh is None or machine.local:
        return (sys.executable, "-I", "-u", "-c", BOOT)
    return ssh_command(machine.ssh, f"exec python3 -I -u -c '{BOOT}'")


class Channel:
    """The connection to one collector, while its context lasts."""

    def __init__(self, machine: MachineSettings, units: Sequence[WatchedUnit], interval: float) -> None:
        self._machine = machine
        self.is_remote = machine.ssh is not None and not machine.local
        self._program = Program(collector_command(machine))
        self._wanted = {"interval": interval, "units": [[unit.name, unit.scope] for unit in units]}
        self._noise = ""
        self._greeted = False

    async def __aenter__(self) -> Self:
        """
        Raises:
            ConnectionFailed: ssh is missing here.
        """
        try:
            await self._program.__aenter__()
        except ProgramEnded as error:
            raise ConnectionFailed(Trouble(str(error), permanent=True)) from None
        source = collector_source()
        self._program.write(b"%d\n%b%b\n" % (len(source), source, msgspec.json.encode(self._wanted)))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._program.__aexit__(kind, error, traceback)

    @property
    def pid(self) -> int:
        """Of the process here: the collector itself, or ssh."""
        return self._program.pid

    async def hello(self, waiting: Callable[[str], None]) -> Hello:
        """Waits for the collector's first line. What login shells print before it is skipped.

        ``waiting`` is told what a person must do before it can come.

        Raises:
            ConnectionFailed: it did not come in time.
        """
        try:
            async with asyncio.timeout(HELLO_WITHIN) as limit:
                self._program.complained = lambda: self._await_confirmation(limit, waiting)
                while True:
                    line = await self._read_line()
                    try:
                        message = decode(line)
                    except msgspec.DecodeError:
                        self._noise = (self._noise + line.decode(errors="replace"))[-NOISE_KEPT:]
                        continue
                    if isinstance(message, Hello):
                        self._greeted = True
                        return message
        except TimeoutError:
            said = last_words(self._program.complaint or self._noise)
            reason = f"{self._machine.name} did not answer within {HELLO_WITHIN:g} s{said}"
            raise ConnectionFailed(Trouble(reason, MachineState.DOWN)) from None
        finally:
            self._program.complained = None

    async def receive(self) -> Message:
        """
        Raises:
            ConnectionFailed: it broke off, or went silent.
        """
        try:
            async with asyncio.timeout(SILENT_AFTER):
                while True:
                    line = await self._read_line()
                    try:
                        return decode(line)
                    except msgspec.DecodeError as error:
                        log.warning("%s: a line of its collector could not be read: %s", self._machine.name, error)
        except TimeoutError:
            raise ConnectionFailed(Trouble(f"{self._machine.name} went silent", MachineState.DOWN)) from None

    def send(self, **command: object) -> None:
        self._program.write(msgspec.json.encode(command) + b"\n")

    async def send_pynvml(self) -> None:
        packed = await asyncio.to_thread(packed_pynvml)
        if packed is not None:
            self._program.write(b'{"do": "pynvml", "size": %d}\n%b' % (len(packed), packed))

    def _await_confirmation(self, limit: asyncio.Timeout, waiting: Callable[[str], None]) -> None:
        page = tailscale_check(self._program.complaint)
        if page is not None:
            limit.reschedule(asyncio.get_running_loop().time() + CONFIRMED_WITHIN)
            waiting(f"Tailscale wants this connection confirmed: open {page or 'its page'}")

    async def _read_line(self) -> bytes:
        try:
            return await self._program.read_line()
        except ProgramEnded as error:
            raise ConnectionFailed(self._trouble(error)) from None

    def _trouble(self, ended: ProgramEnded) -> Trouble:
        complaint = self._program.complaint
        if self._machine.ssh is None or not self.is_remote:
            return Trouble(f"the collector {ended}{last_words(complaint)}")
        return trouble_of_ssh(self._machine.ssh, complaint, ended.status, noise=self._noise, greeted=self._greeted)
