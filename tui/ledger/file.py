"""The ledger's file: opened, brought up to date, and shared by several threads and processes."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tui.config.paths import data_home, private_folder, reason_of
from tui.ledger.schema import MIGRATIONS

BUSY_TIMEOUT = 5.0
"""Seconds to wait while another process writes; a write takes a millisecond."""
UPDATE_TIMEOUT = 60.0
"""Seconds to wait while another process brings the ledger up to date: with a million requests that takes ten."""


class LedgerError(Exception):
    """The ledger cannot be used; one sentence that names the file and says why."""


def ledger_path() -> Path:
    """Where the ledger is. May not exist yet."""
    return data_home() / "ledger.sqlite3"


class LedgerFile:
    """An open ledger, for its owner alone (0600). Its methods wait for the disk and may be called from any thread."""

    def __init__(self, path: Path | None = None) -> None:
        """Opens the ledger at ``path`` (None: the person's), created with its folder where it is missing.

        Raises:
            LedgerError: it cannot be opened, is none, or is of a later version of this program.
        """
        self.path = path or ledger_path()
        self._turn = threading.Lock()
        with self._explained():
            private_folder(self.path.parent)
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
            if self.path.stat().st_mode & 0o077:
                self.path.chmod(0o600)
            self._connection = sqlite3.connect(
                self.path, timeout=BUSY_TIMEOUT, isolation_level=None, check_same_thread=False
            )
            try:
                self._prepare()
            except BaseException:
                self._connection.close()
                raise

    @classmethod
    def existing(cls, path: Path | None = None) -> Self | None:
        """The ledger at ``path`` (None: the person's); None where there is none yet: it is not created for a question.

        Raises:
            LedgerError: there is one, and it cannot be read.
        """
        path = path or ledger_path()
        return cls(path) if path.exists() else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._connection.close()

    def interrupt(self) -> None:
        """Lets what another thread asks now end with a :class:`LedgerError`: nobody wants to know it any more."""
        with contextlib.suppress(sqlite3.ProgrammingError):  # it may have ended and been closed meanwhile
            self._connection.interrupt()

    @contextlib.contextmanager
    def connected(self) -> Iterator[sqlite3.Connection]:
        """The connection for this thread alone, to ask something.

        Raises:
            LedgerError: the file cannot be read, or is no ledger.
        """
        with self._turn, self._explained():
            yield self._connection

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """The connection for this thread alone, in a transaction that is taken back where the block raises.

        Raises:
            LedgerError: the file cannot be written, or is no ledger.
        """
        with self._turn, self._explained(), self._committed():
            yield self._connection

    def insert(self, table: str, **values: object) -> int:
        """Adds a row and returns its number; the names are ours, never a person's.

        Raises:
            LedgerError: the file cannot be written, or is no ledger.
        """
        names, marks = ", ".join(values), ", ".join("?" * len(values))
        with self.connected() as connection:
            statement = f"INSERT INTO {table} ({names}) VALUES ({marks})"  # noqa: S608
            return connection.execute(statement, tuple(values.values())).lastrowid or 0

    def _prepare(self) -> None:
        execute = self._connection.execute
        execute("PRAGMA foreign_keys = ON")
        # What is deleted is overwritten, also where SQLite has only moved it to another page.
        execute("PRAGMA secure_delete = ON")
        # With a write-ahead log this cannot break the file; a power cut may cost the last requests, not the ledger.
        execute("PRAGMA synchronous = NORMAL")
        (version,) = execute("PRAGMA user_version").fetchone()
        if version == len(MIGRATIONS):
            return
        self._use_write_ahead_log()
        execute(f"PRAGMA busy_timeout = {UPDATE_TIMEOUT * 1000:.0f}")
        with self._committed():
            (version,) = execute("PRAGMA user_version").fetchone()
            if version > len(MIGRATIONS):
                raise LedgerError(f"{self.path} was written by a later fleetdeck; update this one")
            for statements in MIGRATIONS[version:]:
                for statement in statements:
                    execute(statement)
            execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
        execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT * 1000:.0f}")

    def _use_write_ahead_log(self) -> None:
        """Switches a new ledger over, which SQLite refuses at once, without its timeout, while others look at it."""
        deadline = time.monotonic() + BUSY_TIMEOUT
        while True:
            try:
                self._connection.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.005)
            else:
                return

    @contextlib.contextmanager
    def _committed(self) -> Iterator[None]:
        # IMMEDIATE takes the writer's turn at once: a reader that becomes a writer later is refused without waiting.
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise LedgerError(f"{self.path} cannot be used: {error}") from None
        except sqlite3.Error as error:
            raise LedgerError(f"{self.path} is no ledger: {error}; move it away to begin a new one") from None
        except OSError as error:
            raise LedgerError(f"{self.path} cannot be opened: {reason_of(error)}") from None


def named_rows(connection: sqlite3.Connection, statement: str, given: Sequence[object]) -> list[sqlite3.Row]:
    """What ``statement`` finds, by the names of its columns."""
    cursor = connection.cursor()
    cursor.row_factory = sqlite3.Row
    return cursor.execute(statement, given).fetchall()


def add_folded(connection: sqlite3.Connection) -> None:
    """Teaches a connection ``folded(text)``, for comparing without regard to case: SQLite knows that of ASCII alone."""
    connection.create_function("folded", 1, _folded, deterministic=True)


def _folded(text: str | None) -> str | None:
    return None if text is None else text.casefold()
