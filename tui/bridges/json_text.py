"""Changes one thing in the text of a JSON file that belongs to a person, and leaves every other byte as it is.

Comments and trailing commas are read as well, since people write them; whoever needs to know is told where.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Way = tuple[str | int, ...]
"""From the outside in: names of an object's members, places in an array counted from 0."""

_SPACE = re.compile(r"[ \t\r\n]*")
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*"')
_PLAIN = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null")


class NoJson(Exception):
    """The text is no JSON, also when comments are let pass. ``line`` counts from 1."""

    def __init__(self, text: str, line: int) -> None:
        self.line = line
        super().__init__(text)


class NoSuchPlace(LookupError):
    """Something on the way is missing or of another kind; the text says what, as the end of a sentence."""


@dataclass(frozen=True, slots=True)
class Element:
    """A member of an object or an item of an array. A member's ``start`` is that of its name."""

    name: str | int
    start: int
    node: Node
    comma: int | None
    """Where the comma behind it is."""


@dataclass(frozen=True, slots=True)
class Node:
    """A value, and the characters that it is written with."""

    start: int
    end: int
    value: Any
    """As ``json.loads`` gives it: of two members with one name the last."""
    elements: tuple[Element, ...] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """A whole text."""

    root: Node
    beyond_json: int | None
    """The line, counted from 1, of the first comment or trailing comma; None: strict JSON."""

    def find(self, way: Way) -> Node:
        """
        Raises:
            NoSuchPlace: nothing is there.
        """
        node = self.root
        for place, name in enumerate(way):
            # Of members with one name the last is the one that programs take.
            found = next((element for element in reversed(node.elements) if element.name == name), None)
            if found is None:
                raise NoSuchPlace(f"has no {_words(way[: place + 1])}")
            node = found.node
        return node


def mark_and_text(text: str) -> tuple[str, str]:
    """The byte-order mark that a text begins with, or nothing, and the rest."""
    bare = text.removeprefix("\ufeff")
    return text[: len(text) - len(bare)], bare


def read_json_text(text: str) -> Document:
    """
    Raises:
        NoJson: it is no JSON.
    """
    reader = _Reader(text)
    try:
        root = reader.value()
        reader.skip()
    except RecursionError:
        raise NoJson("is nested too deeply", 1) from None
    if reader.at < len(text):
        raise reader.wrong("has something left over behind its end")
    return Document(root, reader.beyond_json)


def set_member(text: str, way: Way, value: object) -> str:
    """``text`` with the member of an object at ``value``; one that is new goes behind the others.

    Raises:
        NoJson: ``text`` is none.
        NoSuchPlace: what is to hold it is no object.
    """
    document = read_json_text(text)
    parent = document.find(way[:-1])
    if not isinstance(parent.value, dict):
        raise NoSuchPlace(f"cannot hold {_words(way)}: what is there is no object")
    wanted = copy.deepcopy(document.root.value)
    _inside(wanted, way[:-1])[way[-1]] = value
    if way[-1] in parent.value:
        node = document.find(way)
        rendered = _rendered(text, value, _indent_at(text, node.start))
        return _proved(text[: node.start] + rendered + text[node.end :], wanted)
    return _proved(_added(text, parent, f"{_dumped(way[-1])}: ", value), wanted)


def append_item(text: str, way: Way, value: object) -> str:
    """``text`` with one more item at the end of an array.

    Raises:
        NoJson: ``text`` is none.
        NoSuchPlace: there is no array.
    """
    document = read_json_text(text)
    array = document.find(way)
    if not isinstance(array.value, list):
        raise NoSuchPlace(f"has something else than a list at {_words(way)}")
    wanted = copy.deepcopy(document.root.value)
    _inside(wanted, way).append(value)
    return _proved(_added(text, array, "", value), wanted)


