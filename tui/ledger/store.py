"""The ledger: what was asked, who answered, what was done. SQLite, written by several processes at once."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from tui.config.paths import data_home, private_folder, reason_of
from tui.fleet.redact import redact
from tui.ledger.records import Action, Ending, KeepText, NewRequest, Outcome
from tui.ledger.schema import MIGRATIONS
from tui.ledger.usage import Refusal, Usage

BUSY_TIMEOUT = 5.0
"""Seconds to wait while another process writes; a write takes a millisecond."""
REFUSED_FOR = 60.0
"""Seconds for which a refusal holds that gave no time of its own."""
MINUTE = 60.0


class LedgerError(Exception):
    """The ledger cannot be used; one sentence that names the file and says why."""


def ledger_path() -> Path:
    """Where the ledger is. May not exist yet."""
    return data_home() / "ledger.sqlite3"


def usage_now(now: float, path: Path | None = None) -> Usage:
    """What was used so far, of a ledger that is not created for the question.

    Raises:
        LedgerError: there is one, and it cannot be read.
    """
    path = path or ledger_path()
    if not path.exists():
        return Usage()
    with Ledger(path) as ledger:
        return ledger.usage(now)


class Ledger:
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

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._connection.close()

    def begin(self, request: NewRequest) -> int:
        """Remembers a request that is about to be sent, and returns its number."""
        # Bytes that are no UTF-8 come as lone surrogates; the hash is of the bytes that they stand for.
        data = request.prompt.encode("utf-8", "surrogateescape" if _is_escaped(request.prompt) else "replace")
        return self._insert(
            "requests",
            at=request.at,
            face=request.face,
            asked_kind=request.asked_kind,
            asked_name=request.asked_name,
            external=request.external,
            private=request.private,
            plan=json.dumps(request.plan),
            prompt_sha256=hashlib.sha256(data).hexdigest(),
            prompt_length=len(request.prompt),
            outcome=Outcome.RUNNING.value,
        )

    def attempt(self, request: int, model: str, where: Literal["local", "cloud"], at: float) -> int:
        """Remembers that a model is asked now, which counts towards its limits, and returns the attempt's number."""
        return self._insert("attempts", request=request, at=at, model=model, place=where, outcome=Outcome.RUNNING.value)

    def end_attempt(
        self, attempt: int, outcome: Outcome, reason: str = "", *, at: float, retry_after: float | None = None
    ) -> None:
        """Remembers how the asking of a model ended. A refusal holds for ``retry_after`` seconds, 60 where None.

        ``reason`` is kept only for a request that is not private.
        """
        until = at + (REFUSED_FOR if retry_after is None else max(0.0, retry_after))
        self._run(
            "UPDATE attempts SET outcome = ?, refused_until = ?,"
            " reason = CASE WHEN (SELECT private FROM requests WHERE id = attempts.request) THEN '' ELSE ? END"
            " WHERE id = ?",
            (outcome.value, until if outcome is Outcome.REFUSED else None, redact(reason)[:500], attempt),
        )

    def end(self, request: int, ending: Ending, *, prompt: str, keep_text: KeepText) -> None:
        """Remembers how a request ended, and of what was said as much as may be kept: nothing of a private one, and
        with ``local`` only what no model elsewhere was asked.
        """
        with self._turn, self._explained(), self._transaction():
            execute = self._connection.execute
            private, elsewhere = execute(
                "SELECT private, EXISTS(SELECT 1 FROM attempts WHERE request = requests.id AND place != 'local')"
                " FROM requests WHERE id = ?",
                (request,),
            ).fetchone()
            keeps = not private and (keep_text == "all" or (keep_text == "local" and not elsewhere))
            execute(
                "UPDATE requests SET outcome = ?, ended_at = ?, model = ?, place = ?, served_by = ?, input_tokens = ?,"
                " output_tokens = ?, cost_usd = ?, load_s = ?, first_token_s = ?, total_s = ?, tokens_per_second = ?,"
                " error = ?, prompt = ?, answer = ? WHERE id = ?",
                (
                    ending.outcome.value,
                    ending.at,
                    ending.model,
                    ending.where,
                    ending.served_by,
                    ending.input_tokens,
                    ending.output_tokens,
                    ending.cost_usd,
                    ending.load_s,
                    ending.first_token_s,
                    ending.total_s,
                    ending.tokens_per_second,
                    redact(ending.error)[:500] if ending.error is not None and not private else None,
                    _storable(prompt) if keeps else None,
                    _storable(ending.answer) if keeps else None,
                    request,
                ),
            )
            execute(
                "UPDATE attempts SET cost_usd = ? WHERE id ="
                " (SELECT max(id) FROM attempts WHERE request = ? AND model = ?)",
                (ending.cost_usd, request, ending.model),
            )

    def act(self, action: Action) -> None:
        """Remembers something that was done."""
        self._insert(
            "actions",
            at=action.at,
            face=action.face,
            name=action.name,
            target=action.target,
            machine=action.machine,
            worked=action.worked,
            detail=redact(action.detail)[:500],
        )

    def usage(self, now: float) -> Usage:
        """What limits depend on, as of ``now``: of all processes, also of requests that are still being answered."""
        midnight = datetime.fromtimestamp(now).astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
        with self._turn, self._explained():
            execute = self._connection.execute
            requests = execute(
                "SELECT model, count(*) FROM attempts WHERE at > ? AND at <= ? GROUP BY model", (now - MINUTE, now)
            ).fetchall()
            spent = execute(
                "SELECT model, sum(cost_usd) FROM attempts WHERE at >= ? AND cost_usd IS NOT NULL GROUP BY model",
                (midnight.timestamp(),),
            ).fetchall()
            # max() picks the row that the other column is of (SQLite, "bare columns in an aggregate query").
            refused = execute(
                "SELECT model, max(refused_until), reason FROM attempts WHERE refused_until > ? GROUP BY model", (now,)
            ).fetchall()
        return Usage(
            dict(requests),
            dict(spent),
            {model: Refusal(until, reason or "it refused the last request") for model, until, reason in refused},
        )

    def speeds(self, model: str, most: int = 200) -> list[tuple[float, float]]:
        """When each of a model's last answers ended, and its tokens per second; the newest first."""
        with self._turn, self._explained():
            return self._connection.execute(
                "SELECT ended_at, tokens_per_second FROM requests WHERE model = ? AND tokens_per_second IS NOT NULL"
                " ORDER BY id DESC LIMIT ?",
                (model, most),
            ).fetchall()

    def _prepare(self) -> None:
        execute = self._connection.execute
        execute("PRAGMA foreign_keys = ON")
        # With a write-ahead log this cannot break the file; a power cut may cost the last requests, not the ledger.
        execute("PRAGMA synchronous = NORMAL")
        (version,) = execute("PRAGMA user_version").fetchone()
        if version == len(MIGRATIONS):
            return
        self._use_write_ahead_log()
        with self._transaction():
            (version,) = execute("PRAGMA user_version").fetchone()
            if version > len(MIGRATIONS):
                raise LedgerError(f"{self.path} was written by a later fleetdeck; update this one")
            for statements in MIGRATIONS[version:]:
                for statement in statements:
                    execute(statement)
            execute(f"PRAGMA user_version = {len(MIGRATIONS)}")

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

    def _insert(self, table: str, **values: object) -> int:
        names, marks = ", ".join(values), ", ".join("?" * len(values))
        return self._run(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(values.values()))  # noqa: S608

    def _run(self, statement: str, values: tuple[object, ...]) -> int:
        with self._turn, self._explained():
            return self._connection.execute(statement, values).lastrowid or 0

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
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


def _is_escaped(text: str) -> bool:
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True


def _storable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
