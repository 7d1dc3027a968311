"""``python -m benchmarks``: how fast the panel and the commands are, beside the simplest program that could be.

It informs and never fails for a figure: what else a machine does decides too much. The exit code is 1 where something
could not be measured at all.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version

from benchmarks import (
    agent_speed,
    answer_speed,
    command_line_speed,
    fleet_speed,
    ledger_speed,
    panel_speed,
    stream_speed,
)
from benchmarks.figures import Figure, table
from benchmarks.plan import QUICK, THOROUGH, Plan
from benchmarks.processes import machine_words
from benchmarks.terminal import NeverShown


@dataclass(frozen=True, slots=True)
class Benchmark:
    """One table of figures."""

    title: str
    floor: str
    measure: Callable[[Plan], list[Figure]]


BENCHMARKS: Mapping[str, Benchmark] = {
    "panel": Benchmark("The panel on three services", "bare Textual app", panel_speed.measure),
    "fleet": Benchmark("The panel on 300 services, 15 of which hang", "", fleet_speed.measure),
    "commands": Benchmark("Commands on three services", "python -c pass", command_line_speed.measure),
    "agents": Benchmark("Commands that agents call at every turn", "python -c pass", agent_speed.measure),
    "ledger": Benchmark("A ledger of a million requests", "", ledger_speed.measure),
    "streams": Benchmark("The playground at 1 000 tokens a second", "bare httpx client", stream_speed.measure),
    "answers": Benchmark("An answer through invoke", "bare httpx client", answer_speed.measure),
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="How fast it is, on this machine.")
    parser.add_argument("name", nargs="*", help=f"what to measure; without any: {', '.join(BENCHMARKS)}")
    parser.add_argument("--quick", action="store_true", help="fewer rounds: rough figures in a minute")
    options = parser.parse_args()
    if unknown := [name for name in options.name if name not in BENCHMARKS]:
        parser.error(f"nothing is called {unknown[0]!r}; there are {', '.join(BENCHMARKS)}")
    plan = QUICK if options.quick else THOROUGH
    # An installed program has its bytecode; compiling every module at each start would be somebody else's figure.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    print(f"{machine_words()}; Python {platform.python_version()}, Textual {version('textual')}", flush=True)
    missed = 0
    for name in options.name or BENCHMARKS:
        benchmark = BENCHMARKS[name]
        try:
            figures = benchmark.measure(plan)
        except (NeverShown, OSError, ValueError, subprocess.SubprocessError) as error:
            print(f"\n{benchmark.title}: could not be measured. {error}", flush=True)
            missed += 1
        else:
            print("\n" + table(f"{benchmark.title} (medians of {plan.rounds})", benchmark.floor, figures), flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
