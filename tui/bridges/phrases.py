"""What a person says to change a mode, in words that an agent hands on as they were said.

A phrase counts as a whole or not at all: "do not switch to external models" is in no list, and changes
nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Literal

ModeName = Literal["external", "private"]


class Said(StrEnum):
    """What a phrase asks for."""

    ON = "on"
    OFF = "off"
    STATUS = "status"
    ONCE = "once"
    """For one request: the mode stays as it is."""


EXAMPLES: Mapping[ModeName, Mapping[Said, tuple[str, ...]]] = {
    "external": {
        Said.ON: (
            "switch to external models",
            "use external models",
            "enable external mode",
            "turn on external mode",
            "go external",
            "external mode on",
        ),
        Said.OFF: (
            "switch back to claude",
            "use claude models",
            "stop using external models",
            "disable external mode",
            "turn off external mode",
            "external mode off",
        ),
        Said.STATUS: (
            "external mode status",
            "is external mode on",
            "which models are you using",
            "what mode are you in",
        ),
        Said.ONCE: (
            "use external models for this",
            "use an external model just this once",
            "ask an external model",
            "external for this task",
        ),
    },
    "private": {
        Said.ON: (
            "switch to private mode",
            "use only local models",
            "keep everything private",
            "go private",
            "private mode on",
        ),
        Said.OFF: (
            "leave private mode",
            "turn off private mode",
            "cloud models are fine again",
            "private mode off",
        ),
        Said.STATUS: ("private mode status", "is private mode on"),
        Said.ONCE: ("keep this private", "use a local model for this", "private for this task", "ask a local model"),
    },
}
"""The usual phrases: what help, skills and registries tell. More are understood."""

_THIS = r"(?:(?:for )?this (?:one|once|time|task|prompt|request|question|answer)|for this|once|one time)"
_ONCE = rf"(?:(?:just |only )?{_THIS})"
_USE = r"(?:use|try|take|ask|send this to|delegate this to|route this to)"
_GO = r"(?:switch(?: over)?|change|move|go|flip|turn) (?:back )?to"
_ENABLE = r"(?:enable|activate|start|turn on|switch on|put on|set)"
_DISABLE = r"(?:disable|deactivate|end|stop|exit|leave|quit|turn off|switch off)"
_EXTERNAL = r"(?:(?:the )?external (?:models?|mode|routing|providers?)|the external ones)"
_ONE_EXTERNAL = r"(?:(?:an |the )?external(?: models?| providers?)?)"
_CLAUDE = r"(?:claude(?: models?| code)?|the claude models|anthropic(?: models?)?|(?:my|the) subscription)"
_PRIVATE = r"(?:(?:the )?private mode)"
_LOCAL = r"(?:(?:the |my )?local (?:models?|machines?))"
_ONE_LOCAL = r"(?:(?:a |the |my )?local(?: models?)?)"
_STATE = r"(?:status|state)"

_FORMS: Mapping[ModeName, Mapping[Said, str]] = {
    "external": {
        Said.ON: rf"{_GO} (?:{_EXTERNAL}|external)|(?:use|start using) {_EXTERNAL}"
        rf"|{_ENABLE} (?:{_EXTERNAL}|external)"
        rf"|(?:turn|switch) (?:{_EXTERNAL}|external) on|go external|external(?: mode| models)? (?:on|enabled?)",
        Said.OFF: rf"(?:{_GO}|use|back to|return to|go back to) {_CLAUDE}"
        rf"|{_DISABLE} (?:using )?(?:{_EXTERNAL}|external)"
        rf"|(?:turn|switch) (?:{_EXTERNAL}|external) off|external(?: mode| models)? (?:off|disabled?)"
        r"|no (?:more )?external models",
        Said.STATUS: rf"external(?: mode)?(?: {_STATE})?|(?:show |what is )?(?:the )?external mode(?: {_STATE})?"
        r"|is external(?: mode)? (?:on|off|enabled|active)|are (?:you|we) (?:using external models|in external mode)"
        r"|(?:which|what) models? (?:are|am) (?:you|we|i) using|(?:which|what) mode (?:are|am) (?:you|we|i) in",
        Said.ONCE: rf"{_USE} {_ONE_EXTERNAL} {_ONCE}|{_ONCE} (?:{_USE} )?{_ONE_EXTERNAL}|{_ONE_EXTERNAL} {_ONCE}"
        r"|(?:ask|try) an external model|(?:send|delegate|route) this to an external model",
    },
    "private": {
        Said.ON: rf"{_GO} (?:{_PRIVATE}|private|(?:only )?{_LOCAL}(?: only)?)|{_ENABLE} {_PRIVATE}|go private"
        rf"|(?:turn|switch) {_PRIVATE} on|(?:use|start using) (?:only {_LOCAL}|{_LOCAL} only|nothing but {_LOCAL})"
        r"|keep (?:everything|it all) (?:private|local|at home)|stay (?:private|local|at home)"
        r"|private(?: mode)? (?:on|enabled?)",
        Said.OFF: rf"{_DISABLE} (?:{_PRIVATE}|private)|(?:turn|switch) {_PRIVATE} off"
        r"|private(?: mode)? (?:off|disabled?)"
        r"|(?:the )?cloud(?: models)? (?:is|are) (?:fine|ok|okay|allowed)(?: again)?",
        Said.STATUS: rf"private(?: mode)?(?: {_STATE})?|is private(?: mode)? (?:on|off|enabled|active)"
        rf"|(?:show |what is )?(?:the )?private mode(?: {_STATE})?|are (?:you|we) (?:private|in private mode)",
        Said.ONCE: rf"{_USE} {_ONE_LOCAL} {_ONCE}|{_ONCE} (?:{_USE} )?{_ONE_LOCAL}|{_ONE_LOCAL} {_ONCE}"
        rf"|private {_ONCE}|keep this (?:one )?(?:private|local|at home)|(?:ask|try) a local model",
    },
}

_POLITE_BEFORE = re.compile(
    r"^(?:(?:please|now|ok|okay|hey|hi|claude|and|so|then|kindly|lets|let us|can (?:you|we)|could (?:you|we)|would you|"
    r"will you|i want (?:you )?to|i would like (?:you )?to|id like (?:you )?to|you should|we should) )+(?=.)"
)
_POLITE_BEHIND = re.compile(
    r"(?: (?:please|now|again|thanks|thank you|from now on|for now|instead|right now|currently))+$"
)
_LONGEST = 200
"""Characters: a longer text is a prompt that merely mentions a mode."""


def said_of(phrase: str, mode: ModeName) -> Said | None:
    """What a phrase asks for; None where it is not known, so that nothing is to be done."""
    if len(phrase) > _LONGEST:
        return None
    plain = " ".join(re.sub(r"[^a-z0-9]+", " ", re.sub(r"['’]", "", phrase.lower())).split())
    # With the polite words, which may be part of a phrase ("cloud models are fine again"), and without.
    for words in dict.fromkeys((plain, _POLITE_BEHIND.sub("", _POLITE_BEFORE.sub("", plain)))):
        for said, form in _FORMS[mode].items():
            if re.fullmatch(form, words):
                return said
    return None
