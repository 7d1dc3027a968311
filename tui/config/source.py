"""The text of ``config.toml``: how it is read from the disk, and as TOML."""

from __future__ import annotations

import re
import stat
import tomllib
from pathlib import Path
from typing import Any

from tui.config.errors import file_error
from tui.config.paths import reason_of

LARGEST = 1_000_000
"""Bytes: a configuration is a few thousand; what is larger is some other file."""

_PLACE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


def read_config_text(path: Path) -> str:
    """The text of a configuration file, with the line ends that it has.

    Raises:
        ConfigError: it is missing, unreadable, no regular file, too large or not UTF-8.
    """
    return decode_config(read_config_bytes(path), path)


def read_config_bytes(path: Path) -> bytes:
    """The bytes of a configuration file.

    Raises:
        ConfigError: it is missing, unreadable, no regular file or too large.
    """
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise file_error(path, "is a folder; name the file in it")
        # Opening a pipe or a terminal would wait, perhaps for ever. /dev/null is how to say "an empty one".
        if not stat.S_ISREG(mode) and path.resolve() != Path("/dev/null"):
            raise file_error(path, "is no regular file")
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except FileNotFoundError:
        raise file_error(path, "does not exist") from None
    except OSError as error:
        raise file_error(path, f"cannot be read: {reason_of(error)}") from None
    if len(content) > LARGEST:
        raise file_error(path, "is larger than 1 MB, so it is no configuration")
    return content


def decode_config(content: bytes, path: Path) -> str:
    """The text in the bytes of a configuration file.

    Raises:
        ConfigError: they are not UTF-8.
    """
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise file_error(path, "is not UTF-8 text; save it as UTF-8", line) from None


def parse_toml(text: str, path: Path) -> dict[str, Any]:
    """The tables and values in ``text``.

    Raises:
        ConfigError: it is not valid TOML; the problem names the line.
    """
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise file_error(path, "is nested too deeply to be a configuration") from None
    except tomllib.TOMLDecodeError as error:
        words = str(error)
        place = _PLACE.search(words)
        line = text.count("\n") + 1 if place is None or place[1] is None else int(place[1])
        raise file_error(path, _syntax_in_words(words[: place.start()] if place else words), line) from None
    except ValueError:
        # Python refuses to read whole numbers of more than some thousand digits, without saying where.
        raise file_error(path, "holds a number that is too long to read") from None


def _syntax_in_words(reason: str) -> str:
    """tomllib's reason as something to do. None of its words are passed on: some of them quote the file."""
    for start, words in _SYNTAX.items():
        if reason.startswith(start):
            return f"not valid TOML: {words}"
    return "not valid TOML"


_SYNTAX = {
    "Invalid value": "a value is text in quotes, a number, true, false, a [list] or a { table }",
    "Invalid statement": "a line is [a.table], name = value, or a # comment",
    "Expected '='": "a setting is written name = value",
    "Expected newline": "something is left over after the value; text stands in quotes, a comment after a #",
    "Expected ']": 'a table is written [name], and a name with a slash or dots in quotes: [models."service/name"]',
    "Invalid initial character": "a name holds letters, digits, _ and -; any other stands in quotes",
    "Cannot declare": "this table stands twice in the file; join the two",
    "Cannot overwrite": "this setting or table stands twice in the file; leave one out",
    "Duplicate inline table key": "this setting stands twice in its table; leave one out",
    "Cannot mutate immutable namespace": "a { table } cannot be added to further down; write all of it there",
    "Cannot redefine namespace": "this table stands twice in the file; join the two",
    "Unclosed array": "a list lacks its ] or a comma between two items",
    "Unclosed inline table": "a { table } lacks its } or a comma between two settings",
    "Unterminated string": "a text lacks its closing quote",
    "Unescaped '\\'": "a backslash in text is written \\\\, or the text stands in 'single quotes'",
    "Invalid hex value": "\\u in text is followed by four digits, \\U by eight",
    "Escaped character": "\\u or \\U in text names no character",
    "Illegal character": "a line end or control character stands where none may be; is a closing quote missing?",
    "Found invalid character": "a line end or control character stands where none may be",
    "Expected ": "a text lacks its closing quote",
    "Invalid date": "there is no such date or time; text stands in quotes",
}
