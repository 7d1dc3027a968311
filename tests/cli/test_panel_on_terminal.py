"""The panel as a person starts it: on a terminal, with its bytes read by a terminal."""

from __future__ import annotations

import os
import signal

import pytest

from tests.cli.demo_process import DemoProcess
from tests.cli.terminal import on_terminal


def test_it_opens_shows_the_fleet_and_leaves_the_terminal_as_it_was(demo: DemoProcess) -> None:
    with on_terminal(demo.command(), demo.environment()) as terminal:
        terminal.sees("● llama-swap")
        terminal.sees("llama-swap/qwen3")
        terminal.write("q")
        assert terminal.ends() == 0
    assert b"\x1b[?1049h" in terminal.raw, "it drew on the alternate screen"
    assert terminal.raw.rindex(b"\x1b[?1049l") > terminal.raw.rindex(b"\x1b[?1049h")
    assert b"\x1b[?25h" in terminal.raw[terminal.raw.rindex(b"\x1b[?1049l") - 200 :], "the cursor is shown again"


def test_hostile_names_reach_the_terminal_as_text(demo: DemoProcess) -> None:
    demo.steer("ollama/scene/hostile")
    with on_terminal(demo.command(), demo.environment(), columns=160, lines=60) as terminal:
        terminal.sees("[/red]closing-tag")
        terminal.sees("␛[2J␛[1;1Hclear-screen")
        terminal.write("q")
        assert terminal.ends() == 0
    for harmful in ("\x1b]0;window", "\u202e", "\x00byte", "\x9b31m"):
        assert harmful.encode() not in terminal.raw


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_a_signal_gives_the_terminal_back(demo: DemoProcess, number: signal.Signals) -> None:
    with on_terminal(demo.command(), demo.environment()) as terminal:
        terminal.sees("● llama-swap")
        os.kill(terminal.process.pid, number)
        assert terminal.ends() == 128 + number
    assert b"\x1b[?1049l" in terminal.raw


def test_a_broken_configuration_opens_no_panel(demo: DemoProcess) -> None:
    command = [*demo.command()[:3], "--config", "/nonexistent/config.toml"]
    with on_terminal(command, demo.environment()) as terminal:
        assert terminal.ends() == 2
    assert b"\x1b[?1049h" not in terminal.raw
    assert b"/nonexistent/config.toml" in terminal.raw
