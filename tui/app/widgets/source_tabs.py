"""One line with the logs to choose from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from textual import events
from textual.app import RenderResult
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from tui.app.log_sources import LogSource

GAP = 1


class SourceTabs(Widget):
    """A click on one chooses it. Where there is no room for all, those around the chosen one are shown."""

    HELP_TITLE = "Logs"
    HELP = "The logs that there are; the brackets go from one to the next."
    ALLOW_SELECT = False

    COMPONENT_CLASSES: ClassVar[set[str]] = {"source-tabs--chosen", "source-tabs--other"}

    sources: reactive[tuple[LogSource, ...]] = reactive((), layout=False)
    chosen: reactive[LogSource | None] = reactive(None, layout=False)

    class Picked(Message):
        """The person wants to read another log."""

        def __init__(self, source: LogSource) -> None:
            super().__init__()
            self.source = source

    def render(self) -> RenderResult:
        styles = {part: self.get_visual_style(f"source-tabs--{part}") for part in ("chosen", "other")}
        tabs = [
            Content.styled(text, styles["chosen" if source == self.chosen else "other"])
            for _, text, source in self._placed()
        ]
        return Content(" " * GAP).join(tabs)

    def on_click(self, event: events.Click) -> None:
        for start, text, source in self._placed():
            if start <= event.x < start + Content(text).cell_length:
                self.post_message(self.Picked(source))

    def _placed(self) -> Iterator[tuple[int, str, LogSource]]:
        """Each tab that is shown, with the column that it begins at."""
        texts = [f" {source.title} " for source in self.sources]
        widths = [Content(text).cell_length for text in texts]
        at = self.sources.index(self.chosen) if self.chosen in self.sources else 0
        first = 0
        while first < at and sum(widths[first : at + 1]) + GAP * (at - first) > self.size.width:
            first += 1
        start = 0
        for text, width, source in list(zip(texts, widths, self.sources, strict=True))[first:]:
            if start + width <= self.size.width or start == 0:
                yield start, text, source
            start += width + GAP
