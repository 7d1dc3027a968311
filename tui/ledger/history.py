"""Who was asked what, and what was done: requests, the models that saw them, and actions, the newest first.

They come in pages, so that nobody waits for a million of them.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TypeVar

from tui.ledger.file import LedgerFile, add_folded, named_rows
from tui.ledger.records import Action

PAGE = 500
"""Rows that are read at once."""
_FOREVER = float("inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedRequest:
    """A request as a list of them shows it. Seconds and US dollars; None: not known, or there was none."""

    number: int
    at: float
    face: str
    asked_kind: str
    asked_name: str
    external: bool
    private: bool
    outcome: str
    model: str | None
    where: str | None
    served_by: str | None
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: float | None
    load_s: float | None
    first_token_s: float | None
    total_s: float | None
    tokens_per_second: float | None
    prompt_sha256: str
    prompt_length: int
    """Characters."""
    keeps_text: bool

    @property
    def mode(self) -> str:
        return mode_words(external=self.external, private=self.private)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One model that was asked for a request, and thereby saw its prompt."""

    number: int
    at: float
    model: str
    where: str
    outcome: str
    reason: str
    """Why it did not answer; empty: it did, or the request was private."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenPrompt:
    """That a model saw a prompt, which is told by its hash and its length."""

    attempt: Attempt
    request: int
    face: str
    asked_kind: str
    asked_name: str
    external: bool
    private: bool
    prompt_sha256: str
    prompt_length: int

    @property
    def mode(self) -> str:
        return mode_words(external=self.external, private=self.private)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedRequest:
    """All that is kept of one request."""

    asked: AskedRequest
    ended_at: float | None
    plan: tuple[str, ...]
    attempts: tuple[Attempt, ...]
    error: str | None
    system: str | None
    prompt: str | None
    """None: it is not kept."""
    answer: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DoneAction:
    """An action, with its number in the ledger."""

    number: int
    action: Action


Row = TypeVar("Row", AskedRequest, SeenPrompt, DoneAction)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which rows: asked or done at ``since`` or later, and holding every one of ``words`` in whatever case."""

    since: float = 0.0
    words: str = ""
    """A day ("2026-11-20") among them is when it was."""


def mode_words(*, external: bool, private: bool) -> str:
    """The modes that a request was asked under; empty: none."""
    return " ".join(word for word, on in (("external", external), ("private", private)) if on)


def requests(
    ledger: LedgerFile, wanted: Wanted, *, after: AskedRequest | None = None, most: int = PAGE
) -> tuple[AskedRequest, ...]:
    """The newest requests, or those that follow ``after``.

    Raises:
        LedgerError: the file cannot be read, or was interrupted.
    """
    before = (_FOREVER, 0) if after is None else (after.at, after.number)
    return tuple(_asked(row) for row in _page(ledger, _REQUESTS, wanted, before, most))


def seen_prompts(
    ledger: LedgerFile, wanted: Wanted, *, after: SeenPrompt | None = None, most: int = PAGE
) -> tuple[SeenPrompt, ...]:
    """Which model saw which prompt; as :func:`requests`."""
    before = (_FOREVER, 0) if after is None else (after.attempt.at, after.attempt.number)
    return tuple(_seen(row) for row in _page(ledger, _ATTEMPTS, wanted, before, most))


def actions(
    ledger: LedgerFile, wanted: Wanted, *, after: DoneAction | None = None, most: int = PAGE
) -> tuple[DoneAction, ...]:
    """What was done to machines, services, models and modes; as :func:`requests`."""
    before = (_FOREVER, 0) if after is None else (after.action.at, after.number)
    return tuple(_done(row) for row in _page(ledger, _ACTIONS, wanted, before, most))


def all_of(read: Callable[[Row | None], Sequence[Row]]) -> Iterator[Row]:
    """Every row, page by page; ``read`` gives the page after a row."""
    page = read(None)
    while page:
        yield from page
        page = read(page[-1])


def count_requests(ledger: LedgerFile, since: float) -> int:
    """How many were asked at ``since`` or later.

    Raises:
        LedgerError: the file cannot be read.
    """
    with ledger.connected() as connection:
        (count,) = connection.execute("SELECT count(*) FROM requests WHERE at >= ?", (since,)).fetchone()
        return int(count)


def opened(ledger: LedgerFile, number: int) -> OpenedRequest | None:
    """All of one request; None where there is none of that number.

    Raises:
        LedgerError: the file cannot be read.
    """
    with ledger.connected() as connection:
        columns = f"{_ASKED}, ended_at, plan, error, system, prompt, answer"
        rows = named_rows(connection, f"SELECT {columns} FROM requests WHERE id = ?", (number,))  # noqa: S608
        attempts = named_rows(connection, "SELECT * FROM attempts WHERE request = ? ORDER BY id", (number,))
    if not rows:
        return None
    (row,) = rows
    return OpenedRequest(
        asked=_asked(row),
        ended_at=row["ended_at"],
        plan=tuple(json.loads(row["plan"])),
        attempts=tuple(_attempt(one) for one in attempts),
        error=row["error"],
        system=row["system"],
        prompt=row["prompt"],
        answer=row["answer"],
    )


