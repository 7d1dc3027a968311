"""Files that other programs read, and that the person may edit as well: a change is shown before it is made, written
all or not at all, and can be taken back.

The last ten versions are kept beside the file as ``NAME.~1~`` (the newest) to ``NAME.~10~``: names like those of GNU's
numbered backups, which ``ls -B`` and most lists of ignored files leave out.
"""

from __future__ import annotations

import contextlib
import difflib
import fcntl
import hashlib
import os
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tui.config.atomic import file_beside, replace_file, sync_folder
from tui.config.errors import ConfigChanged, ConfigError, file_error
from tui.config.paths import private_folder, reason_of, state_home
from tui.config.source import read_config_bytes

VERSIONS_KEPT = 10
LOCK_TIMEOUT = 5.0
"""Seconds to wait for another fleetdeck that writes the same file; a write takes milliseconds."""


@dataclass(frozen=True, slots=True)
class FileEdit:
    """What a file holds and what it is to hold; None stands for no file. Nothing is written before ``save``."""

    path: Path
    before: bytes | None = field(repr=False)
    after: bytes | None = field(repr=False)
    kept: bool = field(default=True, kw_only=True)
    """False: what is replaced is nothing that anybody would want back."""

    def diff(self) -> str:
        """The edit as a unified diff; empty where it changes nothing."""
        lines = difflib.unified_diff(
            (self.before or b"").decode("utf-8", "replace").splitlines(keepends=True),
            (self.after or b"").decode("utf-8", "replace").splitlines(keepends=True),
            str(self.path),
            str(self.path),
        )
        return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)

    def save(self) -> None:
        """Writes or removes the file, and keeps the version that it replaces. A link stays, and what it leads to is
        written. Blocks for some milliseconds: it waits for the disk.

        Raises:
            ConfigError: it cannot be written; the file is as it was.
            ConfigChanged: the file is not the one that the edit began with; it is as it was.
        """
        if self.after == self.before:
            return
        real = Path(os.path.realpath(self.path))
        try:
            if self.before is None:
                private_folder(self.path.parent)
            with _lock(real):
                _refuse_if_changed(self.path, real, self.before)
                if self.before is None:
                    assert self.after is not None
                    _create(self.path, self.after)
                    return
                mode = stat.S_IMODE(real.stat().st_mode)
                if not mode & stat.S_IWUSR:
                    # A rename would go through all the same, and that is not what the person wanted.
                    raise file_error(self.path, "is read-only, and stays as it is; make it writable first")
                if self.kept:
                    _keep_version(real, self.before, mode)
                _refuse_if_changed(self.path, real, self.before)
                if self.after is None:
                    self.path.unlink()
                    sync_folder(self.path.parent)
                else:
                    replace_file(real, self.after, mode)
        except OSError as error:
            raise file_error(Path(error.filename or self.path), f"cannot be written: {reason_of(error)}") from None


def versions(path: Path) -> tuple[Path, ...]:
    """The kept versions of a file, the newest first."""
    real = Path(os.path.realpath(path))
    return tuple(version for version in _version_names(real) if version.is_file())


def bytes_now(path: Path) -> bytes | None:
    """What a file holds; None where there is no such file.

    Raises:
        ConfigError: it cannot be read, is no regular file, or larger than 1 MB.
    """
    return read_config_bytes(path) if os.path.lexists(path) else None


def _version_names(real: Path) -> list[Path]:
    return [real.with_name(f"{real.name}.~{number}~") for number in range(1, VERSIONS_KEPT + 1)]


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
    """Like ``replace_file``, but never replaces anything: the link fails where something has the name."""
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
