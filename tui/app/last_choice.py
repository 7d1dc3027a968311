"""Whom the last prompt of the playground was for, kept for the next time."""

from __future__ import annotations

from pathlib import Path

import msgspec

from tui.app.widgets.choices import Choice, ChoiceKind
from tui.config.paths import state_home
from tui.control.own_records import recall, remember


class _Kept(msgspec.Struct):
    kind: ChoiceKind
    name: str


def choice_file() -> Path:
    """Where it is kept. May not exist yet."""
    return state_home() / "playground.json"


def last_choice() -> Choice | None:
    """What was chosen last; None where nothing was, or it cannot be read."""
    kept = recall(choice_file(), _Kept)
    return Choice(kept.kind, kept.name) if kept is not None else None


def keep_choice(choice: Choice) -> None:
    """Remembers ``choice``. Where that fails the next start merely begins elsewhere, so that it is only logged."""
    remember(choice_file(), _Kept(choice.kind, choice.name))
