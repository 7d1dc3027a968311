"""The documentation as a reader finds it: pages, links, blocks of code, commands."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = tuple(
    sorted(
        path
        for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"))
        if not path.name.startswith(".") and path.is_file()
    )
)
_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>[a-z]*)\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)
_NOTE = re.compile(r"<!-- (?P<kind>not run|from): (?P<words>[^>]*?) -->\n+\Z")
_EXIT = re.compile(r"#.*\bexit (\d+)")
_OPERATORS = frozenset({"|", "||", "&&", ";", "&"})
_REDIRECTIONS = frozenset({"<", ">", ">>", "2>", "<<"})


@dataclass(frozen=True, slots=True)
class Block:
    """A block of code."""

    page: Path
    line: int
    language: str
    text: str
    not_run: str = ""
    """Why its commands are not run; empty: they are."""
    comes_from: str = ""
    """The command whose output it shows an example of."""

    @property
    def where(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


@dataclass(frozen=True, slots=True)
class Command:
    """One call of fleetdeck in a block."""

    words: tuple[str, ...]
    """Behind the program's name."""
    where: str
    is_fed: bool = False
    """True where something comes on standard input."""
    exit_code: int = 0

    def __str__(self) -> str:
        return f"{self.where}: fleetdeck {shlex.join(self.words)}"


@cache
def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def blocks(page: Path, *languages: str) -> list[Block]:
    """The page's blocks in these languages, in order."""
    text = text_of(page)
    found = []
    for fence in _FENCE.finditer(text):
        if fence["language"] not in languages:
            continue
        note = _NOTE.search(text[: fence.start()])
        notes = {note["kind"]: note["words"]} if note is not None else {}
        line = text.count("\n", 0, fence.start()) + 1
        found.append(
            Block(page, line, fence["language"], fence["text"], notes.get("not run", ""), notes.get("from", ""))
        )
    return found


def prose(page: Path) -> str:
    """The page without its blocks."""
    return _FENCE.sub("", text_of(page))


def inline_code(page: Path) -> list[str]:
    return re.findall(r"`([^`\n]+)`", prose(page))


def links(page: Path) -> list[str]:
    """What the page links to and shows, on this disk alone."""
    found = re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`", "", prose(page)))
    return [target for target in found if not re.match(r"[a-z]+:", target)]


def headings(page: Path) -> list[str]:
    return re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """By what the page's headings are linked to, as GitHub makes it: in lower case, without punctuation, "-" for a
    space."""
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings(page))
    return {words.strip().replace(" ", "-") for words in plain}


def commands(block: Block) -> Iterator[Command]:
    """The calls of fleetdeck in a block of shell, pipelines and ``$(…)`` taken apart."""
    for offset, line in enumerate(_lines(block.text), start=1):
        where = f"{block.page.relative_to(ROOT)}:{block.line + offset}"
        said = _EXIT.search(line)
        for inner in re.findall(r"\$\((fleetdeck [^)]*)\)", line):
            yield Command(tuple(shlex.split(inner)[1:]), where)
        for words, is_fed in _simple_commands(line):
            called = _called(words)
            if called is not None:
                yield Command(called, where, is_fed, int(said[1]) if said is not None else 0)


def _lines(text: str) -> Iterator[str]:
    """Logical lines: what a backslash continues is one, and what stands in a here-document is none. A line that is
    continued is followed by empty ones, so that lines can be counted."""
    until = ""
    gathered = ""
    for line in text.splitlines():
        if until:
            until = "" if line.strip() == until else until
            yield ""
            continue
        gathered += line
        if gathered.endswith("\\"):
            gathered = gathered.removesuffix("\\")
            yield ""
            continue
        here = re.search(r"<<'?(\w+)'?", gathered)
        until = here[1] if here is not None else ""
        yield gathered
        gathered = ""


def _simple_commands(line: str) -> Iterator[tuple[list[str], bool]]:
    """The words of each command of a line, without redirections, and whether something feeds it."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split = True
    words: list[str] = []
    is_fed = False
    tokens = iter(lexer)
    for token in tokens:
        if token in _OPERATORS:
            yield words, is_fed
            words, is_fed = [], token == "|"
        elif token in _REDIRECTIONS:
            target = next(tokens, "")
            is_fed = is_fed or (token == "<" and target != "/dev/null")
        else:
            words.append(token)
    yield words, is_fed


def _called(words: list[str]) -> tuple[str, ...] | None:
    while words and re.fullmatch(r"\w+=.*", words[0]):
        words = words[1:]
    if "--" in words and "fleetdeck" in words[words.index("--") :]:
        words = words[words.index("--") + 1 :]  # What another program is told to run.
    return tuple(words[1:]) if words and words[0] == "fleetdeck" else None
