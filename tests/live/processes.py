"""One real server as a process: started on a free loopback port, killed, restarted there, and gone at the end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx
import psutil  # type: ignore[import-untyped,unused-ignore]

POLL_SECONDS = 0.05
STOP_SECONDS = 15.0


class DidNotStart(Exception):
    """A server ended or stayed silent instead of getting ready. The message holds the last lines of its log."""


def free_port() -> int:
    """A loopback port that nothing listens on now. Another program may still take it before it is used."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class ServerProcess:
    """A server that runs in a folder of its own, which is its home too, and writes `server.log` there.

    `ready_path` must answer 200 before `start` returns. `ready_within` is in seconds.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        folder: Path,
        port: int,
        ready_path: str,
        ready_within: float,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.folder = folder
        self.url = f"http://127.0.0.1:{port}"
        self.log = folder / "server.log"
        self._command = list(command)
        self._environment = dict(environment or {})
        self._ready_path = ready_path
        self._ready_within = ready_within
        self._process: subprocess.Popen[bytes] | None = None
        self._seen: dict[int, psutil.Process] = {}

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def pid(self) -> int | None:
        """The process id while the server runs."""
        running = self._process is not None and self._process.poll() is None
        return self._process.pid if self._process is not None and running else None

    async def start(self) -> None:
        """Starts the server and waits until it answers. Raises DidNotStart, having ended it."""
        if self.pid is not None:
            return
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                env=self._full_environment(),
                start_new_session=True,
            )
        try:
            async with asyncio.timeout(self._ready_within):
                await self._answering()
        except TimeoutError as error:
            await self.kill()
            raise DidNotStart(
                f"{self.name} did not answer {self._ready_path} within {self._ready_within:.0f} s: {self.last_words()}"
            ) from error
        except BaseException:
            await self.kill()
            raise

    async def stop(self) -> None:
        """Asks the server to end, and kills it and everything it started where it does not within 15 s."""
        if self._process is not None and self._process.poll() is None:
            self._remember_children()
            self._process.terminate()
            try:
                async with asyncio.timeout(STOP_SECONDS):
                    while self._process.poll() is None:
                        await asyncio.sleep(POLL_SECONDS)
            except TimeoutError:
                pass
        await self.kill()

    async def kill(self) -> None:
        """Ends the server as `kill -9` does, and everything it started with it."""
        if self._process is None:
            return
        self._remember_children()
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        # Some servers give each model a process group of its own, which a signal to the server does not reach.
        for child in self._seen.values():
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
        await asyncio.to_thread(self._process.wait)
        await asyncio.to_thread(psutil.wait_procs, list(self._seen.values()), STOP_SECONDS)
        self._seen.clear()
        self._process = None

    async def restart(self) -> None:
        """`kill -9`, then a start on the same port. Raises DidNotStart."""
        await self.kill()
        await self.start()

    def last_words(self, lines: int = 5) -> str:
        """The end of the log, on one line."""
        if not self.log.is_file():
            return "it wrote no log"
        written = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return " | ".join(line.strip() for line in written[-lines:]) or "it wrote nothing"

    def _full_environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "LC_ALL", "TMPDIR")}
        return {**kept, "HOME": str(self.folder), "XDG_CACHE_HOME": str(self.folder), **self._environment}

    async def _answering(self) -> None:
        async with httpx.AsyncClient(base_url=self.url, timeout=2.0, trust_env=False) as client:
            while True:
                if self._process is None or self._process.poll() is not None:
                    raise DidNotStart(f"{self.name} ended at once: {self.last_words()}")
                try:
                    answer = await client.get(self._ready_path)
                except httpx.TransportError:
                    pass
                else:
                    if answer.status_code == 200:
                        return
                await asyncio.sleep(POLL_SECONDS)

    def _remember_children(self) -> None:
        if self._process is None:
            return
        try:
            children = psutil.Process(self._process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return
        self._seen.update({child.pid: child for child in children})
