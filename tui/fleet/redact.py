"""Takes what looks like a key out of text that a person will look at."""

from __future__ import annotations

import re
from functools import lru_cache

from tui.fleet.printable import printable

HIDDEN = "•••"
SHORTEST_KNOWN = 4

# Every repetition below has an upper bound: answers come from anybody, and what a pattern reads twice for each of
# 40 000 characters would stop the watching of all services for a minute.
_SPACE = r"(?:\s|\\{1,8}[nrt])"  # also as JSON writes it, and JSON within JSON
_NAME = (
    r"(?:api[_\ -]?key|access[_-]?key|private[_-]?key|token|secret|passw(?:or)?d|passphrase|credential|authorization)s?"
)
_VALUE = r"""
    ( \\{1,8} ["'] [^"'\\]{0,8000} (?: \\{1,8} ["'] )?
    | " (?: [^"\\] | \\. ){0,8000} "?
    | ' (?: [^'\\] | \\. ){0,8000} '?
    | [^\s,"'}\]&\[{\\]{1,8000} )
"""
_SETTING = re.compile(
    # A setting or header whose name says that its value is secret, and that value.
    rf"""(?ix)
    ( {_NAME} (?: \\{{0,8}} ["'] )? {_SPACE}{{0,8}} [=:] {_SPACE}{{0,8}}
      (?: (?: bearer | basic ) {_SPACE}{{1,8}} )? )
    {_VALUE}
    """
)
_FLAG = re.compile(
    # The same as words of a command line, or as items of a list of them.
    rf"""(?ix)
    ( -{{1,2}} [a-z0-9_.-]{{0,40}}? {_NAME}
      (?: {_SPACE}{{1,8}} (?: \\{{1,8}} {_SPACE}{{1,8}} )?
        | \\{{0,8}} ["'] {_SPACE}{{0,8}} , {_SPACE}{{0,8}} (?= \\{{0,8}} ["'] ) ) )
    (?! -- ) {_VALUE}
    """
)
_BEARER = re.compile(
    # In prose, what needs or offers this kind of authentication is no key.
    r"(?i)\b(bearer|basic)\s{1,8}(?!auth|tokens?\b|credentials?\b|scheme\b|realm\b)[A-Za-z0-9._~+/=-]{8,}"
)
_SHAPED = re.compile(
    r"(?:\b|(?<=\\[nrt]))(?:(?:sk|pk|rk|xai|glpat|nvapi)-[A-Za-z0-9_-]{6,}|hf_[A-Za-z0-9]{16,}|gsk_[A-Za-z0-9]{16,}"
    r"|gh[pousr]_[A-Za-z0-9]{16,}|github_pat_\w{16,}|AIza[A-Za-z0-9_-]{16,}|A[KS]IA[A-Z0-9]{12,}"
    r"|xox[abprs]-[A-Za-z0-9-]{8,}|eyJ[A-Za-z0-9_-]{8,500}\.[A-Za-z0-9_.-]{8,})"
)
_USERINFO = re.compile(r"(?i)([a-z][a-z0-9+.-]{0,20}://)[^/\s@\"']{1,500}@")
_NOT_SECRET = re.compile(
    r"(?i)^[\\\"']*(?:null|none|true|false|-?\d{1,9}(?:\.\d+)?|<[^>]*>|\[redacted\]|•••|)[\\\"']*$"
)


def redact(text: str, known: str = "") -> str:
    """``text`` with every key, token and password in it replaced. Numbers such as ``max_tokens: 5`` stay.

    ``known`` is a key that is hidden whatever it looks like, unless it is so short that any text may hold it.
    """
    if len(known) >= SHORTEST_KNOWN:
        text = text.replace(known, HIDDEN)
    text = _USERINFO.sub(rf"\1{HIDDEN}@", text)
    text = _SETTING.sub(_hide_value, text)
    text = _FLAG.sub(_hide_value, text)
    text = _BEARER.sub(rf"\1 {HIDDEN}", text)
    return _SHAPED.sub(HIDDEN, text)


@lru_cache(maxsize=256)
def shown_command(command: tuple[str, ...]) -> tuple[str, ...]:
    """The words of a command line without keys and control codes."""
    # Together, since a key is known by the option before it. The separator counts as white space there.
    hidden = redact("\x1f".join(command)).split("\x1f") if command else []
    return tuple(printable(word) for word in hidden)


def _hide_value(match: re.Match[str]) -> str:
    name, value = match.group(1), match.group(2)
    if _NOT_SECRET.match(value):
        return match.group(0)
    bare = value.lstrip("\\")
    if bare[:1] not in ("'", '"'):
        return f"{name}{HIDDEN}"
    quote = value[: len(value) - len(bare) + 1]
    return f"{name}{quote}{HIDDEN}{quote if value.endswith(quote) and len(value) > len(quote) else ''}"
