"""Data on stdout, words on stderr; colours only for a person; a reader that leaves is no error."""

from __future__ import annotations

import signal
import subprocess

import pytest

from tests.cli.demo_process import PATIENCE, DemoProcess, next_line
from tests.cli.terminal import on_terminal

ESCAPE = "\x1b"


@pytest.mark.parametrize("arguments", [("status",), ("models",), ("keys",), ("themes",), ("--help",)])
def test_a_pipe_gets_no_escape_codes(demo: DemoProcess, arguments: tuple[str, ...]) -> None:
    result = demo.run(*arguments, FORCE_COLOR="1")
    assert result.returncode == 0
    assert result.stdout
    assert ESCAPE not in result.stdout + result.stderr


def test_a_terminal_gets_colours_unless_no_color_is_set(demo: DemoProcess) -> None:
    for more, colored in (({}, True), ({"NO_COLOR": "1"}, False)):
        with on_terminal(demo.command("status"), demo.environment(**more)) as terminal:
            assert terminal.ends() == 0
            assert "● llama-swap" in terminal.shown
            assert (b"\x1b[" in terminal.raw) is colored


def test_what_is_wrong_with_services_is_on_stderr_beside_the_data(demo: DemoProcess) -> None:
    demo.steer("ollama/scene/down")
    result = demo.run("models")
    assert result.returncode == 0
    assert "ollama: connection refused" in result.stderr
    assert "refused" not in result.stdout
    assert "llama-swap/qwen3" in result.stdout


@pytest.mark.parametrize("reader", ["head -1", "head -c 1", "true"])
@pytest.mark.parametrize("arguments", [("models",), ("models", "--json")], ids=" ".join)
def test_a_reader_that_has_seen_enough_is_no_error(demo: DemoProcess, arguments: tuple[str, ...], reader: str) -> None:
    result = subprocess.run(
        ["bash", "-c", f'set -o pipefail; "$@" | {reader}', "bash", *demo.command(*arguments)],
        env=demo.environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")


def test_a_watch_ends_when_its_reader_leaves(demo: DemoProcess) -> None:
    with demo.started("status", "--watch", "--json") as watching:
        next_line(watching)
        assert watching.stdout is not None
        watching.stdout.close()
        demo.steer("llama-swap/models/gemma/load")
        assert watching.wait(PATIENCE) == 0
        assert watching.stderr is not None
        assert watching.stderr.read() == ""


def test_hostile_names_reach_no_terminal_as_codes(demo: DemoProcess) -> None:
    demo.steer("ollama/scene/hostile")
    with on_terminal(demo.command("models"), demo.environment(NO_COLOR="1"), columns=200) as terminal:
        assert terminal.ends() == 0
    assert b"\x1b" not in terminal.raw
    assert b"[/red]closing-tag" in terminal.raw
    for code in ("\u202e", "\x9b", "\x00", "\x07"):
        assert code.encode() not in terminal.raw


def test_json_keeps_hostile_names_as_they_are(demo: DemoProcess) -> None:
    demo.steer("ollama/scene/hostile")
    text = demo.run("models", "--json").stdout
    assert r"\u001b[2J" in text, "a script gets the name by which the server knows the model, escaped"
    assert "\x1b" not in text


def test_a_terminate_signal_ends_a_watch_at_once(demo: DemoProcess) -> None:
    with demo.started("status", "--watch", "--json") as watching:
        next_line(watching)
        watching.send_signal(signal.SIGTERM)
        assert watching.wait(PATIENCE) in (-signal.SIGTERM, 143)
