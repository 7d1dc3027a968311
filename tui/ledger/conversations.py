"""Conversations: which requests belong together, in which order, under which title. The text is the requests' own."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from tui.ledger.file import LedgerFile, add_folded, named_rows
from tui.ledger.records import Conversation, ListedConversation, Turn, title_of

SHOWN_OF_FIRST = 400
MOST_LISTED = 1_000


class NoSuchConversation(Exception):
    """There is none of that number (any more); the text is a sentence for the person."""

    def __init__(self, number: int) -> None:
        super().__init__(f"there is no conversation {number}; it may have been deleted")


@dataclass(frozen=True, slots=True)
class Listing:
    """The conversations that were looked for, the one that changed last first."""

    conversations: tuple[ListedConversation, ...]
    found: int
    """How many there are; more than are listed, where that would be too many."""


class Conversations(LedgerFile):
    """All that is kept of conversations."""

    def add(
        self,
        request: int,
        conversation: int | None,
        *,
        earlier: Sequence[int] = (),
        tries: Sequence[int] = (),
        branch_of: int | None = None,
    ) -> int | None:
        """Appends an answered request to ``conversation`` and returns its number.

        With None a new one begins with the requests ``earlier``, but only once a text is kept: of what leaves none
        behind there is nothing to list. Where ``conversation`` has been deleted meanwhile, a new one begins with this
        request. ``tries`` are requests for the same prompt that got no answer.
        """
        with self.transaction() as connection:
            now = time.time()
            if conversation is None or not _exists(connection, conversation):
                turns = (*earlier, request) if conversation is None else (request,)
                if not any(_has_text(connection, turn) for turn in turns):
                    return None
                if branch_of is not None and not _exists(connection, branch_of):
                    branch_of = None
                statement = "INSERT INTO conversations (begun_at, changed_at, branch_of) VALUES (?, ?, ?)"
                conversation = connection.execute(statement, (now, now, branch_of)).lastrowid
            else:
                turns = (request,)
            (place,) = connection.execute(
                "SELECT coalesce(max(place) + 1, 0) FROM turns WHERE conversation = ?", (conversation,)
            ).fetchone()
            connection.executemany(
                "INSERT INTO turns (conversation, place, request) VALUES (?, ?, ?)",
                [(conversation, place + at, turn) for at, turn in enumerate(turns)],
            )
            connection.executemany(
                "INSERT OR IGNORE INTO tries (request, conversation) VALUES (?, ?)",
                [(one, conversation) for one in tries],
            )
            connection.execute("UPDATE conversations SET changed_at = ? WHERE id = ?", (now, conversation))
            return conversation

    def add_try(self, request: int, conversation: int) -> None:
        """Notes that a request belongs to a conversation though it got no answer: its text goes when that goes."""
        with self.transaction() as connection:
            if _exists(connection, conversation):
                connection.execute("INSERT OR IGNORE INTO tries VALUES (?, ?)", (request, conversation))

    def listed(self, words: str = "", most: int = MOST_LISTED) -> Listing:
        """The conversations that hold every one of ``words``, in whatever case, in their title, prompts or answers."""
        wanted = [word.casefold() for word in words.split()]
        where = " AND ".join([_HOLDS] * len(wanted)) or "1"
        given = [word for word in wanted for _ in range(3)]
        with self.connected() as connection:
            add_folded(connection)
            rows = named_rows(
                connection, f"{_LISTED} WHERE {where} ORDER BY changed_at DESC, id DESC LIMIT {most}", given
            )
            found = len(rows)
            if found == most:
                (found,) = connection.execute(f"SELECT count(*) FROM conversations WHERE {where}", given).fetchone()  # noqa: S608
        return Listing(tuple(_listed(row) for row in rows), found)

    def opened(self, number: int) -> Conversation:
        """All of one conversation.

        Raises:
            NoSuchConversation: there is none of that number.
        """
        with self.connected() as connection:
            row = connection.execute(
                "SELECT title, begun_at, changed_at, branch_of FROM conversations WHERE id = ?", (number,)
            ).fetchone()
            if row is None:
                raise NoSuchConversation(number)
            turns = named_rows(connection, _TURNS, [number])
            title, begun_at, changed_at, branch_of = row
            return Conversation(
                turns=tuple(_turn(turn) for turn in turns),
                number=number,
                title=title,
                begun_at=begun_at,
                changed_at=changed_at,
                branch_of=branch_of,
            )

    def rename(self, number: int, title: str) -> None:
        """Gives a conversation another title; an empty one is its first prompt's words again.

        Raises:
            NoSuchConversation: there is none of that number.
        """
        with self.transaction() as connection:
            shown = " ".join(title.encode("utf-8", "replace").decode().split())
            changed = connection.execute("UPDATE conversations SET title = ? WHERE id = ?", (shown[:200], number))
            if not changed.rowcount:
                raise NoSuchConversation(number)

    def turns_elsewhere(self, number: int) -> int:
        """How many turns of a conversation are in another one as well, and stay there when it is deleted."""
        with self.connected() as connection:
            (count,) = connection.execute(
                "SELECT count(*) FROM turns WHERE conversation = ?1 AND request IN"
                " (SELECT request FROM turns WHERE conversation != ?1)",
                (number,),
            ).fetchone()
            return int(count)

    def delete(self, number: int) -> bool:
        """Deletes a conversation, and for good the text of every request that is in no other one: the figures of those
        requests stay. False where another program that has the ledger open keeps the last traces on the disk for as
        long as it goes on reading.

        Raises:
            NoSuchConversation: there is none of that number.
        """
        with self.transaction() as connection:
            if not _exists(connection, number):
                raise NoSuchConversation(number)
            connection.execute(f"UPDATE requests SET {_NO_TEXT} WHERE id IN ({_OWN})", (number,))  # noqa: S608
            connection.execute(f"UPDATE attempts SET reason = '' WHERE request IN ({_OWN})", (number,))  # noqa: S608
            connection.execute("DELETE FROM conversations WHERE id = ?", (number,))
        with self.connected() as connection:
            # What was overwritten in the file still stands in the log that is written ahead of it.
            (blocked, *_) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            return not blocked


def conversations_now(words: str = "", path: Path | None = None) -> Listing:
    """The same as :meth:`Conversations.listed`, of a ledger that is not created for the question.

    Raises:
        LedgerError: there is one, and it cannot be read.
    """
    with Conversations.existing(path) or nullcontext() as conversations:
        return Listing((), 0) if conversations is None else conversations.listed(words)


_OF = "FROM turns JOIN requests ON requests.id = turns.request WHERE turns.conversation = conversations.id"
_LISTED = (
    "SELECT id, title, begun_at, changed_at, branch_of,"  # noqa: S608  (our own words)
    " (SELECT count(*) FROM turns WHERE conversation = conversations.id) AS turns,"
    f" (SELECT substr(requests.prompt, 1, {SHOWN_OF_FIRST}) {_OF} AND requests.prompt IS NOT NULL"
    " ORDER BY turns.place LIMIT 1) AS beginning,"
    f" (SELECT requests.model {_OF} ORDER BY turns.place DESC LIMIT 1) AS model"
    " FROM conversations"
)
_HOLDS = (
    f"(instr(folded(title), ?) OR EXISTS (SELECT 1 {_OF}"
    " AND (instr(folded(requests.prompt), ?) OR instr(folded(requests.answer), ?))))"
)
_TURNS = (
    "SELECT requests.*, NOT EXISTS (SELECT 1 FROM attempts WHERE attempts.request = requests.id"
    " AND attempts.place != 'local') AS stayed_home"
    " FROM turns JOIN requests ON requests.id = turns.request WHERE turns.conversation = ? ORDER BY turns.place"
)
_OWN = (
    "SELECT request FROM turns WHERE conversation = ?1"
    " AND request NOT IN (SELECT request FROM turns WHERE conversation != ?1)"
    " UNION SELECT request FROM tries WHERE conversation = ?1"
)
_NO_TEXT = "prompt = NULL, system = NULL, answer = NULL, error = NULL"


def _exists(connection: sqlite3.Connection, conversation: int) -> bool:
    found = connection.execute("SELECT 1 FROM conversations WHERE id = ?", (conversation,)).fetchone()
    return found is not None


def _has_text(connection: sqlite3.Connection, request: int) -> bool:
    found = connection.execute("SELECT 1 FROM requests WHERE id = ? AND prompt IS NOT NULL", (request,)).fetchone()
    return found is not None


def _listed(row: sqlite3.Row) -> ListedConversation:
    beginning = row["beginning"] or ""
    return ListedConversation(
        number=row["id"],
        name=row["title"] or title_of(beginning),
        model=row["model"] or "",
        begun_at=row["begun_at"],
        changed_at=row["changed_at"],
        turns=row["turns"],
        beginning=beginning,
        branch_of=row["branch_of"],
    )


def _turn(row: sqlite3.Row) -> Turn:
    return Turn(
        at=row["at"],
        asked_kind=row["asked_kind"],
        asked_name=row["asked_name"],
        model=row["model"] or "",
        where="local" if row["place"] == "local" else "cloud",
        served_by=row["served_by"],
        prompt=row["prompt"],
        answer=row["answer"],
        system=row["system"] or "",
        private=bool(row["private"]),
        stayed_home=bool(row["stayed_home"]),
        output_tokens=row["output_tokens"],
        tokens_per_second=row["tokens_per_second"],
        total_s=row["total_s"],
        request=row["id"],
    )
