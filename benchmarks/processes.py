"""What processes have used: processor time and memory, their children's included."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

PROCESS_CLOCK = 2
"""CPUCLOCK_SCHED of the kernel's posix-timers: the time that all threads of a process have run, in nanoseconds."""


def family(pid: int) -> tuple[int, ...]:
    """A process and all that it has started: work that moved into a child is still its work."""
    started = [file.read_text().split() for file in Path(f"/proc/{pid}/task").glob("*/children")]
    return (pid, *(member for children in started for child in children for member in family(int(child))))


def cpu_seconds(pid: int) -> float:
    """Processor time of a process and its children until now.

    ``/proc/PID/stat`` counts in hundredths of a second; an idle panel uses fewer than ten of them in 15 s.

    Raises:
        OSError: the process is gone, or the system has no such clock (it is Linux's).
    """
    return sum(time.clock_gettime(~member << 3 | PROCESS_CLOCK) for member in family(pid))


def peak_megabytes(pid: int) -> float:
    """The most memory that a process and its children were resident with (``VmHWM``), in 10^6 bytes.

    Raises:
        OSError: there is no ``/proc`` that tells it.
    """
    return _megabytes(pid, "VmHWM")


def resident_megabytes(pid: int) -> float:
    """The memory that a process and its children are resident with now (``VmRSS``), in 10^6 bytes.

    Raises:
        OSError: there is no ``/proc`` that tells it.
    """
    return _megabytes(pid, "VmRSS")


def _megabytes(pid: int, field: str) -> float:
    total = 0.0
    for member in family(pid):
        found = re.search(rf"{field}:\s+(\d+) kB", Path(f"/proc/{member}/status").read_text())
        if found is None:
            raise OSError(f"/proc/{member}/status has no {field}")
        total += int(found.group(1)) * 1024 / 1e6
    return total


def machine_words() -> str:
    """What machine this is: figures mean little without it."""
    model = "processor unknown"
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists() and (found := re.search(r"model name\s*:\s*(.+)", cpuinfo.read_text())):
        model = found.group(1)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return f"{os.cpu_count()} × {model}, {memory:.0f} GB, load {os.getloadavg()[0]:.1f} at the start"
