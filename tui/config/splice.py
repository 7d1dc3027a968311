"""Changes one setting in the text of a configuration and leaves every other byte as it is.

tomlkit writes the values, but does not place them: in its documents the comment above a table belongs to the table
before it, so that removing one service would take the next section's comment along.
"""

from __future__ import annotations

import copy
import re
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

from tui.config.errors import setting_name
from tui.config.locate import Layout, Span, locate
from tui.config.splice_list import ListItem, take_apart

Setting = tuple[str, ...]
"""The names of the tables and of the setting, from the outside in."""


class NoSuchPlace(LookupError):
    """The document has nothing under that name, or something that cannot hold a setting."""


def set_setting(text: str, where: Setting, value: object) -> str:
    """``text`` with one setting at ``value`` (text, number, truth, list or mapping), added where it was missing.

    A new setting goes below the last one of its table, a new table below the last of its section.

    Raises:
        NoSuchPlace: something on the way to it is no table.
    """
    wanted = tomllib.loads(text)
    table = wanted
    for name in where[:-1]:
        table = table.setdefault(name, {})
        if not isinstance(table, dict):
            raise NoSuchPlace(f"{setting_name(where)} cannot be set: {name} is no table")
    if where[-1] in table and _same(table[where[-1]], value):
        return text
    table[where[-1]] = copy.deepcopy(value)
    return _proved(_set(text, where, value), wanted)


def remove_setting(text: str, where: Setting) -> str:
    """``text`` without one setting or table, and without the comment on its own line; comments above it stay.

    Raises:
        NoSuchPlace: it is not there.
    """
    wanted = tomllib.loads(text)
    table: Any = wanted
    for name in where[:-1]:
        table = table.get(name) if isinstance(table, dict) else None
    if not isinstance(table, dict) or where[-1] not in table:
        raise NoSuchPlace(f"{setting_name(where)} is not in the file")
    del table[where[-1]]
    return _proved(_remove(text, where), wanted, but_for_empty=where[:-1])


