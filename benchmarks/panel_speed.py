"""The panel on three services, side by side with a bare Textual app."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.figures import Figure, percentile
from benchmarks.keys import time_presses
from benchmarks.plan import Plan
from benchmarks.processes import cpu_seconds, peak_megabytes
from benchmarks.simulated_fleet import SimulatedFleet
from benchmarks.terminal import Terminal

BARE_APP = (sys.executable, "-m", "benchmarks.bare_app")
THREE_SERVICES = ("llama-swap", "ollama", "litellm")
EVERY_SECOND = 1.0
SECONDS_FOR_FIRST_START = 60.0
SECONDS_TO_SETTLE = 3.0
SECONDS_BETWEEN_TURNS = 0.5
FIRST_PAINT_OF_BARE = 1.4
ROWS_OF_PANEL = 3
"""The cursor can go so many rows down from the machine: to each of the services."""


def panel(config: Path) -> tuple[str, ...]:
    """The command that opens the panel on a configuration."""
    return (sys.executable, "-m", "tui", "--config", str(config))


def panel_is_painted(terminal: Terminal) -> bool:
    """The frame stands: the strip on top, both tables, and the footer's keys."""
    lines = terminal.screen.display
    return (
        "fleetdeck" in lines[0]
        and "models" in terminal.text
        and "─ fleet ─" in terminal.text
        and bool(lines[-1].strip())
    )


def panel_has_data(terminal: Terminal) -> bool:
    """A service is said to be up, which nobody can know who has not asked it."""
    return any("●" in line and " up " in line for line in terminal.screen.display)


def bare_app_is_painted(terminal: Terminal) -> bool:
    """The table's head, its first row and the last one for which there is room: its content is there from the start."""
    return "answer" in terminal.text and "row-00" in terminal.text and "row-30" in terminal.text


@dataclass(frozen=True, slots=True)
class Round:
    """One program's figures of one round. Times in seconds, ``idle`` as a share of a core, ``peak`` in 10^6 bytes."""

    first_paint: float
    first_data: float
    """After the first paint; 0 where the content is there with it."""
    key: float
    key_p95: float
    idle: float
    peak: float


def measure(plan: Plan) -> list[Figure]:
    """Both programs in turn, round after round, so that what else the machine does falls upon both.

    Raises:
        NeverShown: a program did not show what it should.
        OSError: the system does not tell what a process uses.
    """
    with tempfile.TemporaryDirectory(prefix="fleetdeck-bench-") as folder, SimulatedFleet(Path(folder)) as fleet:
        command = panel(fleet.config(THREE_SERVICES, refresh=EVERY_SECOND))
        _warm_up(command, fleet.env)
        rounds = [_round(plan, command, fleet.env) for _ in range(plan.rounds)]
    return _figures([bare for bare, _ in rounds], [ours for _, ours in rounds])


def _warm_up(command: Sequence[str], env: Mapping[str, str]) -> None:
    """The first start after an installation writes bytecode and fills the file cache: it is nobody's figure."""
    with Terminal(BARE_APP) as bare:
        bare.wait_until(bare_app_is_painted, "the bare app's first paint", SECONDS_FOR_FIRST_START)
    with Terminal(command, env=env) as ours:
        ours.wait_until(panel_has_data, "the panel's first data", SECONDS_FOR_FIRST_START)


def _round(plan: Plan, command: Sequence[str], env: Mapping[str, str]) -> tuple[Round, Round]:
    with Terminal(BARE_APP) as bare:
        bare_painted = bare.wait_until(bare_app_is_painted, "the bare app's first paint")
        bare.follow(SECONDS_TO_SETTLE)
        with Terminal(command, env=env) as ours:
            painted = ours.wait_until(panel_is_painted, "the panel's first paint")
            has_data = ours.wait_until(panel_has_data, "the panel's first data")
            ours.follow(SECONDS_TO_SETTLE)
            bare_keys = time_presses(bare, plan.presses, walk=ROWS_OF_PANEL)
            keys = time_presses(ours, plan.presses, walk=ROWS_OF_PANEL)
            bare_idle, idle = _idle_shares((bare, ours), plan.idle)
            bare_peak, peak = peak_megabytes(bare.pid), peak_megabytes(ours.pid)
    return (
        Round(bare_painted - bare.started, 0.0, median(bare_keys), percentile(bare_keys, 0.95), bare_idle, bare_peak),
        Round(painted - ours.started, has_data - painted, median(keys), percentile(keys, 0.95), idle, peak),
    )


def _idle_shares(terminals: Sequence[Terminal], seconds: float) -> list[float]:
    """The share of a core that each program uses in the same ``seconds``, left alone."""
    began = time.perf_counter()
    before = [cpu_seconds(terminal.pid) for terminal in terminals]
    while (left := began + seconds - time.perf_counter()) > 0:
        for terminal in terminals:
            terminal.follow(min(left, SECONDS_BETWEEN_TURNS))
    after = [cpu_seconds(terminal.pid) for terminal in terminals]
    elapsed = time.perf_counter() - began
    return [(now - was) / elapsed for now, was in zip(after, before, strict=True)]


def _figures(bare: Sequence[Round], ours: Sequence[Round]) -> list[Figure]:
    paint, bare_paint = (median(round_.first_paint for round_ in rounds) for rounds in (ours, bare))
    return [
        Figure(
            name="time to first paint",
            unit="ms",
            measured=paint * 1000,
            floor=bare_paint * 1000,
            wanted=FIRST_PAINT_OF_BARE * bare_paint * 1000,
            wanted_words=f"≤ {FIRST_PAINT_OF_BARE} ×",
        ),
        Figure(
            name="first live data, after the first paint",
            unit="ms",
            measured=median(round_.first_data for round_ in ours) * 1000,
            wanted=250,
        ),
        Figure(
            name="key to repaint, median",
            unit="ms",
            measured=median(round_.key for round_ in ours) * 1000,
            floor=median(round_.key for round_ in bare) * 1000,
            wanted=15,
        ),
        Figure(
            name="key to repaint, p95",
            unit="ms",
            measured=median(round_.key_p95 for round_ in ours) * 1000,
            floor=median(round_.key_p95 for round_ in bare) * 1000,
        ),
        Figure(
            name="processor when idle, three services asked every second",
            unit="%",
            measured=median(round_.idle for round_ in ours) * 100,
            floor=median(round_.idle for round_ in bare) * 100,
            wanted=1,
        ),
        Figure(
            name="peak memory",
            unit="MB",
            measured=median(round_.peak for round_ in ours),
            floor=median(round_.peak for round_ in bare),
            wanted=60,
        ),
    ]
