"""The terminal's driver, for terminals that may vanish: a window is closed, a connection breaks."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
from collections.abc import Callable
from typing import Any, TextIO

from textual import events
from textual.app import App
from textual.drivers.linux_driver import LinuxDriver
from textual.geometry import Size

log = logging.getLogger(__name__)

END_WITHIN = 2
"""Seconds that the panel has to end in good order once nobody sees it any more; SIGALRM then ends it."""
HUNG_UP = 128 + signal.SIGHUP


class TerminalDriver(LinuxDriver):
    """Textual's own, but a terminal that vanishes ends the panel. With Textual's (8.2.8) it would go on for ever: the
    error ends the thread that writes, for which everything else then waits."""

    def __init__(
        self, app: App[Any], *, debug: bool = False, mouse: bool = True, size: tuple[int, int] | None = None
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        shown_on = sys.__stderr__ if os.isatty(2) else sys.__stdout__
        assert shown_on is not None
        self._terminals = [number for number in range(3) if os.isatty(number)]
        self._file = _Output(shown_on, self._leave_terminal)  # type: ignore[assignment]

    def start_application_mode(self) -> None:
        """Textual (8.2.8) measures the terminal in the signal's handler, which the next signal interrupts: of two
        changes at once the older size could be told last, and would stay. Here one is heard of after the other."""
        super().start_application_mode()  # type: ignore[no-untyped-call]
        self._loop.add_signal_handler(signal.SIGWINCH, self._tell_size)

    def _tell_size(self) -> None:
        if not self._in_band_window_resize:
            size = Size(*self._get_terminal_size())
            self._app.post_message(events.Resize(size, size))

    def run_input_thread(self) -> None:
        try:
            super().run_input_thread()
        except OSError as error:
            self._leave_terminal(error)

    def _sigcont_application(self, *_: object) -> None:
        """Textual (8.2.8) starts anew whatever it was that stopped the process: after a SIGSTOP there would be a second
        thread that reads, and the terminal would in the end be left as the panel had it."""
        if self._must_signal_resume:
            super()._sigcont_application()
        elif self._auto_restart:
            self._loop.call_soon_threadsafe(self._app.post_message, self.SignalResume())

    def _leave_terminal(self, error: OSError) -> None:
        """Puts the null device in its place, so that no later write fails, and ends the panel. From any thread."""
        log.warning("the terminal is gone: %s", error.strerror)
        signal.alarm(END_WITHIN)
        nowhere = os.open(os.devnull, os.O_RDWR)
        for number in self._terminals:
            os.dup2(nowhere, number)
        os.close(nowhere)
        # The panel may have ended already.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._app.exit, None, HUNG_UP)


class _Output:
    """Where the driver writes to. What the terminal does not take any more is dropped."""

    def __init__(self, file: TextIO, failed: Callable[[OSError], None]) -> None:
        self._file = file
        self._failed = failed

    def fileno(self) -> int:
        return self._file.fileno()

    def write(self, text: str) -> None:
        try:
            self._file.write(text)
        except OSError as error:
            self._failed(error)

    def flush(self) -> None:
        try:
            self._file.flush()
        except OSError as error:
            self._failed(error)
