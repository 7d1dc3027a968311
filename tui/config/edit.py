"""Edits of ``config.toml``: shown before they are made, written all or not at all, and taken back.

What is written is a valid configuration, always; the last ten versions are kept beside the file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tui.config.errors import file_error
from tui.config.kept_file import FileEdit, bytes_now, versions
from tui.config.load import parse_config
from tui.config.source import decode_config, parse_toml, read_config_bytes

_BYTE_ORDER_MARK = "\ufeff"


@dataclass(frozen=True, slots=True)
class Edit(FileEdit):
    """What a configuration holds and what it is to hold."""

    after: bytes = field(repr=False)

    def save(self) -> None:
        """
        Raises:
            ConfigError: the new text is no valid configuration, or cannot be written; the file is as it was.
            ConfigChanged: the file is not the one that the edit began with; it is as it was.
        """
        parse_config(decode_config(self.after, self.path), self.path)
        FileEdit.save(self)


def edit_config(path: Path, change: Callable[[str], str]) -> Edit:
    """What ``change`` makes of the file's text (``set_setting`` and ``remove_setting`` are meant for it).

    A byte-order mark is kept and not shown to ``change``; a file that does not exist is an empty text.

    Raises:
        ConfigError: the file cannot be read, or is not valid TOML: there is no telling what the change would do.
    """
    before = bytes_now(path)
    text = decode_config(before or b"", path)
    mark = _BYTE_ORDER_MARK if text.startswith(_BYTE_ORDER_MARK) else ""
    parse_toml(text.removeprefix(mark), path)
    return Edit(path, before, (mark + change(text.removeprefix(mark))).encode("utf-8"))


def undo(path: Path, steps: int = 1) -> Edit:
    """The edit that brings back the newest kept version, or an older one: ``steps`` counts from 1.

    What it replaces is kept like every other version, so that nothing is lost and a second undo takes back the first.

    Raises:
        ConfigError: no such version is kept, or it cannot be read.
    """
    kept = versions(path)
    if steps < 1 or len(kept) < steps:
        raise file_error(
            path, f"has no earlier version than the {len(kept)} kept" if kept else "has no earlier version"
        )
    return Edit(path, bytes_now(path), read_config_bytes(kept[steps - 1]))


def write_first_config(path: Path, text: str) -> None:
    """Writes a person's first configuration, for them alone (0600), with the folders that it needs.

    Raises:
        ConfigError: ``text`` is no valid configuration, or the file cannot be written.
        ConfigChanged: there is a file already; it is as it was.
    """
    Edit(path, None, text.encode("utf-8")).save()
