"""The panel on 300 services of which 15 hang."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Sequence, Set
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figures import Figure, percentile
from benchmarks.keys import time_presses
from benchmarks.panel_speed import panel, panel_has_data
from benchmarks.plan import Plan
from benchmarks.processes import cpu_seconds, peak_megabytes
from benchmarks.simulated_fleet import SimulatedFleet
from benchmarks.terminal import HOME, PAGE_DOWN, Terminal

SERVICES = 300
HANGING = 15
ANSWERING = SERVICES - HANGING
EVERY_SECOND = 1.0
LONGEST_PERIOD = 60.0
SECONDS_TO_FIRST_DATA = 20.0
SECONDS_TO_SETTLE = 8.0
"""More than two timeouts, so that the hanging ones are known to hang."""
SECONDS_TO_TURN_A_PAGE = 5.0
SECONDS_FOR_REST_OF_PAGE = 0.1
SECONDS_TO_REST = 0.5
TOP_ROW = 3
"""The screen's line of the first machine: below the strip, the border and the table's head."""
WALK = 40
"""Rows down and up again: beyond the page, so that scrolling is timed too."""

_ROW = re.compile(
    r"^│ (?P<symbol>\S) (?P<name>\S+)\s+(?P<state>up|busy|starting|down|unknown|stale)\s.*\s"
    r"(?P<seen>now|never|\d+ s ago|\d+ (?:min|h|d) ago)\s*\S?│$"
)
"""Between the last cell and the border the scrollbar may have an end of its thumb."""


@dataclass(frozen=True, slots=True)
class Row:
    """A service as its row says it is; ``age`` in seconds, None where it was never seen, or not for minutes."""

    state: str
    age: float | None

    def fresh(self, period: float) -> bool:
        """Up, and seen within one period, as exactly as whole seconds tell."""
        return self.state == "up" and self.age is not None and self.age <= period


def measure(plan: Plan) -> list[Figure]:
    """One panel at the default periods, then one that asks all services every second.

    Raises:
        NeverShown: the panel did not show what it should.
        OSError: the system does not tell what a process uses.
    """
    with (
        tempfile.TemporaryDirectory(prefix="fleetdeck-bench-") as folder,
        SimulatedFleet(Path(folder), extra_services=SERVICES) as fleet,
    ):
        names = fleet.service_names[:SERVICES]
        hanging = names[20 :: (SERVICES - 20) // HANGING][:HANGING]
        fleet.hang(hanging)
        # Half of them by their page, asked every 10 s; half by their models, asked every minute.
        pages = [name for name in names[::2] if name.startswith("extra-")]
        usual = fleet.config(names, watched_as_pages=pages)
        figures = _watch(panel(usual), fleet, hanging, LONGEST_PERIOD, plan.watched, plan)
        hurried = fleet.config(names, refresh=EVERY_SECOND)
        window = plan.rounds * plan.idle / 2
        return figures + _watch(panel(hurried), fleet, hanging, EVERY_SECOND, window, plan)


def _watch(
    command: Sequence[str], fleet: SimulatedFleet, hanging: Sequence[str], period: float, window: float, plan: Plan
) -> list[Figure]:
    with Terminal(command, env=fleet.env) as terminal:
        terminal.wait_until(panel_has_data, "the first live data of 300 services", SECONDS_TO_FIRST_DATA)
        terminal.follow(SECONDS_TO_SETTLE)
        used, began = cpu_seconds(terminal.pid), time.perf_counter()
        terminal.follow(window)
        share = (cpu_seconds(terminal.pid) - used) / (time.perf_counter() - began)
        rows = read_rows(terminal, frozenset(fleet.service_names[:SERVICES]))
        keys = time_presses(terminal, plan.rounds * plan.presses, walk=WALK)
        peak = peak_megabytes(terminal.pid)
    answering = {name: row for name, row in rows.items() if name not in hanging}
    wrongly_up = [name for name in hanging if name in rows and rows[name].state == "up"]
    if wrongly_up:
        raise ValueError(f"{wrongly_up[0]} hangs, but its row says that it is up: nothing here can be trusted")
    hurried = period <= EVERY_SECOND
    asked = "each asked every second" if hurried else "at the default periods"
    return [
        Figure(
            name=f"seen within one period, of the {ANSWERING} that answer, {asked}",
            unit="rows",
            measured=sum(row.fresh(period) for row in answering.values()),
            wanted=ANSWERING,
        ),
        Figure(name=f"key to repaint, p95, {asked}", unit="ms", measured=percentile(keys, 0.95) * 1000, wanted=50),
        Figure(name=f"key to repaint, median, {asked}", unit="ms", measured=percentile(keys, 0.5) * 1000),
        Figure(name=f"processor, {asked}", unit="%", measured=share * 100, wanted=25 if hurried else 10),
        Figure(name=f"peak memory, {asked}", unit="MB", measured=peak),
    ]


def read_rows(terminal: Terminal, names: Set[str]) -> dict[str, Row]:
    """The rows of the services called ``names``, each as it stood when its page was shown; the cursor ends on top.

    Raises:
        NeverShown: the table ends before all of them were shown.
    """
    rows: dict[str, Row] = {}

    def shows_more(now: Terminal) -> bool:
        return not _rows_on_screen(now).keys() <= rows.keys()

    _go_to_top(terminal)
    # The first only takes the cursor to the end of the page that is shown already.
    terminal.press(PAGE_DOWN)
    while missing := names - rows.keys():
        terminal.wait_until(shows_more, f"{len(missing)} services more, such as {min(missing)}", SECONDS_TO_TURN_A_PAGE)
        # A page may come in several pieces.
        terminal.follow(SECONDS_FOR_REST_OF_PAGE)
        rows = _rows_on_screen(terminal) | rows
        terminal.press(PAGE_DOWN)
    _go_to_top(terminal)
    return rows


def _go_to_top(terminal: Terminal) -> None:
    terminal.press(HOME)
    terminal.wait_until(lambda now: "│ koala " in now.screen.display[TOP_ROW], "the top row", SECONDS_TO_TURN_A_PAGE)
    terminal.follow(SECONDS_TO_REST)


def _rows_on_screen(terminal: Terminal) -> dict[str, Row]:
    found = (_ROW.match(line) for line in terminal.screen.display)
    return {row["name"]: Row(row["state"], _age(row["seen"])) for row in found if row is not None}


def _age(words: str) -> float | None:
    number, _, unit = words.partition(" ")
    if words == "now":
        return 0.0
    seconds = {"s ago": 1.0, "min ago": 60.0}.get(unit)
    return float(number) * seconds if seconds is not None else None
