"""A ledger of a million requests: its reports, its screen, and what keeping its sums costs who writes."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from statistics import median

from benchmarks.figures import Figure
from benchmarks.plan import Plan
from benchmarks.terminal import Terminal
from tui.ledger.file import LedgerFile
from tui.ledger.history import Wanted, requests
from tui.ledger.records import Ending, NewRequest, Outcome
from tui.ledger.reports import By, usage
from tui.ledger.schema import MIGRATIONS
from tui.ledger.store import Ledger
from tui.ledger.trends import trend

REQUESTS = 1_000_000
DAYS = 365
DAY = 86_400.0
BEFORE_SUMS = 4
"""The version of the last ledger that kept none: from it, the sums are made at once."""
OPENED_WITHIN = 300.0
"""Milliseconds."""
COLUMNS = (
    *("at", "face", "asked_kind", "asked_name", "external", "private", "plan", "prompt_sha256", "prompt_length"),
    *("outcome", "ended_at", "model", "place", "served_by", "input_tokens", "output_tokens", "cost_usd"),
    *("first_token_s", "total_s", "tokens_per_second"),
)
MODELS = (
    *((f"llama-swap/model-{number}", "local") for number in range(12)),
    *((f"copilot/gpt-{number}", "cloud") for number in range(8)),
)
TASKS = (*(("task", f"task-{number}") for number in range(14)), ("tier", "opus"), ("tier", "haiku"), ("model", ""))
WRITTEN = 200


def measure(plan: Plan) -> list[Figure]:
    """Makes the ledger, then opens it round after round.

    Raises:
        NeverShown: the panel did not show what it should.
        CalledProcessError: a command failed.
    """
    with tempfile.TemporaryDirectory(prefix="fleetdeck-bench-") as folder:
        home = Path(folder)
        path = home / "data" / "fleetdeck" / "ledger.sqlite3"
        now = time.time()
        make_ledger(path, now)
        updated = _seconds(lambda: LedgerFile(path).close())
        figures = [Figure(name="bring one of before up to date, once", unit="s", measured=updated)]
        figures += [_figure(name, [_seconds(look) for _ in range(plan.rounds)]) for name, look in _looks(path, now)]
        environment = _environment(home)
        command = (sys.executable, "-m", "tui", "usage", "--since", "all")
        runs = [_seconds(lambda: _run(command, environment)) for _ in range(plan.rounds)]
        figures.append(Figure(name="fleetdeck usage --since all", unit="ms", measured=median(runs) * 1000))
        # A state of its own for each round: the screen is found again as it was left.
        states = [{"XDG_STATE_HOME": str(home / f"state-{number}")} for number in range(plan.rounds)]
        shown = [_screen(environment | state) for state in states]
        figures += [_figure(f"panel: {key}", [one[key] for one in shown]) for key in shown[0]]
        figures.append(_writing(path, now))
    return figures


def make_ledger(path: Path, now: float) -> None:
    """A year of requests, as a version wrote them that kept no sums."""
    path.parent.mkdir(parents=True)
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("BEGIN")
    for statements in MIGRATIONS[:BEFORE_SUMS]:
        for statement in statements:
            connection.execute(statement)
    marks = ", ".join("?" * len(COLUMNS))
    connection.executemany(f"INSERT INTO requests ({', '.join(COLUMNS)}) VALUES ({marks})", _rows(now))
    connection.execute(
        "INSERT INTO attempts (request, at, model, place, outcome)"
        " SELECT id, at, model, place, outcome FROM requests WHERE model IS NOT NULL"
    )
    connection.execute(f"PRAGMA user_version = {BEFORE_SUMS}")
    connection.execute("COMMIT")
    connection.close()


def _rows(now: float) -> Iterator[tuple[object, ...]]:
    chance = random.Random(2026)
    pace = {model: (chance.uniform(20, 150), chance.uniform(0.1, 1.5)) for model, _ in MODELS}
    for number in range(REQUESTS):
        at = now - (REQUESTS - number) * DAYS * DAY / REQUESTS
        (model, place), (kind, name) = chance.choice(MODELS), chance.choice(TASKS)
        rate, first = pace[model]
        about = (
            at,
            ("panel", "cli", "mcp")[number % 3],
            kind,
            name or model,
            0,
            number % 11 == 0,
            "[]",
            f"{number:064x}",
        )
        if number % 20 == 0:
            yield (*about, 800, "failed", at + 1, *[None] * 9)
            continue
        cost = 0.001 * (number % 7) if place == "cloud" else None
        speeds = (first * chance.lognormvariate(0, 0.5), 4.0, rate * chance.lognormvariate(0, 0.15))
        yield (
            *about,
            800,
            "finished",
            at + 4,
            model,
            place,
            model,
            300 + number % 500,
            200 + number % 300,
            cost,
            *speeds,
        )


def _looks(path: Path, now: float) -> Iterator[tuple[str, Callable[[], object]]]:
    """What is measured of the ledger itself, each with opening it."""

    def opened(look: Callable[[LedgerFile], object]) -> Callable[[], object]:
        def run() -> object:
            with LedgerFile(path) as ledger:
                return look(ledger)

        return run

    for by in By:
        yield f"usage of the year by {by}", opened(lambda ledger, by=by: usage(ledger, 0.0, by))  # type: ignore[misc]
    yield "usage of a week by model", opened(lambda ledger: usage(ledger, now - 7 * DAY, By.MODEL))
    yield "plots of the year", opened(lambda ledger: trend(ledger, 0.0))
    yield "the newest 500 requests", opened(lambda ledger: requests(ledger, Wanted()))


def _screen(environment: Mapping[str, str]) -> dict[str, float]:
    """What was pressed → seconds until it was shown."""
    taken = {}
    with Terminal((sys.executable, "-m", "tui"), env=environment) as panel:
        panel.wait_until(lambda now: "─ fleet ─" in now.text, "the panel's first paint", 60.0)
        panel.follow(2.0)
        for name, keys, words in (
            ("open the screen, first time", b"4", "last 7 days"),
            ("usage of all the time", b"tt", "1,000,000 requests"),
            ("plots of all the time, first time", b"]", "tokens/s, median per month"),
            ("requests of all the time", b"]", "the newest 500 of 1,000,000"),
        ):
            pressed = panel.press(keys)
            taken[name] = panel.wait_until(lambda now, words=words: words in now.text, name) - pressed  # type: ignore[misc]
            panel.follow(0.5)
    return taken


def _writing(path: Path, now: float) -> Figure:
    """The whole of a request: begun, a model asked, ended."""
    taken = []
    with Ledger(path) as ledger:
        for _ in range(WRITTEN):
            taken.append(_seconds(lambda: _write(ledger, now)))
    return Figure(name="write a request, whole", unit="ms", measured=median(taken) * 1000)


def _write(ledger: Ledger, now: float) -> None:
    number = ledger.begin(
        NewRequest(
            at=now,
            face="cli",
            asked_kind="task",
            asked_name="task-1",
            external=False,
            private=False,
            plan=(MODELS[0][0],),
            prompt="why is the sky blue",
        )
    )
    attempt = ledger.attempt(number, MODELS[0][0], "local", now)
    ledger.end_attempt(attempt, Outcome.FINISHED, at=now)
    ending = Ending(at=now, outcome=Outcome.FINISHED, model=MODELS[0][0], where="local", output_tokens=40)
    ledger.end(number, ending, prompt="why is the sky blue", keep_text="all")


def _environment(home: Path) -> dict[str, str]:
    (home / "config" / "fleetdeck").mkdir(parents=True)
    (home / "config" / "fleetdeck" / "config.toml").write_text('[machines.koala]\nabout = "GPU inference"\n')
    folders = {f"XDG_{kind.upper()}_HOME": str(home / kind) for kind in ("config", "data", "state", "cache")}
    return {"HOME": str(home), **folders}


def _run(command: tuple[str, ...], environment: Mapping[str, str]) -> None:
    subprocess.run(
        command, env={**os.environ, **environment}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True
    )


def _seconds(look: Callable[[], object]) -> float:
    began = time.perf_counter()
    look()
    return time.perf_counter() - began


def _figure(name: str, taken: list[float]) -> Figure:
    return Figure(name=name, unit="ms", measured=median(taken) * 1000, wanted=OPENED_WITHIN)
