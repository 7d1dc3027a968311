"""What the screen of logs follows: one source at a time, and only while it is shown.

Each feed is a worker that posts messages and touches no widget.
"""

from __future__ import annotations

import asyncio
import codecs
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing

from textual.message_pump import MessagePump

from tui.app.log_lines import LogLine, line_of_entry, line_of_text, marker, unseen
from tui.app.messages import LogCame, LogTroubled
from tui.config.schema import ServiceSettings
from tui.fleet.asking import Asker
from tui.fleet.failures import LookFailed
from tui.fleet.machine_journal import JournalUnavailable
from tui.fleet.machine_watch import MachineWatch

BATCHES_APART = 0.04
"""Seconds between two messages: nobody reads faster, and each one draws the screen."""
MOST_IN_BATCH = 1000
FIRST_LINES = 1000
"""Entries of a journal that are fetched at first."""
REMEMBERED = 40
"""Lines by which a log that tells its history anew is known again."""
HISTORY_WITHIN = 0.15
"""Seconds for a log's history to come: it is one piece, which the network may have cut."""
FIRST_RETRY, LONGEST_RETRY = 0.5, 2.0
REFUSED_RETRY = 10.0
"""Seconds until a journal that may not be read is tried again: the person may be following the hint."""
LONGEST_PARTIAL = 65_536


class _Batches:
    """Collects lines, each with the cursor behind it where there are any, and posts them as often as people can see."""

    def __init__(self, target: MessagePump, source: str) -> None:
        self._target = target
        self._source = source
        self._lines: list[tuple[LogLine, str | None]] = []
        self._news = asyncio.Event()

    def add(self, line: LogLine, cursor: str | None = None) -> None:
        self._lines.append((line, cursor))
        self._news.set()

    async def run(self) -> None:
        while True:
            await self._news.wait()
            self.post()
            await asyncio.sleep(BATCHES_APART)

    def post(self) -> None:
        waiting, self._lines = self._lines, []
        self._news.clear()
        for start in range(0, len(waiting), MOST_IN_BATCH):
            batch = waiting[start : start + MOST_IN_BATCH]
            self._target.post_message(LogCame(self._source, [line for line, _ in batch], batch[-1][1]))


async def follow_journal(
    watch: MachineWatch, unit: str, target: MessagePump, source: str, *, after: str | None, day: str
) -> None:
    """Posts a unit's journal behind the cursor ``after`` (None: its last lines), for as long as it can be read.

    ``day`` is the date of the line before: each other one is told, since lines show the time alone.
    """
    batches = _Batches(target, source)
    refused = False
    async with asyncio.TaskGroup() as group:
        group.create_task(batches.run(), name=f"post {source}")
        while True:
            try:
                async with aclosing(watch.follow(unit, lines=FIRST_LINES, after=after)) as entries:
                    async for entry in entries:
                        if refused:
                            refused = False
                            target.post_message(LogTroubled(source, ""))
                        line = line_of_entry(entry)
                        if line.day != day:
                            day = line.day
                            batches.add(marker(day, line.at), after)
                        after = entry.cursor
                        batches.add(line, after)
            except JournalUnavailable as error:
                refused = True
                target.post_message(LogTroubled(source, str(error)))
            await asyncio.sleep(REFUSED_RETRY)


async def follow_stream(service: ServiceSettings, kept: Sequence[str], target: MessagePump, source: str) -> None:
    """Posts what llama-swap logs (``/logs/stream``): its history behind the lines ``kept``, then each new line."""
    known = deque(kept, maxlen=REMEMBERED)
    asker = Asker(service)
    retry = FIRST_RETRY
    try:
        while True:
            reader = _StreamReader(target, source, known)
            try:
                await reader.read(asker)
                target.post_message(LogTroubled(source, f"{service.name} ended its log: asking for it again"))
            except LookFailed as failure:
                target.post_message(LogTroubled(source, f"{service.name}: {failure.reason}; asking again"))
            retry = FIRST_RETRY if reader.heard else min(LONGEST_RETRY, 2 * retry)
            await asyncio.sleep(retry)
    finally:
        await asker.close()


class _StreamReader:
    """Reads one connection. ``known`` are the last lines that were posted, on whatever connection."""

    def __init__(self, target: MessagePump, source: str, known: deque[str]) -> None:
        self.heard = False
        self._target = target
        self._source = source
        self._known = known
        self._batches = _Batches(target, source)
        self._history: list[LogLine] | None = []

    async def read(self, asker: Asker) -> None:
        """
        Raises:
            LookFailed: it could not be opened, or broke.
        """
        async with asker.stream("GET", "/logs/stream", accept="text/plain") as response:
            self.heard = True
            self._target.post_message(LogTroubled(self._source, ""))
            loop = asyncio.get_running_loop()
            history_ends = loop.call_later(HISTORY_WITHIN, self._end_history)
            posting = asyncio.create_task(self._batches.run(), name=f"post {self._source}")
            try:
                await _split(response.aiter_bytes(), self._take)
            finally:
                history_ends.cancel()
                posting.cancel()
                self._end_history()
                self._batches.post()

    def _take(self, raw: str) -> None:
        line = line_of_text(raw)
        if self._history is not None:
            self._history.append(line)
        else:
            self._add(line)

    def _end_history(self) -> None:
        if self._history is None:
            return
        history, self._history = self._history, None
        new, goes_on = unseen(tuple(self._known), history)
        if not goes_on and history:
            self._batches.add(marker("the log begins anew here: what it held between is not known"))
        for line in new:
            self._add(line)

    def _add(self, line: LogLine) -> None:
        self._known.append(line.text)
        self._batches.add(line)


async def _split(pieces: AsyncIterator[bytes], take: Callable[[str], None]) -> None:
    """Hands over whole lines. What has no end for 64 KiB is a line, too."""
    decode = codecs.getincrementaldecoder("utf-8")("replace").decode
    partial = ""
    async for piece in pieces:
        *lines, partial = (partial + decode(piece)).split("\n")
        for line in lines:
            take(line)
        if len(partial) > LONGEST_PARTIAL:
            take(partial)
            partial = ""
