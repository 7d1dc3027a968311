"""Text from outside, made harmless to a terminal."""

from __future__ import annotations

import re

_CONTROL = re.compile(
    # C0 and DEL, C1, the marks that reorder or hide text (Unicode UAX #9), byte-order marks, and lone surrogates.
    "[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]"
)


def printable(text: str, limit: int | None = None) -> str:
    """``text`` on one line without any control code: C0 codes become their pictures (␛), the rest "�".

    ``limit`` cuts it to so many characters, the last being "…".
    """
    if limit is not None and len(text) > limit:
        text = text[: max(0, limit - 1)] + "…"
    return _CONTROL.sub(_picture, text)


def printable_lines(text: str) -> str:
    """The same for text of several lines: line ends and tabs stay."""
    return "\n".join(printable(line.replace("\t", "    ")) for line in text.splitlines())


def _picture(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else "�"
