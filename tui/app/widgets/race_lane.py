"""One lane of a race: an answer as it comes, and its figures below."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.app import RenderResult
from textual.containers import Vertical
from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from tui.app.widgets.answer_pane import AnswerPane
from tui.app.widgets.answer_view import AnswerView
from tui.app.widgets.race_words import SHORT_NAMES, race_figure_words
from tui.chat.drill import Stage
from tui.chat.race import Lane
from tui.chat.race_figures import RaceFigure
from tui.chat.reply import Failed, FailureKind, ReplyEvent
from tui.fleet.printable import printable
from tui.fleet.snapshot import FleetSnapshot

LEFT = (RaceFigure.FIRST_TOKEN, RaceFigure.LOAD, RaceFigure.PREFILL, RaceFigure.TOKENS)
RIGHT = (RaceFigure.TOKENS_PER_SECOND, RaceFigure.TOTAL, RaceFigure.COST, RaceFigure.GPU_MEMORY)
NAME_WIDTH = 8
VALUE_WIDTH = 7


class LaneFigures(Widget):
    """Two columns of figures."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {"lane-figures--name", "lane-figures--value"}

    rows: reactive[tuple[tuple[str, str, str, str], ...]] = reactive((), layout=False)
    """Name and value, twice."""

    def show_lane(self, lane: Lane) -> None:
        self.rows = tuple(
            (SHORT_NAMES[one], race_figure_words(lane, one), SHORT_NAMES[other], race_figure_words(lane, other))
            for one, other in zip(LEFT, RIGHT, strict=True)
        )

    def render(self) -> RenderResult:
        name, value = self.get_visual_style("lane-figures--name"), self.get_visual_style("lane-figures--value")
        half = max(NAME_WIDTH + VALUE_WIDTH, self.size.width // 2)
        return Content("\n").join(
            Content.assemble(
                (f"{left:<{NAME_WIDTH}}", name),
                (f"{left_value:<{half - NAME_WIDTH}}", value),
                (f"{right:<{NAME_WIDTH - 2}}", name),
                (right_value, value),
            )
            for left, left_value, right, right_value in self.rows
        )


class RaceLane(Vertical):
    """Who answers stands in its border, and whether the answer is the better one or agrees with others below it."""

    def __init__(self, lane: Lane) -> None:
        super().__init__()
        self.lane = lane
        self.pane = AnswerPane(beside_others=True)
        self._figures = LaneFigures()

    def compose(self) -> Iterable[Widget]:
        yield self.pane
        yield self._figures

    def on_mount(self) -> None:
        self.border_title = Content(printable(self.lane.name, 80))
        self.show_figures()

    def take_lane(self, lane: Lane) -> None:
        """The same is asked once more."""
        self.lane = lane
        self.pane.clear()
        self.say("")
        self.show_figures()

    @property
    def view(self) -> AnswerView:
        return self.pane.view

    @property
    def is_answered(self) -> bool:
        return self.lane.finished is not None

    def begin(self, text: str) -> None:
        """Its prompt is on its way, or may not be sent."""
        decision = self.lane.decision
        if decision is None:
            return
        if self.lane.stage is Stage.SKIPPED:
            self.pane.refuse(text, decision, self.lane.request)
        else:
            self.pane.begin(text, decision, self.lane.request)
        self.show_figures()

    def take(self, events: Iterable[ReplyEvent]) -> None:
        self.pane.take(events)
        self.show_figures()

    def end(self) -> None:
        """The race is over, whatever has been heard of this lane."""
        if self.pane.under_way and self.lane.stage is Stage.SKIPPED:
            self.pane.take([Failed(error=self.lane.words, kind=FailureKind.REFUSED, model=self.lane.model)])
        self.pane.stop()
        self.show_figures()

    def tick(self, snapshot: FleetSnapshot | None) -> None:
        """A second has passed, or something is new in the fleet."""
        self.pane.tick(snapshot)
        if snapshot is not None and self.lane.stage is not Stage.SKIPPED:
            self.lane.observe(snapshot)
        self.show_figures()

    def show_figures(self) -> None:
        self._figures.show_lane(self.lane)
        # What it would say of an answer that is complete stands in the figures.
        finished, asked = self.lane.finished, self.lane.stage is not Stage.SKIPPED
        self.pane.shows_progress = asked and (finished is None or finished.is_cut_off)

    def say(self, words: str) -> None:
        """What the answer is beside the others, in the border."""
        self.border_subtitle = Content(words)

    @on(AnswerView.FollowingChanged)
    def say_whether_it_follows(self, message: AnswerView.FollowingChanged) -> None:
        if self.pane.under_way:
            self.say("" if message.following else "scrolled up; end follows again")
