"""Standard input, output and errors as they may be: closed, full, or for a locale that has none of our symbols."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Mapping
from typing import TextIO

ASCII = str.maketrans(
    # The symbols and the punctuation of our own words; states have their word beside them.
    {
        **dict.fromkeys("●■◆★", "*"), **dict.fromkeys("○□◇◌", "o"), **dict.fromkeys("◐◑◒◓◔◕≈", "~"),
        **dict.fromkeys("·•–—─━‐‑", "-"), **dict.fromkeys("│▌▐█", "|"), **dict.fromkeys("×✗✘", "x"),
        **dict.fromkeys("‘’", "'"), **dict.fromkeys("“”„", '"'), **dict.fromkeys("▲↑", "^"), **dict.fromkeys("▼↓", "v"),
        **dict.fromkeys("✓✔", "+"), "…": "...", "→": "->", "←": "<-", "≤": "<=", "≥": ">=", "⚠": "!", "🔌": ">",
        "\u00a0": " ", "\u202f": " ", "µ": "u", "°": "", "│": "|",
    }
)  # fmt: skip


class OutputLost(OSError):
    """What was to be read on standard output cannot be written there."""

    def __str__(self) -> str:
        return f"standard output cannot be written to: {(self.strerror or 'unknown error').lower()}"


class _Data(io.FileIO):
    """Standard output, whose failures can be told from those of any other file."""

    def write(self, data: bytes | bytearray | memoryview) -> int:  # type: ignore[override]
        try:
            return super().write(data)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise OutputLost(error.errno, error.strerror) from None


class _Words(io.FileIO):
    """Standard errors: that nobody can read the words is no failure of what they are about."""

    def write(self, data: bytes | bytearray | memoryview) -> int:  # type: ignore[override]
        try:
            return super().write(data)
        except OSError:
            return len(data)


class _Likened(io.TextIOWrapper):
    """Text for a locale that promises no more than ASCII.

    By its name it is UTF-8: click would put a writer of its own in the place of one that is ASCII (8.2).
    """

    def write(self, text: str) -> int:
        super().write(likened(text))
        return len(text)


def likened(text: str) -> str:
    """The nearest in ASCII: symbols by what looks like them, letters without their accents, a ``?`` for all others."""
    if text.isascii():
        return text
    from unicodedata import combining, normalize

    plain = (one for one in normalize("NFKD", text.translate(ASCII)) if not combining(one))
    return "".join(one if one.isascii() else "?" for one in plain)


def prepare_streams() -> None:
    """Makes all three fit for use; to be called before anything is opened, which would get a closed one's number."""
    for number in range(3):
        _open_if_closed(number)
    if sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdout = _rewritten(sys.stdout, _Data(1, "w", closefd=False))
    sys.stderr = _rewritten(sys.stderr, _Words(2, "w", closefd=False))


def give_up_output() -> None:
    """Lets what was not written go: Python writes it at its end, would fail once more, and complain."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)


def locale_said(environment: Mapping[str, str]) -> tuple[str, str]:
    """The variable that decides about characters, and its value; ("", "") where none is set."""
    names = ["LC_ALL", "LC_CTYPE", "LANG"]
    if sys.flags.utf8_mode and "PYTHONUTF8" not in environment:
        # Python has set it itself, where LANG is C (PEP 538).
        names.remove("LC_CTYPE")
    return next(((name, environment[name]) for name in names if environment.get(name)), ("", ""))


def locale_draws(environment: Mapping[str, str]) -> bool:
    """Whether this locale promises our symbols. Where none is set, UTF-8 is assumed, as Python does; ``C`` and
    ``POSIX`` promise ASCII and no more."""
    _, value = locale_said(environment)
    return not value or "utf" in value.lower()


def _open_if_closed(number: int) -> None:
    try:
        os.fstat(number)
    except OSError:
        opened = os.open(os.devnull, os.O_RDWR)
        if opened != number:
            os.dup2(opened, number)
            os.close(opened)
        os.set_inheritable(number, True)


def _rewritten(former: TextIO | None, raw: io.FileIO) -> TextIO:
    encoding = getattr(former, "encoding", None) or "utf-8"
    errors = getattr(former, "errors", None) or "backslashreplace"
    lines = raw.isatty() or raw.fileno() == 2
    at_once = bool(getattr(former, "write_through", False))
    if locale_draws(os.environ) and "utf" in encoding.lower():
        return io.TextIOWrapper(io.BufferedWriter(raw), encoding, errors, line_buffering=lines, write_through=at_once)
    return _Likened(io.BufferedWriter(raw), "utf-8", "replace", line_buffering=lines, write_through=at_once)
