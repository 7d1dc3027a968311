"""The scrollbar of an answer, which moves with each row that comes."""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.scrollbar import ScrollBar, ScrollBarRender
from textual.strip import Strip
from textual.widget import Widget

from tui.app.widgets.row_drawing import filtered


class AnswerBar(ScrollBar):
    """Looks like Textual's own (8.2.8), which lays out and styles each of its cells anew for every step, though most
    are alike: that takes as long as the answer beside it."""

    def __init__(self, *, thickness: int) -> None:
        super().__init__(vertical=True, name="vertical", thickness=thickness)
        self._cells: dict[Segment, Strip] = {}

    @classmethod
    def begun_for(cls, widget: Widget) -> AnswerBar:
        """One that is not shown yet, as Textual would make its own for a widget."""
        bar = cls(thickness=widget.scrollbar_size_vertical)
        bar.display = False
        widget.app._start_widget(widget, bar)
        return bar

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._cells.clear()

    def render_lines(self, crop: Region) -> list[Strip]:
        bar = self.render()
        assert isinstance(bar, ScrollBarRender)
        assert isinstance(bar.style, Style)
        assert bar.style.bgcolor is not None
        assert bar.style.color is not None
        segments = self.renderer.render_bar(
            size=self.size.height,
            virtual_size=bar.virtual_size,
            window_size=bar.window_size,
            position=bar.position,
            thickness=self.size.width,
            back_color=bar.style.bgcolor,
            bar_color=bar.style.color,
        ).segments
        return filtered(self, [self._cell(segment) for segment in segments[crop.y : crop.bottom]])

    def _cell(self, segment: Segment) -> Strip:
        strip = self._cells.get(segment)
        if strip is None:
            style = self.visual_style.rich_style
            strip = self._cells[segment] = Strip([Segment(segment.text, style + segment.style)])
        return strip
