"""What is said of a fault of our own, without what a traceback may give away."""

from __future__ import annotations

import logging

from rich.text import Text
from textual.worker import Worker

from tui.fleet.crash_report import crash_words, fault_places, fault_words, write_crash_report
from tui.fleet.printable import printable

log = logging.getLogger(__name__)


def crash_text(error: BaseException) -> Text:
    """For the terminal after the panel is gone: what it was, and where the report of it is.

    Textual's own text shows the local variables of every frame, and with them prompts and keys.
    """
    log.critical("the panel ended by a fault:\n%s", fault_places(error))
    return Text(crash_words(error, "the panel", write_crash_report(error, "the panel")))


def broken_worker_words(worker: Worker[object]) -> str:
    """What stopped working, in a sentence; the log gets the places where it happened."""
    if worker.error is None:
        log.error("the worker that should %s stopped", worker.description)
        return printable(f"{worker.description} stopped", 200)
    log.error("the worker that should %s stopped:\n%s", worker.description, fault_places(worker.error))
    return printable(f"{worker.description} stopped: {fault_words(worker.error)}; fleetdeck.log has more", 200)
