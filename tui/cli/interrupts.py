"""What ctrl+c does, at any moment: it ends the command with 130, and nothing is said of it."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator


def end_by_interrupt() -> None:
    """From here on ctrl+c ends this program outright, as it does one that takes no notice of signals. The shell then
    says 130. It is left alone where whoever started this program had it ignored."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Within, ctrl+c raises KeyboardInterrupt, so that what is under way is put in order.

    Afterwards it ends the program: raised while Python ends, it would become a complaint on the terminal.
    """
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        end_by_interrupt()