def remove(text: str, way: Way) -> str:
    """``text`` without one member or item; comments around it stay.

    Raises:
        NoJson: ``text`` is none.
        NoSuchPlace: it is not there.
    """
    document = read_json_text(text)
    document.find(way)
    parent = document.find(way[:-1])
    wanted = copy.deepcopy(document.root.value)
    del _inside(wanted, way[:-1])[way[-1]]
    places = [place for place, element in enumerate(parent.elements) if element.name == way[-1]]
    for place in reversed(places):
        text = _without(text, document.find(way[:-1]), place)
        document = read_json_text(text)
    return _proved(text, wanted)


def _words(way: Way) -> str:
    return ".".join(map(str, way)) or "an object around it all"


def _inside(value: Any, way: Way) -> Any:
    for name in way:
        value = value[name]
    return value


def _proved(text: str, wanted: object) -> str:
    """``text``, once it is proved to mean ``wanted``: a person's file is nothing to trust one's own arithmetic with."""
    # Compared as text, where True is not 1.
    if json.dumps(read_json_text(text).root.value, sort_keys=True) != json.dumps(wanted, sort_keys=True):
        raise NoSuchPlace("cannot be changed there without touching something else; do it in an editor")
    return text


def _dumped(value: object, indent: str | None = None) -> str:
    return json.dumps(value, indent=indent, ensure_ascii=False)


