"""How each screen was left, kept for the next time: filters, rows, logs. Nothing of what was said to a model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from tui.config.paths import state_home
from tui.control.own_records import recall, remember


class View(msgspec.Struct, frozen=True):
    """How one screen was left."""

    parts: Mapping[str, str] = {}
    """A widget's id, or what else the screen calls a part of itself → how that was left."""
    focus: str = ""
    """The id of what had the focus."""


class _Kept(msgspec.Struct, frozen=True):
    screen: str = ""
    views: dict[str, View] = {}


def view_file() -> Path:
    """Where it is kept. May not exist yet."""
    return state_home() / "view.json"


def first_screen(chosen: str) -> str:
    """The screen to open first: ``chosen``, where "last" means the one that the panel was left on (empty: none was)."""
    return _kept().screen if chosen == "last" else chosen


def last_view(screen: str) -> View:
    """How ``screen`` was left; empty where it never was, or the file cannot be read."""
    return _kept().views.get(screen, View())


def keep_view(screen: str, view: View, left_on: str) -> None:
    """Remembers how ``screen`` is left, and the screen that the whole panel is ``left_on``.

    Where that fails the next start merely begins elsewhere, so that it is only logged.
    """
    before = _kept()
    now = _Kept(left_on, {**before.views, screen: view})
    if now != before:
        remember(view_file(), now)


def _kept() -> _Kept:
    return recall(view_file(), _Kept) or _Kept()
