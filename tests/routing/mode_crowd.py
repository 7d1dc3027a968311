"""A crowd of processes at one mode file, as a program of its own: ``mode_crowd FILE FLIPPERS FLIPS READERS``.

Fails when a flip fails, or with the first read that is no whole, valid file; prints how many reads there were.
"""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Callable
from pathlib import Path

from tui.routing.mode_files import Flip, flip_external
from tui.routing.modes import read_modes

BETWEEN_READS = 0.001
"""Seconds: ten readers that never rest would leave the writers no processor."""


def _flip_often(file: Path, flips: int) -> None:
    for _ in range(flips):
        flip_external(file, Flip.TOGGLE)


def _read_until_closed(file: Path, still_going: int, counts: int) -> None:
    reads = 0
    while not select.select([still_going], [], [], BETWEEN_READS)[0]:
        modes = read_modes(file, file.with_name("no-such-file"))
        assert not modes.problems, modes.problems
        assert modes.external.enabled is (modes.external.activated_at is not None), modes.external
        reads += 1
    os.write(counts, f"{reads}\n".encode())


def _fork(work: Callable[[], None]) -> int:
    child = os.fork()
    if child:
        return child
    try:
        work()
    except BaseException:
        sys.excepthook(*sys.exc_info())
        os._exit(1)
    os._exit(0)


def _all_went_well(children: list[int]) -> bool:
    return [os.waitpid(child, 0)[1] for child in children] == [0] * len(children)


def main() -> int:
    file = Path(sys.argv[1])
    flippers, flips, readers = map(int, sys.argv[2:])
    flip_external(file, Flip.OFF)
    still_going, going = os.pipe()
    counted, counts = os.pipe()
    reading = []
    for _ in range(readers):

        def read() -> None:
            os.close(going)
            _read_until_closed(file, still_going, counts)

        reading.append(_fork(read))
    flipped = _all_went_well([_fork(lambda: _flip_often(file, flips)) for _ in range(flippers)])
    os.close(going)
    read_whole = _all_went_well(reading)
    os.close(counts)
    with open(counted) as lines:  # noqa: PTH123  (a descriptor has no path)
        print(sum(map(int, lines)))
    return 0 if flipped and read_whole else 1


if __name__ == "__main__":
    sys.exit(main())
