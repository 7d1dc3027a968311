"""Conversations as the panel keeps them, for tests that show or change them."""

from __future__ import annotations

from tui.ledger.conversations import Conversations
from tui.ledger.records import Ending, NewRequest, Outcome
from tui.ledger.store import Ledger

NOON = 1_795_176_000.0
DAY = 86_400.0


def keep(*turns: tuple[str, str], at: float = NOON, branch_of: int | None = None) -> int:
    """A conversation as the panel has kept it."""
    number = None
    with Ledger() as ledger, Conversations() as kept:
        for prompt, answer in turns:
            request = ledger.begin(
                NewRequest(
                    at=at, face="panel", asked_kind="model", asked_name="llama-swap/qwen3", external=False,
                    private=False, plan=("llama-swap/qwen3",), prompt=prompt,
                )
            )  # fmt: skip
            ending = Ending(
                at=at, outcome=Outcome.FINISHED, model="llama-swap/qwen3", where="local", served_by="qwen3",
                answer=answer, output_tokens=40, tokens_per_second=83.0, total_s=1.5,
            )  # fmt: skip
            ledger.end(request, ending, prompt=prompt, keep_text="all")
            number = kept.add(request, number, branch_of=branch_of)
        with kept.transaction() as connection:
            connection.execute("UPDATE conversations SET begun_at = ?, changed_at = ? WHERE id = ?", (at, at, number))
    assert number is not None
    return number
