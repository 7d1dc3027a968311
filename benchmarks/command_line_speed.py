"""How long commands take, side by side with Python doing nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

from benchmarks.figures import Figure
from benchmarks.panel_speed import THREE_SERVICES
from benchmarks.plan import Plan
from benchmarks.simulated_fleet import SimulatedFleet

NOTHING = (sys.executable, "-c", "pass")
COMMANDS: Mapping[str, tuple[str, ...]] = {
    "fleetdeck --version": ("--version",),
    "fleetdeck keys": ("keys",),
    "fleetdeck status": ("status",),
    "fleetdeck models --json": ("models", "--json"),
}
RUNS_A_ROUND = 3


def measure(plan: Plan) -> list[Figure]:
    """Each command after Python doing nothing, round after round.

    Raises:
        CalledProcessError: a command failed.
    """
    taken: dict[str, list[float]] = {name: [] for name in COMMANDS}
    floor: list[float] = []
    with tempfile.TemporaryDirectory(prefix="fleetdeck-bench-") as folder, SimulatedFleet(Path(folder)) as fleet:
        config = fleet.config(THREE_SERVICES)
        for number in range(plan.rounds * RUNS_A_ROUND + 1):
            for name, words in COMMANDS.items():
                nothing = seconds_taken(NOTHING, fleet.env)
                command = seconds_taken((sys.executable, "-m", "tui", "--config", str(config), *words), fleet.env)
                # The first of each writes bytecode and fills the file cache.
                if number:
                    floor.append(nothing)
                    taken[name].append(command)
    return [
        Figure(name=name, unit="ms", measured=median(seconds) * 1000, floor=median(floor) * 1000)
        for name, seconds in taken.items()
    ]


def seconds_taken(command: Sequence[str], env: Mapping[str, str]) -> float:
    """Seconds from start to exit. ``env``: what differs from this process's environment.

    Raises:
        CalledProcessError: the command failed.
    """
    began = time.perf_counter()
    subprocess.run(command, env={**os.environ, **env}, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began
