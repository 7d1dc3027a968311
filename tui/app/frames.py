"""Hands what streams in to the screen in frames: one message for each token would be all of the work."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tui.chat.reply import Reasoning, ReplyEvent, Text

FRAME = 0.04
"""Seconds between two messages to the screen: 25 a second are smooth."""


class Frames:
    """Calls ``post`` once a frame at most; for the first of a silence at once. Is made where a loop runs."""

    def __init__(self, post: Callable[[], None], *, length: float = FRAME, gives_way: float = 0.0) -> None:
        """``length`` is seconds. ``gives_way``: by how many times the loop's lag the next frame comes later, so that
        keys have their turn where painting is slow."""
        self._post = post
        self._length = length
        self._gives_way = gives_way
        self._lag = 0.0
        self._loop = asyncio.get_running_loop()
        self._posted = float("-inf")
        self._timer: asyncio.TimerHandle | None = None

    def due(self) -> None:
        """There is something to post."""
        if self._timer is None:
            wait = self._posted + self._length + self._gives_way * self._lag - self._loop.time()
            if wait <= 0:
                self.flush()
            else:
                self._timer = self._loop.call_later(wait, self._flush_in_time, self._loop.time() + wait)

    def _flush_in_time(self, wanted_at: float) -> None:
        self._lag = max(0.0, self._loop.time() - wanted_at)
        self.flush()

    def flush(self) -> None:
        """Posts now, whatever the time is."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._posted = self._loop.time()
        self._post()


def append_joined(events: list[ReplyEvent], event: ReplyEvent) -> None:
    """Adds an event; a piece of text becomes one with the piece before it."""
    last = events[-1] if events else None
    if isinstance(event, Text) and isinstance(last, Text):
        events[-1] = Text(last.text + event.text)
    elif isinstance(event, Reasoning) and isinstance(last, Reasoning):
        events[-1] = Reasoning(last.text + event.text)
    else:
        events.append(event)
