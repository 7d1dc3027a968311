"""What is said of a fault of our own, without what a traceback may give away."""

from __future__ import annotations

import logging
import sys
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
    error = sys.exc_info()[1]
    if error is not None:
        log.critical("the panel ended by a fault:\n%s", _places(error))
    found = printable_lines(redact(traceback.format_exc()))
    return Text(f"{found}\nfleetdeck ended by a fault of its own; this is what it knows about it.")


def broken_worker_words(worker: Worker[object]) -> str:
    """What stopped working, in a sentence; the log gets the places where it happened."""
    places = "" if worker.error is None else f":\n{_places(worker.error)}"
    log.error("the worker that should %s stopped%s", worker.description, places)
    return printable(redact(f"{worker.description} stopped: {worker.error!r}"), 200)


def _places(error: BaseException) -> str:
    """Where an error came from, and its kind. Its own words may quote a prompt, which no file is to hold."""
    parts = []
    earlier = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if earlier is not None:
        parts.append(_places(earlier))
    if isinstance(error, BaseExceptionGroup):
        parts += [_places(one) for one in error.exceptions]
    parts += traceback.format_list(traceback.extract_tb(error.__traceback__))
    parts.append(f"{type(error).__module__}.{type(error).__qualname__}\n")
    return "".join(parts)
