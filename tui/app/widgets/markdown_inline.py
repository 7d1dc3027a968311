"""Emphasis, code and links within one line of an answer, as text with styled spans."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

DEEPEST = 3
"""Emphasis within emphasis; deeper than that it is text."""

# Every repetition has an upper bound, and none may be read in two ways: an answer of nothing but asterisks must not
# take longer than one of words.
_INLINE = re.compile(
    r"""
      \\(?P<escaped>[!-/:-@\[-`{-~])
    | (?<!`)`(?!`)(?P<code>[^`]{1,400})`(?!`)
    | (?<!`)``(?!`)(?P<code_with_ticks>[^`]{0,400}(?:`(?!`)[^`]{1,400}){0,8})``(?!`)
    | \*\*\*(?=[^\s*])(?P<both>[^*]{1,600})(?<=\S)\*\*\*(?!\*)
    | (?P<strong>\*\*|__)(?=[^\s*_])(?P<bold>(?:[^*_\n]|[*_](?![*_])){1,600}?)(?<=\S)(?P=strong)
    | (?<![\w*])\*(?=[^\s*])(?P<star>[^*]{1,600})(?<=\S)\*(?!\*)
    | (?<![\w_])_(?=[^\s_])(?P<bar>[^_]{1,600})(?<=\S)_(?![\w_])
    | ~~(?=[^\s~])(?P<gone>[^~]{1,400})~~
    | \[(?P<label>[^\[\]]{1,300})\]\((?P<url>[^()\s]{1,600}(?:\([^()\s]{0,200}\)[^()\s]{0,200})?)\)
    """,
    re.VERBOSE,
)
_HOLD_OTHERS = frozenset({"both", "bold", "star", "bar", "gone", "strong"})
"""Marks within which there may be other marks."""
_MAY_HOLD = re.compile(r"[\\`*_~\[]")


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a text with a style of its own: names of styles, joined by "+"."""

    start: int
    end: int
    style: str


def clipped(spans: Iterable[Span], start: int, end: int, at: int) -> list[Span]:
    """What of ``spans`` is between ``start`` and ``end``, for where that part of the text begins ``at``."""
    shift = at - start
    return [
        Span(max(span.start, start) + shift, min(span.end, end) + shift, span.style)
        for span in spans
        if span.start < end and span.end > start
    ]


def inline(text: str, style: str = "", depth: int = 0) -> tuple[str, list[Span]]:
    """``text`` without its marks, and where the marked parts are. ``style`` is that of all of it."""
    if depth > DEEPEST or not _MAY_HOLD.search(text):
        return text, [Span(0, len(text), style)] if style and text else []
    parts: list[str] = []
    spans: list[Span] = []
    length = 0

    def add(words: str, words_style: str) -> None:
        nonlocal length
        if words:
            parts.append(words)
            if words_style:
                spans.append(Span(length, length + len(words), words_style))
            length += len(words)

    at = 0
    for found in _INLINE.finditer(text):
        add(text[at : found.start()], style)
        at = found.end()
        inner_text, inner_style = _marked(found, style)
        if found["url"] is not None:
            add(found["label"], _joined(style, "link"))
            if found["url"] != found["label"]:
                add(f" ({found['url']})", _joined(style, "url"))
        elif found.lastgroup not in _HOLD_OTHERS:
            add(inner_text, inner_style)
        else:
            plain, inner = inline(inner_text, inner_style, depth + 1)
            spans += [Span(length + span.start, length + span.end, span.style) for span in inner]
            parts.append(plain)
            length += len(plain)
    add(text[at:], style)
    return "".join(parts), spans


def _marked(found: re.Match[str], style: str) -> tuple[str, str]:
    """What one mark encloses, and its style."""
    if (code := found["code"] or found["code_with_ticks"]) is not None:
        # CommonMark 0.31 §6.1: one space on each side only keeps the backticks apart.
        stripped = code[1:-1] if len(code) > 2 and code[0] == code[-1] == " " and code.strip() else code
        return stripped, _joined(style, "code")
    if (both := found["both"]) is not None:
        return both, _joined(_joined(style, "bold"), "em")
    if (bold := found["bold"]) is not None:
        return bold, _joined(style, "bold")
    if (emphasis := found["star"] or found["bar"]) is not None:
        return emphasis, _joined(style, "em")
    if (gone := found["gone"]) is not None:
        return gone, _joined(style, "strike")
    return found["escaped"] or "", style


def _joined(style: str, more: str) -> str:
    return f"{style}+{more}" if style else more
