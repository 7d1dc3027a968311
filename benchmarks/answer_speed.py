"""What an answer costs through ``fleetdeck invoke``, beside the same answer read by a bare httpx client.

Both are programs of their own that print what they read; the server has all of its answer ready and is another.
"""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median

from benchmarks.figures import Figure
from benchmarks.plan import Plan

SERVER = Path(__file__).resolve().parent.parent / "tests" / "chat" / "full_speed_server.py"
TOKENS = 20_000
LATER = 15.0
"""Milliseconds by which the first token may be later."""
TIMES_THE_CLIENT = 2
RUNS_A_ROUND = 3
PATIENCE = 30.0

BARE_CLIENT = """
import asyncio, json, sys
import httpx

async def main(url):
    async with httpx.AsyncClient(verify=False, timeout=None, trust_env=False) as client:
        # What is imported with the first request is start-up, for both.
        await client.get(url + "/v1/models")
        print('"started"', flush=True)
        asked = client.stream("POST", url + "/v1/chat/completions", json={"model": "m", "stream": True})
        async with asked as answer:
            async for line in answer.aiter_lines():
                if line.startswith("data: {"):
                    text = json.loads(line[6:])["choices"][0]["delta"].get("content")
                    if text:
                        sys.stdout.write(text)
                        sys.stdout.flush()

asyncio.run(main(sys.argv[1]))
"""


def measure(plan: Plan) -> list[Figure]:
    """Invoke after the bare client, round after round.

    Raises:
        OSError: one of them did not answer.
        CalledProcessError: one of them failed.
    """
    rounds = range(plan.rounds * RUNS_A_ROUND + 1)
    with (
        tempfile.TemporaryDirectory(prefix="fleetdeck-bench-") as name,
        _server(TOKENS) as long,
        _server(1) as short,
    ):
        folder = Path(name)
        env = _at_home_in(folder)
        first = [(_first_token(_bare(long), env), _first_token(_invoke(folder, long, "--events"), env)) for _ in rounds]
        costs = [
            (
                _cost(_bare(long), env) - _cost(_bare(short), env),
                _cost(_invoke(folder, long), env) - _cost(_invoke(folder, short), env),
            )
            for _ in rounds
        ]
    # The first of each writes bytecode and fills the file cache.
    bare, ours = (median(times) * 1000 for times in zip(*first[1:], strict=True))
    bare_cost, our_cost = (median(seconds) * 1000 for seconds in zip(*costs[1:], strict=True))
    return [
        Figure(
            name="request to first token",
            unit="ms",
            measured=ours,
            floor=bare,
            wanted=bare + LATER,
            wanted_words=f"≤ + {LATER:g} ms",
        ),
        Figure(
            name=f"processor time of {TOKENS} tokens",
            unit="ms",
            measured=our_cost,
            floor=bare_cost,
            wanted=bare_cost * TIMES_THE_CLIENT,
            wanted_words=f"≤ {TIMES_THE_CLIENT} ×",
        ),
    ]


@contextlib.contextmanager
def _server(tokens: int) -> Iterator[str]:
    """Its URL; each answer has so many tokens."""
    process = subprocess.Popen([sys.executable, str(SERVER), str(tokens)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def _bare(url: str) -> list[str]:
    return [sys.executable, "-c", BARE_CLIENT, url]


def _invoke(folder: Path, url: str, *options: str) -> list[str]:
    config = folder / f"{url.rpartition(':')[2]}.toml"
    config.write_text(f'[services.one]\nkind = "openai"\nurl = "{url}"\n')
    return [sys.executable, "-m", "tui", "--config", str(config), "invoke", "-q", *options, "-m", "one/m", "-p", "go"]


def _at_home_in(folder: Path) -> dict[str, str]:
    """An environment in which what is written is written there."""
    return {**os.environ, **{f"XDG_{kind}_HOME": str(folder / kind.lower()) for kind in ("CONFIG", "STATE", "DATA")}}


def _first_token(command: Sequence[str], env: Mapping[str, str]) -> float:
    """Seconds from the line that says that it asks to the first that it reads after that."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=env, bufsize=0)
    assert process.stdout is not None
    began: float | None = None
    first: float | None = None
    said = b""
    try:
        while True:
            if not select.select([process.stdout], [], [], PATIENCE)[0]:
                raise OSError(f"nothing came from {command[1]} within {PATIENCE:g} s")
            read = process.stdout.read(65536)
            now = time.perf_counter()
            if read and first is not None:
                continue
            if not read:
                break
            said += read
            if began is None and b'"started"' in said:
                began, said = now, said.partition(b'"started"')[2].partition(b"\n")[2]
            if began is not None and b"word" in said:
                first = now - began
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    if first is None:
        raise OSError(f"{' '.join(command[:4])} ended before its first token")
    return first


def _cost(command: Sequence[str], env: Mapping[str, str]) -> float:
    """Seconds of processor time of a whole run."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=env)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return used.ru_utime + used.ru_stime
