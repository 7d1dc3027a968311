"""Flips modes in the files that other programs read and write as well.

Writers take turns by a lock, readers need none: a file is replaced whole, never written in place.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import stat
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from tui.config.atomic import PRIVATE, file_beside
from tui.config.paths import private_folder, reason_of, state_home
from tui.routing.modes import Mode, NoModeFile, check_mode_file, mode_in

LOCK_TIMEOUT = 5.0
"""Seconds to wait for others that flip the same file; each takes milliseconds."""
SETTLE = 0.1
"""Seconds that a file which makes no sense is given: a program that writes in place leaves it half for a moment."""
ATTEMPTS = 20
"""How often a flip begins anew because a program that takes no lock wrote the file meanwhile."""


class Flip(StrEnum):
    """What is to become of a mode."""

    ON = "on"
    OFF = "off"
    TOGGLE = "toggle"


@dataclass(frozen=True, slots=True)
class Flipped:
    """A mode after a flip, and whether it is another than before."""

    mode: Mode
    changed: bool


class FlipRefused(Exception):
    """The file was left as it is; the text says why and what to do. ``mendable``: forcing it would go through."""

    def __init__(self, text: str, *, mendable: bool = False) -> None:
        self.mendable = mendable
        super().__init__(text)


def flip_external(file: Path, flip: Flip, reason: str | None = None, *, force: bool = False) -> Flipped:
    """Flips external mode in the file that the configuration names.

    ``reason`` replaces the one that the file holds; None keeps it while the mode stays on. ``force`` puts a file that
    makes no sense aside, as ``NAME.broken``, and writes it anew. Waits for the lock and the disk.

    Raises:
        FlipRefused: the file makes no sense, cannot be read or written, or others held the lock for too long.
    """
    return _flip(file, (), flip, reason, force)


def flip_private(modes_file: Path, flip: Flip, reason: str | None = None, *, force: bool = False) -> Flipped:
    """Flips private mode in ``modes.json``; otherwise as :func:`flip_external`."""
    return _flip(modes_file, ("private",), flip, reason, force)


def flip_hold(modes_file: Path, machine: str, flip: Flip, reason: str | None = None, *, force: bool = False) -> Flipped:
    """Flips the hold on a machine's GPU in ``modes.json``; otherwise as :func:`flip_external`."""
    return _flip(modes_file, ("hold", machine), flip, reason, force)


def _flip(file: Path, keys: tuple[str, ...], flip: Flip, reason: str | None, force: bool) -> Flipped:
    try:
        real = file.resolve()
        with _lock(file):
            for _ in range(ATTEMPTS):
                flipped = _flip_once(file, real, keys, flip, reason, force)
                if flipped is not None:
                    return flipped
    except OSError as error:
        raise FlipRefused(f"{error.filename or file} cannot be written: {reason_of(error)}") from None
    except RuntimeError:  # what pathlib of Python 3.11 and 3.12 makes of links that lead in a circle
        raise FlipRefused(f"{file} is a link that leads back to itself; remove it") from None
    raise FlipRefused(f"{file} is being changed all the time by another program; stop that and try again")


def _flip_once(
    file: Path, real: Path, keys: tuple[str, ...], flip: Flip, reason: str | None, force: bool
) -> Flipped | None:
    """One try; None where a program without the lock wrote the file meanwhile."""
    found = _read(file, real, external=not keys)
    if found.problem and not force:
        advice = f"mend or remove it, or repeat with --force, which keeps it as {real.name}.broken"
        raise FlipRefused(f"{found.problem}; {advice}", mendable=True)
    document = found.document
    record = document
    for key in keys:
        inner = record.setdefault(key, {})
        if not isinstance(inner, dict):
            inner = record[key] = {}
        record = inner
    before = mode_in(record)
    after = _after(before, flip, reason)
    if found.signature is not None and after == before and not found.problem:
        return Flipped(before, changed=False)
    record |= {"enabled": after.enabled, "activated_at": after.activated_at, "reason": after.reason}
    if not _replace(real, json.dumps(document, indent=2) + "\n", found.signature, keep_aside=bool(found.problem)):
        return None
    return Flipped(after, changed=after.enabled != before.enabled)