# Not all columns: prompts and answers may be long.
_ASKED = (
    "id, at, face, asked_kind, asked_name, external, private, outcome, model, place, served_by, input_tokens,"
    " output_tokens, cost_usd, load_s, first_token_s, total_s, tokens_per_second, prompt_sha256, prompt_length,"
    " prompt IS NOT NULL AS keeps_text"
)


def _joined(*columns: str) -> str:
    return " || ' ' || ".join(f"coalesce({column}, '')" for column in columns)


_MODES = ("iif(external, 'external', '')", "iif(private, 'private', '')")


@dataclass(frozen=True, slots=True)
class _Listing:
    """How rows of one table are listed, and the texts that words are looked for in."""

    select: str
    table: str
    texts: tuple[str, ...]


_REQUESTS = _Listing(
    f"SELECT {_ASKED} FROM requests",  # noqa: S608
    "requests",
    (
        _joined("face", "asked_kind", "asked_name", "model", "place", "served_by", "outcome", "prompt_sha256", *_MODES),
        "error",
        "prompt",
        "answer",
    ),
)
_ATTEMPTS = _Listing(
    "SELECT attempts.*, face, asked_kind, asked_name, external, private, prompt_sha256, prompt_length"
    " FROM attempts JOIN requests ON requests.id = attempts.request",
    "attempts",
    (
        _joined(
            "attempts.model",
            "attempts.place",
            "attempts.outcome",
            "reason",
            "face",
            "asked_kind",
            "asked_name",
            "prompt_sha256",
            *_MODES,
        ),
    ),
)
_ACTIONS = _Listing(
    "SELECT * FROM actions",
    "actions",
    (_joined("face", "name", "target", "machine", "detail", "before", "after", "iif(worked, 'worked', 'failed')"),),
)


def _page(
    ledger: LedgerFile, listing: _Listing, wanted: Wanted, before: tuple[float, int], most: int
) -> list[sqlite3.Row]:
    table = listing.table
    since, until, words = _day_in(wanted)
    conditions = [f"{table}.at >= ?", f"{table}.at < ?", f"({table}.at, {table}.id) < (?, ?)"]
    given: list[object] = [since, until, *before]
    for word in words:
        # LIKE knows the case of ASCII letters alone, and is six times as quick as a function of ours.
        plain = word.isascii()
        holds, looked_for = ("{} LIKE ? ESCAPE '!'", _pattern(word)) if plain else ("instr(folded({}), ?)", word)
        conditions.append("(" + " OR ".join(holds.format(text) for text in listing.texts) + ")")
        given += [looked_for] * len(listing.texts)
    with ledger.connected() as connection:
        if words:
            add_folded(connection)
        statement = (
            f"{listing.select} WHERE {' AND '.join(conditions)}"
            f" ORDER BY {table}.at DESC, {table}.id DESC LIMIT {int(most)}"
        )
        return named_rows(connection, statement, given)


def _day_in(wanted: Wanted) -> tuple[float, float, list[str]]:
    """Since and until when, and the words that are no days."""
    since, until, words = wanted.since, _FOREVER, []
    for word in wanted.words.split():
        try:
            day = date.fromisoformat(word) if re.fullmatch(r"\d{4}-\d\d-\d\d", word) else None
        except ValueError:
            day = None
        if day is None:
            words.append(word.casefold())
            continue
        midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001  (local time: a day may have 23 hours)
        since = max(since, midnight.timestamp())
        until = min(until, (midnight + timedelta(days=1)).timestamp())
    return since, until, words


def _pattern(word: str) -> str:
    return "%" + re.sub("([!%_])", r"!\1", word) + "%"


def _asked(row: sqlite3.Row) -> AskedRequest:
    return AskedRequest(
        number=row["id"],
        at=row["at"],
        face=row["face"],
        asked_kind=row["asked_kind"],
        asked_name=row["asked_name"],
        external=bool(row["external"]),
        private=bool(row["private"]),
        outcome=row["outcome"],
        model=row["model"],
        where=row["place"],
        served_by=row["served_by"],
        input_tokens=row["input_tokens"],
        output_tokens=row["output_tokens"],
        cost_usd=row["cost_usd"],
        load_s=row["load_s"],
        first_token_s=row["first_token_s"],
        total_s=row["total_s"],
        tokens_per_second=row["tokens_per_second"],
        prompt_sha256=row["prompt_sha256"],
        prompt_length=row["prompt_length"],
        keeps_text=bool(row["keeps_text"]),
    )


def _attempt(row: sqlite3.Row) -> Attempt:
    return Attempt(
        number=row["id"],
        at=row["at"],
        model=row["model"],
        where=row["place"],
        outcome=row["outcome"],
        reason=row["reason"],
    )


def _seen(row: sqlite3.Row) -> SeenPrompt:
    return SeenPrompt(
        attempt=_attempt(row),
        request=row["request"],
        face=row["face"],
        asked_kind=row["asked_kind"],
        asked_name=row["asked_name"],
        external=bool(row["external"]),
        private=bool(row["private"]),
        prompt_sha256=row["prompt_sha256"],
        prompt_length=row["prompt_length"],
    )


def _done(row: sqlite3.Row) -> DoneAction:
    return DoneAction(
        number=row["id"],
        action=Action(
            at=row["at"],
            face=row["face"],
            name=row["name"],
            target=row["target"],
            machine=row["machine"],
            worked=bool(row["worked"]),
            detail=row["detail"],
            before=row["before"],
            after=row["after"],
        ),
    )
