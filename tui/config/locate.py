"""Where in a TOML document each setting stands.

The standard library's reader gives values without places, so this walks over the text of a document that it has already
accepted: it knows where strings, lists and tables end, and nothing about what values mean.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field

from tui.config.errors import Where

_BLANK = re.compile(r"(?:[ \t\r\n]++|#[^\n]*+)*+")
_SPACE = re.compile(r"[ \t]*+")
_KEY_PART = re.compile(r"""[A-Za-z0-9_-]++|"(?:[^"\\\n]++|\\.)*+"|'[^'\n]*+'""")
_STRING = re.compile(
    # A multi-line string may end in one or two quotes of its own before the three that close it (TOML 1.0).
    r'''"""(?:[^"\\]++|\\.|"(?!""))*+"{3,5}|'{3}(?:[^']++|'(?!\'\'))*+'{3,5}|"(?:[^"\\\n]++|\\.)*+"|'[^'\n]*+\'''',
    re.DOTALL,
)
_PLAIN = re.compile(r"[^,\]}#\r\n]++")


@dataclass(frozen=True, slots=True)
class Span:
    """A part of the text, as offsets. ``value`` is where a setting's value begins, or where a table's header ends."""

    start: int
    value: int
    end: int


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything in a document stands."""

    lines: dict[Where, int] = field(default_factory=dict)
    """The line, counted from 1, of every table, setting and list item."""
    settings: dict[Where, Span] = field(default_factory=dict)
    """Every ``name = value``, those inside of inline tables as well."""
    items: dict[Where, list[Span]] = field(default_factory=dict)
    """The items of every list, in their order."""
    tables: dict[Where, Span] = field(default_factory=dict)
    """Every ``[header]`` up to the end of the last setting under it; ``()`` is the part above the first one."""

    def line_of(self, where: Where) -> int | None:
        """The line of ``where``, or of the nearest thing around it that the document does hold."""
        while where:
            if where in self.lines:
                return self.lines[where]
            where = where[:-1]
        return None


def locate(text: str) -> Layout:
    """Where everything in ``text`` stands, which must be a valid TOML document."""
    return _Walk(text).layout


class _Walk:
    """One pass over a document, from top to end."""

    def __init__(self, text: str) -> None:
        self.layout = Layout(tables={(): Span(0, 0, 0)})
        self._text = text
        self._at = 0
        self._line = 1
        self._counted_to = 0
        self._list_tables: dict[Where, int] = {}
        table: Where = ()
        self._skip(_BLANK)
        while self._at < len(text):
            if text[self._at] == "[":
                table = self._header()
            else:
                self._setting(table)
                header = self.layout.tables[table]
                self.layout.tables[table] = Span(header.start, header.value, self._at)
            self._skip(_BLANK)

    def _skip(self, pattern: re.Pattern[str]) -> None:
        match = pattern.match(self._text, self._at)
        if match is not None:
            self._at = match.end()

    def _next_is(self, character: str) -> bool:
        return self._text.startswith(character, self._at)

    def _here(self) -> int:
        self._line += self._text.count("\n", self._counted_to, self._at)
        self._counted_to = self._at
        return self._line

    def _note(self, where: Where, line: int, prefix: int = 0) -> None:
        """Keeps the line of ``where``, and of the tables around it that nothing has mentioned before."""
        for length in range(prefix + 1, len(where) + 1):
            self.layout.lines.setdefault(where[:length], line)

    def _key(self) -> tuple[str, ...]:
        parts: list[str] = []
        while match := _KEY_PART.match(self._text, self._at):
            part = match.group()
            # The standard library undoes a quoted key's escapes, so that they are undone in the same way.
            parts.append(tomllib.loads(f"key = {part}")["key"] if part[0] in "\"'" else part)
            self._at = match.end()
            self._skip(_SPACE)
            if not self._next_is("."):
                break
            self._at += 1
            self._skip(_SPACE)
        return tuple(parts)

    def _header(self) -> Where:
        start, line = self._at, self._here()
        is_list = self._text.startswith("[[", self._at)
        self._at += 2 if is_list else 1
        self._skip(_SPACE)
        key = self._key()
        self._skip(_SPACE)
        self._at += 2 if is_list else 1
        where: Where = ()
        for part in key[:-1]:
            where = self._in_last((*where, part))
        where += (key[-1],)
        if is_list:
            self._note(where, line)
            self._list_tables[where] = self._list_tables.get(where, -1) + 1
        where = self._in_last(where)
        self._note(where, line)
        # The header of a table says more than an earlier mention of something inside it.
        self.layout.lines[where] = line
        self.layout.tables[where] = Span(start, self._at, self._at)
        return where

    def _in_last(self, where: Where) -> Where:
        """A name that stands for a list of tables means the last one so far."""
        return (*where, self._list_tables[where]) if where in self._list_tables else where

    def _setting(self, table: Where) -> None:
        start, line = self._at, self._here()
        where = table + self._key()
        self._note(where, line, prefix=len(table))
        self._at += 1
        self._skip(_SPACE)
        value = self._at
        self._value(where)
        self.layout.settings[where] = Span(start, value, self._at)

    def _value(self, where: Where) -> None:
        # At most two frames for each level of nesting: the standard library's reader took no fewer for this text.
        opening = self._text[self._at : self._at + 1]
        if opening not in ("[", "{"):
            self._skip(_STRING if opening in ("'", '"') else _PLAIN)
            while self._text[self._at - 1] in " \t":
                self._at -= 1
            return
        closing = "]" if opening == "[" else "}"
        self._at += 1
        self._skip(_BLANK)
        index = 0
        while self._at < len(self._text) and not self._next_is(closing):
            if opening == "{":
                self._setting(where)
            else:
                self.layout.lines[(*where, index)] = self._here()
                start = self._at
                self._value((*where, index))
                self.layout.items.setdefault(where, []).append(Span(start, start, self._at))
                index += 1
            self._skip(_BLANK)
            if self._next_is(","):
                self._at += 1
                self._skip(_BLANK)
        self._at += 1
