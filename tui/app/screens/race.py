"""A race: one prompt to several models at once, their answers side by side."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import ClassVar

from textual import on
from textual.binding import BindingType
from textual.content import Content
from textual.widget import Widget

from tui.app.actions import Scope
from tui.app.bindings import bindings_of
from tui.app.messages import CopyAsked
from tui.app.panel_state import KeepsState, PanelState
from tui.app.racing import RaceAsking, RaceRules
from tui.app.screens.prompt_screen import PromptScreen
from tui.app.widgets.choices import Choice
from tui.app.widgets.prompt_editor import PromptEditor
from tui.app.widgets.race_agreement import place_words
from tui.app.widgets.race_bar import AskedRow, RaceBar, TurnsRow
from tui.app.widgets.race_lane import RaceLane
from tui.app.widgets.race_lanes import RaceLanes
from tui.app.widgets.race_results import Page, RaceResults
from tui.chat.attachments import WrittenPrompt
from tui.chat.conversation import OpenConversation


class RaceScreen(PromptScreen):
    """Keeps its lanes while it is left: it is opened again as it was."""

    SCOPE = Scope.RACE
    CSS_PATH = ["playground.tcss", "race.tcss"]  # noqa: RUF012  (typed by Textual)
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of(Scope.RACE)]
    VERTICAL_BREAKPOINTS = [(0, "-short"), (16, "-low"), (30, "-high")]  # noqa: RUF012  (typed by Textual)

    def __init__(self, rules: RaceRules) -> None:
        super().__init__()
        self._bar = RaceBar(rules, id="bar")
        self._brought = rules.conversation
        self._turns = TurnsRow(id="turns")
        self._asked = AskedRow(id="asked")
        self._lanes = RaceLanes(id="lanes")
        self.results = RaceResults(id="results")
        self._laid: tuple[Choice, ...] = ()
        """Those whose lanes are there."""
        self._number = 0

    def compose_body(self) -> Iterable[Widget]:
        yield self._bar
        yield self._asked
        yield self._lanes
        yield self.results
        yield self._turns
        yield from self.compose_prompt()

    async def on_mount(self) -> None:
        self.editor.border_title = "prompt for all"
        self.results.rules = self.rules
        await self._lay_lanes()
        if len(self.rules.choices) < 2:
            self.call_after_refresh(self._bar.choose)

    def bring(self, written: WrittenPrompt, conversation: OpenConversation) -> None:
        """Puts what was written elsewhere into the prompt, unless something stands there; the turns of
        ``conversation`` go along from now on."""
        if not written.is_empty:
            self.editor.give_back(written)
        if conversation != self._brought:
            self._brought = conversation
            self._bar.rules = replace(self.rules, conversation=conversation)

    @property
    def rules(self) -> RaceRules:
        return self._bar.rules

    @property
    def lanes(self) -> tuple[RaceLane, ...]:
        return self._lanes.lanes

    @property
    def busy(self) -> bool:
        """True while a prompt is planned or answered."""
        return self._lanes.busy

    @property
    def _is_over(self) -> bool:
        """True once two answers at least can be compared."""
        return not self.busy and sum(lane.is_answered for lane in self.lanes) > 1

    @property
    def _chosen(self) -> RaceLane | None:
        """The lane under the chart's cursor while that has the focus, else the current one."""
        name = self.results.chosen
        return next((lane for lane in self.lanes if lane.lane.name == name), None) or self._lanes.current

    def show_state(self, state: PanelState) -> None:
        super().show_state(state)
        self._lanes.tick(state)
        self.results.refresh_chart()
        self._show_bar()

    @on(RaceLanes.Moved)
    def _show_bar(self) -> None:
        if self.is_mounted and isinstance(self.app, KeepsState):
            all_visible = len(self.rules.choices) <= self._lanes.room
            self._bar.show_rules(self.app.state, self._lanes.place, all_visible=all_visible)
            self._turns.show_conversation(self.rules.conversation, self._bar.stays_home)
            self.editor.border_subtitle = Content(self._bar.cold_words)

    @on(RaceBar.RulesChanged)
    async def take_rules(self, message: RaceBar.RulesChanged) -> None:
        before, rules = message.before, self.rules
        self.results.rules = rules
        if self._laid != rules.choices:
            await self._lay_lanes()
            self.editor.focus()
        elif before.judge != rules.judge and self.results.page is Page.AGREEMENT:
            self._compare()
        self._show_bar()

    async def _lay_lanes(self) -> None:
        """Makes the lanes for those who take part now."""
        self._laid = self.rules.choices
        self._asked.display = False
        self.results.page = Page.NONE
        await self._lanes.lay(RaceAsking.of(0, WrittenPrompt(""), self.rules).lanes)
        self._show_bar()

    def action_lane(self, steps: int) -> None:
        self._lanes.go(steps)

    def action_choose(self) -> None:
        if self.busy:
            self.app.bell()
        else:
            self._bar.choose()

    def action_settings(self) -> None:
        self._bar.change_settings()

    def action_task(self) -> None:
        self._bar.name_task(self.results.standings)

    def action_judge(self) -> None:
        self._bar.name_judge()

    def action_threshold(self, steps: int) -> None:
        self._bar.change_threshold(steps)

    def action_toggle_private(self) -> None:
        self._bar.toggle_private()

    def action_toggle_external(self) -> None:
        self._bar.toggle_external()

    def action_leave_out(self) -> None:
        self._bar.leave_turns_out()

    def action_copy(self) -> None:
        if self._chosen is not None and self._chosen.lane.text:
            self.post_message(CopyAsked(self._chosen.lane.text))
        else:
            self.app.bell()

    def action_fold(self) -> None:
        if self._chosen is not None:
            self._chosen.view.fold()

    def action_chart(self) -> None:
        self.results.turn(Page.CHART)

    def action_standings(self) -> None:
        self.results.turn(Page.STANDINGS)

    def action_order(self, steps: int) -> None:
        self.results.order(steps)

    def action_agreement(self) -> None:
        if self.results.found is None and self.results.page is not Page.AGREEMENT:
            self._compare()
        else:
            self.results.turn(Page.AGREEMENT)

    def _compare(self) -> None:
        if self._is_over and not self.readonly:
            self.results.compare(self.config, self.modes, self._lanes.senders)

    def action_vote(self) -> None:
        lane = self._chosen
        if lane is not None and lane.is_answered and self._is_over and not self.readonly:
            self.results.vote(lane.lane.name, self.now)
        else:
            self.app.bell()

    @on(RaceResults.Changed)
    def show_results_at_lanes(self) -> None:
        """Says below each answer what it is beside the others."""
        self._lanes.set_class(self.results.page is not Page.NONE, "-beside-page")
        for lane in self.lanes:
            found = self.results.found
            better = "★ the better one" if lane.lane.name == self.results.better else ""
            place = place_words(found, lane.lane) if found is not None else ""
            if not self.busy:
                lane.say(" · ".join(part for part in (better, place) if part))

    def action_close(self) -> None:
        self.app.switch_mode("playground")

    def action_stop(self) -> None:
        """Ends all answers that are coming, or the judge's; where none is, leaves the prompt, then the race."""
        if self.busy:
            self._lanes.stop()
        elif self.results.stop_comparing():
            return
        elif self.editor.has_focus and self.lanes:
            self._lanes.go(0)
        else:
            self.action_close()

    @on(PromptEditor.Sent)
    async def ask(self, message: PromptEditor.Sent) -> None:
        reason = "answers are still coming; esc stops them" if self.busy else ""
        if not reason and len(self.rules.choices) < 2:
            reason = "choose two at least: ctrl+o opens the list, tab marks"
        if reason:
            self.notify(reason, timeout=4, markup=False)
        if reason or self.readonly:
            self.editor.give_back(message.written)
            self.app.bell()
            return
        if self._laid != self.rules.choices:
            await self._lay_lanes()
        self._number += 1
        self._lanes.start(RaceAsking.of(self._number, message.written, self.rules, stays_home=self._bar.stays_home))

    @on(RaceLanes.Started)
    def forget_results(self) -> None:
        if self._lanes.asking is not None:
            self.results.begin(self._lanes.asking)
        self.refresh_bindings()

    @on(RaceLanes.Sent)
    @on(RaceLanes.Ended)
    def show_asked(self) -> None:
        if self._lanes.asking is not None:
            self._asked.show_asking(self._lanes.asking, busy=self.busy)
        self.refresh_bindings()

    @on(RaceLanes.Ended)
    def show_results(self) -> None:
        """A prompt that nobody has answered is where it was."""
        asking = self._lanes.asking
        if asking is not None and not any(lane.is_answered for lane in self.lanes):
            self.editor.give_back(asking.written)
        elif asking is not None and self.results.page is Page.NONE:
            self.results.page = Page.CHART

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        match action:
            case "vote":
                return True if self._is_over and not self.readonly else None
            case "agreement":
                return True if self._is_over and (self.results.found is not None or not self.readonly) else None
            case "chart" | "order":
                return True if any(lane.lane.decision is not None for lane in self.lanes) else None
            case "leave_out":
                return True if self.rules.conversation.turns else None
            case "copy":
                return True if any(lane.lane.text for lane in self.lanes) else None
            case "fold":
                return True if any(lane.lane.reasoning for lane in self.lanes) else None
            case _:
                return True
