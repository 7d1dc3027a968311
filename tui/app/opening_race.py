"""Opens the race from the playground, with what was chosen and written there."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import Any

from textual.app import App, InvalidModeError

from tui.app.panel_state import KeepsState, PanelState
from tui.app.racing import RaceRules
from tui.app.screens.race import RaceScreen
from tui.app.widgets.choices import Choice
from tui.chat.attachments import WrittenPrompt
from tui.chat.race import MOST_LANES
from tui.routing.policy import targets_of

MODE = "race"


async def open_race(app: App[Any], choice: Choice | None, written: WrittenPrompt, rules: RaceRules) -> None:
    """Shows the race as it was left; of ``rules`` it takes the conversation alone. The first time it goes by all of
    them, and those take part whom a prompt for ``choice`` may go to."""
    if choice is not None and isinstance(app, KeepsState):
        task = choice.name if choice.kind == "task" else ""
        rules = replace(rules, task=task, choices=lanes_of(choice, app.state, external=rules.external))
    with contextlib.suppress(InvalidModeError):  # It is there already.
        # A mode of its own, since Textual paints all of a screen anew whenever something changes in the one below it.
        app.add_mode(MODE, lambda: RaceScreen(rules))
    await app.switch_mode(MODE)
    if isinstance(app.screen, RaceScreen):
        app.screen.bring(written, rules.conversation)


def lanes_of(choice: Choice, state: PanelState, *, external: bool) -> tuple[Choice, ...]:
    """The models that a tier or task names, in its order; a model alone is not yet a race."""
    request = choice.request(external=external)
    targets = targets_of(request, state.config, external_on=external or state.modes.external.enabled)
    return tuple(Choice("model", target.model) for target in targets.models[:MOST_LANES])
