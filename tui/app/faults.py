"""What is said of a fault of our own, without what a traceback may give away."""

from __future__ import annotations

import logging
import traceback

from rich.text import Text
from textual.worker import Worker

from tui.fleet.printable import printable, printable_lines
from tui.fleet.redact import redact

log = logging.getLogger(__name__)


def crash_text() -> Text:
    """The exception that is being handled, for the terminal after the panel is gone; it is written to the log too.

    Textual's own text shows the local variables of every frame, and with them prompts and keys.
    """
    found = printable_lines(redact(traceback.format_exc()))
    log.critical("the panel ended by a fault:\n%s", found)
    return Text(f"{found}\nfleetdeck ended by a fault of its own; this is what it knows about it.")


def broken_worker_words(worker: Worker[object]) -> str:
    """What stopped working, in a sentence; the log gets the traceback."""
    log.error("the worker that should %s stopped", worker.description, exc_info=worker.error)
    return printable(redact(f"{worker.description} stopped: {worker.error!r}"), 200)
