"""How long the commands take that agents call at every turn, side by side with Python doing nothing."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median

from benchmarks.figures import Figure
from benchmarks.plan import Plan
from benchmarks.simulated_fleet import SimulatedFleet

NOTHING = (sys.executable, "-c", "pass")
ROUTE = ("route", "--task", "default", "--json", "What is 2+2?")
MODE_WANTED, ROUTE_WANTED = 120.0, 400.0
"""Milliseconds from start to exit, on a machine that does nothing else."""
RUNS_A_ROUND = 3


def measure(plan: Plan) -> list[Figure]:
    """Each command after Python doing nothing, round after round.

    Raises:
        CalledProcessError: a command failed.
        OSError: no machine can be made that drops every packet.
    """
    with (
        tempfile.TemporaryDirectory(prefix="fleetdeck-bench-") as name,
        SimulatedFleet(Path(name)) as fleet,
        machine_that_drops_packets() as port,
    ):
        folder = Path(name)
        there = _config(folder / "there.toml", "llama-swap", _url(fleet))
        gone = _config(folder / "gone.toml", "llama-swap", f"http://127.0.0.1:{port}")
        commands: Mapping[str, tuple[Path, tuple[str, ...], float]] = {
            "fleetdeck external status": (there, ("external", "status"), MODE_WANTED),
            "fleetdeck route --json": (there, ROUTE, ROUTE_WANTED),
            "the same, every packet dropped": (gone, ROUTE, ROUTE_WANTED),
        }
        taken: dict[str, list[float]] = {name: [] for name in commands}
        floor: list[float] = []
        for number in range(plan.rounds * RUNS_A_ROUND + 1):
            for name, (config, words, _) in commands.items():
                nothing = _seconds(NOTHING, fleet.env)
                command = _seconds((sys.executable, "-m", "tui", "--config", str(config), *words), fleet.env)
                # The first of each writes bytecode and fills the file cache.
                if number:
                    floor.append(nothing)
                    taken[name].append(command)
    return [
        Figure(name=name, unit="ms", measured=median(taken[name]) * 1000, floor=median(floor) * 1000, wanted=wanted)
        for name, (_, _, wanted) in commands.items()
    ]


@contextlib.contextmanager
def machine_that_drops_packets() -> Iterator[int]:
    """The port of a listener whose queue of connections is full, so that it answers no SYN.

    Raises:
        OSError: this system answers all the same.
    """
    with contextlib.ExitStack() as sockets:
        listener = sockets.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        for _ in range(4):
            waiting = sockets.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(address)
        probe = sockets.enter_context(socket.socket())
        probe.settimeout(0.2)
        if probe.connect_ex(address) == 0:
            raise OSError("a full queue of connections still takes more of them here")
        yield address[1]


def _url(fleet: SimulatedFleet) -> str:
    import tomllib

    with fleet.config(("llama-swap",)).open("rb") as file:
        url = tomllib.load(file)["services"]["llama-swap"]["url"]
    assert isinstance(url, str)
    return url


def _config(path: Path, kind: str, url: str) -> Path:
    path.write_text(
        f'[panel]\nexternal_mode_file = "{path.parent}/external-mode.json"\n'
        f'[machines.koala]\naddresses = ["127.0.0.1"]\n[services.swap]\nkind = "{kind}"\nurl = "{url}"\n'
        '[tasks]\ndefault = ["swap/qwen3"]\n'
    )
    return path


def _seconds(command: Sequence[str], env: Mapping[str, str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, env={**os.environ, **env}, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began
