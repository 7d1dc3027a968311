"""Starts the simulated fleet beside the command that watches it."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

from tui.cli.main import CommandFailed
from tui.config.paths import CRASHES_VARIABLE, crashes_folder

READY_WITHIN = 15.0
"""Seconds; it takes 0.3 on a quiet machine."""


class DemoReady(msgspec.Struct):
    """The line that the demo prints when it answers."""

    config: str
    env: dict[str, str]
    control: str


@contextlib.contextmanager
def simulated_fleet() -> Iterator[Path]:
    """A simulated fleet in a process of its own, and the path of the configuration that describes it.

    It ends when its standard input closes, so that even a killed panel leaves nothing behind. What is written while it
    runs (modes, ledger, log) goes into a temporary folder; only a report of a fault of fleetdeck's own stays.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "tui.demo"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        # Its own session: ctrl+c in the terminal is for the panel, which then ends the demo.
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        ready = _wait_until_ready(process)
        # A report of a fault is to be read when the demo and its folders are gone.
        environment = {**ready.env, CRASHES_VARIABLE: str(crashes_folder())}
        before = {name: os.environ.get(name) for name in environment}
        os.environ.update(environment)
        try:
            yield Path(ready.config)
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value
    finally:
        _stop(process)


def _wait_until_ready(process: subprocess.Popen[bytes]) -> DemoReady:
    assert process.stdout is not None
    readable, _, _ = select.select([process.stdout], [], [], READY_WITHIN)
    line = process.stdout.readline() if readable else b""
    try:
        return msgspec.json.decode(line, type=DemoReady)
    except msgspec.DecodeError:
        raise CommandFailed("the simulated fleet did not start; `python -m tui.demo` says why") from None


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()
    try:
        process.wait(timeout=3)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()
