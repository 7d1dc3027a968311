"""Small files of our own that outlive a process: JSON, for this person alone (0600), replaced whole."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import msgspec

from tui.config.atomic import replace_file
from tui.config.paths import private_folder

T = TypeVar("T")


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
