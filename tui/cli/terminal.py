"""What the terminal can show."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TextIO

from tui.cli.standard_streams import locale_draws, locale_said

WITHOUT_CURSOR = ("", "dumb", "unknown")
"""Values of TERM for what prints one line after the other."""


def colored(stream: TextIO) -> bool:
    """Whether colours are wanted there: on a terminal that has them, of a person who did not set NO_COLOR."""
    terminal = os.environ.get("TERM", "") not in WITHOUT_CURSOR
    return stream.isatty() and terminal and not os.environ.get("NO_COLOR")


def says_truecolor(environment: Mapping[str, str]) -> bool:
    """Whether the terminal says of itself that it has colours of 24 bits."""
    return environment.get("COLORTERM", "").strip().lower() in ("truecolor", "24bit")


def has_few_colors(environment: Mapping[str, str]) -> bool:
    """Whether the terminal says of no more than sixteen colours that it has them; rich, which draws, asks the same.
    A browser has all of them, whatever the terminal that its panel was started from."""
    if environment.get("TEXTUAL_COLOR_SYSTEM") == "truecolor":
        return False
    if says_truecolor(environment):
        return False
    return environment.get("TERM", "").rpartition("-")[2] not in ("256color", "kitty", "direct")


def why_no_panel(environment: Mapping[str, str], encoding: str) -> str:
    """Why no panel can be drawn on this terminal, and what to do about it; "" where one can."""
    term = environment.get("TERM", "")
    if term in WITHOUT_CURSOR:
        said = f"TERM is {term}" if term else "TERM is not set"
        return (
            f"fleetdeck: {said}, so no panel can be drawn here and this is `fleetdeck status`; "
            "in a terminal with a cursor, `export TERM=xterm-256color` (over ssh, use `ssh -t`)"
        )
    if "utf" not in encoding.lower():
        return (
            f"fleetdeck: the locale's encoding is {encoding}, in which no panel can be drawn, so this is "
            "`fleetdeck status`; `export LC_ALL=C.UTF-8` in a terminal that shows UTF-8"
        )
    return ""


def locale_problem(environment: Mapping[str, str]) -> str:
    """What a person should know whose locale promises less than the panel draws; "" where it promises enough."""
    if locale_draws(environment):
        return ""
    name, value = locale_said(environment)
    return f"{name} is {value[:40]}, which promises no UTF-8: if frames look broken, `export LC_ALL=C.UTF-8`"
