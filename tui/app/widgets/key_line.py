"""The last line: the keys that do something where the focus is now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.app import RenderResult
from textual.content import Content
from textual.reactive import reactive
from textual.screen import Screen
from textual.widget import Widget

from tui.app.actions import ACTIONS

GAP = 1
RANKS = {action.id: rank for rank, action in enumerate(ACTIONS)}
"""Within a scope the table names first what matters most."""


@dataclass(frozen=True, slots=True)
class ShownKey:
    """One key and what it does."""

    key: str
    """As Textual names it, for pressing it."""
    display: str
    about: str
    enabled: bool
    everywhere: bool
    """True for what leads on from any screen: there is always room for it."""

    @property
    def width(self) -> int:
        """In terminal cells."""
        return Content(f"{self.display} {self.about}").cell_length


class KeyLine(Widget):
    """The keys in one line; a click on one presses it.

    Those for which there is no room are left out, the least important of the screen's own first.

    Textual's own footer mounts a widget for each key, all of them anew whenever the focus moves: that took a sixth of
    the time to the first paint.
    """

    HELP_TITLE = "The last line"
    HELP = "The keys that do something where the focus is now; those that could not just now are dim."
    ALLOW_SELECT = False

    COMPONENT_CLASSES: ClassVar[set[str]] = {"key-line--key", "key-line--about", "key-line--disabled"}

    shown: reactive[tuple[ShownKey, ...]] = reactive((), layout=False)

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._take_up)

    def on_unmount(self) -> None:
        self.screen.bindings_updated_signal.unsubscribe(self)

    def render(self) -> RenderResult:
        key, about = (self.get_visual_style(f"key-line--{part}") for part in ("key", "about"))
        disabled = self.get_visual_style("key-line--disabled")
        parts: list[Content] = []
        for _, shown in self._placed():
            styles = (key, about) if shown.enabled else (disabled, disabled)
            parts.append(Content.assemble((shown.display, styles[0]), (f" {shown.about}", styles[1])))
        return Content(" " * GAP).join(parts)

    def on_click(self, event: events.Click) -> None:
        for start, shown in self._placed():
            if start <= event.x < start + shown.width:
                if shown.enabled:
                    self.app.simulate_key(shown.key)
                else:
                    self.app.bell()

    def _placed(self) -> Iterator[tuple[int, ShownKey]]:
        """Each key with the column that it begins at."""
        start, kept = 0, sum(shown.width + GAP for shown in self.shown if shown.everywhere)
        for shown in self.shown:
            if start + shown.width <= self.size.width - (0 if shown.everywhere else kept):
                yield start, shown
                start += shown.width + GAP

    def _take_up(self, screen: Screen[object]) -> None:
        # While another window has the focus Textual has taken it from our widgets too: the keys stay as they were.
        if self.app.app_focus and screen is self.screen:
            self.shown = tuple(self._keys_of(screen))

    def _keys_of(self, screen: Screen[object]) -> Iterable[ShownKey]:
        """One key for each action, the first that is bound to it: those of what has the focus before the screen's."""
        bound = [active for active in screen.active_bindings.values() if active.binding.show]
        nodes = list(dict.fromkeys(active.node for active in bound))
        bound.sort(key=lambda one: (nodes.index(one.node), RANKS.get(one.binding.id or "", len(RANKS))))
        actions: set[str] = set()
        for active in bound:
            binding = active.binding
            if binding.action not in actions:
                actions.add(binding.action)
                yield ShownKey(
                    binding.key,
                    self.app.get_key_display(binding),
                    binding.description,
                    enabled=active.enabled,
                    everywhere=active.node is self.app,
                )