def _after(before: Mode, flip: Flip, reason: str | None) -> Mode:
    enabled = not before.enabled if flip is Flip.TOGGLE else flip is Flip.ON
    if reason is not None:
        # Bytes of a command line that are no UTF-8 come as lone surrogates, which strict readers of JSON refuse.
        reason = reason.encode("utf-8", "replace").decode()
    if not enabled:
        return Mode(False, None, reason)
    if before.enabled and before.activated_at:
        return Mode(True, before.activated_at, before.reason if reason is None else reason)
    return Mode(True, datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"), reason)


@dataclass(frozen=True, slots=True)
class _Found:
    document: dict[str, object]
    signature: tuple[int, ...] | None
    """None: there was no file."""
    problem: str = ""


def _read(file: Path, real: Path, *, external: bool) -> _Found:
    deadline = time.monotonic() + SETTLE
    while True:
        found = _read_once(file, real, external)
        if not found.problem or time.monotonic() > deadline:
            return found
        time.sleep(SETTLE / 10)


def _read_once(file: Path, real: Path, external: bool) -> _Found:
    try:
        if not stat.S_ISREG(real.stat().st_mode):
            raise FlipRefused(f"{file} is no regular file; move it away")
        with real.open("rb") as opened:
            signature = _signature(os.fstat(opened.fileno()))
            content = opened.read()
    except FileNotFoundError:
        return _Found({}, None)
    except OSError as error:
        raise FlipRefused(f"{file} cannot be read: {reason_of(error)}") from None
    problem = ""
    try:
        check_mode_file(file, content, external=external)
    except NoModeFile as error:
        problem = str(error)
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        document = {}
    return _Found(document if isinstance(document, dict) else {}, signature, problem)


def _signature(status: os.stat_result) -> tuple[int, ...]:
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def _replace(real: Path, text: str, expected: tuple[int, ...] | None, *, keep_aside: bool) -> bool:
    """Replaces the file in one step, unless it is no longer the one that was read."""
    private_folder(real.parent)
    mode = PRIVATE
    if expected is not None:
        with contextlib.suppress(FileNotFoundError):
            mode = stat.S_IMODE(real.stat().st_mode)
    with file_beside(real, text.encode(), mode) as temporary:
        if _signature_of(real) != expected:
            return False
        if keep_aside:
            aside = real.with_name(f"{real.name}.broken")
            aside.touch(mode=PRIVATE)
            aside.write_bytes(real.read_bytes())
        temporary.replace(real)
    return True


def _signature_of(real: Path) -> tuple[int, ...] | None:
    try:
        return _signature(real.stat())
    except FileNotFoundError:
        return None


@contextlib.contextmanager
def _lock(file: Path) -> Iterator[None]:
    """Lets one flip at a time go on. The lock file stays: without it there would be two locks."""
    descriptor = os.open(private_folder(state_home()) / "modes.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    waiter = _LockWaiter(descriptor)
    if not waiter.acquired(LOCK_TIMEOUT):
        raise FlipRefused(f"{file} is being flipped by others; nothing was changed, try again")
    try:
        yield
    finally:
        os.close(descriptor)


class _LockWaiter:
    """Waits for the lock in a thread of its own, so that the wait can be given up.

    The system serves those that wait in turn; asking again and again could take for ever among many.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._decision = threading.Lock()
        self._held = threading.Event()
        self._given_up = False

    def acquired(self, timeout: float) -> bool:
        """True once the lock is held; after False the descriptor is closed, by whoever is done with it last."""
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            threading.Thread(target=self._wait, daemon=True).start()
            self._held.wait(timeout)
            with self._decision:
                self._given_up = not self._held.is_set()
                return not self._given_up
        except OSError:
            os.close(self._descriptor)
            raise
        return True

    def _wait(self) -> None:
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        with self._decision:
            if self._given_up:
                os.close(self._descriptor)
            else:
                self._held.set()
