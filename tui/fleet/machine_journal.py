"""A unit's journal, entry by entry, with whatever was written made harmless."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections import deque
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass

from tui.fleet.machine_wire import JournalFields, Log, LogEnd
from tui.fleet.printable import printable

MOST_WAITING = 5000
"""Entries that may wait for a slow reader. More stay in the journal until it has caught up."""

_ESCAPES = re.compile(
    # CSI, OSC up to its end, other escapes (ECMA-48): colours and cursor movements say nothing in a log.
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]"
)


class JournalUnavailable(Exception):
    """The journal cannot be read there. ``str()`` says why and what to do."""


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One line of a journal."""

    at: float
    text: str
    """Harmless to a terminal."""
    cursor: str
    priority: int | None = None
    """0 emergency … 3 error, 4 warning, 6 information, 7 debugging (syslog(3))."""
    pid: int | None = None
    identifier: str = ""


def journal_entry(fields: JournalFields) -> JournalEntry:
    return JournalEntry(
        at=int(fields.at) / 1e6 if fields.at.isdecimal() else 0.0,
        text=harmless(_text(fields.MESSAGE)),
        cursor=fields.cursor,
        priority=_number(fields.PRIORITY),
        pid=_number(fields._PID),
        identifier=printable(_text(fields.SYSLOG_IDENTIFIER), 60),
    )


def harmless(text: str) -> str:
    """One line as a terminal would have shown it in the end, without colours: progress bars redraw theirs with CR."""
    shown = _ESCAPES.sub("", text.rstrip("\r\n")).rpartition("\r")[2]
    return printable(shown.replace("\t", "    ").replace("\n", " ⏎ "))


def _text(value: object) -> str:
    """journalctl writes what is no clean text as a list of bytes, and a field that came twice as a list of texts."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        if all(isinstance(byte, int) and 0 <= byte < 256 for byte in value):
            return bytes(value).decode(errors="replace")
        return " ".join(_text(part) for part in value)
    return ""


def _number(value: object) -> int | None:
    text = _text(value)
    return int(text) if text.isdecimal() else None


def journal_trouble(status: int, text: str, machine: str) -> str:
    """Why journalctl ended by itself."""
    if "insufficient permissions" in text:
        return (
            f"{machine} keeps its journal in memory, where only root reads it: "
            "`sudo mkdir -p /var/log/journal && sudo journalctl --flush` there keeps one for each user"
        )
    if "FileNotFoundError" in text:
        return f"there is no journalctl on {machine}"
    return f"journalctl on {machine} ended with status {status}: {printable(text.strip(), 160)}"


class _Follow:
    """One reader of one unit's journal, across as many connections as it takes."""

    def __init__(self, unit: str, lines: int, after: str | None) -> None:
        self.unit = unit
        self.lines = lines
        self.cursor = after
        self.waiting: deque[JournalEntry] = deque()
        self.news = asyncio.Event()
        self.trouble = ""


class Journals:
    """Everybody who reads a journal of one machine, while its collectors come and go.

    ``send`` passes a command to the collector that is there, or does nothing.
    """

    def __init__(self, machine: str, send: Callable[..., None]) -> None:
        self._machine = machine
        self._send = send
        self._numbers = itertools.count(1)
        self._asked: dict[int, _Follow] = {}
        """By the number under which the present collector sends entries."""
        self._unasked: list[_Follow] = []
        self._connected = False

    async def follow(self, unit: str, lines: int, after: str | None) -> AsyncGenerator[JournalEntry]:
        """
        Raises:
            JournalUnavailable: there will be no more.
        """
        follow = _Follow(unit, lines, after)
        self._unasked.append(follow)
        self._ask()
        try:
            while True:
                while follow.waiting:
                    yield follow.waiting.popleft()
                if follow.trouble:
                    raise JournalUnavailable(follow.trouble)
                self._ask()
                follow.news.clear()
                await follow.news.wait()
        finally:
            self._leave(follow)

    def connected(self) -> None:
        """A new collector is there: everybody goes on behind the last entry that came."""
        self._unasked.extend(self._asked.values())
        self._asked.clear()
        self._connected = True
        self._ask()

    def disconnected(self) -> None:
        self._connected = False

    def came(self, log: Log) -> None:
        follow = self._asked.get(log.request)
        if follow is None:
            return
        entry = journal_entry(log.entry)
        follow.cursor = entry.cursor
        follow.waiting.append(entry)
        follow.news.set()
        if len(follow.waiting) >= MOST_WAITING:
            self._send(do="unlog", request=log.request)
            self._unasked.append(self._asked.pop(log.request))

    def ended(self, end: LogEnd) -> None:
        follow = self._asked.pop(end.request, None)
        if follow is None:
            return
        if end.status < 0:  # somebody killed it
            self._unasked.append(follow)
        else:
            follow.trouble = journal_trouble(end.status, end.text, self._machine)
        follow.news.set()

    def _ask(self) -> None:
        """Asks for what nobody sends, except for a reader that has more than enough to read."""
        if not self._connected:
            return
        for follow in [follow for follow in self._unasked if not follow.waiting]:
            self._unasked.remove(follow)
            number = next(self._numbers)
            self._asked[number] = follow
            self._send(do="log", request=number, unit=follow.unit, lines=follow.lines, after=follow.cursor)

    def _leave(self, follow: _Follow) -> None:
        if follow in self._unasked:
            self._unasked.remove(follow)
        for number in [number for number, asked in self._asked.items() if asked is follow]:
            del self._asked[number]
            self._send(do="unlog", request=number)
