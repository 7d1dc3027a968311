"""Requests of some earlier time, for tests of what the ledger's past decides."""

from __future__ import annotations

from tui.ledger.records import Ending, NewRequest, Outcome
from tui.ledger.store import Ledger


def request_of(model: str, at: float) -> NewRequest:
    """Somebody asked for ``model`` by its name."""
    return NewRequest(
        at=at,
        face="cli",
        asked_kind="model",
        asked_name=model,
        external=False,
        private=False,
        plan=(model,),
        prompt="What is 2+2?",
    )


def answered(ledger: Ledger, model: str, at: float, speed: float, *, load: float | None = None) -> None:
    """``model`` answered with ``speed`` tokens per second, after loading for ``load`` seconds."""
    number = ledger.begin(request_of(model, at))
    ending = Ending(at=at, outcome=Outcome.FINISHED, model=model, where="local", tokens_per_second=speed, load_s=load)
    ledger.end(number, ending, prompt="", keep_text="none")
