"""Small files of our own that outlive a process: JSON, for this person alone (0600), replaced whole."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TypeVar

import msgspec

from tui.config.atomic import replace_file
from tui.config.paths import private_folder, reason_of

T = TypeVar("T")

log = logging.getLogger(__name__)


def read_record(file: Path, shape: type[T]) -> T | None:
    """What the file holds; None where it is missing or holds something else, for then it is written anew.

    Raises:
        OSError: it is there and cannot be read.
    """
    try:
        return msgspec.json.decode(file.read_bytes(), type=shape)
    except (FileNotFoundError, msgspec.DecodeError, UnicodeDecodeError):
        return None


def write_record(file: Path, value: object) -> None:
    """Replaces the file in one step: readers see the old content or the new one.

    Raises:
        OSError: it cannot be written.
    """
    private_folder(file.parent)
    replace_file(file, msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n")


def recall(file: Path, shape: type[T]) -> T | None:
    """As :func:`read_record`, of what may as well be forgotten: that it cannot be read is only logged."""
    try:
        return read_record(file, shape)
    except OSError as error:
        log.warning("%s cannot be read: %s", file, reason_of(error))
        return None


def remember(file: Path, value: object) -> None:
    """As :func:`write_record`, of what may as well be forgotten: that it cannot be written is only logged."""
    try:
        write_record(file, value)
    except OSError as error:
        log.warning("%s cannot be written: %s", file, reason_of(error))
