"""Edits of ``config.toml``: shown before they are made, written all or not at all, and taken back.

The last ten versions are kept beside the file as ``config.toml.~1~`` (the newest) to ``config.toml.~10~``: names like
those of GNU's numbered backups, which ``ls -B`` and most lists of ignored files leave out.
"""

from __future__ import annotations

import contextlib
import difflib
import fcntl
import hashlib
import os
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tui.config.atomic import file_beside, replace_file, sync_folder
from tui.config.errors import ConfigChanged, ConfigError, file_error
from tui.config.load import parse_config
from tui.config.paths import private_folder, reason_of, state_home
from tui.config.source import decode_config, parse_toml, read_config_bytes

VERSIONS_KEPT = 10
LOCK_TIMEOUT = 5.0
"""Seconds to wait for another fleetdeck that writes the same file; a write takes milliseconds."""

_BYTE_ORDER_MARK = "\ufeff"


@dataclass(frozen=True, slots=True)
class Edit:
    """What a file holds and what it is to hold. Nothing is written before ``save``."""

    path: Path
    before: bytes | None = field(repr=False)
    """None: there is no file yet."""
    after: bytes = field(repr=False)

    def diff(self) -> str:
        """The edit as a unified diff; empty where it changes nothing."""
        lines = difflib.unified_diff(
            (self.before or b"").decode("utf-8", "replace").splitlines(keepends=True),
            self.after.decode("utf-8", "replace").splitlines(keepends=True),
            str(self.path),
            str(self.path),
        )
        return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)

    def save(self) -> None:
        """Writes the file, and keeps the version that it replaces. Blocks for some milliseconds: it waits for the disk.

        Raises:
            ConfigError: the new text is no valid configuration, or cannot be written; the file is as it was.
            ConfigChanged: the file is not the one that the edit began with; it is as it was.
        """
        parse_config(decode_config(self.after, self.path), self.path)
        if self.after == self.before:
            return
        real = Path(os.path.realpath(self.path))
        try:
            if self.before is None:
                private_folder(self.path.parent)
            with _lock(real):
                _refuse_if_changed(self.path, real, self.before)
                if self.before is None:
                    _create(self.path, self.after)
                else:
                    mode = stat.S_IMODE(real.stat().st_mode)
                    _keep_version(real, self.before, mode)
                    _refuse_if_changed(self.path, real, self.before)
                    replace_file(real, self.after, mode)
        except OSError as error:
            raise file_error(Path(error.filename or self.path), f"cannot be written: {reason_of(error)}") from None


def edit_config(path: Path, change: Callable[[str], str]) -> Edit:
    """What ``change`` makes of the file's text (``set_setting`` and ``remove_setting`` are meant for it).

    A byte-order mark is kept and not shown to ``change``; a file that does not exist is an empty text.

    Raises:
        ConfigError: the file cannot be read, or is not valid TOML: there is no telling what the change would do.
    """
    before = _bytes_now(path)
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
    return Edit(path, _bytes_now(path), read_config_bytes(kept[steps - 1]))


def versions(path: Path) -> tuple[Path, ...]:
    """The kept versions of a file, the newest first."""
    real = Path(os.path.realpath(path))
    return tuple(version for version in _version_names(real) if version.is_file())


def write_first_config(path: Path, text: str) -> None:
    """Writes a person's first configuration, for them alone (0600), with the folders that it needs.

    Raises:
        ConfigError: ``text`` is no valid configuration, or the file cannot be written.
        ConfigChanged: there is a file already; it is as it was.
    """
    Edit(path, None, text.encode("utf-8")).save()


def _version_names(real: Path) -> list[Path]:
    return [real.with_name(f"{real.name}.~{number}~") for number in range(1, VERSIONS_KEPT + 1)]


def _bytes_now(path: Path) -> bytes | None:
    return read_config_bytes(path) if os.path.lexists(path) else None


def _refuse_if_changed(path: Path, real: Path, before: bytes | None) -> None:
    if before is None:
        if os.path.lexists(path):
            raise ConfigChanged(path, "is there already; nothing was written")
        return
    try:
        now = read_config_bytes(real)
    except ConfigError:
        now = None
    if now != before:
        raise ConfigChanged(path, "was changed by something else meanwhile; nothing was written, look at it and repeat")


def _keep_version(real: Path, content: bytes, mode: int) -> None:
    newest, *older = _version_names(real)
    if newest.is_file() and newest.read_bytes() == content:
        return
    # Only the names up to the first free one move, so that a gap is filled before the oldest version is dropped.
    names = [newest, *older]
    free = next((place for place, name in enumerate(names) if not name.exists()), len(names) - 1)
    for place in range(free, 0, -1):
        names[place - 1].replace(names[place])
    replace_file(newest, content, mode)


def _create(path: Path, content: bytes) -> None:
    """Like ``_write``, but never replaces anything: the link fails where something has the name."""
    with file_beside(path, content) as temporary:
        try:
            try:
                os.link(temporary, path)
            except PermissionError:
                # Android, and file systems such as exFAT, have no hard links: the name is taken first, then filled.
                path.touch(mode=0o600, exist_ok=False)
                temporary.replace(path)
        except FileExistsError:
            raise ConfigChanged(path, "is there already; nothing was written") from None
    sync_folder(path.parent)


@contextlib.contextmanager
def _lock(real: Path) -> Iterator[None]:
    """Keeps other fleetdecks from writing the same file. The lock file stays: without it there would be two locks."""
    name = hashlib.sha256(os.fsencode(real)).hexdigest()[:16]
    lock = private_folder(state_home()) / f"config-{name}.lock"
    deadline = time.monotonic() + LOCK_TIMEOUT
    descriptor = os.open(lock, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise file_error(real, "is being written by another fleetdeck; try again") from None
                time.sleep(0.01)
        yield
    finally:
        os.close(descriptor)
