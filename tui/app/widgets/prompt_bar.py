"""The row above the prompt: where it would go, what that would load, and how it would be sent."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tui.app.answer_settings import AnswerSettings
from tui.app.panel_state import PanelState
from tui.app.planning import plan_now, plan_substance
from tui.app.widgets.choices import Choice
from tui.app.widgets.reply_words import cold_words, plan_words
from tui.app.widgets.status_row import StatusRow, Words
from tui.chat.attachments import Attachment, WrittenPrompt
from tui.fleet.printable import printable
from tui.routing.plan import Plan
from tui.routing.policy import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """All that the bar goes by."""

    state: PanelState
    choice: Choice | None
    private_here: bool
    external_once: bool
    settings: AnswerSettings
    attachments: tuple[Attachment, ...] = ()
    stays_home: str = ""
    """Why the conversation stays at home though it is not private; empty: it may leave."""

    @property
    def substance(self) -> tuple[object, ...]:
        """What is new when it differs: more than that services were looked at once more."""
        chosen = (self.choice, self.private_here, self.external_once, self.settings, self.attachments)
        return (*plan_substance(self.state), self.state.figures, self.state.readonly, self.stays_home, *chosen)

    def request_for(self, choice: Choice) -> Request:
        """What is known of a prompt for ``choice`` before it is written."""
        attached = WrittenPrompt("", self.attachments)
        return choice.request(
            private=self.private_here,
            stays_home=self.stays_home,
            external=self.external_once,
            prompt_tokens=attached.tokens_at_most(self.settings.system),
            images=len(attached.images),
        )


class PromptBar(StatusRow):
    """Says before a prompt is sent what sending it would do. Its words can be clicked."""

    HELP_TITLE = "Where the prompt goes"
    HELP = "The plan for the prompt as things stand. The prompt itself is looked at when it is sent."

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  (Textual's own name for it)
        super().__init__(id=id)
        self.cold_words = ""
        """What has to be loaded before the prompt can be answered, and whom that unloads; empty: nothing."""
        self._substance: tuple[object, ...] = ()

    def show_situation(self, situation: Situation) -> None:
        if situation.substance == self._substance:
            return
        self._substance = situation.substance
        made = _plan(situation)
        self.left = (Words(" to ", "dim"), *_target_words(situation, made))
        self.cold_words = (
            cold_words(made, situation.state.snapshot, situation.state.figures) if made is not None else ""
        )
        self.right = condition_words(
            situation.settings, private=situation.private_here, external=situation.external_once
        )


def _plan(situation: Situation) -> Plan | None:
    """Where a prompt would go; None where nothing would be sent."""
    choice, state = situation.choice, situation.state
    if choice is None or state.snapshot is None or state.readonly:
        return None
    return plan_now(situation.request_for(choice), state)


def _target_words(situation: Situation, made: Plan | None) -> tuple[Words, ...]:
    choice = situation.choice
    if choice is None:
        return (Words("nobody yet: ctrl+o chooses", "busy", "screen.choose"),)
    name = Words(printable(choice.name, 80), "accent", "screen.choose")
    if situation.state.readonly:
        return (name, Words("  read-only: nothing is sent", "busy"))
    if made is None:
        return (name, Words(" … looking at the fleet", "dim"))
    words = plan_words(made)
    if choice.kind == "model" and made.candidates:
        # The model is its own plan.
        return tuple(replace(part, action="screen.choose") for part in words[1:])
    return (Words(f"{choice.kind} ", "dim"), name, *words)


def condition_words(settings: AnswerSettings, *, private: bool, external: bool) -> tuple[Words, ...]:
    """How prompts are sent; a click on it changes it."""
    parts = [
        _switch_words("private", "screen.toggle_private", on=private),
        _switch_words("external", "screen.toggle_external", on=external),
    ]
    if settings.words:
        parts.insert(0, Words(settings.words, "on", "screen.settings"))
    return (*(words for part in parts for words in (Words("  ", "dim"), part)), Words(" ", "dim"))


def _switch_words(name: str, action: str, *, on: bool) -> Words:
    return Words(f"{name} {'on' if on else 'off'}", "on" if on else "dim", action)
