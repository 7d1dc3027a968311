"""What is asked before a prompt is sent."""

from __future__ import annotations

from collections.abc import Iterable

from tui.app.questions import Question
from tui.app.widgets.reply_words import evicted_words
from tui.chat.race import Lane
from tui.config.schema import Config
from tui.fleet.printable import printable
from tui.routing.decide import Decision
from tui.routing.plan import Failure, takes_images
from tui.routing.policy import Request


def question_of_credentials(decision: Decision) -> Question | None:
    """Where nothing but a credential in the prompt keeps it from being sent: whether it may go all the same."""
    credentials = decision.findings.credentials
    if decision.plan.failure is not Failure.GUARD_REFUSED or not credentials:
        return None
    consequences = (f"It holds a credential: {', '.join(credentials)}.", "Whoever answers elsewhere will have it.")
    return Question("Send this prompt to somebody else's machines?", consequences, "Send")


def question_before_sending(request: Request, decision: Decision, config: Config) -> Question | None:
    """Where the prompt would unload models of others, or holds images of which nobody knows whether they are taken."""
    first = decision.plan.candidates[0]
    name = printable(first.model, 80)
    unknown = request.images and takes_images(first.model, config, decision.snapshot) is None
    images = (f"Whether {name} takes images, its service does not say; it may refuse, or not see them.",)
    evicted = evicted_words(first, decision.snapshot)
    if not evicted and not unknown:
        return None
    text = f"Load {name} for this prompt?" if evicted else f"Send images to {name}?"
    return Question(text, (*evicted, *(images if unknown else ())), "Send")


def question_of_lane_credentials(lanes: Iterable[Lane]) -> Question | None:
    """The same for all lanes of a race at once, with the names of those whom it is about."""
    asked = lanes_behind_guard(lanes)
    if not asked:
        return None
    names = ", ".join(printable(lane.name, 60) for lane in asked)
    credentials = dict.fromkeys(one for lane in asked if lane.decision for one in lane.decision.findings.credentials)
    consequences = (f"It holds a credential: {', '.join(credentials)}.", f"These will have it: {names}.")
    return Question("Send this prompt to somebody else's machines?", consequences, "Send")


def lanes_behind_guard(lanes: Iterable[Lane]) -> tuple[Lane, ...]:
    """The lanes that nothing but a credential in the prompt keeps from being asked."""
    return tuple(lane for lane in lanes if lane.decision is not None and question_of_credentials(lane.decision))


def question_of_lane_evictions(lanes: Iterable[Lane]) -> Question | None:
    """Where the lanes of a race would unload models of others: whether it is worth that, asked once for all."""
    evicted = {
        printable(lane.model, 60): evicted_words(lane.decision.plan.candidates[0], lane.decision.snapshot)
        for lane in lanes
        if lane.decision is not None and lane.decision.plan.candidates
    }
    consequences = tuple(f"{name}: {words}" for name, sentences in evicted.items() for words in sentences)
    names = ", ".join(name for name, sentences in evicted.items() if sentences)
    return Question(f"Load {names} for this race?", consequences, "Send") if consequences else None
