"""Terminals of all kinds, and what people do to them."""

from __future__ import annotations

import json
import re
import signal
import sys
import termios
from pathlib import Path

import psutil  # type: ignore[import-untyped,unused-ignore]
import pytest

from tests.cli.demo_process import COMMAND, DemoProcess, wait_until
from tests.cli.terminal import Terminal, on_terminal

COLOR = re.compile(rb"\x1b\[[0-9;]*\b(?:3[0-7]|4[0-7]|9[0-7]|10[0-7]|[34]8;[25];)[0-9;]*m")

SLOW_TO_MEASURE = """
import os, select, shutil
from pathlib import Path

measured, go_on = Path(os.environ["MEASURED"]), Path(os.environ["GO_ON"])

def measured_slowly(measure=shutil.get_terminal_size):
    size = measure()
    if size.columns == 173:
        measured.touch()
        while not go_on.exists():
            select.select([], [], [], 0.01)
    return size

shutil.get_terminal_size = measured_slowly
from tui.__main__ import main
main()
"""
"""The panel, which tells that it has measured 173 columns, and takes until it may go on to say so to itself."""
CLOCK = re.compile(r"\d\d:\d\d:\d\d")


def colors_of(terminal: Terminal) -> set[tuple[str, str]]:
    """The pairs of colours, of letters and of their ground, in which something is written."""
    cells = (cell for row in terminal.screen.buffer.values() for cell in row.values())
    return {(cell.fg, cell.bg) for cell in cells if cell.data.isalnum()}


def assert_whole(terminal: Terminal) -> None:
    """All of the first screen is drawn, to the last line."""
    for words in ("fleetdeck", "● llama-swap", "llama-swap/qwen3", "✓ no problems", "q Quit"):
        terminal.sees(words)


def assert_stops(terminal: Terminal, panel: psutil.Process) -> None:
    wait_until(lambda: not terminal.read_on(0.01) and panel.status() == psutil.STATUS_STOPPED, "the panel is stopped")


def test_a_terminal_that_vanishes_ends_the_panel_and_all_that_it_started(demo: DemoProcess) -> None:
    with on_terminal(demo.command(), demo.environment()) as terminal:
        terminal.sees("llama-swap/qwen3")
        started = psutil.Process(terminal.process.pid).children(recursive=True)
        assert started, "it looks at koala by a child process"
        terminal.vanish()
        wait_until(lambda: terminal.process.poll() is not None, "the panel has ended")
        assert terminal.process.returncode == 128 + signal.SIGHUP
        _, left = psutil.wait_procs(started, timeout=5)
        assert not left


def test_an_interrupt_from_outside_leaves_nothing_running(demo: DemoProcess) -> None:
    with on_terminal(demo.command(), demo.environment()) as terminal:
        terminal.sees("llama-swap/qwen3")
        started = psutil.Process(terminal.process.pid).children(recursive=True)
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.ends() == 128 + signal.SIGINT
        _, left = psutil.wait_procs(started, timeout=5)
        assert not left


def test_ctrl_z_gives_the_terminal_back_and_fg_returns(demo: DemoProcess) -> None:
    with on_terminal(demo.command(), demo.environment()) as terminal:
        terminal.sees("llama-swap/qwen3")
        panel = psutil.Process(terminal.process.pid)
        terminal.write("\x1a")
        assert_stops(terminal, panel)
        assert terminal.raw.rindex(b"\x1b[?1049l") > terminal.raw.rindex(b"\x1b[?1049h")
        assert terminal.raw.rindex(b"\x1b[?25h") > terminal.raw.rindex(b"\x1b[?25l")
        terminal.screen.erase_in_display(2)
        terminal.process.send_signal(signal.SIGCONT)
        assert_whole(terminal)
        assert terminal.raw.rindex(b"\x1b[?1049h") > terminal.raw.rindex(b"\x1b[?1049l")
        terminal.write("q")
        assert terminal.ends() == 0


def test_stopped_from_outside_it_goes_on_and_leaves_the_terminal_as_it_was(demo: DemoProcess) -> None:
    with on_terminal(demo.command(), demo.environment()) as terminal:
        before = termios.tcgetattr(terminal.descriptor)
        terminal.sees("llama-swap/qwen3")
        panel = psutil.Process(terminal.process.pid)
        panel.suspend()
        assert_stops(terminal, panel)
        terminal.screen.erase_in_display(2)
        panel.resume()
        assert_whole(terminal)
        terminal.write("q")
        assert terminal.ends() == 0
        assert termios.tcgetattr(terminal.descriptor) == before


def test_after_many_resizes_the_last_size_is_drawn(demo: DemoProcess) -> None:
    with on_terminal(demo.command(), demo.environment()) as terminal:
        terminal.sees("llama-swap/qwen3")
        for number in range(60):
            terminal.resize(30 + number * 37 % 170, 8 + number * 13 % 50)
            terminal.read_on(0.0)
        terminal.resize(91, 27)
        terminal.screen.erase_in_display(2)
        wait_until(terminal.is_filled, "the first screen fills 91 columns and 27 lines")
        terminal.write("q")
        assert terminal.ends() == 0


