"""What an action is, and where its key works."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Scope(StrEnum):
    """Where an action's key works."""

    APP = "everywhere"
    FLEET = "fleet"
    ROUTES = "routes"
    ROUTE = "one route"
    DRILL = "the drill"
    DRILL_ANSWERS = "the drill's answers"
    PLAYGROUND = "playground"
    RACE = "race"
    HISTORY = "conversations"
    PROMPT = "the prompt"
    ANSWER = "answers"
    AGENTS = "agents"
    LEDGER = "ledger"
    LOGS = "logs"
    TABLE = "tables"
    DIALOG = "dialogs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One thing that a person can do."""

    id: str
    """What ``[keys]`` calls it: area, dot, verb."""
    keys: str
    """Default keys, by Textual's names, separated by commas."""
    title: str
    """For the footer: one or two words."""
    about: str
    """For the palette and the help: what happens, in one sentence."""
    scope: Scope
    method: str
    """The Textual action that carries it out, on the screen or widget of the scope, or ``app.`` for the app's own."""
    footer: bool = False
    disturbs: bool = False
    """True where it changes something outside the panel: ``--readonly`` takes it away."""
    palette: bool = True
