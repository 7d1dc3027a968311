"""One row of words and symbols, some of which do something when they are clicked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from textual import events
from textual.app import RenderResult
from textual.content import Content
from textual.reactive import reactive

from tui.app.widgets.themed import STATE_LOOKS, Themed

_LOOKS: Mapping[str, str] = {
    **STATE_LOOKS,
    "text": "$foreground",
    "strong": "bold $foreground",
    "on": "bold $state-busy",
}


@dataclass(frozen=True, slots=True)
class Words:
    """A part of the row: harmless text, the name of its style, and the action of a click on it."""

    text: str
    style: str = "text"
    action: str = ""


class StatusRow(Themed):
    """Words from the left, cut where there is no room, and words at the right end, which always have it."""

    ALLOW_SELECT = False
    LOOKS = _LOOKS

    left: reactive[tuple[Words, ...]] = reactive((), layout=False)
    right: reactive[tuple[Words, ...]] = reactive((), layout=False)

    def render(self) -> RenderResult:
        width = self.size.width
        right = self._content(self.right)
        room = max(0, width - right.cell_length - (1 if self.right else 0))
        left = self._content(self.left)
        left = left.truncate(room, ellipsis=True) if left.cell_length > room else left
        return Content.assemble(left, " " * max(0, width - left.cell_length - right.cell_length), right)

    async def on_click(self, event: events.Click) -> None:
        at = 0
        for words in self.left:
            at = await self._click(words, at, event.x)
        at = self.size.width - self._content(self.right).cell_length
        for words in self.right:
            at = await self._click(words, at, event.x)

    async def _click(self, words: Words, start: int, x: int) -> int:
        """Does what ``words`` do where they are under the pointer; returns where they end."""
        end = start + Content(words.text).cell_length
        if words.action and start <= x < end:
            await self.run_action(words.action)
        return end

    def _content(self, parts: tuple[Words, ...]) -> Content:
        return Content("").join(Content.styled(words.text, self.look(words.style)) for words in parts)
