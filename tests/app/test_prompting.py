"""What goes along with a prompt, and what is known before it is sent."""

from __future__ import annotations

import math

from tests.app.test_playground import find, playground, write
from tui.demo.fleet import DemoFleet
from tui.ledger.records import Ending, NewRequest, Outcome
from tui.ledger.store import Ledger


def remember(model: str, rate: float, load: float) -> None:
    """An answer of an earlier day."""
    request = NewRequest(
        at=1.0,
        face="cli",
        asked_kind="model",
        asked_name=model,
        external=False,
        private=False,
        plan=(model,),
        prompt="hi",
    )
    with Ledger() as ledger:
        ending = Ending(at=2.0, outcome=Outcome.FINISHED, model=model, tokens_per_second=rate, load_s=load)
        ledger.end(ledger.begin(request), ending, prompt="", keep_text="none")


async def test_how_quick_a_model_was_stands_in_the_finder_and_how_long_it_loaded_before_the_prompt_is_sent(
    fleet: DemoFleet,
) -> None:
    remember("llama-swap/gemma", 139.6, 14.2)
    fleet.llama_swap.processes.speed = 0.5
    async with playground(fleet, "llama-swap/gemma", size=(140, 40)) as panel:
        await panel.sees("llama-swap/gemma is loaded first (it took 14.2 s before)")
        await find(panel, "gemma")
        await panel.sees("last tok/s")
        line = panel.line_with("llama-swap/gemma")
        assert "140" in line
        assert "○ idle" in line
        await panel.press("enter")
        await write(panel, "why?")
        await panel.sees("gemma is being loaded ·")
        await panel.sees("· it took 14.2 s before")
        fleet.llama_swap.processes.speed = math.inf