def test_a_resize_while_the_one_before_is_heard_of_is_the_one_that_is_drawn(demo: DemoProcess, tmp_path: Path) -> None:
    measured, go_on = tmp_path / "measured", tmp_path / "go-on"
    slow = [sys.executable, "-c", SLOW_TO_MEASURE, *demo.command()[len(COMMAND) :]]
    with on_terminal(slow, demo.environment(MEASURED=str(measured), GO_ON=str(go_on))) as terminal:
        terminal.sees("llama-swap/qwen3")

        def shown_time() -> str:
            terminal.read_on(0.0)
            found = CLOCK.search(terminal.screen.display[0])
            return found[0] if found else ""

        terminal.resize(173, 25)
        wait_until(measured.exists, "the first is measured")
        terminal.resize(91, 27)
        terminal.screen.erase_in_display(2)
        go_on.touch()
        wait_until(terminal.is_filled, "the first screen fills 91 columns and 27 lines")
        # One that was heard of too late would be drawn over the last, and before the next second.
        filled_at = shown_time()
        wait_until(lambda: shown_time() not in ("", filled_at), "the next second is drawn")
        assert terminal.is_filled(), terminal.shown


@pytest.mark.parametrize("term", ["dumb", ""], ids=["dumb", "none"])
def test_without_a_cursor_there_is_a_status_and_a_sentence(demo: DemoProcess, term: str) -> None:
    with on_terminal(demo.command(), demo.environment(), columns=200, term=term, color_term="") as terminal:
        assert terminal.ends() == 0
        assert "so no panel can be drawn here and this is `fleetdeck status`" in terminal.shown
        assert "export TERM=xterm-256color" in terminal.shown
        assert "● llama-swap" in terminal.shown
    assert b"\x1b" not in terminal.raw, "such a terminal would print the codes of colours"


@pytest.mark.parametrize("locale", [{"LC_ALL": "C"}, {"LANG": "C", "LC_ALL": ""}, {"LC_ALL": "en_US.ISO-8859-1"}])
def test_without_utf8_commands_write_ascii(demo: DemoProcess, locale: dict[str, str]) -> None:
    result = demo.run("status", **locale)
    assert result.returncode == 0
    assert "* llama-swap" in result.stdout
    assert (result.stdout + result.stderr).isascii()
    assert demo.run("external", "status", **locale).stdout.isascii()


def test_without_utf8_a_document_is_utf8_all_the_same(demo: DemoProcess) -> None:
    demo.steer("ollama/scene/hostile")
    said = demo.run("models", "--json").stdout
    assert not said.isascii(), "some model has a name beyond ASCII"
    names = {model["id"] for model in json.loads(said)["models"]}
    assert {model["id"] for model in json.loads(demo.run("models", "--json", LC_ALL="C").stdout)["models"]} == names


def test_without_utf8_the_panel_says_what_to_set(demo: DemoProcess) -> None:
    with on_terminal(demo.command(), demo.environment(LC_ALL="C")) as terminal:
        terminal.sees("LC_ALL is C, which promises no UTF-8: if frames look broken, `export LC_ALL=C.UTF-8`")
        terminal.write("q")
        assert terminal.ends() == 0


@pytest.mark.parametrize(
    ("term", "theme"), [("xterm-256color", "fleet-dark"), ("xterm-256color", "fleet-light"), ("linux", "fleet-light")]
)
def test_every_word_differs_from_its_ground(demo: DemoProcess, tmp_path: Path, term: str, theme: str) -> None:
    config = tmp_path / "config.toml"
    config.write_text(f'[panel]\ntheme = "{theme}"\n' + demo.config.read_text().replace("[panel]\n", ""))
    command = [*demo.command()[:3], "--config", str(config)]
    with on_terminal(command, demo.environment(), term=term, color_term="") as terminal:
        terminal.sees("llama-swap/qwen3")
        terminal.sees("● ollama")
        pairs = colors_of(terminal)
        terminal.write("q")
        assert terminal.ends() == 0
    assert len(pairs) > 3, "states have colours"
    allowed = {("default", "default")} if "256" not in term else set()
    assert all(letters != ground for letters, ground in pairs - allowed)
    if "256" not in term:
        assert not {("white", "brightwhite"), ("brightblack", "black")} & pairs, "greys that differ by a shade alone"
        assert b";2;" not in terminal.raw


def test_without_colours_the_panel_has_none_and_the_cursor_is_seen(demo: DemoProcess) -> None:
    with on_terminal(demo.command(), demo.environment(NO_COLOR="1"), term="linux") as terminal:
        terminal.sees("llama-swap/qwen3")
        terminal.sees("● ollama")
        reversed_rows = {
            number
            for number, row in terminal.screen.buffer.items()
            if sum(cell.reverse for cell in row.values()) > terminal.screen.columns // 2
        }
        terminal.write("q")
        assert terminal.ends() == 0
    assert reversed_rows, "the row under the cursor"
    assert COLOR.search(terminal.raw) is None
