"""One line of a log as it is shown: harmless to the terminal, without keys, in the colours that its program gave it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tui.fleet.machine_journal import JournalEntry
from tui.fleet.printable import printable
from tui.fleet.redact import redact

LONGEST = 2000
"""Characters of a line that are shown: 10 000 lines of journald's longest (48 KiB) would be half a gigabyte."""
_SGR = re.compile(r"\x1b\[([0-9;:]{0,40})m")
_LEVEL = re.compile(
    # As llama-swap and most others write it, and llama.cpp's single letters.
    r"^\W{0,3}(?:((?i:error|fatal|panic|critical)\b|E )|((?i:warn|warning)\b|W )|((?i:debug|trace)\b|D ))"
)


class Level(StrEnum):
    """How much a line matters, for its colour."""

    ERROR = "error"
    WARNING = "warning"
    PLAIN = "plain"
    DEBUG = "debug"
    MANAGER = "manager"
    """systemd's own words about the unit."""
    MARKER = "marker"
    """Ours: something is missing here."""


class Colour(StrEnum):
    """The colours of a terminal that say something. They are drawn in the theme's own, which are legible on it."""

    RED = "red"
    GREEN = "green"
    YELLOW = "yellow"
    BLUE = "blue"
    GREY = "grey"


_NAMED = (None, Colour.RED, Colour.GREEN, Colour.YELLOW, Colour.BLUE, Colour.BLUE, Colour.BLUE, None)
_COLOURS = dict(enumerate((*_NAMED, Colour.GREY, *_NAMED[1:])))
"""By number in a terminal's palette of 16."""


@dataclass(frozen=True, slots=True)
class Ink:
    """How a program wanted a part of its line to look: from ``start`` to before ``end``."""

    start: int
    end: int
    colour: Colour | None
    bold: bool


@dataclass(frozen=True, slots=True)
class LogLine:
    """``at``: Unix seconds; None where the log does not say."""

    text: str
    at: float | None = None
    level: Level = Level.PLAIN
    inks: tuple[Ink, ...] = ()

    @property
    def time_words(self) -> str:
        return "" if self.at is None else datetime.fromtimestamp(self.at).astimezone().strftime("%H:%M:%S")

    @property
    def day(self) -> str:
        """The date on which it was written; empty where the log does not say."""
        return "" if self.at is None else datetime.fromtimestamp(self.at).astimezone().strftime("%Y-%m-%d")

    @property
    def saved(self) -> str:
        """As it is copied and saved: with its date."""
        return self.text if self.at is None else f"{self.day} {self.time_words} {self.text}"


def marker(text: str, at: float | None = None) -> LogLine:
    return LogLine(f"── {text} ──", at, Level.MARKER)


def line_of_entry(entry: JournalEntry) -> LogLine:
    """A journal's entry, whose colours its reader has dropped already."""
    text = redact(entry.text)
    level = _level_of(text)
    if entry.priority is not None and entry.priority != 6:
        level = Level.ERROR if entry.priority <= 3 else Level.WARNING if entry.priority == 4 else level
        level = Level.DEBUG if entry.priority >= 7 else level
    if entry.identifier == "systemd":
        level = Level.MANAGER if level is Level.PLAIN else level
        text = f"systemd: {text}"
    return LogLine(_cut(text), entry.at, level)


def line_of_text(raw: str) -> LogLine:
    """A line as a program wrote it. Of a progress bar, which draws itself over and over, the last state is kept.

    Colours (SGR) are kept as :class:`Ink`; every other control code becomes visible.
    """
    raw = redact(raw.rstrip("\r\n").rpartition("\r")[2][: 4 * LONGEST].replace("\t", "    "))
    text = ""
    inks: list[Ink] = []
    colour: Colour | None = None
    bold = False
    # Text and the numbers of the control sequences between its parts, in turn.
    for place, part in enumerate(_SGR.split(raw)):
        if place % 2:
            colour, bold = _changed(part, colour, bold)
            continue
        start, text = len(text), text + printable(part)
        if len(text) > start and (colour or bold):
            inks.append(Ink(start, len(text), colour, bold))
    return LogLine(_cut(text), None, _level_of(text), tuple(inks))


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _changed(codes: str, colour: Colour | None, bold: bool) -> tuple[Colour | None, bool]:
    """The colour and boldness after a control sequence. Backgrounds, and what is no colour of the 16, are ours."""
    numbers = [int(code) if code and len(code) < 4 else 0 for code in re.split("[;:]", codes)]
    while numbers:
        code = numbers.pop(0)
        if code == 0:
            colour, bold = None, False
        elif code in (1, 22):
            bold = code == 1
        elif 30 <= code <= 37 or 90 <= code <= 97:
            colour = _COLOURS.get(code - 30 if code < 40 else code - 82)
        elif code == 39:
            colour = None
        elif code in (38, 48):
            # 5;N of 256, or 2;R;G;B: their numbers are no codes of their own.
            kind = numbers.pop(0) if numbers else 0
            chosen, numbers = (numbers[:1], numbers[1:]) if kind == 5 else ([], numbers[3:])
            if code == 38:
                colour = _COLOURS.get(chosen[0]) if chosen else None
    return colour, bold


def _level_of(text: str) -> Level:
    found = _LEVEL.match(text)
    if found is None:
        return Level.PLAIN
    return Level.ERROR if found[1] else Level.WARNING if found[2] else Level.DEBUG


def unseen(kept: Sequence[str], history: Sequence[LogLine]) -> tuple[Sequence[LogLine], bool]:
    """What of a log's history is new behind the lines that are ``kept``, and whether it goes on where they end.

    A log without cursors tells its history anew on every connection, cut off at some length.
    """
    if not kept:
        return history, True
    texts = [line.text for line in history]
    for end in range(len(texts), 0, -1):
        length = min(len(kept), end)
        if texts[end - 1] == kept[-1] and texts[end - length : end] == list(kept[-length:]):
            return history[end:], True
    return history, False
