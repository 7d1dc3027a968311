"""The simulated machine koala: what a collector over ssh would see there, and a program called ssh that leads to it.

The collector is real only up to its arrival: its source is read as python3 would read it, and then somebody else
answers. So the product watches koala as it would watch any other machine.
"""

from __future__ import annotations

import asyncio
import contextlib
import shlex
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tui.demo.http_server import RESET_ON_CLOSE
from tui.demo.llama_swap import LlamaSwap
from tui.demo.machine_figures import HostFigures, gpu_sample, holders, left_for_ollama
from tui.demo.machine_journal import Journal, write_past
from tui.demo.machine_session import Session
from tui.demo.machine_unit import SimulatedUnit
from tui.demo.ollama import Ollama

UNIT = "llama-swap.service"
NAME = "koala"
RUNNING_FOR = 3 * 86_400.0 + 4000
"""Seconds for which the unit has run when the demo starts."""
SSH = """\
#!/bin/sh
# Stands in for ssh while the simulated fleet runs: it leads to the simulated {name}, and nowhere else.
exec {python} -I {program} {name} {port} "$@"
"""


class SimulatedMachine:
    """One GPU, its host and one unit, on a loopback port, from `open` on. While it `refuses`, nobody is let in."""

    def __init__(self, llama_swap: LlamaSwap, ollama: Ollama) -> None:
        self.refuses = False
        self._llama_swap = llama_swap
        self._ollama = ollama
        self._host = HostFigures()
        self._server: asyncio.Server | None = None
        self._sessions: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self.journal = Journal()
        self.unit = SimulatedUnit(UNIT, llama_swap, self.journal, running_for=RUNNING_FOR)
        now = time.time()
        write_past(self.journal, UNIT, self.unit.properties.main_pid, now - RUNNING_FOR, now)
        ollama.vram_room = lambda: left_for_ollama(llama_swap)
        for log in (llama_swap.proxy_log, llama_swap.upstream_log):
            log.follow(_Lines(self._write_down).write)

    @property
    def sessions(self) -> int:
        """How many collectors are at work."""
        return len(self._sessions)

    async def open(self, programs: Path) -> None:
        """Starts to listen, and places a program called ssh in the folder `programs`."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        port: int = self._server.sockets[0].getsockname()[1]
        _place_ssh(programs, port)

    async def close(self) -> None:
        """The machine is gone at once: connections break off, no job is under way any more."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self.break_connections()
        if self._sessions:
            await asyncio.wait(self._sessions)
        await self.unit.close()

    def break_connections(self) -> None:
        """Every session ends as when sshd's own process is killed."""
        # Each then reads the end of its input and ends by itself: of one that is cancelled asyncio complains.
        for writer in self._sessions.values():
            self._break(writer)

    def _break(self, writer: asyncio.StreamWriter) -> None:
        connection: socket.socket | None = writer.get_extra_info("socket")
        if connection is not None and connection.fileno() >= 0:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        writer.transport.abort()

    def gpu(self) -> dict[str, object]:
        """One sample of the GPU."""
        processes = holders(self._llama_swap, UNIT, self.unit.properties.main_pid, self._ollama)
        busy = any(process.busy for process in self._llama_swap.processes.running())
        busy = busy or any(loaded.busy for loaded in self._ollama.loaded.values())
        return gpu_sample(processes, busy=busy)

    def host(self) -> dict[str, object]:
        """One sample of memory and processors."""
        return self._host.sample()

    def _write_down(self, line: str) -> None:
        self.journal.write(line, identifier="llama-swap", pid=self.unit.properties.main_pid)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._sessions[task] = writer
        try:
            if self.refuses or self._server is None:
                self._break(writer)
                return
            await Session(self, reader, writer).run()
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
            del self._sessions[task]


def _place_ssh(programs: Path, port: int) -> None:
    stand_in = Path(__file__).with_name("ssh.py")
    words = {"python": shlex.quote(sys.executable), "program": shlex.quote(str(stand_in))}
    programs.mkdir(mode=0o700)
    program = programs / "ssh"
    program.write_text(SSH.format(name=NAME, port=port, **words), encoding="utf-8")
    program.chmod(0o700)


class _Lines:
    """Makes whole lines of what a program writes bit by bit."""

    def __init__(self, whole: Callable[[str], None]) -> None:
        self._whole = whole
        self._partial = ""

    def write(self, text: str) -> None:
        *lines, self._partial = (self._partial + text).split("\n")
        for line in lines:
            self._whole(line)
