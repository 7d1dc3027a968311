"""Writes what becomes of a prompt into the ledger while it happens, so that limits hold for all that ask meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal

from tui.chat.attempt import AttemptRecord
from tui.chat.dispatch import DispatchRecord
from tui.chat.prompt import Prompt
from tui.chat.reply import Candidate, FailureKind
from tui.ledger.file import LedgerError
from tui.ledger.records import Ending, KeepText, NewRequest, Outcome
from tui.ledger.store import Ledger


class Remembered:
    """One request in the ledger, and the witness of its dispatch."""

    def __init__(
        self,
        ledger: Ledger,
        request: NewRequest,
        keep_text: KeepText,
        *,
        prompt: Prompt | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Begins the request. Of ``prompt`` the last turn's words are kept, since other requests hold those before it;
        None: the text of ``request``.

        Raises:
            LedgerError: the ledger cannot be written.
        """
        self.problem = ""
        """Why something could not be remembered after that; empty: all was. An answer is worth more than its record."""
        self._ledger = ledger
        self._prompt = prompt.messages[-1].in_words if prompt is not None else request.prompt
        self._system = prompt.system if prompt is not None else ""
        self._keep_text: KeepText = keep_text
        self._clock = clock
        self.number = ledger.begin(request)
        """The request's, in the ledger."""
        self._attempt: int | None = None

    def asked(self, candidate: Candidate, at: float) -> None:
        try:
            self._attempt = self._ledger.attempt(self.number, candidate.model, _place(candidate.where), at)
        except LedgerError as error:
            self._attempt, self.problem = None, str(error)

    def answered(self, attempt: AttemptRecord) -> None:
        if self._attempt is None:
            return
        try:
            # Servers quote prompts in their errors.
            keeps = self._keep_text == "all" or (self._keep_text == "local" and attempt.where == "local")
            reason = attempt.reason if keeps else ""
            self._ledger.end_attempt(
                self._attempt, _outcome(attempt), reason, at=self._clock(), retry_after=attempt.retry_after
            )
        except LedgerError as error:
            self.problem = str(error)

    def ended(self, record: DispatchRecord) -> None:
        try:
            ending = self._ending(record)
            self._ledger.end(self.number, ending, prompt=self._prompt, keep_text=self._keep_text, system=self._system)
        except LedgerError as error:
            self.problem = str(error)

    def _ending(self, record: DispatchRecord) -> Ending:
        if not record.attempts:
            error = record.failed.error if record.failed else None
            return Ending(at=self._clock(), outcome=Outcome.FAILED, error=error)
        last, finished = record.attempts[-1], record.finished
        usage, timings = (finished.usage, finished.timings) if finished else (last.usage, last.timings)
        return Ending(
            at=self._clock(),
            outcome=_outcome(last),
            # Whoever had begun to answer has seen the prompt and may cost money, also where it broke off.
            model=last.model if finished or last.partial else None,
            where=_place(last.where) if finished or last.partial else None,
            served_by=finished.served_by if finished else None,
            input_tokens=usage.input,
            output_tokens=usage.output,
            cost_usd=finished.cost if finished else None,
            load_s=timings.load,
            first_token_s=timings.first_token,
            total_s=timings.total,
            tokens_per_second=timings.tokens_per_second,
            error=record.failed.error if record.failed else None,
            answer=record.text,
        )


def _outcome(attempt: AttemptRecord) -> Outcome:
    if attempt.outcome != "failed":
        return Outcome.FINISHED if attempt.outcome == "finished" else Outcome.CANCELLED
    if attempt.kind is FailureKind.RATE_LIMITED:
        return Outcome.REFUSED
    return Outcome.BROKEN if attempt.partial else Outcome.FAILED


def _place(where: str) -> Literal["local", "cloud"]:
    return "local" if where == "local" else "cloud"
