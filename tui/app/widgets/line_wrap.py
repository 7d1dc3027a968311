"""Breaks a line of text where a terminal's width ends."""

from __future__ import annotations

from rich.cells import cell_len, get_character_cell_size


def wrap(text: str, width: int, following: int | None = None) -> list[tuple[int, int]]:
    """The pieces of ``text`` as (start, end): each fits into ``width`` cells, those after the first into ``following``.

    Breaks at spaces, which are left out there, and within words that are longer than a line.
    """
    following = width if following is None else following
    if cell_len(text) <= width:
        return [(0, len(text))]
    narrow = text.isascii()
    pieces: list[tuple[int, int]] = []
    at, room = 0, max(2, width)
    while at < len(text):
        fits = min(len(text), at + room) if narrow else _fitting(text, at, room)
        if fits >= len(text):
            pieces.append((at, len(text)))
            break
        cut = fits if text[fits] == " " else text.rfind(" ", at + 1, fits)
        if cut <= at or not text[at:cut].strip():
            cut = fits
        pieces.append((at, cut))
        at = cut + 1 if text[cut] == " " else cut
        room = max(2, following)
    return pieces


def _fitting(text: str, at: int, room: int) -> int:
    """Where the characters end that fit into ``room`` cells from ``at`` on; at least one does."""
    used = 0
    for index in range(at, len(text)):
        used += get_character_cell_size(text[index])
        if used > room:
            return max(index, at + 1)
    return len(text)
