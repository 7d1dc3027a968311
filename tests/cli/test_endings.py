"""A command ends in good order, whatever becomes of its streams, and whenever it is interrupted."""

from __future__ import annotations

import signal
import subprocess

import pytest

from tests.cli.demo_process import PATIENCE, DemoProcess, end, next_line, wait_until


def by_shell(demo: DemoProcess, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs ``script``, in which ``"$@"`` is the command."""
    return subprocess.run(
        ["bash", "-c", script, "bash", *demo.command(*arguments)],
        env=demo.environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    "arguments",
    [("status",), ("--help",), ("invoke", "-m", "llama-swap/qwen3", "hello")],
    ids=" ".join,
)
def test_a_full_disk_is_told_in_a_sentence(demo: DemoProcess, arguments: tuple[str, ...]) -> None:
    result = by_shell(demo, '"$@" >/dev/full', *arguments)
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1] == (
        "fleetdeck: standard output cannot be written to: no space left on device"
    )
    assert "Traceback" not in result.stderr


def test_words_that_nobody_can_read_change_nothing(demo: DemoProcess) -> None:
    demo.steer("ollama/scene/down")
    result = by_shell(demo, '"$@" 2>/dev/full', "models")
    assert result.returncode == 0
    assert "llama-swap/qwen3" in result.stdout
    assert by_shell(demo, '"$@" 2>/dev/full', "status", "--bogus").returncode == 2


@pytest.mark.parametrize("closed", ["<&-", "<&- >&- 2>&-"])
def test_streams_may_be_closed(demo: DemoProcess, closed: str) -> None:
    result = by_shell(demo, f'"$@" {closed}', "status", "--json")
    assert (result.returncode, result.stderr) == (0, "")
    assert ('"schema": 1' in result.stdout) is (">&-" not in closed.replace("2>&-", ""))


def test_with_no_input_nobody_is_asked_and_nothing_is_read(demo: DemoProcess) -> None:
    result = by_shell(demo, '"$@" <&-', "invoke", "-m", "llama-swap/qwen3")
    assert result.returncode == 2
    assert "the prompt is empty" in result.stderr
    assert by_shell(demo, '"$@" <&-', "mcp").returncode == 0, "its reader has hung up"


def test_a_reader_that_leaves_before_the_first_line_is_no_failure(demo: DemoProcess) -> None:
    result = by_shell(demo, 'set -o pipefail; "$@" | head -1', "status")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("external o")


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (("status", "--watch"), "external o"),
        (("invoke", "-m", "llama-swap/qwen3", "write 100000 tokens", "--events"), '{"event": "started"'),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_ctrl_c_ends_what_is_under_way(demo: DemoProcess, arguments: tuple[str, ...], shown: str) -> None:
    with demo.started(*arguments) as running:
        wait_until(lambda: shown in next_line(running), f"{shown} is printed")
        running.send_signal(signal.SIGINT)
        assert running.wait(PATIENCE) in (130, -signal.SIGINT), "a shell says 130 of both"
        assert running.stderr is not None
        words = running.stderr.read()
    assert "Traceback" not in words
    assert "KeyboardInterrupt" not in words


@pytest.mark.parametrize("after_ms", [60, 120, 200, 300])
def test_ctrl_c_at_any_moment_leaves_no_traceback(demo: DemoProcess, after_ms: int) -> None:
    """Python's own start, of which nothing of ours is part, is over after 30 ms."""
    command = ["timeout", "--foreground", "--signal=INT", f"{after_ms / 1000}", *demo.command("status")]
    process = subprocess.Popen(
        command, env=demo.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    _, words = process.communicate(timeout=PATIENCE)
    end(process)
    if "/tui/" in words or "site-packages" in words:
        assert "Traceback" not in words
    assert "Exception ignored" not in words
