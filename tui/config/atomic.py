"""Writes files whole: whoever reads one sees the old content or the new, never a part of either."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

PRIVATE = 0o600


@contextlib.contextmanager
def file_beside(path: Path, content: bytes, mode: int = PRIVATE) -> Iterator[Path]:
    """A file with ``content`` in the folder of ``path``, on the disk already; gone at the end unless moved away.

    Raises:
        OSError: it cannot be written.
    """
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def replace_file(path: Path, content: bytes, mode: int = PRIVATE) -> None:
    """Replaces a file, or makes it, in one step, also when the power goes.

    Raises:
        OSError: it cannot be written.
    """
    with file_beside(path, content, mode) as temporary:
        temporary.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Puts on the disk which files a folder has."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
