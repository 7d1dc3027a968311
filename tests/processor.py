"""The processor's time that something takes, where that is a promise: not what else runs, and not what others left."""

from __future__ import annotations

import contextlib
import gc
import time
from collections.abc import Callable, Iterator

TRIES = 3


@contextlib.contextmanager
def without_collecting() -> Iterator[None]:
    """The garbage of all tests before this one is not looked through; the panel keeps its start out of the way too."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


def processor_seconds(work: Callable[[], object]) -> float:
    """The least of a few tries: on a shared processor one and the same work may take three times as long."""

    def once() -> float:
        began = time.process_time()
        work()
        return time.process_time() - began

    with without_collecting():
        return min(once() for _ in range(TRIES))
