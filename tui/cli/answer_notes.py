"""What a person is told on stderr beside an answer."""

from __future__ import annotations

import sys
from collections.abc import Callable

from tui.chat.reply import Failed, FellBack, Finished, Loading, Reasoning, ReplyEvent, Restarted, Retrying, Started
from tui.fleet.printable import printable
from tui.fleet.wording import latency_words
from tui.routing.decide import Decision
from tui.routing.plan import mode_on_words


class AnswerNotes:
    """Tells, one sentence each, who is asked and under which mode, what went wrong with whom, and who answered."""

    def __init__(self, tell: Callable[[str], None], decision: Decision) -> None:
        self._tell = tell
        self._decision = decision
        self._asked = ""
        self._thought = not sys.stderr.isatty()

    def take(self, event: ReplyEvent) -> None:
        match event:
            case Started(candidate):
                if not self._asked:
                    reasons = [str(candidate.where), candidate.why, *self._mode_words()]
                    self._tell(f"asking {printable(candidate.model, 120)} ({'; '.join(reasons)})")
                self._asked = printable(candidate.model, 120)
            case FellBack():
                to = printable(event.to, 120)
                self._tell(f"{printable(event.from_, 120)} did not answer: {printable(event.reason, 300)}; asking {to}")
            case Loading(text) | Retrying(text):
                self._tell(f"{self._asked}: {printable(text, 300)}")
            case Restarted(reason):
                self._tell(f"{self._asked} begins its answer anew: {printable(reason, 300)}")
            case Reasoning() if not self._thought:
                self._thought = True
                self._tell(f"{self._asked} is thinking")
            case Finished():
                self._tell(finished_words(event))
                if event.is_cut_off:
                    self._tell("the answer is not whole: the model may not say more at a time")

    def _mode_words(self) -> list[str]:
        decision = self._decision
        external = decision.modes.external
        words = [mode_on_words("external mode", external, decision.snapshot.at)] if external.enabled else []
        return words + ([decision.plan.private] if decision.plan.private else [])


def finished_words(event: Finished) -> str:
    """``llama-swap/qwen3 answered: 40 tokens in 1.9 s, the first after 412 ms, 27 tokens/s, $0.0004``."""
    timings = event.timings
    figures = []
    if event.usage.output is not None:
        figures.append(f"{event.usage.output} tokens")
    if timings.total is not None:
        figures.append(f"{latency_words(timings.total)} in all")
    if timings.load:
        figures.append(f"{latency_words(timings.load)} of it loading")
    if timings.first_token is not None:
        figures.append(f"the first word after {latency_words(timings.first_token)}")
    if timings.tokens_per_second is not None:
        figures.append(f"{timings.tokens_per_second:.0f} tokens/s")
    if event.cost is not None:
        figures.append(f"${event.cost:.6f}".rstrip("0").rstrip("."))
    name = event.model.partition("/")[2]
    served = f" (served by {printable(event.served_by, 120)})" if event.served_by != name else ""
    return f"{printable(event.model, 120)} answered{served}" + (f": {', '.join(figures)}" if figures else "")


def failure_words(event: Failed) -> str:
    """Why there is no answer, or not the whole of one."""
    who = f"{printable(event.model, 120)}: " if event.model else ""
    rest = "; what had come is not the whole answer" if event.partial else ""
    again = f"; it may be asked again in {event.retry_after:.0f} s" if event.retry_after else ""
    return f"{who}{printable(event.error, 400)}{rest}{again}"
