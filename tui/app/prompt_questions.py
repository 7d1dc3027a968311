"""What is asked before a prompt is sent."""

from __future__ import annotations

from tui.app.questions import Question
from tui.app.widgets.reply_words import evicted_words
from tui.fleet.printable import printable
from tui.routing.decide import Decision
from tui.routing.plan import Failure


def question_of_credentials(decision: Decision) -> Question | None:
    """Where nothing but a credential in the prompt keeps it from being sent: whether it may go all the same."""
    credentials = decision.findings.credentials
    if decision.plan.failure is not Failure.GUARD_REFUSED or not credentials:
        return None
    consequences = (f"It holds a credential: {', '.join(credentials)}.", "Whoever answers elsewhere will have it.")
    return Question("Send this prompt to somebody else's machines?", consequences, "Send")


def question_of_eviction(decision: Decision) -> Question | None:
    """Where the prompt would unload models of others: whether it is worth that."""
    first = decision.plan.candidates[0]
    evicted = evicted_words(first, decision.snapshot)
    return Question(f"Load {printable(first.model, 80)} for this prompt?", evicted, "Send") if evicted else None
