"""Gathers what one network read brought: a model at full speed says hundreds of words in one."""

from __future__ import annotations

from tui.chat.reply import Piece, Reasoning, Text


class Pieces:
    """Pieces in the order in which they came, neighbours of the same kind joined into one."""

    def __init__(self) -> None:
        self._done: list[Piece] = []
        self._run: list[str] = []
        self._thinks = False

    def think(self, text: object) -> None:
        """Adds a piece of reasoning; what is no text, or none, is nothing."""
        if isinstance(text, str) and text:
            if not self._thinks:
                self._close()
                self._thinks = True
            self._run.append(text)

    def say(self, text: object) -> None:
        """Adds a piece of the answer; what is no text, or none, is nothing."""
        if isinstance(text, str) and text:
            if self._thinks:
                self._close()
                self._thinks = False
            self._run.append(text)

    def add(self, piece: Piece) -> None:
        self._close()
        self._done.append(piece)

    def take(self) -> list[Piece]:
        """All since the last call."""
        self._close()
        taken, self._done = self._done, []
        return taken

    def _close(self) -> None:
        if self._run:
            joined = "".join(self._run)
            self._done.append(Reasoning(joined) if self._thinks else Text(joined))
            self._run = []
