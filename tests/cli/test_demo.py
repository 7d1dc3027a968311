"""``--demo`` leaves nothing behind, however it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.cli.demo_process import COMMAND, NOT_INHERITED, PATIENCE, end, next_line, wait_until


@pytest.fixture
def place() -> Iterator[Path]:
    """A temporary folder for temporary folders, with a short name: sockets in it have a limit."""
    with tempfile.TemporaryDirectory(prefix="fd-") as folder:
        yield Path(folder)


def environment(place: Path) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
    return {**inherited, "TMPDIR": str(place), "HOME": str(place / "home")}


def test_demo_status_is_a_whole_fleet_and_leaves_no_folder(place: Path) -> None:
    result = subprocess.run(
        [*COMMAND, "--demo", "status", "--json"],
        env=environment(place),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0
    assert {service["state"] for service in json.loads(result.stdout)["services"]} == {"up"}
    assert list(place.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_no_process_and_no_folder_outlives_the_command(place: Path, number: signal.Signals) -> None:
    command = subprocess.Popen(
        [*COMMAND, "--demo", "status", "--watch", "--json"],
        env=environment(place),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        next_line(command)
        children = psutil.Process(command.pid).children(recursive=True)
        assert children
        assert list(place.glob("fleetdeck-demo-*"))
        command.send_signal(number)
        command.wait(PATIENCE)
        _, left = psutil.wait_procs(children, timeout=PATIENCE)
        assert not left
        wait_until(lambda: not list(place.iterdir()), "the demo's folder is gone")
    finally:
        end(command)
