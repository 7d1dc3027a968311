"""What is wrong with a configuration, in words that a person can act on.

No text here quotes a value of the file: what stands right of an equals sign may be a key that somebody pasted there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

Where = tuple[str | int, ...]
"""The way to a setting: names of tables and settings, and places in lists counted from 0."""

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_CLOSE_ENOUGH = 0.6
"""How alike two names must be for one to be suggested: difflib's own choice, which takes two slips in five letters."""


@dataclass(frozen=True, slots=True)
class ConfigProblem:
    """One thing that is wrong. ``line`` counts from 1 and is None, as ``setting`` is empty, for the whole file."""

    path: Path
    line: int | None
    setting: str
    text: str

    def __str__(self) -> str:
        place = str(self.path) if self.line is None else f"{self.path}:{self.line}"
        words = ": ".join(part for part in (place, self.setting, self.text) if part)
        return "".join(character if character.isprintable() else "�" for character in words)


class ConfigError(Exception):
    """A configuration that cannot be used, with everything that is wrong with it, in the order of the file."""

    def __init__(self, problems: Sequence[ConfigProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        return "\n".join(map(str, self.problems))


class ConfigChanged(Exception):
    """The file is not as it was when the edit was made; nothing was written."""

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        super().__init__(f"{path}: {text}")


def file_error(path: Path, text: str, line: int | None = None) -> ConfigError:
    """An error with one problem that is about the file as a whole, or about a line that is no setting yet."""
    return ConfigError((ConfigProblem(path, line, "", text),))


def setting_name(where: Where) -> str:
    """The way to a setting as a person would write it; a place in a list is left to the error's text."""
    return ".".join(
        part if _BARE.fullmatch(part) else '"' + part.replace("\\", "\\\\").replace('"', '\\"') + '"'
        for part in where
        if isinstance(part, str)
    )


def nearest(name: str, valid: Iterable[str]) -> str | None:
    """The valid name that was most likely meant, or None where none is close."""
    by_folded = {one.lower().replace("-", "_"): one for one in reversed(tuple(valid))}
    # Every command imports this file, and few have anything to suggest.
    import difflib

    found = difflib.get_close_matches(name.lower().replace("-", "_"), by_folded, n=1, cutoff=_CLOSE_ENOUGH)
    return by_folded[found[0]] if found else None


def suggestion(name: str, valid: Sequence[str]) -> str:
    """``did you mean "port"?``, or else the list of what there is."""
    meant = nearest(name, valid)
    if meant is not None:
        return f'did you mean "{meant}"?'
    return f"there is {', '.join(valid)}" if valid else "there is none"
