"""The lanes of a race beside each other, and the race itself: planned, confirmed, sent, followed, ended."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Coroutine, Iterable

from textual import events, on
from textual.containers import HorizontalScroll
from textual.message import Message
from textual.reactive import var
from textual.worker import Worker, WorkerCancelled, WorkerFailed, WorkerState

from tui.app.answering import Senders
from tui.app.notifying import tell_if_long
from tui.app.panel_state import KeepsState, PanelState
from tui.app.prompt_questions import (
    lanes_behind_guard,
    question_of_lane_credentials,
    question_of_lane_evictions,
)
from tui.app.questions import Question
from tui.app.racing import LanesCame, LanesPlanned, RaceAsking, RaceOver, follow_lanes, plan_lanes
from tui.app.widgets.conversation_words import program_words
from tui.app.widgets.race_lane import RaceLane
from tui.chat.drill import Stage
from tui.chat.race import Lane

LEAST_LANE = 33
"""Cells: in fewer an answer is hard to read. 80 columns show two lanes, 120 three, 200 six."""


class RaceLanes(HorizontalScroll, can_focus=False, inherit_bindings=False):
    """One of the lanes is the current one: that which has the focus, or had it last.

    Those for which there is no room are scrolled to sideways. Left and right go from lane to lane, where the keys of
    its kind would scroll by a column.
    """

    place: var[int] = var(0, init=False)
    """Of the current lane, from 0."""

    class Moved(Message):
        """Another lane is the current one."""

    class Started(Message):
        """Another race is being planned."""

    class Sent(Message):
        """The prompt is on its way."""

    class Ended(Message):
        """Nothing is under way any more, however it came to that."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  (Textual's own name for it)
        super().__init__(id=id)
        self.asking: RaceAsking | None = None
        """The race that is shown, over or not."""
        self.senders = Senders("panel")
        self._work: Worker[None] | None = None
        """What plans or follows it; None: it is over, or there is none."""
        self._sent_at = 0.0

    async def on_unmount(self) -> None:
        if self._work is not None:
            self._work.cancel()
            with contextlib.suppress(WorkerFailed, WorkerCancelled):
                await self._work.wait()
        await self.senders.close()

    @property
    def busy(self) -> bool:
        """True while a prompt is planned or answered."""
        return self._work is not None

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
        self.asking = None
        await self.remove_children()
        await self.mount_all(RaceLane(lane) for lane in lanes)
        self.place = 0
        self._share_width()

    def start(self, asking: RaceAsking) -> None:
        """Asks all of them: plans first, with all that is known, the prompt itself included."""
        self.asking = asking
        for widget, lane in zip(self.lanes, asking.lanes, strict=True):
            widget.take_lane(lane)
        self.post_message(self.Started())
        if isinstance(self.app, KeepsState):
            self._run(plan_lanes(self, asking, self.app.state), "plan the lanes")

    def stop(self) -> None:
        """Ends all that is under way; :class:`Ended` tells when that is done."""
        if self._work is not None:
            self._work.cancel()

    def _run(self, work: Coroutine[None, None, None], description: str) -> None:
        self._work = self.run_worker(work, group="race", exclusive=True, exit_on_error=False, description=description)

    @on(LanesPlanned)
    def go_on_with_plans(self, message: LanesPlanned) -> None:
        """Sends the prompt, after asking once for all lanes where that does something that is not expected."""
        asking = message.asking
        if asking is not self.asking or not self.busy:
            return
        if (question := question_of_lane_credentials(asking.lanes)) is not None:
            guarded = {lane.name for lane in lanes_behind_guard(asking.lanes)}
            self._confirm(question, asking, lambda: self.start(asking.with_secrets_for(guarded)))
        elif (question := question_of_lane_evictions(asking.lanes)) is not None:
            self._confirm(question, asking, lambda: self._send(asking))
        else:
            self._send(asking)

    def _confirm(self, question: Question, asking: RaceAsking, act: Callable[[], None]) -> None:
        from tui.app.screens.dialogs import ConfirmScreen

        def answered(yes: bool | None) -> None:
            if asking is self.asking:
                (act if yes else self._end)()

        self.app.push_screen(ConfirmScreen(question), answered)

    def _send(self, asking: RaceAsking) -> None:
        self.begin(asking)
        remarks = dict.fromkeys(lane.decision.remark for lane in asking.lanes if lane.decision is not None)
        for remark in filter(None, remarks):
            self.notify(remark, severity="warning", markup=False)
        if all(lane.stage is Stage.SKIPPED for lane in asking.lanes):
            self._end()
        elif isinstance(self.app, KeepsState):
            self._sent_at = time.monotonic()
            self._run(follow_lanes(self, asking, self.app.state.config, self.senders), "follow the lanes")
            self.post_message(self.Sent())
            self.go(0)

    def begin(self, asking: RaceAsking) -> None:
        """The prompt is on its way, or may not be sent."""
        conversation = asking.rules.conversation
        for widget in self.lanes:
            widget.begin(asking.written.words)
            if isinstance(self.app, KeepsState) and widget.lane.stage is not Stage.SKIPPED:
                words = program_words(conversation, widget.lane.model, self.app.state.config)
                if words:
                    widget.view.add(words)

    @on(LanesCame)
    def show_what_came(self, message: LanesCame) -> None:
        if self.asking is not None and message.number == self.asking.number:
            lanes = self.lanes
            with self.app.batch_update():
                for place, came in message.events.items():
                    lanes[place].take(came)

    @on(RaceOver)
    def end_race(self, message: RaceOver) -> None:
        if self.asking is None or message.number != self.asking.number or not self.busy:
            return
        if message.problem:
            self.notify(f"the ledger: {message.problem}", severity="warning", markup=False)
        tell_if_long(self.app, "the race is over", time.monotonic() - self._sent_at)
        self._end()

    @on(Worker.StateChanged)
    def see_it_end(self, event: Worker.StateChanged) -> None:
        """A worker that was cancelled before its first step, or broke, has told nothing of its end."""
        if event.worker is self._work and event.state in (WorkerState.CANCELLED, WorkerState.ERROR):
            self._end()

    def _end(self) -> None:
        """Nothing is under way any more."""
        self._work = None
        for lane in self.lanes:
            lane.end()
        self.post_message(self.Ended())

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
