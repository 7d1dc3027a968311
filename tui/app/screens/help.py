"""Explains what has the focus, and lists the keys that work there."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping

from textual.content import Content
from textual.widget import Widget

from tui.app.actions import Scope, actions_of
from tui.app.screens.dialogs import TextScreen

KEYS_WIDTH = 18
LINE_WIDTH = 66
"""Characters of a line with its keys: what a terminal of 80 columns has room for."""
HEADINGS = {Scope.TABLE: "in tables", Scope.APP: "everywhere"}
_ANSWERING = {Scope.PROMPT: "in the prompt", Scope.ANSWER: "in the answer"}
PARTS = {Scope.PLAYGROUND: _ANSWERING, Scope.RACE: _ANSWERING}
"""Scopes of a screen's own parts."""
KEY_WORDS = {
    "question_mark": "?",
    "exclamation_mark": "!",
    "colon": ":",
    "apostrophe": "'",
    "slash": "/",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "upper_s": "S",
    "pageup": "page up",
    "pagedown": "page down",
}


class HelpScreen(TextScreen):
    """One page, made from the action registry and the focused widget's own words."""

    def __init__(self, focused: Widget | None, keys: Mapping[str, str], *, readonly: bool) -> None:
        super().__init__("Help", help_of(focused, keys, readonly=readonly))


def help_of(focused: Widget | None, keys: Mapping[str, str], *, readonly: bool) -> Content:
    """``keys`` maps action ids to the keys in force."""
    lines: list[Content] = []
    title, text = getattr(focused, "HELP_TITLE", ""), getattr(focused, "HELP", "") or ""
    if text and title:
        lines += [Content.styled(title, "bold $primary"), Content(text), Content("")]
    here = getattr(focused.screen, "SCOPE", Scope.FLEET) if focused is not None else Scope.FLEET
    for scope, heading in {here: "on this screen", **PARTS.get(here, {}), **HEADINGS}.items():
        if here in (Scope.LOGS, Scope.PLAYGROUND) and scope is Scope.TABLE:
            continue
        lines.append(Content.styled(heading, "bold $primary"))
        lines += [*_key_lines(scope, keys, readonly=readonly), Content("")]
    lines.append(
        Content.styled("`fleetdeck keys` lists the ids by which [keys] in your configuration rebinds them.", "dim")
    )
    return Content("\n").join(lines)


def _key_lines(scope: Scope, keys: Mapping[str, str], *, readonly: bool) -> Iterator[Content]:
    for action in actions_of(scope, readonly=readonly):
        indent = " " * (KEYS_WIDTH + 2)
        about = textwrap.fill(action.about, LINE_WIDTH, initial_indent=indent, subsequent_indent=indent).lstrip()
        yield Content.assemble((f"  {key_words(keys[action.id]):<{KEYS_WIDTH}}", "bold"), about)


def key_words(keys: str) -> str:
    """Keys as a person reads them on a keyboard: "?, f1"."""
    names = [key.strip() for key in keys.split(",") if key.strip()]
    return ", ".join(KEY_WORDS.get(name, name) for name in names)
