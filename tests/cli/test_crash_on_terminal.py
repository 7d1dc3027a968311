"""A fault of our own gives the terminal back, and names a report that holds neither prompts nor keys."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.cli.breaking import CANARY_KEY, CANARY_PROMPT
from tests.cli.demo_process import DemoProcess
from tests.cli.terminal import on_terminal

BREAKING = (sys.executable, "-m", "tests.cli.breaking")


def breaking(demo: DemoProcess, state: Path, *arguments: str) -> tuple[list[str], dict[str, str]]:
    environment = demo.environment(XDG_STATE_HOME=str(state), PYTHONPATH=os.pathsep.join(filter(None, sys.path)))
    return [*BREAKING, "--config", str(demo.config), *arguments], environment


def assert_told(state: Path, said: bytes) -> None:
    """One report, named on the terminal; the canaries are in none of what was written."""
    (report,) = (state / "fleetdeck" / "crashes").glob("*.txt")
    assert report.name.encode() in said.replace(b"\r\n", b"")
    assert "RuntimeError" in report.read_text()
    assert "tests/cli/breaking.py" in report.read_text()
    log = state / "fleetdeck" / "fleetdeck.log"
    assert "ended by a fault" in log.read_text()
    for written in (said, report.read_bytes(), log.read_bytes()):
        assert CANARY_PROMPT.encode() not in written
        assert CANARY_KEY.encode() not in written
        assert b"Traceback" not in written


def test_the_panel(demo: DemoProcess, tmp_path: Path) -> None:
    with on_terminal(*breaking(demo, tmp_path)) as terminal:
        terminal.sees("● llama-swap")
        terminal.write("y")
        assert terminal.ends() == 1
        for restored in (b"\x1b[?1049l", b"\x1b[?25h", b"\x1b[?1000l", b"\x1b[?2004l"):
            assert restored in terminal.raw
        after = bytes(terminal.raw[terminal.raw.rindex(b"\x1b[?1049l") :])
        assert b"the panel ended by a fault of its own, RuntimeError at tests/cli/breaking.py" in after.replace(
            b"\r\n", b""
        )
        assert_told(tmp_path, after)
        assert CANARY_KEY.encode() not in terminal.raw


def test_a_command(demo: DemoProcess, tmp_path: Path) -> None:
    command, environment = breaking(demo, tmp_path, "status")
    result = subprocess.run(command, env=environment, capture_output=True, timeout=60, check=False)
    assert (result.returncode, result.stdout) == (1, b"")
    assert result.stderr.startswith(b"fleetdeck: status ended by a fault of its own, RuntimeError at ")
    assert result.stderr.count(b"\n") == 1
    assert_told(tmp_path, result.stderr)


def test_in_the_demo_the_report_outlives_it_and_its_path_can_be_copied(demo: DemoProcess, tmp_path: Path) -> None:
    environment = demo.environment(HOME=str(tmp_path), PYTHONPATH=os.pathsep.join(filter(None, sys.path)))
    environment.pop("XDG_STATE_HOME", None)
    with on_terminal([*BREAKING, "--demo"], environment, columns=80) as terminal:
        terminal.sees("● llama-swap")
        terminal.write("y")
        assert terminal.ends() == 1
        (report,) = (tmp_path / ".local/state/fleetdeck/crashes").glob("*.txt")
        assert f"~/.local/state/fleetdeck/crashes/{report.name}\r\n".encode() in terminal.raw
