"""The rows above a race: who takes part, what for and under which conditions; and what they were asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from textual.message import Message
from textual.reactive import var

from tui.app.answer_settings import AnswerSettings
from tui.app.panel_state import KeepsState, PanelState
from tui.app.planning import plan_now, plan_substance
from tui.app.racing import RaceAsking, RaceRules
from tui.app.widgets.choices import Choice
from tui.app.widgets.conversation_words import conversation_words
from tui.app.widgets.prompt_bar import condition_words
from tui.app.widgets.race_agreement import answer_in_brief
from tui.app.widgets.reply_words import cold_words, mode_words
from tui.app.widgets.status_row import StatusRow, Words
from tui.chat.conversation import OpenConversation
from tui.fleet.printable import printable
from tui.ledger.votes import Standing
from tui.routing.policy import Request

THRESHOLDS = (0.5, 0.66, 0.75, 0.9, 1.0)


class RaceBar(StatusRow):
    """Holds the rules and asks the person for others. Its words can be clicked."""

    HELP_TITLE = "The race"
    HELP = "Who takes part, the task that votes count for, and whether its prompts have to stay at home."

    rules: var[RaceRules] = var(RaceRules(), init=False)

    class RulesChanged(Message):
        """The person has changed the rules from what they were ``before``."""

        def __init__(self, before: RaceRules) -> None:
            super().__init__()
            self.before = before

    def __init__(self, rules: RaceRules, *, id: str | None = None) -> None:  # noqa: A002  (Textual's own name for it)
        super().__init__(id=id)
        self.set_reactive(RaceBar.rules, rules)
        self.cold_words = ""
        """What has to be loaded before all can answer, and whom that unloads; empty: nothing."""
        self._cold_lanes = 0
        self._substance: tuple[object, ...] = ()

    @property
    def stays_home(self) -> str:
        """Why the conversation stays at home though it is not private; empty: it may leave."""
        assert isinstance(self.app, KeepsState)
        return self.rules.conversation.stays_home(self.app.state.config.ledger.keep_text)

    def _request_for(self, choice: Choice) -> Request:
        """What is known of a prompt for ``choice`` before it is written."""
        rules = self.rules
        return choice.request(private=rules.is_private, stays_home=self.stays_home, external=rules.external)

    def watch_rules(self, before: RaceRules, now: RaceRules) -> None:
        self.post_message(self.RulesChanged(before))

    def show_rules(self, state: PanelState, lane: int, *, all_visible: bool) -> None:
        """``lane`` is the place of the one that has the focus, from 0."""
        rules = self.rules
        substance = (*plan_substance(state), state.figures, rules)
        if substance != self._substance:
            self._substance = substance
            plans = (plan_now(self._request_for(choice), state) for choice in rules.choices)
            cold = (cold_words(made, state.snapshot, state.figures) for made in plans)
            colds = [words for words in cold if words]
            self.cold_words, self._cold_lanes = "; ".join(colds), len(colds)
        count = len(rules.choices)
        who = f"race of {count}" if count > 1 else f"{count or 'nobody'} takes part: ctrl+o chooses who races"
        left = [Words(" "), Words(who, "accent" if count > 1 else "busy", "screen.choose")]
        if not all_visible:
            left.append(Words(f"  lane {lane + 1} of {count} ← →", "strong"))
        task = f"for the task {printable(rules.task, 40)}" if rules.task else "for no task"
        if self._cold_lanes and not self.screen.has_class("-high"):
            # The prompt has no border there in which it could stand whole.
            left.append(Words(f"  ◌ {self._cold_lanes} load first", "starting"))
        self.left = (*left, Words(f"  {task}", "dim", "screen.task"))
        conditions = condition_words(rules.settings, private=rules.is_private, external=rules.external)
        readonly = (Words("  ", "dim"), Words("read-only: nothing is sent", "busy")) if state.readonly else ()
        self.right = (*readonly, *conditions)

    def choose(self) -> None:
        from tui.app.screens.lane_finder import LaneFinder

        if not isinstance(self.app, KeepsState):
            return
        finder = LaneFinder(self.app.state, self.rules.choices, request_for=self._request_for)

        def take(choice: Choice | None) -> None:
            if choice is not None:
                self.rules = replace(self.rules, choices=tuple(finder.marked.values()))

        self.app.push_screen(finder, take)

    def change_settings(self) -> None:
        from tui.app.screens.prompt_settings import PromptSettingsScreen

        def take(settings: AnswerSettings | None) -> None:
            if settings is not None:
                self.rules = replace(self.rules, settings=settings)

        self.app.push_screen(PromptSettingsScreen(self.rules.settings), take)

    def name_task(self, standings: Sequence[Standing]) -> None:
        from tui.app.screens.lane_finder import TaskFinder

        def take(task: str | None) -> None:
            if task is not None:
                self.rules = replace(self.rules, task=task)

        if isinstance(self.app, KeepsState):
            self.app.push_screen(TaskFinder(self.app.state.config, standings, self.rules.task), take)

    def name_judge(self) -> None:
        from tui.app.screens.model_finder import ModelFinder

        def take(choice: Choice | None) -> None:
            if choice is not None and choice.kind != "model":
                self.notify("a judge is a model; a tier or a task may be another one each time", markup=False)
            elif choice is not None:
                self.rules = replace(self.rules, judge=choice.name)

        if isinstance(self.app, KeepsState):
            judge = Choice("model", self.rules.judge) if self.rules.judge else None
            # What has to stay at home is private for a judge.
            private = self.rules.is_private or bool(self.stays_home)
            finder = ModelFinder(self.app.state, judge, request_for=lambda choice: choice.request(private=private))
            self.app.push_screen(finder, take)

    def change_threshold(self, steps: int) -> None:
        now = min(range(len(THRESHOLDS)), key=lambda place: abs(THRESHOLDS[place] - self.rules.threshold))
        place = max(0, min(len(THRESHOLDS) - 1, now + steps))
        self.rules = replace(self.rules, threshold=THRESHOLDS[place])

    def toggle_private(self) -> None:
        self.rules = replace(self.rules, private=not self.rules.private)

    def leave_turns_out(self) -> None:
        """Leaves the earlier turns out of what is sent, or takes all of them along."""
        conversation = self.rules.conversation
        places = range(len(conversation.turns))
        turns = conversation.leaving_out(places, out=bool(conversation.carried))
        self.rules = replace(self.rules, conversation=turns)

    def toggle_external(self) -> None:
        self.rules = replace(self.rules, external=not self.rules.external)


class TurnsRow(StatusRow):
    """What of the playground's conversation goes along with the prompt. Is there only where there is one."""

    HELP_TITLE = "Earlier turns"
    HELP = "The playground's conversation goes along with the prompt of a race; no answer becomes a turn of it."

    def on_mount(self) -> None:
        self.display = False

    def show_conversation(self, conversation: OpenConversation, stays_home: str) -> None:
        """``stays_home``: why it stays at home though it is not private; empty: it may leave."""
        self.display = bool(conversation.turns)
        self.left = conversation_words(conversation, None, stays_home)
        way_out = "w leaves them out " if conversation.carried else "w takes them along "
        self.right = (Words(way_out, "accent", "screen.leave_out"),)


class AskedRow(StatusRow):
    """The prompt that all lanes were given, and under which mode. Is there only once there is one."""

    HELP_TITLE = "The prompt of the race"
    HELP = "What all of them were asked."

    def on_mount(self) -> None:
        self.display = False

    def show_asking(self, asking: RaceAsking, *, busy: bool) -> None:
        self.display = True
        said = answer_in_brief(asking.written.words) or "the files alone"
        after = len(asking.rules.conversation.carried)
        turns = f"after {after} turn{'' if after == 1 else 's'}: " if after else ""
        self.left = (Words(f" ▌ {turns}", "dim"), Words(said))
        modes = next((mode_words(lane.decision, lane.request) for lane in asking.lanes if lane.decision), ())
        stops = (Words("  esc stops all", "dim", "screen.stop"),) if busy else ()
        self.right = (Words(" "), *modes, *stops, Words(" "))
