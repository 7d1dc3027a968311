"""What the command line says of a fault of its own, wherever that came up."""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from types import TracebackType


def tell_of_fault(error: BaseException, arguments: Sequence[str]) -> str:
    """The sentence for the person; the log and a report of its own get the places where it happened."""
    # Nobody else needs them, and most commands end well.
    from tui.cli.main import COMMANDS
    from tui.fleet.crash_report import crash_words, write_crash_report

    what = next((word for word in arguments if word in COMMANDS), "the program")
    _log(f"{what} ended by a fault", error)
    return crash_words(error, what, write_crash_report(error, what))


def tell_of_faults_elsewhere() -> None:
    """Has faults in threads, destructors and behind the last command told without their words, which Python prints."""
    sys.excepthook = _at_the_top
    sys.unraisablehook = _unraisable
    threading.excepthook = _in_thread


def _at_the_top(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    if not isinstance(error, KeyboardInterrupt):
        print(tell_of_fault(error, sys.argv[1:]), file=sys.stderr)


def _in_thread(found: threading.ExceptHookArgs) -> None:
    if found.exc_value is not None and not isinstance(found.exc_value, SystemExit):
        _log(f"the thread {found.thread.name if found.thread else '(gone)'} ended by a fault", found.exc_value)


def _unraisable(found: sys.UnraisableHookArgs) -> None:
    if found.exc_value is not None and not isinstance(found.exc_value, KeyboardInterrupt | BrokenPipeError):
        _log("a fault was passed over", found.exc_value)


def _log(what: str, error: BaseException) -> None:
    import logging

    from tui.cli.log import write_log
    from tui.fleet.crash_report import fault_places

    log = logging.getLogger("tui.cli")
    if not log.hasHandlers():
        write_log()
    log.critical("%s:\n%s", what, fault_places(error))
