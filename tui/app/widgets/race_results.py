"""What a race comes to: a chart of its figures, who agrees with whom, and the standings of its task."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from enum import StrEnum

from textual import on
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.reactive import var
from textual.widget import Widget
from textual.widgets import Static
from textual.worker import Worker, WorkerState

from tui.app.answering import Senders
from tui.app.racing import (
    AnswersCompared,
    LedgerFailed,
    RaceAsking,
    RaceRules,
    StandingsRead,
    VoteKept,
    compare_answers,
    keep_vote,
    read_standings,
    take_back_vote,
)
from tui.app.widgets.race_agreement import agreement_content
from tui.app.widgets.race_rows import (
    CHART_COLUMNS,
    STANDING_COLUMNS,
    ChartTable,
    StandingsTable,
    chart_cells,
    chart_line,
    chart_rows,
    standing_cells,
)
from tui.app.widgets.race_words import LONG_NAMES
from tui.chat.consensus import Consensus
from tui.chat.race import Lane
from tui.chat.race_figures import RaceFigure
from tui.chat.voting import vote_for
from tui.config.schema import Config
from tui.fleet.printable import printable
from tui.ledger.votes import Standing
from tui.routing.modes import Modes

FACE = "panel"
FIGURES = tuple(RaceFigure)


class Page(StrEnum):
    """What is shown below the lanes."""

    NONE = "none"
    CHART = "chart"
    AGREEMENT = "agreement"
    STANDINGS = "standings"


class RaceResults(Vertical):
    """One page at a time, or none."""

    page: var[Page] = var(Page.NONE, init=False)
    figure: var[RaceFigure] = var(RaceFigure.TOTAL, init=False)
    better: var[str] = var("", init=False)
    """The name of the lane that was voted for; empty: none was."""
    found: var[Consensus | None] = var(None, init=False)
    rules: var[RaceRules] = var(RaceRules(), init=False)

    class Changed(Message):
        """Votes or agreement are not what they were."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  (Textual's own name for it)
        super().__init__(id=id)
        self.standings: Sequence[Standing] = ()
        self._asking: RaceAsking | None = None
        self._vote: int | None = None
        self._comparison: Worker[None] | None = None
        """What compares the answers; None: nothing does."""
        self._chart = ChartTable(
            CHART_COLUMNS,
            key_of=lambda row: row.name,
            cells_of=chart_cells,
            line_of=chart_line,
            ages=lambda row: False,
            id="chart",
        )
        self._agreement = Static(id="agreement-text")
        self._standings = StandingsTable(
            STANDING_COLUMNS,
            key_of=lambda row: row.model,
            cells_of=standing_cells,
            ages=lambda row: False,
            id="standings",
        )

    def compose(self) -> Iterable[Widget]:
        yield self._chart
        with VerticalScroll(id="agreement"):
            yield self._agreement
        yield self._standings

    def on_mount(self) -> None:
        self._show_page()
        self.run_worker(read_standings(self), group="standings", exit_on_error=False, description="read the standings")

    @property
    def lanes(self) -> tuple[Lane, ...]:
        return self._asking.lanes if self._asking is not None else ()

    @property
    def chosen(self) -> str:
        """The name of the lane under the chart's cursor, while the chart has the focus; empty else."""
        row = self._chart.cursor_record
        return row.name if row is not None and self._chart.has_focus else ""

    def begin(self, asking: RaceAsking) -> None:
        """Another race is under way."""
        self.stop_comparing()
        self._asking, self._vote = asking, None
        self.better, self.found = "", None
        self.page = Page.NONE

    def show_lanes(self) -> None:
        """Takes in how far the lanes have come."""
        self._chart.show_records(chart_rows(self.lanes, self.figure, self.better))
        self._chart.border_title = f"by {LONG_NAMES[self.figure]}"

    def refresh_chart(self) -> None:
        """Takes in what may be new in the lanes, where the chart is shown."""
        if self.page is Page.CHART:
            self.show_lanes()

    def turn(self, page: Page) -> None:
        """Shows a page; where it is the one that is shown, gives its room back."""
        self.page = Page.NONE if self.page is page else page

    def order(self, steps: int) -> None:
        self.page = Page.CHART
        self.figure = FIGURES[(FIGURES.index(self.figure) + steps) % len(FIGURES)]

    def watch_page(self) -> None:
        self._show_page()

    def watch_figure(self) -> None:
        self.show_lanes()

    def watch_better(self) -> None:
        self.show_lanes()
        self.post_message(self.Changed())

    def watch_found(self) -> None:
        self._show_agreement()
        self.post_message(self.Changed())

    def watch_rules(self, before: RaceRules, now: RaceRules) -> None:
        if self.found is not None and before.threshold != now.threshold:
            self.found = replace(self.found, threshold=now.threshold)
        self._show_standings()
        self._show_agreement()

    def _show_page(self) -> None:
        self.display = self.page is not Page.NONE
        for page in (Page.CHART, Page.AGREEMENT, Page.STANDINGS):
            self.query_one(f"#{page}").display = self.page is page
        self.refresh_chart()
        self.post_message(self.Changed())

    def _show_agreement(self) -> None:
        box = self.query_one("#agreement")
        judge = f" · judge {printable(self.rules.judge, 60)}" if self.rules.judge else " · no judge (J names one)"
        box.border_title = Content(f"agreement · {self.rules.threshold:.0%} wanted (+ -){judge}")
        waiting = Content.styled("The answers are being compared …", "$state-starting")
        self._agreement.update(agreement_content(self.found, self.lanes) if self.found is not None else waiting)

    def _show_standings(self) -> None:
        task = self.rules.task
        self._standings.show_records([one for one in self.standings if one.task == task])
        self._standings.border_title = Content(f"standings · {'task ' + printable(task, 60) if task else 'no task'}")
        self._standings.empty_text = "no votes yet: b votes for the answer that has the focus, T names the task"

    def compare(self, config: Config, modes: Modes, senders: Senders) -> None:
        """Finds out who gives the same answer; a judge may have to be asked."""
        if self._asking is not None:
            self.found = None
            self.page = Page.AGREEMENT
            work = compare_answers(self, self._asking, self.rules, config, modes, senders)
            self._comparison = self.run_worker(
                work, group="compare", exclusive=True, exit_on_error=False, description="compare the answers"
            )

    def stop_comparing(self) -> bool:
        """Ends the asking of a judge; False: none is being asked."""
        comparison, self._comparison = self._comparison, None
        if comparison is None:
            return False
        comparison.cancel()
        self.page = Page.NONE
        return True

    @on(Worker.StateChanged)
    def see_comparison_end(self, event: Worker.StateChanged) -> None:
        if event.worker is self._comparison and event.worker.is_finished:
            self._comparison = None
            if event.state is WorkerState.ERROR:
                self.page = Page.NONE

    def vote(self, name: str, at: float) -> None:
        """Votes for a lane's answer; a vote for the one that has it takes it back. ``at`` is Unix seconds."""
        asking = self._asking
        if asking is None:
            return
        if name == self.better and self._vote is not None:
            work = take_back_vote(self, asking.number, self._vote)
        else:
            winner = next(lane for lane in asking.lanes if lane.name == name)
            vote = vote_for(winner, asking.lanes, at=at, face=FACE, task=self.rules.task)
            work = keep_vote(self, asking.number, name, vote, instead_of=self._vote)
        self.run_worker(work, group="vote", exit_on_error=False, description="keep the vote")

    @on(AnswersCompared)
    def take_comparison(self, message: AnswersCompared) -> None:
        if self._asking is not None and message.number == self._asking.number:
            self.found = replace(message.found, threshold=self.rules.threshold)

    @on(VoteKept)
    def take_vote(self, message: VoteKept) -> None:
        if self._asking is not None and message.number == self._asking.number:
            self._vote, self.better = message.vote, message.lane
            task = f" for the task {printable(self.rules.task, 60)}" if self.rules.task else ""
            words = f"{printable(message.lane, 60)} has your vote{task}" if message.lane else "the vote is taken back"
            self.notify(words, timeout=4, markup=False)

    @on(StandingsRead)
    def take_standings(self, message: StandingsRead) -> None:
        self.standings = message.standings
        self._show_standings()

    @on(LedgerFailed)
    def tell_of_ledger(self, message: LedgerFailed) -> None:
        self.notify(message.reason, severity="warning", timeout=12, markup=False)
