"""One line with what there is to choose from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Generic, Protocol, TypeVar

from textual import events
from textual.app import RenderResult
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

GAP = 1


class Titled(Protocol):
    """Something that can be chosen by its title, which is harmless text."""

    @property
    def title(self) -> str: ...


Tab = TypeVar("Tab", bound=Titled)


class TabPicked(Message):
    """The person wants to see another one."""

    def __init__(self, tab: Titled) -> None:
        super().__init__()
        self.tab = tab


class TabLine(Widget, Generic[Tab]):
    """A click on one chooses it. Where there is no room for all, those around the chosen one are shown."""

    HELP_TITLE = "Tabs"
    HELP = "What there is to choose from; the brackets go from one to the next."
    ALLOW_SELECT = False

    COMPONENT_CLASSES: ClassVar[set[str]] = {"tab-line--chosen", "tab-line--other"}

    tabs: reactive[tuple[Tab, ...]] = reactive((), layout=False)
    chosen: reactive[Tab | None] = reactive(None, layout=False)

    def render(self) -> RenderResult:
        styles = {part: self.get_visual_style(f"tab-line--{part}") for part in ("chosen", "other")}
        tabs = [
            Content.styled(text, styles["chosen" if tab == self.chosen else "other"]) for _, text, tab in self._placed()
        ]
        return Content(" " * GAP).join(tabs)

    def on_click(self, event: events.Click) -> None:
        for start, text, tab in self._placed():
            if start <= event.x < start + Content(text).cell_length:
                self.post_message(TabPicked(tab))

    def _placed(self) -> Iterator[tuple[int, str, Tab]]:
        """Each tab that is shown, with the column that it begins at."""
        texts = [f" {tab.title} " for tab in self.tabs]
        widths = [Content(text).cell_length for text in texts]
        at = self.tabs.index(self.chosen) if self.chosen in self.tabs else 0
        first = 0
        while first < at and sum(widths[first : at + 1]) + GAP * (at - first) > self.size.width:
            first += 1
        start = 0
        for text, width, tab in list(zip(texts, widths, self.tabs, strict=True))[first:]:
            if start + width <= self.size.width or start == 0:
                yield start, text, tab
            start += width + GAP