def _same(one: object, other: object) -> bool:
    """Equal, and of one type: True is not 1 in a file."""
    if isinstance(one, dict) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_same(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    return type(one) is type(other) and one == other


def _proved(text: str, wanted: dict[str, Any], but_for_empty: Setting = ()) -> str:
    """``text``, once it is proved to mean ``wanted``: a person's file is nothing to trust one's own arithmetic with."""
    found = tomllib.loads(text)
    # A table that was only implied by the setting that went is gone with it.
    for length in range(len(but_for_empty), 0, -1):
        _drop_if_empty(wanted, but_for_empty[:length])
        _drop_if_empty(found, but_for_empty[:length])
    if not _same(found, wanted):
        raise NoSuchPlace("this edit cannot be made without touching other settings; make it in an editor")
    return text


def _drop_if_empty(document: dict[str, Any], where: Setting) -> None:
    for name in where[:-1]:
        document = document.get(name, {})
    if document.get(where[-1]) == {}:
        del document[where[-1]]


def _set(text: str, where: Setting, value: object) -> str:
    layout = locate(text)
    if where in layout.settings:
        span = layout.settings[where]
        if isinstance(value, list | tuple) and text[span.value] == "[" and "\n" in text[span.value : span.end]:
            return text[: span.value] + _rearranged(text, layout, where, value) + text[span.end :]
        return text[: span.value] + _rendered(value) + text[span.end :]
    if where in layout.lines:
        return _set_table(text, where, value)
    parent, name = where[:-1], where[-1]
    if parent in layout.settings:
        return _add_inline(text, layout, parent, f"{_key(name)} = {_rendered(value)}")
    if isinstance(value, Mapping) and not (parent and parent in layout.tables):
        return _add_table(text, layout, where, value)
    if parent in layout.tables:
        return _add_line(text, layout.tables[parent], f"{_key(name)} = {_rendered(value)}")
    dotted = _last_dotted(layout, parent)
    if dotted is not None:
        table, span = dotted
        return _add_line(text, span, f"{'.'.join(map(_key, where[len(table) :]))} = {_rendered(value)}")
    return _set(text, parent, {name: value})


def _rearranged(text: str, layout: Layout, where: Setting, value: Sequence[object]) -> str:
    """A list over several lines with other items; those that stay are found by what they mean."""
    written = take_apart(text, layout.settings[where], layout.items.get(where, []))
    meanings = [tomllib.loads(f"item = {item.source}")["item"] for item in written.items]
    left = list(range(len(meanings)))
    chosen: list[int | ListItem] = []
    for part in value:
        place = next((place for place in left if _same(meanings[place], part)), None)
        if place is not None:
            left.remove(place)
        chosen.append(ListItem(_rendered(part)) if place is None else place)
    return written.with_items(chosen, "\r\n" if "\r\n" in text else "\n")


def _set_table(text: str, where: Setting, value: object) -> str:
    """A table with lines of its own: each of its settings is set by itself, so that their comments stay."""
    if not isinstance(value, Mapping):
        raise NoSuchPlace(f"{setting_name(where)} is a table; set what is in it")
    current: Any = tomllib.loads(text)
    for name in where:
        current = current[name]
    for name in current.keys() - value.keys():
        text = _remove(text, (*where, name))
    for name, part in value.items():
        if name not in current or not _same(current[name], part):
            text = _set(text, (*where, name), part)
    return text


def _last_dotted(layout: Layout, parent: Setting) -> tuple[Setting, Span] | None:
    """The last setting that is written with dots through ``parent``, and the table that it is written in."""
    found = None
    for where, span in layout.settings.items():
        if where[: len(parent)] != parent or len(where) <= len(parent):
            continue
        names = tuple(name for name in where if isinstance(name, str))
        tables = [table for table in layout.tables if table == names[: len(table)] and len(table) < len(parent)]
        outer = max(tables, key=len, default=())
        if layout.tables[outer].start <= span.start <= layout.tables[outer].end:
            found = names[: len(outer)], span
    return found


def _add_inline(text: str, layout: Layout, parent: Setting, entry: str) -> str:
    span = layout.settings[parent]
    if text[span.value] != "{":
        raise NoSuchPlace(f"{setting_name(parent)} is no table")
    inner = _children(layout, parent)
    at = inner[-1].end if inner else span.value + 1
    return text[:at] + (f", {entry}" if inner else f" {entry} ") + text[at if inner else span.end - 1 :]


def _children(layout: Layout, parent: Setting) -> list[Span]:
    """The settings right inside of an inline table, in their order; ``a.b = 1`` is one of them."""
    spans = [span for where, span in layout.settings.items() if where[: len(parent)] == parent and where != parent]
    spans.sort(key=lambda span: (span.start, -span.end))
    outermost: list[Span] = []
    for span in spans:
        if not outermost or span.start >= outermost[-1].end:
            outermost.append(span)
    return outermost


def _add_line(text: str, after: Span, line: str) -> str:
    indent = re.match(r"[ \t]*", text[_line_start(text, after.start) :])
    return _insert_lines(text, after.end, [(indent.group() if indent and after.end else "") + line])


def _add_table(text: str, layout: Layout, where: Setting, values: Mapping[str, object]) -> str:
    lines = [f"[{'.'.join(map(_key, where))}]"]
    lines += [f"{_key(name)} = {_rendered(value)}" for name, value in values.items()]
    for length in range(len(where) - 1, 0, -1):
        relatives = [span for table, span in layout.tables.items() if table[:length] == where[:length]]
        if relatives:
            return _insert_lines(text, max(span.end for span in relatives), ["", *lines])
    return _insert_lines(text, len(text), ["", *lines] if text.strip() else lines)


def _insert_lines(text: str, at: int, lines: Sequence[str]) -> str:
    """Puts whole lines below the line that ``at`` is in, or above everything where that is the start of the text."""
    end_of_line = "\r\n" if "\r\n" in text else "\n"
    at = _line_end(text, at) if at else 0
    added = "".join(line + end_of_line for line in lines)
    if at and not text[:at].endswith("\n"):
        added = end_of_line + added
    return text[:at] + added + text[at:]


def _remove(text: str, where: Setting) -> str:
    layout = locate(text)
    span = layout.settings.get(where)
    if span is not None:
        around = next((where[:length] for length in range(1, len(where)) if where[:length] in layout.settings), None)
        return _without_lines(text, [span]) if around is None else _without_inline(text, layout, where, span)
    inside = [span for table, span in layout.tables.items() if table and table[: len(where)] == where]
    for setting, span in layout.settings.items():
        if setting[: len(where)] == where and not any(table.start <= span.start < table.end for table in inside):
            inside.append(span)
    return _without_lines(text, inside)


def _without_inline(text: str, layout: Layout, where: Setting, span: Span) -> str:
    parent = next(where[:length] for length in range(len(where) - 1, 0, -1) if where[:length] in layout.settings)
    siblings = _children(layout, parent)
    place = siblings.index(span)
    if place > 0:
        return text[: siblings[place - 1].end] + text[span.end :]
    if len(siblings) > 1:
        return text[: span.start] + text[siblings[1].start :]
    return text[: layout.settings[parent].value] + "{}" + text[layout.settings[parent].end :]


def _without_lines(text: str, spans: Sequence[Span]) -> str:
    for span in sorted(spans, key=lambda span: span.start, reverse=True):
        text = text[: _line_start(text, span.start)] + text[_line_end(text, span.end) :]
    return text


def _line_start(text: str, at: int) -> int:
    return text.rfind("\n", 0, at) + 1


def _line_end(text: str, at: int) -> int:
    """Behind the line end that follows ``at``."""
    end = text.find("\n", at)
    return len(text) if end < 0 else end + 1


def _key(name: str) -> str:
    import tomlkit

    return tomlkit.key(name).as_string()


def _rendered(value: object) -> str:
    import tomlkit

    if isinstance(value, Mapping):
        inside = ", ".join(f"{_key(name)} = {_rendered(part)}" for name, part in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_rendered, value))}]"
    return tomlkit.item(value).as_string()
