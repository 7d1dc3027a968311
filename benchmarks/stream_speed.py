"""An answer of 1 000 tokens a second in the playground, beside the same read by curl and by a bare httpx client; and a
race of six at 200 each."""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figures import Figure, percentile
from benchmarks.panel_speed import panel
from benchmarks.plan import Plan
from benchmarks.processes import cpu_seconds, resident_megabytes
from benchmarks.terminal import Terminal

RATE = 1_000.0
TOKENS = 20_000
FEWER_TOKENS = 5_000
"""Where a rough figure will do."""
TOKEN = re.compile(r"\bt(\d{1,6})\b")
LANES = 6
LANE_RATE = 200.0
RACE_SECONDS, FEWER_RACE_SECONDS = 20, 8
RACE_COLUMNS, RACE_LINES = 200, 50
"""A terminal on which all lanes stand beside each other."""
PROMPT_ROW = "─ prompt "
SHORTEST_PAUSE, LONGEST_PAUSE = 0.15, 0.35
"""Seconds between presses."""
LONGEST_PROMPT = 60
BEHIND_AT_MOST = 150.0
KEY_AT_MOST = 50.0
GROWTH_AT_MOST = 40.0
CLOSED_AT_MOST = 200.0
"""Of these, 100 are Textual's: so long it waits for what may follow the byte that is both escape and a code's begin."""
BODY = json.dumps({"model": "m", "stream": True, "messages": [{"role": "user", "content": "go"}]})
BARE_CLIENT = """
import asyncio, sys
import httpx

async def main(url, body):
    async with httpx.AsyncClient(verify=False, timeout=None, trust_env=False) as client:
        headers = {"content-type": "application/json"}
        async with client.stream("POST", url, content=body, headers=headers) as answer:
            async for data in answer.aiter_bytes():
                sys.stdout.buffer.write(data)
                sys.stdout.flush()

asyncio.run(main(sys.argv[1], sys.argv[2]))
"""
CONFIG = """\
[services.bench]
kind = "openai"
url = "http://127.0.0.1:{port}"
[tasks]
default = ["bench/m"]
"""


@dataclass(frozen=True, slots=True)
class Streamed:
    """One answer in the panel. Times in seconds, memory in 10^6 bytes."""

    delays: list[float]
    """Of each token, from when it was sent until a later one or it was on the screen."""
    keys: list[float]
    growth: float
    cpu_early: float
    """Processor time of the second tenth of the answer, when all that it needs is imported."""
    cpu_late: float
    """Of the last tenth."""
    closed: float
    """From escape until the server of another answer saw the connection close."""


