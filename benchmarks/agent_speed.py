"""How long the commands take that agents call at every turn, side by side with Python doing nothing."""

from __future__ import annotations

import contextlib
import socket
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import median

from benchmarks.command_line_speed import NOTHING, RUNS_A_ROUND, seconds_taken
from benchmarks.figures import Figure
from benchmarks.plan import Plan
from benchmarks.simulated_fleet import SimulatedFleet

ROUTE = ("route", "--task", "default", "--json", "What is 2+2?")
MODE_WANTED, ROUTE_WANTED = 120.0, 400.0
"""Milliseconds from start to exit, on a machine that does nothing else."""


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
        there = _config(folder / "there.toml", _url(fleet))
        gone = _config(folder / "gone.toml", f"http://127.0.0.1:{port}")
        commands: Mapping[str, tuple[Path, tuple[str, ...], float]] = {
            "fleetdeck external status": (there, ("external", "status"), MODE_WANTED),
            "fleetdeck route --json": (there, ROUTE, ROUTE_WANTED),
            "the same, every packet dropped": (gone, ROUTE, ROUTE_WANTED),
        }
        taken: dict[str, list[float]] = {name: [] for name in commands}
        floor: list[float] = []
        for number in range(plan.rounds * RUNS_A_ROUND + 1):
            for name, (config, words, _) in commands.items():
                nothing = seconds_taken(NOTHING, fleet.env)
                command = seconds_taken((sys.executable, "-m", "tui", "--config", str(config), *words), fleet.env)
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
    with fleet.config(("llama-swap",)).open("rb") as file:
        url = tomllib.load(file)["services"]["llama-swap"]["url"]
    assert isinstance(url, str)
    return url


def _config(path: Path, url: str) -> Path:
    path.write_text(
        f'[panel]\nexternal_mode_file = "{path.parent}/external-mode.json"\n'
        f'[machines.koala]\naddresses = ["127.0.0.1"]\n[services.swap]\nkind = "llama-swap"\nurl = "{url}"\n'
        '[tasks]\ndefault = ["swap/qwen3"]\n'
    )
    return path
