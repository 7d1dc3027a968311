"""One reply: who gives it above, what comes in the middle, and its figures below."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from textual import on
from textual.containers import Vertical
from textual.widget import Widget

from tui.app.widgets.answer_parts import Kind
from tui.app.widgets.answer_view import AnswerView
from tui.app.widgets.plan_words import STYLES, SYMBOLS
from tui.app.widgets.reply_words import (
    candidate_words,
    failure_words,
    figure_words,
    load_words,
    mode_words,
    seconds_words,
    served_words,
    turn_words,
)
from tui.app.widgets.status_row import StatusRow, Words
from tui.chat.reply import (
    Candidate,
    Failed,
    FellBack,
    Finished,
    Loading,
    Reasoning,
    ReplyEvent,
    Restarted,
    Retrying,
    Started,
    Text,
)
from tui.fleet.printable import printable
from tui.fleet.snapshot import FleetSnapshot
from tui.ledger.records import ModelFigures, Turn
from tui.routing.decide import Decision
from tui.routing.policy import Request


class Phase(StrEnum):
    """How far a reply has come."""

    IDLE = "idle"
    WAITING = "waiting"
    THINKING = "thinking"
    ANSWERING = "answering"
    FINISHED = "finished"
    FAILED = "failed"
    STOPPED = "stopped"


NOT_KEPT = "(the text of this turn was not kept)"
UNDER_WAY = frozenset({Phase.WAITING, Phase.THINKING, Phase.ANSWERING})


@dataclass
class Course:
    """What is known of the reply so far. Times are those of the pane's clock."""

    asked_at: float = 0.0
    first_at: float | None = None
    thought_until: float | None = None
    loading: str = ""
    characters: int = 0
    thought_characters: int = 0


