"""Takes what looks like a key out of text that a person will look at."""

from __future__ import annotations

import re

HIDDEN = "•••"

_NAMED = re.compile(
    # A flag, setting or header whose name says that its value is secret, and that value.
    r"""(?ix)
    ( (?:-{1,2}|\b|["'])
      [a-z0-9_.-]* (?: api[_-]?key | access[_-]?key | token | secret | passw(?:or)?d | credential | authorization )s?
      ["']? \s* [=:\s] \s* (?: bearer \s+ | basic \s+ )? )
    ( "(?:[^"\\]|\\.)*" | '(?:[^'\\]|\\.)*' | [^\s,"'}\]&]+ )
    """
)
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}")
_SHAPED = re.compile(
    r"\b(?:sk|pk|rk)-[A-Za-z0-9_-]{6,}|\bhf_[A-Za-z0-9]{6,}|\bgh[pousr]_[A-Za-z0-9]{16,}|\bgithub_pat_\w{16,}"
    r"|\bAIza[A-Za-z0-9_-]{16,}|\bAKIA[A-Z0-9]{12,}|\bxox[abprs]-[A-Za-z0-9-]{8,}|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_.-]{8,}"
)
_USERINFO = re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://)[^/\s@\"']+@")
_NOT_SECRET = re.compile(r"(?i)^[\"']?(?:null|none|true|false|-?\d{1,9}(?:\.\d+)?|\[redacted\]|•••|)[\"']?$")


def redact(text: str) -> str:
    """``text`` with every key, token and password in it replaced. Numbers such as ``max_tokens: 5`` stay."""
    text = _USERINFO.sub(rf"\1{HIDDEN}@", text)
    text = _NAMED.sub(_hide_value, text)
    text = _BEARER.sub(rf"\1 {HIDDEN}", text)
    return _SHAPED.sub(HIDDEN, text)


def _hide_value(match: re.Match[str]) -> str:
    name, value = match.group(1), match.group(2)
    if _NOT_SECRET.match(value):
        return match.group(0)
    quote = value[0] if value[0] in "\"'" else ""
    return f"{name}{quote}{HIDDEN}{quote}"
