"""Puts together what changed on the screen, and no more than that."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from textual._compositor import ChopsUpdate, Compositor
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

Span = tuple[int, int, int]
"""Cells of one line that are to be drawn anew: y, where they begin, where they end."""
Pieces = dict[int, Strip | None]
"""What is drawn into a line, by where it begins; None: nothing yet."""


class FrugalCompositor(Compositor):
    """Textual's own (8.2.8) takes the rectangle around all changes, draws each widget that may reach into it, those
    behind others too, and cuts all of their lines: 10 ms for one of six answers on 200 × 50, 2 ms here."""

    def render_partial_update(self) -> ChopsUpdate | None:
        regions = self._dirty_regions.copy()
        self._dirty_regions.clear()
        spans = list(self._regions_to_spans(regions))
        if not spans:
            return None
        lines, ends = self._pieces_in(spans)
        open_lines = {y: set(line) for y, line in enumerate(lines) if line}
        changed = Region.from_union(regions)
        for widget, (region, clip) in self.visible_widgets.items():
            shown = region.intersection(clip)
            if shown.overlaps(changed):
                self._draw(widget, region, shown, lines, ends, open_lines)
                if not open_lines:
                    break
        return ChopsUpdate(lines, spans, ends)

    def _pieces_in(self, spans: Iterable[Span]) -> tuple[list[Pieces], list[list[int]]]:
        """The empty pieces of each line that reach into the spans, and where each of them ends."""
        lines: list[Pieces] = [{} for _ in self.cuts]
        ends: list[list[int]] = [[] for _ in self.cuts]
        for y, first, last in spans:
            for start, end in pairwise(self.cuts[y]):
                if start < last and end > first and start not in lines[y]:
                    lines[y][start] = None
                    ends[y].append(end)
        return lines, ends

    def _draw(
        self,
        widget: Widget,
        region: Region,
        shown: Region,
        lines: list[Pieces],
        ends: list[list[int]],
        open_lines: dict[int, set[int]],
    ) -> None:
        """Draws the part of a widget that nothing stands in front of into the pieces that are empty."""
        left, right = shown.column_span
        mine = {
            y: starts
            for y in shown.line_range
            if y in open_lines and (starts := [start for start in open_lines[y] if left <= start < right])
        }
        if not mine:
            return
        top, bottom = min(mine), max(mine) + 1
        strips = widget.render_lines(Region(left - region.x, top - region.y, shown.width, bottom - top))
        for y, starts in mine.items():
            line, strip = lines[y], strips[y - top]
            for (start, drawn), end in zip(line.items(), ends[y], strict=True):
                if drawn is None and start in starts:
                    line[start] = strip.crop(start - left, end - left)
            open_lines[y].difference_update(starts)
            if not open_lines[y]:
                del open_lines[y]
