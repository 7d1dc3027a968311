"""How a few letters find one row of ten thousand."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol, TypeVar

_NOT_FOUND = 99


class Findable(Protocol):
    """Typed words are looked for in ``lower``, which begins with ``name``; single letters in ``name`` alone."""

    @property
    def lower(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def warmth(self) -> int:
        """The smaller comes first among equals."""


Row = TypeVar("Row", bound=Findable)


def find(rows: Sequence[Row], typed: str) -> list[Row]:
    """The rows that hold every word of ``typed``, or its letters in that order; the nearest first.

    10 ms for 10 000 rows: only those that hold no word as it is are looked through letter by letter.
    """
    words = typed.lower().split()
    if not words:
        return list(rows)
    letters = [_letters(word) for word in words]
    found: list[tuple[int, int, int, int, Row]] = []
    for place, row in enumerate(rows):
        distance = 0
        for word, pattern in zip(words, letters, strict=True):
            one = _distance(row, word, pattern)
            if one == _NOT_FOUND:
                break
            distance += one
        else:
            found.append((distance, row.warmth, len(row.lower), place, row))
    found.sort(key=lambda item: item[:4])
    return [item[4] for item in found]


def _distance(row: Findable, word: str, letters: re.Pattern[str]) -> int:
    at = row.lower.find(word)
    if at == 0:
        return 0
    if at > 0:
        begins_word = not row.lower[at - 1].isalnum()
        return (1 if begins_word else 2) if at < len(row.name) else 4
    return 5 if letters.search(row.name) else _NOT_FOUND


def _letters(word: str) -> re.Pattern[str]:
    """Letters in that order, whatever stands between them; each is looked for once, so that no text takes long."""
    return re.compile("".join(f"[^{re.escape(letter)}]*+{re.escape(letter)}" for letter in word[:60]))
