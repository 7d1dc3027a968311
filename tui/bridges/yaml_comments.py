"""Comments of a YAML document that is changed with ruamel.yaml."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any


@contextlib.contextmanager
def keeps_last_comment(container: Any) -> Iterator[None]:
    """What stands below the last line of ``container`` stands below it afterwards too, whatever was added meanwhile.

    ruamel.yaml (0.19) hangs the comment before the next section, and the empty lines around it, on the last value of
    the section before: what is appended there would come behind it.
    """
    token = _take_last(container)
    yield
    if token is not None:
        _put_last(container, token)


def _last_key(container: Any) -> Any:
    return len(container) - 1 if isinstance(container, list) else next(reversed(container))


def _holder(container: Any) -> tuple[Any, Any] | None:
    """The innermost block on the last line of ``container``, and its last key."""
    if not isinstance(container, list | dict) or not container:
        return None
    while True:
        key = _last_key(container)
        value: Any = container[key]
        if not isinstance(value, list | dict) or not value or _is_flow(value):
            return container, key
        container = value


def _is_flow(value: Any) -> bool:
    """Whether it stands on one line: [a, b]."""
    return bool(value.fa.flow_style())


def _take_last(container: Any) -> Any:
    held = _holder(container)
    if held is None:
        return None
    block, key = held
    place = 0 if isinstance(block, list) else 2
    tokens = block.ca.items.get(key)
    token = tokens[place] if tokens is not None and len(tokens) > place else None
    if token is None:
        return None
    line, newline, rest = token.value.partition("\n")
    if not rest.strip():
        # Only the end of that very line; nothing below it.
        return None
    token.value = line + newline if line.strip() else ""
    if not token.value:
        tokens[place] = None
    return rest


def _put_last(container: Any, text: str) -> None:
    from ruamel.yaml.error import CommentMark
    from ruamel.yaml.tokens import CommentToken

    held = _holder(container)
    if held is None:
        return
    block, key = held
    place = 0 if isinstance(block, list) else 2
    tokens = block.ca.items.setdefault(key, [None, None, None, None])
    standing = tokens[place]
    if standing is not None:
        standing.value = standing.value.rstrip("\n") + "\n" + text
    else:
        tokens[place] = CommentToken("\n" + text, CommentMark(0), None)
