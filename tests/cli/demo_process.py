"""The simulated fleet in a process of its own, and the real command beside it."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PATIENCE = 15.0
COMMAND = (sys.executable, "-m", "tui")
NOT_INHERITED = ("NO_COLOR", "FLEETDECK_CONFIG", "FORCE_COLOR", "COLUMNS", "LINES", "LC_ALL")


@dataclass(frozen=True, slots=True)
class DemoProcess:
    """A running simulated fleet."""

    config: Path
    env: Mapping[str, str]
    control: str

    def steer(self, path: str) -> None:
        """One change by the control endpoint, such as ``qdrant/scene/down``."""
        with urllib.request.urlopen(urllib.request.Request(f"{self.control}/{path}", method="POST"), timeout=PATIENCE):
            pass

    def servers(self) -> dict[str, Any]:
        with urllib.request.urlopen(self.control, timeout=PATIENCE) as answer:
            found: dict[str, Any] = json.load(answer)["servers"]
        return found

    def calm(self) -> None:
        """Back to where every test begins: all scenes normal, nothing loaded, no mode on."""
        (self.config.parent / "external-mode.json").unlink(missing_ok=True)
        (Path(self.env["XDG_STATE_HOME"]) / "fleetdeck" / "modes.json").unlink(missing_ok=True)
        for name, row in self.servers().items():
            if row["scene"] != "normal":
                self.steer(f"{name}/scene/normal")
            for model, state in row.get("models", {}).items():
                if state != "idle" and state != "stopped":
                    self.steer(f"{name}/models/{model}/unload")

    def command(self, *arguments: str) -> list[str]:
        return [*COMMAND, "--config", str(self.config), *arguments]

    def environment(self, **more: str) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
        return {**inherited, **self.env, **more}

    def run(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """The command with this fleet's configuration, its output read by a pipe."""
        return subprocess.run(
            self.command(*arguments),
            env=self.environment(**more),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    @contextmanager
    def started(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """The command while it runs; what is left of it afterwards is killed."""
        process = subprocess.Popen(
            self.command(*arguments),
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        try:
            yield process
        finally:
            end(process)


@contextmanager
def demo_process(*arguments: str) -> Iterator[DemoProcess]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tui.demo", "--no-life", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        ready = json.loads(next_line(process))
        yield DemoProcess(Path(ready["config"]), ready["env"], ready["control"])
    finally:
        if process.stdin is not None:
            process.stdin.close()
        process.wait(PATIENCE)
        end(process)


def end(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.kill()
        process.wait()
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()


def next_line(process: subprocess.Popen[str]) -> str:
    """The next line that the process prints; fails where none comes."""
    assert process.stdout is not None
    line = bytearray()
    while not line.endswith(b"\n"):
        # Past the stream's own buffer: what lay there of a next line, nobody could wait for.
        readable, _, _ = select.select([process.stdout], [], [], PATIENCE)
        assert readable, "it prints a line"
        read = os.read(process.stdout.fileno(), 1)
        if not read:
            break
        line += read
    return line.decode()


def wait_until(predicate: Callable[[], object], what: str) -> None:
    """As :func:`tests.waiting.until`, for what happens in other processes."""
    limit = time.monotonic() + PATIENCE
    while not predicate():
        assert time.monotonic() < limit, f"still not so after {PATIENCE:g} s: {what}"
        select.select([], [], [], 0.01)