class PacedServer:
    """The server in a process of its own."""

    def __init__(self, tokens: int, rate: float) -> None:
        command = [sys.executable, "-m", "benchmarks.paced_server", str(tokens), str(rate)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.port = int(self._line()["port"])  # type: ignore[call-overload]

    def sent(self) -> list[float]:
        """When each token of the answer that has just ended was sent."""
        times = self._line()["sent"]
        assert isinstance(times, list)
        return times

    def closed(self) -> float:
        """When it saw the connection close in the middle of an answer."""
        at = self._line()["closed"]
        assert isinstance(at, float)
        return at

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _line(self) -> dict[str, object]:
        assert self._process.stdout is not None
        line: dict[str, object] = json.loads(self._process.stdout.readline())
        return line


def measure(plan: Plan) -> list[Figure]:
    """
    Raises:
        NeverShown: the panel did not show the answer.
        OSError: a program could not be run.
    """
    tokens = TOKENS if plan.rounds > 2 else FEWER_TOKENS
    with _server(tokens) as server, tempfile.TemporaryDirectory(prefix="fleetdeck-bench-") as folder:
        url = f"http://127.0.0.1:{server.port}/v1/chat/completions"
        curl = _read(["curl", "-sN", "-H", "content-type: application/json", "-d", BODY, url], server)
        client = _read([sys.executable, "-c", BARE_CLIENT, url, BODY], server)
        ours = _stream(Path(folder), server, tokens)
    raced = _race(plan)
    milliseconds = [delay * 1000 for delay in ours.delays]
    floor = percentile(client, 0.95) * 1000
    tenth = tokens // 10
    return [
        Figure(name="curl -N: a token is printed, p95", unit="ms", measured=percentile(curl, 0.95) * 1000, floor=floor),
        Figure(
            name="a token is on the screen, p50", unit="ms", measured=percentile(milliseconds, 0.5),
            floor=percentile(client, 0.5) * 1000,
        ),
        Figure(name="a token is on the screen, p95", unit="ms", measured=percentile(milliseconds, 0.95), floor=floor),
        Figure(
            name="the furthest behind", unit="ms", measured=max(milliseconds), floor=max(client) * 1000,
            wanted=BEHIND_AT_MOST,
        ),
        Figure(
            name="a key meanwhile, p95", unit="ms", measured=percentile(ours.keys, 0.95) * 1000, wanted=KEY_AT_MOST
        ),
        Figure(
            name="escape: the server sees the end", unit="ms", measured=ours.closed * 1000, wanted=CLOSED_AT_MOST
        ),
        Figure(name="memory grown by", unit="MB", measured=ours.growth, wanted=GROWTH_AT_MOST),
        Figure(
            name=f"processor time of the last {tenth:,} tokens", unit="ms", measured=ours.cpu_late * 1000,
            floor=ours.cpu_early * 1000, wanted=1.25 * ours.cpu_early * 1000, wanted_words="≤ 1.25 × early ones",
        ),
        Figure(
            name=f"a key while {LANES} lanes race at {LANE_RATE:.0f} tok/s each, p95", unit="ms",
            measured=percentile(raced, 0.95) * 1000, wanted=KEY_AT_MOST,
        ),
    ]  # fmt: skip


@contextlib.contextmanager
def _server(tokens: int, rate: float = RATE) -> Iterator[PacedServer]:
    server = PacedServer(tokens, rate)
    try:
        yield server
    finally:
        server.close()


def _read(command: Sequence[str], server: PacedServer) -> list[float]:
    """The delays of a program that prints what it reads."""
    reads: list[tuple[float, bytes]] = []
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    while data := os.read(process.stdout.fileno(), 65_536):
        reads.append((time.perf_counter(), data))
    process.stdout.close()
    process.wait()
    seen: list[tuple[float, int]] = []
    rest = b""
    for at, data in reads:
        whole, _, rest = (rest + data).rpartition(b" ")
        numbers = TOKEN.findall(whole.decode())
        if numbers:
            seen.append((at, int(numbers[-1])))
    return _delays(seen, server.sent())


def _stream(folder: Path, server: PacedServer, tokens: int) -> Streamed:
    config = folder / "config.toml"
    config.write_text(CONFIG.format(port=server.port))
    env = {f"XDG_{kind}_HOME": str(folder / kind) for kind in ("CONFIG", "STATE", "DATA", "CACHE")}
    with Terminal(panel(config), env=env) as terminal:
        terminal.wait_until(lambda t: "bench/m" in t.text, "the model", 30.0)
        terminal.press(b"3")
        terminal.wait_until(lambda t: PROMPT_ROW in t.text and "bench/m" in t.text, "the playground")
        terminal.follow(1.0)
        terminal.press(b"go")
        terminal.wait_until(lambda t: "go" in _prompt_line(t), "the prompt")
        before = resident_megabytes(terminal.pid)
        terminal.press(b"\r")
        seen, keys, cpu = _watch(terminal, tokens)
        growth = resident_megabytes(terminal.pid) - before
        delays, closed = _delays(seen, server.sent()), _stopped(terminal, server)
    return Streamed(delays, keys, growth, cpu[2] - cpu[1], cpu[-1] - cpu[-2], closed)


def _stopped(terminal: Terminal, server: PacedServer) -> float:
    """Seconds from escape in the middle of an answer until its server sees the connection close."""
    terminal.press(b"go")
    terminal.wait_until(lambda t: "go" in _prompt_line(t), "the prompt")
    terminal.press(b"\r")
    terminal.wait_until(lambda t: "esc stops" in t.text, "the answer", 20.0)
    terminal.follow(0.5)
    pressed = terminal.press(b"\x1b")
    terminal.wait_until(lambda t: "stopped" in t.text, "the end of it", 20.0)
    return server.closed() - pressed


def _race(plan: Plan) -> list[float]:
    """How long keys took while all lanes of a race were streaming side by side."""
    tokens = int(LANE_RATE * (RACE_SECONDS if plan.rounds > 2 else FEWER_RACE_SECONDS))
    models = [f'"bench/m{number}"' for number in range(LANES)]
    with _server(tokens, LANE_RATE) as server, tempfile.TemporaryDirectory(prefix="fleetdeck-bench-") as name:
        folder = Path(name)
        config = folder / "config.toml"
        config.write_text(CONFIG.format(port=server.port).replace('["bench/m"]', f"[{', '.join(models)}]"))
        env = {f"XDG_{kind}_HOME": str(folder / kind) for kind in ("CONFIG", "STATE", "DATA", "CACHE")}
        with Terminal(panel(config), env=env, columns=RACE_COLUMNS, lines=RACE_LINES) as terminal:
            terminal.wait_until(lambda t: "bench/m" in t.text, "the model", 30.0)
            terminal.press(b"3")
            terminal.wait_until(lambda t: PROMPT_ROW in t.text, "the playground")
            terminal.press(b"\x12")
            terminal.wait_until(lambda t: f"race of {LANES}" in t.text, "the race")
            terminal.follow(1.0)
            terminal.press(b"go")
            terminal.wait_until(lambda t: "go" in _prompt_line(t), "the prompt")
            terminal.press(b"\r")
            # Nobody wants to know when tokens were sent; but the server waits until somebody has read it.
            threading.Thread(target=lambda: [server.sent() for _ in range(LANES)], daemon=True).start()
            terminal.wait_until(lambda t: _newest(t) > 0, "the first tokens", 20.0)
            terminal.press(b"i")
            terminal.follow(0.5)
            return _typed(terminal, until=tokens - 1)


def _typed(terminal: Terminal, *, until: int) -> list[float]:
    """Types into the prompt until the last token is there; how long each key took to show."""
    keys: list[float] = []
    written = ""
    randomly = random.Random(6)
    while _newest(terminal) < until:
        if len(written) >= LONGEST_PROMPT:
            terminal.press(b"\x15")
            written = ""
            terminal.wait_until(lambda t: not _prompt_line(t), "the empty prompt", 20.0)
        written += "ab"[len(written) % 2]
        pressed = terminal.press(written[-1].encode())

        def shown(now: Terminal, wanted: str = written) -> bool:
            return _prompt_line(now) == wanted

        keys.append(terminal.wait_until(shown, "the key", 20.0) - pressed)
        terminal.follow(randomly.uniform(SHORTEST_PAUSE, LONGEST_PAUSE))
    return keys


def _watch(terminal: Terminal, tokens: int) -> tuple[list[tuple[float, int]], list[float], list[float]]:
    """Which token was on the screen when, how long keys took meanwhile, and the processor time at every tenth."""
    seen: list[tuple[float, int]] = []
    keys: list[float] = []
    cpu = [cpu_seconds(terminal.pid)]
    randomly = random.Random(4)
    newest, written, pressed, pause = -1, "", 0.0, 0.0
    while newest < tokens - 1:

        def changed(now: Terminal, newest: int = newest, waiting: str = written if pressed else "-") -> bool:
            return _newest(now) > newest or _prompt_line(now) == waiting

        at = terminal.wait_until(changed, f"token {newest + 1} or the key", 20.0)
        if pressed and _prompt_line(terminal) == written:
            keys.append(at - pressed)
            pressed, pause = 0.0, at + randomly.uniform(SHORTEST_PAUSE, LONGEST_PAUSE)
        if _newest(terminal) > newest:
            newest = _newest(terminal)
            seen.append((at, newest))
            while newest >= len(cpu) * tokens // 10:
                cpu.append(cpu_seconds(terminal.pid))
        if not pressed and time.perf_counter() > pause:
            if len(written) >= LONGEST_PROMPT:
                terminal.press(b"\x15")
                written, pause = "", time.perf_counter() + LONGEST_PAUSE
            else:
                written += "ab"[len(written) % 2]
                pressed = terminal.press(written[-1].encode())
    cpu.append(cpu_seconds(terminal.pid))
    return seen, keys, cpu


def _newest(terminal: Terminal) -> int:
    """The last token on the screen; -1 where none is."""
    for line in reversed(terminal.screen.display):
        if numbers := TOKEN.findall(line):
            return int(numbers[-1])
    return -1


def _prompt_line(terminal: Terminal) -> str:
    lines = terminal.screen.display
    row = next((number for number, line in enumerate(lines) if PROMPT_ROW in line), None)
    return "" if row is None else lines[row + 1].strip("│ ")


def _delays(seen: Sequence[tuple[float, int]], sent: Sequence[float]) -> list[float]:
    """For each token: from when it was sent until it, or one after it, was seen."""
    delays: list[float] = []
    for at, number in seen:
        delays += [at - sent[token] for token in range(len(delays), min(number + 1, len(sent)))]
    return delays
