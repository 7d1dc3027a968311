"""Requests as tests tell of them, written into a ledger as a face writes them."""

from __future__ import annotations

from dataclasses import dataclass

from tui.ledger.records import Ending, NewRequest, Outcome
from tui.ledger.store import Ledger

NOON = 1_795_176_000.0
"""2026-11-20 12:00:00 UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request as a test tells of it."""

    at: float = NOON
    face: str = "cli"
    kind: str = "task"
    name: str = "quick"
    external: bool = False
    private: bool = False
    outcome: Outcome = Outcome.FINISHED
    model: str | None = "swap/qwen"
    where: str | None = "local"
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost: float | None = None
    first_token: float | None = None
    rate: float | None = None
    prompt: str = "why is the sky blue"
    answer: str = ""
    error: str | None = None


def ask(ledger: Ledger, asked: Asked) -> int:
    """Writes a request as a face does: before it is sent, when a model is asked, and when it has ended."""
    number = ledger.begin(
        NewRequest(
            at=asked.at,
            face=asked.face,
            asked_kind=asked.kind,
            asked_name=asked.name,
            external=asked.external,
            private=asked.private,
            plan=("swap/qwen", "cloud/gpt"),
            prompt=asked.prompt,
        )
    )
    if asked.model is not None:
        attempt = ledger.attempt(number, asked.model, "local" if asked.where == "local" else "cloud", asked.at)
        ledger.end_attempt(attempt, asked.outcome, at=asked.at + 1)
    if asked.outcome is not Outcome.RUNNING:
        ending = Ending(
            at=asked.at + 1,
            outcome=asked.outcome,
            model=asked.model,
            where=asked.where,  # type: ignore[arg-type]
            input_tokens=asked.input_tokens,
            output_tokens=asked.output_tokens,
            cost_usd=asked.cost,
            first_token_s=asked.first_token,
            tokens_per_second=asked.rate,
            error=asked.error,
            answer=asked.answer,
        )
        ledger.end(number, ending, prompt=asked.prompt, keep_text="all")
    return number