class AnswerPane(Vertical):
    """Takes a reply's events as they come. Several of them can stand side by side."""

    def __init__(self, *, id: str | None = None, beside_others: bool = False) -> None:  # noqa: A002  (Textual's own)
        """``beside_others``: prompt, modes and how to stop are said once for all of them, elsewhere."""
        super().__init__(id=id)
        self._beside_others = beside_others
        self.clock: Callable[[], float] = time.monotonic
        self.phase = Phase.IDLE
        self.model_figures: Mapping[str, ModelFigures] = {}
        """Model id → how quick it was the last times."""
        self.view = AnswerView(id="view")
        self._who = StatusRow(id="who")
        self._truth = StatusRow(id="truth")
        self._figures = StatusRow(id="figures")
        self._course = Course()
        self._candidate: Candidate | None = None
        self._first_asked = ""
        self._snapshot = FleetSnapshot(at=0.0)
        self._modes: tuple[Words, ...] = ()
        self._byline = ""
        """Who gave the newest answer and how fast, for below it once the rows around it tell of another one."""

    def compose(self) -> Iterable[Widget]:
        yield self._who
        yield self._truth
        yield self.view
        yield self._figures

    def on_mount(self) -> None:
        self._truth.display = False
        self.border_title = "answer"

    @property
    def shows_progress(self) -> bool:
        """Whether the row below the answer is there: how far it has come, and its figures at the end."""
        return bool(self._figures.display)

    @shows_progress.setter
    def shows_progress(self, shows: bool) -> None:
        self._figures.display = shows

    @property
    def under_way(self) -> bool:
        return self.phase in UNDER_WAY

    @property
    def unanswered(self) -> bool:
        """True where the prompt did not get all of an answer."""
        return self.phase in (Phase.FAILED, Phase.STOPPED)

    def clear(self) -> None:
        self.view.cut(0)
        self.phase = Phase.IDLE
        self._byline = ""
        self._candidate = None
        self._truth.display = False
        self._who.left = self._who.right = ()
        self._figures.left = self._figures.right = ()

    def begin(self, prompt: str, decision: Decision, request: Request) -> None:
        """A prompt is on its way to the first candidate of its plan."""
        plan = decision.plan
        self._modes = mode_words(decision, request)
        self._first_asked = plan.candidates[0].model if plan.candidates else ""
        self._snapshot = decision.snapshot
        self._course = Course(asked_at=self.clock())
        self._truth.display = False
        self.phase = Phase.WAITING
        self._sign()
        if not self._beside_others:
            self.view.add_prompt(prompt)
        self._show()

    def show_turns(self, turns: Iterable[Turn], now: float) -> None:
        """Shows what was said at another time; ``now`` is Unix seconds."""
        self.clear()
        for place, turn in enumerate(turns):
            self._sign()
            self.view.parts.add_prompt(NOT_KEPT if turn.prompt is None else turn.prompt)
            if turn.answer is not None:
                self.view.parts.add(Kind.ANSWER, turn.answer)
            self.view.parts.end_turn(place)
            who, figures = turn_words(turn, now)
            self._byline = f"✓ {who} · {figures}"
            self._who.left = (Words("✓ ", "up"), Words(who, "strong"))
            self._figures.left = (Words(figures, "dim"),)
        self.view.end()

    def cut_from(self, turn: int) -> None:
        """Removes the turns from the place ``turn`` on, and what stands below them."""
        self._byline = ""
        self.view.cut(self.view.parts.place_of_turn(turn))

    def _sign(self) -> None:
        if self._byline:
            self.view.parts.add(Kind.NOTE, self._byline)
            self._byline = ""

    def refuse(self, prompt: str, decision: Decision, request: Request) -> None:
        """Nobody may take the prompt: says why, and sends nothing."""
        self.begin(prompt, decision, request)
        self._candidate = None
        self.phase = Phase.FAILED
        self.view.add(printable(decision.plan.error, 2000), Kind.FAILURE)
        self._who.left = (Words("× nothing was sent", "down"),)
        self._figures.left, self._figures.right = (Words("the prompt is where it was", "dim"),), ()

    def take(self, events: Iterable[ReplyEvent]) -> None:
        for event in events:
            self._take(event)
        self._show()

    def stop(self) -> None:
        """The person has ended the reply."""
        if self.under_way:
            self.view.end()
            self.phase = Phase.STOPPED
            self._name_fold()
            self._show()

    def tick(self, snapshot: FleetSnapshot | None) -> None:
        """A second has passed: what is waited for takes longer, and may be in another state."""
        if self.under_way:
            self._name_fold()
            self._show(snapshot)

    def _take(self, event: ReplyEvent) -> None:
        course = self._course
        match event:
            case Started(candidate):
                self._candidate = candidate
                self.phase = Phase.WAITING
                course.asked_at, course.first_at, course.loading = self.clock(), None, ""
            case Loading(text) | Retrying(text):
                course.loading = printable(text, 200)
            case Restarted(reason):
                self.view.take_back()
                course.characters = course.thought_characters = 0
                self.view.add(f"the answer begins anew: {printable(reason, 300)}")
            case FellBack():
                shown = f"{printable(event.from_, 80)} did not answer: {printable(event.reason, 300)}"
                self.view.add(f"{shown}; {printable(event.to, 80)} is asked")
            case Reasoning(text):
                self._first()
                self.phase = Phase.THINKING
                course.thought_characters += len(text)
                self.view.add_reasoning(text)
                self._name_fold()
            case Text(text):
                self._first()
                if self.phase is not Phase.ANSWERING:
                    self.phase = Phase.ANSWERING
                    course.thought_until = self.clock()
                    self._name_fold()
                course.characters += len(text)
                self.view.add_text(text)
            case Finished():
                self._finish(event)
            case Failed():
                self.view.end()
                self.phase = Phase.FAILED
                self._name_fold()
                self.view.add(failure_words(event), Kind.FAILURE)
            case _:
                pass

    def _first(self) -> None:
        if self._course.first_at is None:
            self._course.first_at = self.clock()
            self._course.loading = ""

    def _finish(self, finished: Finished) -> None:
        self.view.end()
        self.phase = Phase.FINISHED
        self._name_fold()
        if not self.view.parts.answer.strip():
            self.view.add("The answer is empty.")
        figures = figure_words(finished)
        self._figures.left = (Words(figures, "dim"),)
        cut = finished.reason in ("length", "max_tokens")
        self._figures.right = (Words("cut off at its longest", "busy"),) if cut else ()
        words = served_words(finished, self._first_asked, self._snapshot)
        self._truth.display = bool(words)
        self._truth.left = (Words(f"≠ {words}", "busy"),)
        self._byline = f"✓ {printable(finished.model, 100)} · {figures}" + (f"\n≠ {words}" if words else "")

    def _name_fold(self) -> None:
        course = self._course
        if course.thought_characters and course.first_at is not None:
            until = course.thought_until or self.clock()
            verb = "thinking" if self.phase is Phase.THINKING else "thought"
            took = f" for {seconds_words(until - course.first_at)}" if until > course.first_at else ""
            self.view.set_fold_words(f"{verb}{took} · {course.thought_characters:,} characters")

    def _show(self, snapshot: FleetSnapshot | None = None) -> None:
        if self._candidate is not None:
            self._who.left = candidate_words(self._candidate, self._symbol(snapshot))
        self._who.right = () if self._beside_others else self._modes
        if self.phase in UNDER_WAY or self.phase in (Phase.STOPPED, Phase.FAILED):
            self._figures.left = self._progress()
            stops = self.under_way and not self._beside_others
            self._figures.right = (Words("esc stops", "dim", "screen.stop"),) if stops else ()

    def _symbol(self, snapshot: FleetSnapshot | None) -> Words:
        match self.phase:
            case Phase.FINISHED:
                return Words("✓", "up")
            case Phase.FAILED:
                return Words("×", "down")
            case Phase.STOPPED:
                return Words("■", "busy")
            case Phase.WAITING:
                found = snapshot.find_model(self._candidate.model) if snapshot and self._candidate else None
                state = str(found[1].state) if found is not None else ""
                return Words(SYMBOLS.get(state, "◌"), STYLES.get(state, "starting"))
            case _:
                return Words("▶", "up")

    def _progress(self) -> tuple[Words, ...]:
        course, now = self._course, self.clock()
        since = seconds_words(max(0.0, now - course.asked_at))
        if self.phase is Phase.WAITING:
            what = course.loading or "asked, nothing has come yet"
            waiting = [what, since]
            if course.loading and self._candidate is not None:
                waiting.append(load_words(self.model_figures.get(self._candidate.model)))
            words = " · ".join(part for part in waiting if part)
            return (Words("◔ " if course.loading else "◌ ", "starting"), Words(words, "dim"))
        parts = []
        if course.first_at is not None:
            parts.append(f"first token {seconds_words(course.first_at - course.asked_at)}")
        if course.characters:
            parts.append(f"{course.characters:,} characters")
        parts.append(since)
        told = " · ".join(parts)
        match self.phase:
            case Phase.STOPPED:
                return (Words("stopped", "busy"), Words(f" · {told}", "dim"))
            case Phase.FAILED:
                return (Words("failed", "down"), Words(f" · {told}", "dim"))
            case _:
                return (Words(told, "dim"),)

    @on(AnswerView.FollowingChanged)
    def say_whether_it_follows(self, message: AnswerView.FollowingChanged) -> None:
        self.border_subtitle = "" if message.following else "scrolled up; end follows again"
