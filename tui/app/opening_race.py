"""Opens the race from the playground, with what was chosen and written there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from textual.app import App

from tui.app.panel_state import KeepsState, PanelState
from tui.app.racing import RaceRules
from tui.app.screens.race import RaceScreen
from tui.app.widgets.choices import Choice
from tui.chat.attachments import WrittenPrompt
from tui.chat.race import MOST_LANES
from tui.routing.policy import targets_of

NAME = "race"


def open_race(app: App[Any], choice: Choice | None, written: WrittenPrompt, rules: RaceRules) -> None:
    """Shows the race as it was left. The first time it goes by ``rules``, and those take part whom a prompt for
    ``choice`` may go to."""
    if app.is_screen_installed(NAME):
        race = app.get_screen(NAME)
        if isinstance(race, RaceScreen):
            race.bring(written)
    elif isinstance(app, KeepsState):
        if choice is not None:
            task = choice.name if choice.kind == "task" else ""
            rules = replace(rules, task=task, choices=lanes_of(choice, app.state, external=rules.external))
        app.install_screen(RaceScreen(rules, written), NAME)
    app.push_screen(NAME)


def lanes_of(choice: Choice, state: PanelState, *, external: bool) -> tuple[Choice, ...]:
    """The models that a tier or task names, in its order; a model alone is not yet a race."""
    request = choice.request(external=external)
    targets = targets_of(request, state.config, external_on=external or state.modes.external.enabled)
    return tuple(Choice("model", target.model) for target in targets.models[:MOST_LANES])
