"""The log of what went wrong, for a person who looks for the cause."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from types import TracebackType

from tui.config.errors import ConfigError
from tui.config.paths import private_folder, state_home

LARGEST = 1_000_000
KEPT = 2


def log_file() -> Path:
    """Where the log is written. May not exist yet."""
    return state_home() / "fleetdeck.log"


class RedactingFormatter(logging.Formatter):
    """Takes keys out of every line, whoever wrote it, and an error's own words, which may be somebody's prompt."""

    def format(self, record: logging.LogRecord) -> str:
        if record.name == "asyncio":
            # Behind its first line it writes the task, and with it the words of the error that the task ended by.
            record = logging.makeLogRecord({**vars(record), "msg": record.getMessage().split("\n")[0], "args": None})
        # Compiled at its import, which takes longer than many a command.
        from tui.fleet.redact import redact

        return redact(super().format(record))

    def formatException(  # noqa: N802  (named by the library)
        self,
        ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None],
    ) -> str:
        from tui.fleet.crash_report import fault_places

        return fault_places(ei[1]) if ei[1] is not None else ""


class LogFile(logging.Handler):
    """``fleetdeck.log`` (0600, rotated), made with the first record: most commands have nothing to tell."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(RedactingFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        self._file: logging.Handler | None = None
        self._no_place = False

    def emit(self, record: logging.LogRecord) -> None:
        if self._file is None and not self._no_place:
            self._open()
        if self._file is not None:
            self._file.handle(record)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
        super().close()

    def _open(self) -> None:
        # A twelfth of a short command's time, and few of them write a line.
        from logging.handlers import RotatingFileHandler

        try:
            path = log_file()
            private_folder(path.parent)
            path.touch(mode=0o600)
            os.chmod(path, 0o600)  # noqa: PTH101  (an older file may have been made with other rights)
            self._file = RotatingFileHandler(path, maxBytes=LARGEST, backupCount=KEPT, encoding="utf-8", delay=True)
        except (OSError, ConfigError):
            self._no_place = True
            return
        self._file.setFormatter(self.formatter)


def write_log() -> None:
    """Sends this program's log records, and asyncio's of tasks that broke, to the log; without a place for it there is
    none. Once more, it is written where the state folder is by then."""
    handler = LogFile()
    for name in ("tui", "asyncio"):
        logger = logging.getLogger(name)
        for former in [one for one in logger.handlers if isinstance(one, LogFile)]:
            logger.removeHandler(former)
            former.close()
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False