def _line_end(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _indent_at(text: str, at: int) -> str:
    """The blanks with which the line begins that ``at`` is in."""
    start = text.rfind("\n", 0, at) + 1
    match = re.compile(r"[ \t]*").match(text, start)
    return match.group() if match else ""


def _unit(text: str) -> str:
    """By how much the text indents: as its first indented line does."""
    match = re.search(r"\n([ \t]+)\S", text)
    return match.group(1) if match else "  "


def _rendered(text: str, value: object, indent: str) -> str:
    return _dumped(value, _unit(text)).replace("\n", _line_end(text) + indent)


def _added(text: str, container: Node, name: str, value: object) -> str:
    if not container.elements:
        return _first(text, container, name, value)
    last = container.elements[-1]
    on_lines = "\n" in text[container.start : container.elements[0].start]
    at, behind_line_comment = _behind_comment(text, last.comma + 1 if last.comma is not None else last.node.end)
    if on_lines or behind_line_comment:
        indent = _indent_at(text, last.start)
        added = _line_end(text) + indent + name + _rendered(text, value, indent)
    else:
        added = f" {name}{_dumped(value)}"
    if last.comma is not None:
        return f"{text[:at]}{added},{text[at:]}"
    return f"{text[: last.node.end]},{text[last.node.end : at]}{added}{text[at:]}"


def _first(text: str, container: Node, name: str, value: object) -> str:
    """The first element of an empty object or array, on a line of its own, below the comments inside."""
    outer = _indent_at(text, container.start)
    inner = outer + _unit(text)
    comments = list(_COMMENT.finditer(text, container.start + 1, container.end - 1))
    at = comments[-1].end() if comments else container.start + 1
    added = _line_end(text) + inner + name + _rendered(text, value, inner) + _line_end(text) + outer
    return text[:at] + added + text[container.end - 1 :]


def _behind_comment(text: str, at: int) -> tuple[int, bool]:
    """Behind the comment that ends this line, where one does, and whether it is a ``//`` one."""
    match = re.compile(r"[ \t]*(//[^\r\n]*|/\*[^\r\n]*?\*/(?=[ \t]*\r?\n))").match(text, at)
    return (match.end(), match.group(1).startswith("//")) if match else (at, False)


def _without(text: str, container: Node, place: int) -> str:
    element = container.elements[place]
    before = container.elements[place - 1] if place else None
    begin = len(text[: element.start].rstrip(" \t\r\n"))
    follows = re.compile(r"[ \t\r,]*\n").match(text, element.node.end)
    if "//" in text[text.rfind("\n", 0, begin) + 1 : begin] and follows is None:
        # What follows on this line would otherwise become part of the comment above it.
        begin = text.index("\n", begin) + 1
    cuts = [(begin, element.node.end)]
    if element.comma is not None:
        cuts.append((element.comma, element.comma + 1))
    elif before is not None and before.comma is not None:
        cuts.append((before.comma, before.comma + 1))
    for start, end in sorted(cuts, reverse=True):
        text = text[:start] + text[end:]
    if len(container.elements) == 1:
        inside = re.compile(r"[ \t\r\n]*").match(text, container.start + 1)
        assert inside is not None
        if text[inside.end()] in "}]":
            text = text[: container.start + 1] + text[inside.end() :]
    return text


class _Reader:
    """Reads one text from its start to its end."""

    def __init__(self, text: str) -> None:
        self.at = 0
        self.beyond_json: int | None = None
        self._text = text

    def wrong(self, words: str) -> NoJson:
        return NoJson(words, self._line())

    def skip(self) -> None:
        """Goes to the next character that is neither blank nor comment."""
        while True:
            blank = _SPACE.match(self._text, self.at)
            assert blank is not None
            self.at = blank.end()
            comment = _COMMENT.match(self._text, self.at)
            if comment is None:
                return
            self._goes_beyond_json()
            self.at = comment.end()

    def value(self) -> Node:
        self.skip()
        start = self.at
        opening = self._text[start : start + 1]
        if opening in ("{", "["):
            return self._container(opening)
        match = (_STRING if opening == '"' else _PLAIN).match(self._text, start)
        if match is None:
            raise self.wrong("holds something that is no value" if opening else "ends before it is complete")
        self.at = match.end()
        return Node(start, self.at, self._decoded(match.group()))

    def _container(self, opening: str) -> Node:
        start, closing = self.at, "}" if opening == "{" else "]"
        elements: list[Element] = []
        self.at += 1
        while True:
            self.skip()
            if self._text[self.at : self.at + 1] == closing:
                if elements and elements[-1].comma is not None:
                    self._goes_beyond_json()
                break
            if elements and elements[-1].comma is None:
                raise self.wrong("lacks a comma or a closing bracket")
            elements.append(self._element(len(elements), named=opening == "{"))
        self.at += 1
        value: object = [element.node.value for element in elements]
        if opening == "{":
            value = {element.name: element.node.value for element in elements}
        return Node(start, self.at, value, tuple(elements))

    def _element(self, place: int, *, named: bool) -> Element:
        start = self.at
        name: str | int = place
        if named:
            match = _STRING.match(self._text, start)
            if match is None:
                raise self.wrong("lacks a name in double quotes")
            name = str(self._decoded(match.group()))
            self.at = match.end()
            self.skip()
            if self._text[self.at : self.at + 1] != ":":
                raise self.wrong("lacks a colon behind a name")
            self.at += 1
        node = self.value()
        self.skip()
        comma = self.at if self._text[self.at : self.at + 1] == "," else None
        if comma is not None:
            self.at += 1
        return Element(name, start, node, comma)

    def _decoded(self, written: str) -> object:
        try:
            return json.loads(written)
        except ValueError:
            raise self.wrong("holds a text or a number that cannot be read") from None

    def _goes_beyond_json(self) -> None:
        if self.beyond_json is None:
            self.beyond_json = self._line()

    def _line(self) -> int:
        return self._text.count("\n", 0, self.at) + 1


def json_in(file: Path, most: int) -> object:
    """The value in a file of at most ``most`` bytes; None where there is none, or no JSON in it."""
    try:
        with file.open("rb") as opened:
            return json.loads(opened.read(most))
    except (OSError, ValueError, RecursionError):
        return None


def member(value: object, *names: str) -> object:
    """What a value read from JSON has under names inside one another; None where anything is missing."""
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def items(value: object) -> Sequence[object]:
    """The items of a list read from JSON; none where it is none."""
    return value if isinstance(value, list) else ()
