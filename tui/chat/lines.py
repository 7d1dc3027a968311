"""Splitting what arrives into lines, a network read at a time.

httpx's own ``aiter_lines`` and httpx-sse hand out one line for each turn of the event loop's generators, which costs
more than reading them does: a model at full speed sends hundreds in one read.
"""

from __future__ import annotations

LONGEST_LINE = 8 * 1024 * 1024


class LineTooLong(Exception):
    """More than 8 MiB came without a line's end."""


class LineSplitter:
    """Turns reads of any size into whole lines, without their ends."""

    def __init__(self) -> None:
        self._rest = b""

    def split(self, data: bytes) -> list[bytes]:
        """The lines that ``data`` completes.

        Raises:
            LineTooLong: the line that it continues is beyond reason.
        """
        lines = (self._rest + data).split(b"\n") if self._rest else data.split(b"\n")
        self._rest = lines.pop()
        if len(self._rest) > LONGEST_LINE:
            raise LineTooLong
        return lines

    def rest(self) -> list[bytes]:
        """The last line, where the input ended without ending it."""
        rest, self._rest = self._rest, b""
        return [rest] if rest else []
