"""The log of what went wrong, for a person who looks for the cause."""

from __future__ import annotations

import logging
import os
from logging.handlers import RotatingFileHandler

from tui.config.paths import private_folder, state_home
from tui.fleet.redact import redact

LARGEST = 1_000_000
KEPT = 2


class RedactingFormatter(logging.Formatter):
    """Takes keys out of every line, whoever wrote it."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


def write_log() -> None:
    """Sends this program's log records to ``fleetdeck.log`` (0600, rotated); without a place for it there is none."""
    try:
        path = private_folder(state_home()) / "fleetdeck.log"
        path.touch(mode=0o600)
        os.chmod(path, 0o600)  # noqa: PTH101  (an older file may have been made with other rights)
        handler = RotatingFileHandler(path, maxBytes=LARGEST, backupCount=KEPT, encoding="utf-8", delay=True)
    except OSError:
        return
    handler.setFormatter(RedactingFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logger = logging.getLogger("tui")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
