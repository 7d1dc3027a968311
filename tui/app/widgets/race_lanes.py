"""The lanes of a race beside each other; those for which there is no room are scrolled to sideways."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from textual import events
from textual.containers import HorizontalScroll
from textual.message import Message
from textual.reactive import var

from tui.app.panel_state import PanelState
from tui.app.widgets.race_lane import RaceLane
from tui.chat.race import Lane
from tui.chat.reply import ReplyEvent

LEAST_LANE = 33
"""Cells: in fewer an answer is hard to read. 80 columns show two lanes, 120 three, 200 six."""


class RaceLanes(HorizontalScroll, can_focus=False, inherit_bindings=False):
    """One of the lanes is the current one: that which has the focus, or had it last.

    Left and right go from lane to lane, where the keys of its kind would scroll by a column.
    """

    place: var[int] = var(0, init=False)
    """Of the current lane, from 0."""

    class Moved(Message):
        """Another lane is the current one."""

    @property
    def lanes(self) -> tuple[RaceLane, ...]:
        return tuple(self.query_children(RaceLane))

    @property
    def current(self) -> RaceLane | None:
        lanes = self.lanes
        return lanes[self.place] if self.place < len(lanes) else None

    @property
    def room(self) -> int:
        """How many lanes have room beside each other."""
        return max(1, self.size.width // LEAST_LANE)

    async def lay(self, lanes: Iterable[Lane]) -> None:
        """Makes room for other lanes."""
        await self.remove_children()
        await self.mount_all(RaceLane(lane) for lane in lanes)
        self.place = 0
        self._share_width()

    def restart(self, lanes: Sequence[Lane]) -> None:
        """The same take part once more."""
        for widget, lane in zip(self.lanes, lanes, strict=True):
            widget.take_lane(lane)

    def begin(self, text: str, *, external: bool) -> None:
        for lane in self.lanes:
            lane.begin(text, external=external)

    def show_what_came(self, came: Mapping[int, Iterable[ReplyEvent]]) -> None:
        lanes = self.lanes
        for place, news in came.items():
            lanes[place].take(news)

    def end(self) -> None:
        for lane in self.lanes:
            lane.end()

    def tick(self, state: PanelState) -> None:
        for lane in self.lanes:
            lane.pane.model_figures = state.figures
            lane.tick(state.snapshot)

    def go(self, steps: int) -> None:
        """Puts the focus on a lane beside the current one; 0: on that itself."""
        if lanes := self.lanes:
            lanes[max(0, min(len(lanes) - 1, self.place + steps))].view.focus()

    def watch_place(self) -> None:
        self.post_message(self.Moved())

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        for place, lane in enumerate(self.lanes):
            if lane in event.widget.ancestors:
                self.place = place
                self.scroll_to_widget(lane, animate=False)

    def on_resize(self) -> None:
        self._share_width()
        self.post_message(self.Moved())

    def _share_width(self) -> None:
        if lanes := self.lanes:
            beside = min(len(lanes), self.room)
            for number, lane in enumerate(lanes):
                rest = self.size.width % beside if number == len(lanes) - 1 and len(lanes) <= beside else 0
                lane.styles.width = max(1, self.size.width // beside + rest)
