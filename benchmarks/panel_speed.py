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
SECONDS_BETWEEN_STARTS = 0.5
STARTS_A_ROUND = 3
"""More starts than rounds: they take a second, and vary more than anything else here."""
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
class Start:
    """One start. Times in seconds."""

    first_paint: float
    first_data: float
    """After the first paint; 0 where the content is there with it."""


@dataclass(frozen=True, slots=True)
class Running:
    """What a program took in one round while it was open."""

    key: float
    """Seconds, the median; then the 95th percentile."""
    key_p95: float
    idle: float
    """The share of a core."""
    peak: float
    """10^6 bytes."""


def measure(plan: Plan) -> list[Figure]:
    """Both programs in turn, round after round, so that what else the machine does falls upon both.

    Raises:
        NeverShown: a program did not show what it should.
        OSError: the system does not tell what a process uses.
    """
    with tempfile.TemporaryDirectory(prefix="fleetdeck-bench-") as folder, SimulatedFleet(Path(folder)) as fleet:
        command = panel(fleet.config(THREE_SERVICES, refresh=EVERY_SECOND))
        _warm_up(command, fleet.env)
        starts = [_start_both(command, fleet.env) for _ in range(plan.rounds * STARTS_A_ROUND)]
        rounds = [_run_both(plan, command, fleet.env) for _ in range(plan.rounds)]
    return [*_start_figures(starts), *_running_figures(rounds)]


def _warm_up(command: Sequence[str], env: Mapping[str, str]) -> None:
    """The first start after an installation writes bytecode and fills the file cache: it is nobody's figure."""
    with Terminal(BARE_APP) as bare:
        bare.wait_until(bare_app_is_painted, "the bare app's first paint", SECONDS_FOR_FIRST_START)
    with Terminal(command, env=env) as ours:
        ours.wait_until(panel_has_data, "the panel's first data", SECONDS_FOR_FIRST_START)


def _start_both(command: Sequence[str], env: Mapping[str, str]) -> tuple[Start, Start]:
    """One after the other, each alone and after the same rest: a start beside anything else is another figure."""
    time.sleep(SECONDS_BETWEEN_STARTS)
    with Terminal(BARE_APP) as bare:
        bare_painted = bare.wait_until(bare_app_is_painted, "the bare app's first paint")
    time.sleep(SECONDS_BETWEEN_STARTS)
    with Terminal(command, env=env) as ours:
        painted = ours.wait_until(panel_is_painted, "the panel's first paint")
        has_data = ours.wait_until(panel_has_data, "the panel's first data")
    return Start(bare_painted - bare.started, 0.0), Start(painted - ours.started, has_data - painted)


def _run_both(plan: Plan, command: Sequence[str], env: Mapping[str, str]) -> tuple[Running, Running]:
    # The panel remembers the row that it was left on; here it has to begin at the first.
    (Path(env["XDG_STATE_HOME"]) / "fleetdeck" / "view.json").unlink(missing_ok=True)
    with Terminal(BARE_APP) as bare, Terminal(command, env=env) as ours:
        bare.wait_until(bare_app_is_painted, "the bare app's first paint")
        ours.wait_until(panel_has_data, "the panel's first data")
        ours.follow(SECONDS_TO_SETTLE)
        keys = [time_presses(terminal, plan.presses, walk=ROWS_OF_PANEL) for terminal in (bare, ours)]
        idle = _idle_shares((bare, ours), plan.idle)
        peaks = [peak_megabytes(terminal.pid) for terminal in (bare, ours)]
    both = [
        Running(median(taken), percentile(taken, 0.95), share, peak)
        for taken, share, peak in zip(keys, idle, peaks, strict=True)
    ]
    return both[0], both[1]


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


def _start_figures(starts: Sequence[tuple[Start, Start]]) -> list[Figure]:
    bare, ours = zip(*starts, strict=True)
    paint, bare_paint = (median(start.first_paint for start in all_of_one) for all_of_one in (ours, bare))
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
            measured=median(start.first_data for start in ours) * 1000,
            wanted=250,
        ),
    ]


def _running_figures(rounds: Sequence[tuple[Running, Running]]) -> list[Figure]:
    bare, ours = zip(*rounds, strict=True)
    return [
        Figure(
            name="key to repaint, median",
            unit="ms",
            measured=median(one.key for one in ours) * 1000,
            floor=median(one.key for one in bare) * 1000,
            wanted=15,
        ),
        Figure(
            name="key to repaint, p95",
            unit="ms",
            measured=median(one.key_p95 for one in ours) * 1000,
            floor=median(one.key_p95 for one in bare) * 1000,
        ),
        Figure(
            name="processor when idle, three services asked every second",
            unit="%",
            measured=median(one.idle for one in ours) * 100,
            floor=median(one.idle for one in bare) * 100,
            wanted=1,
        ),
        Figure(
            name="peak memory",
            unit="MB",
            measured=median(one.peak for one in ours),
            floor=median(one.peak for one in bare),
            wanted=60,
        ),
    ]
