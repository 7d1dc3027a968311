"""Turns one value of the file into what its setting holds, or says in plain words why it cannot be."""

from __future__ import annotations

import datetime
import math
import re
import types
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec
from msgspec import Meta

from tui.config.errors import Where, nearest

_WANTED = {str: "text in quotes", bool: "true or false", int: "a whole number", float: "a number", tuple: "a list"}
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_NUMBER = re.compile(r"[-+]?\d[\d_]*(\.\d+)?")


class Unfit(Exception):
    """A value that its setting cannot hold. ``inner`` leads to the part of it that is wrong, an item of a list."""

    def __init__(self, text: str, inner: Where = ()) -> None:
        self.text = text
        self.inner = inner
        super().__init__(text)


def fitted(value: object, wanted: Any) -> Any:
    """``value`` as the type ``wanted``.

    Raises:
        Unfit: it is of another type, or outside of what is allowed; the text never quotes it.
    """
    try:
        fit = msgspec.convert(value, wanted)
    except msgspec.ValidationError:
        raise _unfit(value, wanted) from None
    for place, part in enumerate(fit if isinstance(fit, tuple) else (fit,)):
        inner, start = ((place,), f"item {place + 1} ") if isinstance(fit, tuple) else ((), "")
        if isinstance(part, str) and _CONTROL.search(part):
            raise Unfit(f"{start}holds a control character; leave it out", inner)
        if isinstance(part, float) and not math.isfinite(part):
            raise Unfit(f"{start}should be a finite number")
    return fit


def described(value: object) -> str:
    """What kind of value the file has, as a person would call it: "text", "a list"."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return "text"
        case int():
            return "a whole number"
        case float():
            return "a number"
        case list() | tuple():
            return "a list"
        case dict():
            return "a table"
        case datetime.date() | datetime.time():
            return "a date or a time"
        case _:
            return "something else"


def without_none(wanted: Any) -> Any:
    """The type that a setting holds when it is given: ``X`` for ``X | None``."""
    if get_origin(wanted) in (Union, types.UnionType):
        return next(part for part in get_args(wanted) if part is not types.NoneType)
    return wanted


def _unfit(value: object, wanted: Any) -> Unfit:
    wanted = without_none(wanted)
    limits = (
        [part for part in get_args(wanted)[1:] if isinstance(part, Meta)] if get_origin(wanted) is Annotated else []
    )
    plain = get_args(wanted)[0] if get_origin(wanted) is Annotated else wanted
    if get_origin(plain) is Literal:
        return _no_choice(value, get_args(plain))
    kind = get_origin(plain) or plain
    if kind is tuple and isinstance(value, list):
        return _unfit_item(value, get_args(plain)[0])
    if not _is_of(value, kind):
        return Unfit(f"should be {_WANTED[kind]}, is {described(value)}{_hint(value, kind)}")
    return Unfit("; ".join(_limit_in_words(limit, kind) for limit in limits))


def _is_of(value: object, kind: type) -> bool:
    if kind is tuple:
        return isinstance(value, list)
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return type(value) is kind


def _unfit_item(items: list[object], wanted: Any) -> Unfit:
    for place, item in enumerate(items):
        try:
            msgspec.convert(item, wanted)
        except msgspec.ValidationError:
            return Unfit(f"item {place + 1} {_unfit(item, wanted).text}", (place,))
    return Unfit("should not be empty")


def _no_choice(value: object, choices: tuple[str, ...]) -> Unfit:
    allowed = f'"{choices[0]}"' if len(choices) == 1 else f"{', '.join(choices[:-1])} or {choices[-1]}"
    if not isinstance(value, str):
        return Unfit(f"should be {allowed}, is {described(value)}")
    meant = nearest(value, choices)
    return Unfit(f"should be {allowed}" + (f'; did you mean "{meant}"?' if meant and len(choices) > 1 else ""))


def _hint(value: object, kind: type) -> str:
    if isinstance(value, str) and kind in (int, float) and _NUMBER.fullmatch(value):
        return "; leave the quotes out"
    if isinstance(value, str) and kind is bool and value.lower() in ("true", "false"):
        return "; leave the quotes out"
    if isinstance(value, str) and kind is tuple:
        return "; put it in [ ]"
    return ""


def _limit_in_words(limit: Meta, kind: type) -> str:
    if limit.description is not None:
        return f"should be {limit.description}"
    if kind is str or kind is tuple:
        return "should not be empty"
    return "should be " + " and ".join(_bounds(limit))


def _bounds(limit: Meta) -> Iterator[str]:
    if limit.ge is not None:
        yield f"at least {limit.ge:g}"
    if limit.le is not None:
        yield f"at most {limit.le:g}"
