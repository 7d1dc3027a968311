"""Splitting what arrives into lines, a network read at a time.

httpx's own ``aiter_lines`` and httpx-sse hand out one line for each turn of the event loop's generators, which costs
more than reading them does: a model at full speed sends hundreds in one read.
"""

from __future__ import annotations

LONGEST_FROM_SERVER = 2 * 1024 * 1024
"""Bytes: thousands of times what a token takes, and more than a whole answer on one line does."""
LONGEST_FROM_PROGRAM = 128 * 1024 * 1024
"""Bytes: gemini prints the prompt in one line before it answers, copilot prints it twice, both escaped."""


class LineTooLong(Exception):
    """More came without a line's end than any line may hold."""


class LineSplitter:
    """Turns reads of any size into whole lines, without their ends, in time that grows with their size alone."""

    def __init__(self, longest: int = LONGEST_FROM_SERVER) -> None:
        self._longest = longest
        self._begun: list[bytes] = []
        self._size = 0

    def split(self, data: bytes) -> list[bytes]:
        """The lines that ``data`` completes.

        Raises:
            LineTooLong: the line that it continues is beyond reason.
        """
        first, *others = data.split(b"\n")
        if not others:
            self._begin(first)
            return []
        lines = [b"".join([*self._begun, first]), *others[:-1]]
        self._begun, self._size = [], 0
        self._begin(others[-1])
        return lines

    def rest(self) -> list[bytes]:
        """The last line, where the input ended without ending it."""
        rest, self._begun = b"".join(self._begun), []
        return [rest] if rest else []

    def _begin(self, part: bytes) -> None:
        self._begun.append(part)
        self._size += len(part)
        if self._size > self._longest:
            raise LineTooLong
