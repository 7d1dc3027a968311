"""The panel on real terminals: under tmux, over ssh, in `script`, and while a window is dragged about."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

from tests.cli.demo_process import DemoProcess, demo_process, wait_until
from tests.cli.terminal import Terminal, on_terminal
from tests.live.checks import Check, Skipped, Stage
from tests.live.machines.sshd import Sshd

ROOT = Path(__file__).resolve().parents[2]
RESIZES = 500
WITHIN = 5.0
"""Seconds for all of them."""
GROWTH_BELOW = 8 << 20
"""From the third storm to the fifth: the first ones fill what Textual keeps of drawn lines (27 MB; 8.2.8)."""
GONE_WITHIN = 2.0
SESSION = "fleetdeck-live-check"


async def five_hundred_resizes_in_five_seconds(stage: Stage) -> None:
    await asyncio.to_thread(_resizes)


def _resizes() -> None:
    with demo_process() as demo, on_terminal(demo.command(), demo.environment()) as terminal:
        terminal.sees("llama-swap/qwen3")
        panel = psutil.Process(terminal.process.pid)
        held = []
        for _ in range(5):
            _storm(terminal)
            held.append(panel.memory_info().rss)
        assert held[4] - held[2] < GROWTH_BELOW, f"memory after each storm: {held}"
        terminal.write("q")
        assert terminal.ends() == 0


def _storm(terminal: Terminal) -> None:
    began = time.monotonic()
    for number in range(RESIZES):
        terminal.resize(30 + number * 37 % 170, 8 + number * 13 % 50)
        while time.monotonic() < began + WITHIN * number / RESIZES:
            if terminal.read_on(0.002):
                # What is drawn on the way is not looked at, and takes pyte longer than the panel.
                terminal.raw.clear()
    terminal.resize(91, 27)
    terminal.screen.erase_in_display(2)
    wait_until(terminal.is_filled, "the last size is drawn")


async def tmux_shows_it_and_takes_it_with_it(stage: Stage) -> None:
    if shutil.which("tmux") is None:
        raise Skipped("needs tmux")
    await asyncio.to_thread(_tmux)


def _tmux() -> None:
    def tmux(*words: str) -> str:
        run = subprocess.run(["tmux", "-L", SESSION, *words], capture_output=True, text=True, check=True, timeout=20)
        return run.stdout

    with demo_process() as demo:
        settings = [f"{name}={value}" for name, value in demo.env.items()]
        command = shlex.join(["env", *settings, *demo.command()])
        tmux("new-session", "-d", "-s", SESSION, "-x", "120", "-y", "40", "-c", str(ROOT), "sh")
        try:
            tmux("send-keys", "-t", SESSION, command, "Enter")
            wait_until(lambda: "● llama-swap" in tmux("capture-pane", "-p", "-t", SESSION), "tmux shows the panel")
            assert "\x1b[3" in tmux("capture-pane", "-p", "-e", "-t", SESSION), "in colours"
            tmux("send-keys", "-t", SESSION, "C-z")
            wait_until(lambda: "Stopped" in tmux("capture-pane", "-p", "-t", SESSION), "the shell has it stopped")
            tmux("send-keys", "-t", SESSION, "fg", "Enter")
            wait_until(lambda: "q Quit" in tmux("capture-pane", "-p", "-t", SESSION), "fg brings it back whole")
            panels = _panels(demo)
            assert panels
        finally:
            tmux("kill-server")
        _are_gone(panels)


async def ssh_shows_it_and_a_broken_connection_ends_it(stage: Stage) -> None:
    async with Sshd(stage.folder / "terminal-sshd") as sshd:
        await asyncio.to_thread(_ssh, {**os.environ, **sshd.environment})


def _ssh(environment: dict[str, str]) -> None:
    with demo_process() as demo:
        settings = [f"{name}={value}" for name, value in demo.env.items()]
        remote = f"cd {shlex.quote(str(ROOT))} && exec {shlex.join(['env', *settings, *demo.command()])}"
        with on_terminal(["ssh", "-tt", "koala", remote], environment) as terminal:
            terminal.sees("● llama-swap")
            panels = _panels(demo)
            assert panels
            terminal.process.send_signal(signal.SIGKILL)
            _are_gone(panels)


async def script_records_it_without_a_prompt_or_a_trace(stage: Stage) -> None:
    if shutil.which("script") is None:
        raise Skipped("needs script (util-linux)")
    await asyncio.to_thread(_script, stage.folder / "typescript")


def _script(record: Path) -> None:
    with demo_process() as demo:
        command = ["script", "-q", "-e", "-c", shlex.join(demo.command()), str(record)]
        with on_terminal(command, demo.environment()) as terminal:
            terminal.sees("llama-swap/qwen3")
            terminal.write("q")
            assert terminal.ends() == 0
    assert b"\x1b[?1049l" in record.read_bytes()


async def ctrl_c_at_two_hundred_moments_leaves_no_traceback(stage: Stage) -> None:
    await asyncio.to_thread(_interrupts)


def _interrupts() -> None:
    commands = (
        ("status",), ("models",), ("keys",), ("invoke", "-m", "llama-swap/qwen3", "hello"), ("doctor",),
        ("race", "-m", "llama-swap/qwen3", "-m", "ollama/llama3.2:latest", "hello"), ("load", "llama-swap/gemma"),
        ("mcp",), ("external", "status"), ("claude", "check"),
    )  # fmt: skip
    with demo_process() as demo:
        for number in range(200):
            command = demo.command(*commands[number % len(commands)])
            running = subprocess.Popen(
                command, env=demo.environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            )
            try:
                running.wait(0.04 + number * 0.005)
            except subprocess.TimeoutExpired:
                running.send_signal(signal.SIGINT)
            _, words = running.communicate(timeout=20)
            assert running.returncode in (0, 1, 130, -signal.SIGINT), (command, running.returncode)
            told = words.decode()
            ours = re.search(r"Traceback|Exception ignored", told) and "tui" in told
            assert not ours, (command, told[-600:])


def _panels(demo: DemoProcess) -> list[psutil.Process]:
    """The panels on this fleet, and all that they started."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if words[:3] == [sys.executable, "-m", "tui"] and str(demo.config) in words:
            found += [process, *process.children(recursive=True)]
    return found


def _are_gone(processes: list[psutil.Process]) -> None:
    _, left = psutil.wait_procs(processes, timeout=GONE_WITHIN)
    assert not left, f"still there after {GONE_WITHIN:g} s: {left}"


CHECKS = (
    Check("terminal: 500 resizes in 5 s, the last is drawn, no memory grows", five_hundred_resizes_in_five_seconds),
    Check("terminal: tmux shows the panel, ctrl+z and fg, and its end ends it", tmux_shows_it_and_takes_it_with_it),
    Check("terminal: ssh shows the panel, a broken connection ends it", ssh_shows_it_and_a_broken_connection_ends_it),
    Check("terminal: script records the panel", script_records_it_without_a_prompt_or_a_trace),
    Check("terminal: ctrl+c at 200 moments leaves no traceback", ctrl_c_at_two_hundred_moments_leaves_no_traceback),
)
