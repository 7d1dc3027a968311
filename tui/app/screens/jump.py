"""A letter over every place that can have the focus: pressing one goes there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.geometry import Region
from textual.screen import ModalScreen, Screen
from textual.widget import Widget
from textual.widgets import Static

from tui.app.actions import ACTIONS

LETTERS = "asdfghjklwertyuiopzxcvbnm"
"""Those under the fingers first. ``q`` is left out: whoever presses it wants to get away."""


@dataclass(frozen=True, slots=True)
class Place:
    """A widget that can have the focus, and where it is on the screen."""

    widget: Widget
    region: Region


class JumpScreen(ModalScreen[Widget | None]):
    """Ends with the widget to go to; None: with none of them."""

    CSS_PATH = "jump.tcss"
    BINDINGS: ClassVar[list[BindingType]] = []

    def __init__(self, places: Sequence[Place], keys: Mapping[str, str]) -> None:
        """``keys``: action id → its keys, as they are in force."""
        super().__init__()
        self._places = dict(zip(LETTERS, places, strict=False))
        self._screens = {
            key.strip(): action.method
            for action in ACTIONS
            if action.method.startswith("app.switch_mode(")
            for key in keys[action.id].split(",")
        }

    def compose(self) -> ComposeResult:
        for letter, place in self._places.items():
            label = Static(Content(f" {letter} "), classes="place")
            label.styles.offset = place.region.offset
            yield label
        digits = " ".join(sorted(key for key in self._screens if len(key) == 1))
        yield Static(Content(f" a letter goes there · {digits} another screen · esc stays "), id="jump-keys")

    async def on_key(self, event: events.Key) -> None:
        event.stop()
        place = self._places.get(event.character or "")
        self.dismiss(place.widget if place is not None else None)
        if place is None and event.key in self._screens:
            await self.app.run_action(self._screens[event.key])

    def on_click(self) -> None:
        self.dismiss(None)


def places_of(screen: Screen[Any]) -> list[Place]:
    """What of ``screen`` can have the focus and is in sight, from top to bottom and left to right."""
    seen = [Place(widget, screen.find_widget(widget).visible_region) for widget in screen.focus_chain]
    in_sight = [place for place in seen if place.region.area]
    return sorted(in_sight, key=lambda place: (place.region.y, place.region.x))
