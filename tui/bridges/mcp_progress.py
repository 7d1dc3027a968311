"""Tells an agent how far an answer has come, at a rate that an agent can take."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from tui.chat.reply import FellBack, Loading, Reasoning, ReplyEvent, Restarted, Retrying, Started, Text
from tui.fleet.printable import printable

QUIET = 0.25
"""Seconds between two notifications at least."""
HEARTBEAT = 5.0
"""Seconds of silence after which one is sent all the same: some clients give up on a call that they hear nothing of."""
SHOWN = 80
"""Characters of the newest text in a notification."""

Report = Callable[[float, float | None, str | None], Awaitable[None]]
"""Takes how far it is, out of how much, and words."""


class Progress:
    """What there is to tell of one answer."""

    def __init__(self) -> None:
        self._model = ""
        self._words = "planning"
        self._characters = 0
        self._newest = ""
        self._news = asyncio.Event()

    @property
    def words(self) -> str:
        """``llama-swap/qwen3: 412 characters so far: …the last of them``."""
        words = (
            f"{self._characters} characters so far: …{' '.join(self._newest.split())}"
            if self._characters
            else self._words
        )
        return printable(f"{self._model}: {words}" if self._model else words)

    def take(self, event: ReplyEvent) -> None:
        """Takes in what has just happened."""
        match event:
            case Started(candidate):
                self._begin(candidate.model, f"asked ({candidate.where})")
            case FellBack():
                self._begin(event.to, f"asked, since {event.from_} did not answer")
            case Loading(text) | Retrying(text):
                self._words = text
            case Restarted():
                self._begin(self._model, "begins its answer anew")
            case Reasoning():
                self._words = "is thinking"
            case Text(text):
                self._characters += len(text)
                self._newest = (self._newest + text)[-SHOWN:]
        self._news.set()

    async def tell(self, report: Report) -> None:
        """Reports until it is cancelled. How far it is goes by seconds: nobody knows how long an answer will be."""
        clock = asyncio.get_running_loop().time
        began = clock()
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(HEARTBEAT):
                    await self._news.wait()
            self._news.clear()
            await report(round(clock() - began, 3), None, self.words)
            await asyncio.sleep(QUIET)

    def _begin(self, model: str, words: str) -> None:
        self._model, self._words, self._characters, self._newest = model, words, 0, ""
