"""The journal of the simulated machine's llama-swap unit, with cursors as journald's."""

from __future__ import annotations

import asyncio
import itertools
import random
import re
import time
from collections import deque
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass

KEPT = 20_000
BOOT = "7d1f0c2be6a94f0f9a3c5be0a1c24d6e"
MANAGER_PID = 1203
PAST_REQUESTS = 240
INFORMATION, NOTICE, WARNING = 6, 5, 4
_NUMBER = re.compile(r";i=([0-9a-f]+);")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the journal, the seconds since the epoch in `at`."""

    number: int
    at: float
    text: str
    identifier: str
    pid: int
    priority: int

    def as_json(self) -> dict[str, object]:
        """As `journalctl -a -o json` writes it: text with control codes becomes a list of bytes."""
        raw = self.text.encode("utf-8", "replace")
        plain = all(byte >= 0x20 or byte in b"\t\n" for byte in raw) and 0x7F not in raw
        microseconds = int(self.at * 1e6)
        cursor = f"s=51cf;i={self.number:x};b={BOOT};m={microseconds % 10**10:x};t={microseconds:x};x={self.number:x}"
        return {
            "__CURSOR": cursor,
            "__REALTIME_TIMESTAMP": str(microseconds),
            "MESSAGE": self.text if plain else list(raw),
            "PRIORITY": str(self.priority),
            "SYSLOG_IDENTIFIER": self.identifier,
            "_PID": str(self.pid),
        }


class Journal:
    """The newest 20 000 lines. It outlives the unit, and everybody who reads it.

    `refusal` is what journalctl says, on its way out, to a person who may not read it.
    """

    def __init__(self) -> None:
        self.refusal = ""
        self._entries: deque[Entry] = deque(maxlen=KEPT)
        self._next = 1
        self._news = asyncio.Event()

    def write(
        self, text: str, *, identifier: str, pid: int, priority: int = INFORMATION, at: float | None = None
    ) -> None:
        at = time.time() if at is None else at
        self._entries.append(Entry(self._next, at, text, identifier, pid, priority))
        self._next += 1
        self._news.set()
        self._news = asyncio.Event()

    def manager_writes(self, text: str, *, priority: int = INFORMATION, at: float | None = None) -> None:
        """A line of systemd itself."""
        self.write(text, identifier="systemd", pid=MANAGER_PID, priority=priority, at=at)

    def clear(self) -> None:
        self._entries.clear()

    def __len__(self) -> int:
        return len(self._entries)

    async def follow(self, lines: int, after: str | None) -> AsyncGenerator[Entry]:
        """The last `lines`, or all behind the cursor `after`, and then each new one, for ever."""
        number = self._next - min(lines, len(self._entries))
        if after is not None and (found := _NUMBER.search(after)):
            number = int(found[1], 16) + 1
        while True:
            news = self._news
            for entry in self._from(number):
                yield entry
                number = entry.number + 1
            # Not `news` alone: lines may have come while the reader was busy with those above.
            if number >= self._next:
                await news.wait()

    def _from(self, number: int) -> list[Entry]:
        first = self._entries[0].number if self._entries else self._next
        return list(itertools.islice(self._entries, max(0, number - first), None))


def write_past(journal: Journal, unit: str, pid: int, since: float, now: float) -> None:
    """What a unit that runs since `since` has written by `now` (seconds since the epoch)."""
    journal.manager_writes(f"Started {unit} - llama-swap.", at=since)
    chance = random.Random(2026)
    moments = sorted(chance.uniform(since + 60, now - 30) for _ in range(PAST_REQUESTS))
    journal.write("[INFO] llama-swap listening on http://0.0.0.0:8080", identifier="llama-swap", pid=pid, at=since + 1)
    for at in moments:
        for line in _past_lines(chance):
            journal.write(line, identifier="llama-swap", pid=pid, at=at)


def _past_lines(chance: random.Random) -> Iterator[str]:
    model, port = chance.choice((("qwen3", 5800), ("gemma", 5801), ("coder", 5802)))
    if chance.random() < 0.15:
        yield f"srv    load_model: loading model '/models/{model}.gguf'"
        # llama.cpp draws its progress over itself, and colours its warnings.
        yield "\r".join(f"load_tensors: {share:3d} %" for share in range(0, 101, 20))
        yield f"\x1b[33mW  llama_context: n_ctx_seq (40960) < n_ctx_train (131072) of {model}\x1b[0m"
        yield f"main: server is listening on http://127.0.0.1:{port}"
        yield f"[INFO] <{model}> Health check passed on http://localhost:{port}/health"
    size, took = chance.randrange(900, 22_000), chance.uniform(240, 9000)
    yield f'[INFO] Request 100.85.116.20 "POST /v1/chat/completions HTTP/1.1" 200 {size} "curl/8.5.0" {took:.3f}ms'
