"""The real programs, asked through the product.

`claude` is asked without a login, which is as far as it goes without one.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from tests.live.agents.alone import alone
from tests.live.agents.upstream import WORDS, WORDS_BEFORE_THE_DROP
from tests.live.checks import Check, Stage

ONE_PROMPT_SECONDS = 90.0
# Within its deadline the prompt is answered or refused by the product itself; this is for the namespace around it.
OUTER_SECONDS = ONE_PROMPT_SECONDS + 60.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one prompt came to; see `inside.py`."""

    events: list[dict[str, Any]]
    prompts: int
    exact: int
    left_behind: list[str]
    temporary: list[str]
    children: list[str]

    @property
    def last(self) -> dict[str, Any]:
        return self.events[-1]

    @property
    def text(self) -> str:
        said: list[str] = []
        for event in self.events:
            if event["event"] == "restarted":
                said.clear()
            elif event["event"] == "text":
                said.append(event["text"])
        return "".join(said)


async def ask_inside(program: str, model: str) -> Outcome:
    """Asks the real program in a namespace of its own. Raises Skipped where that cannot be had."""
    command = [sys.executable, "-m", "tests.live.agents.inside", program, model, str(ONE_PROMPT_SECONDS)]
    async with alone(program) as agent:
        ended = await agent.run(*command, within=OUTER_SECONDS)
    assert ended.code == 0, f"the check itself failed: {ended.last_words}"
    return Outcome(**json.loads(ended.output.splitlines()[-1]))


async def answers(program: str) -> None:
    outcome = await ask_inside(program, "ok")
    assert outcome.last["event"] == "finished", outcome.last
    assert outcome.text == "".join(WORDS), outcome.text
    pieces = sum(event["event"] == "text" for event in outcome.events)
    assert pieces > 1, "the answer came in one piece: it is not streamed"
    assert outcome.prompts == 1, f"the prompt was sent {outcome.prompts} times"
    assert outcome.exact == 1, "the prompt did not arrive to the letter"
    assert not outcome.temporary, f"left in the temporary folder: {outcome.temporary}"
    assert not outcome.children, f"still running: {outcome.children}"


async def breaks_off(program: str) -> None:
    outcome = await ask_inside(program, "drop")
    assert (outcome.last["event"], outcome.last["kind"]) == ("failed", "broken"), outcome.last
    assert outcome.last["partial"] is True
    assert outcome.text == "".join(WORDS[:WORDS_BEFORE_THE_DROP]), outcome.text
    assert not outcome.children, f"still running: {outcome.children}"


def refused_with(model: str, kind: str) -> Callable[[str], Awaitable[None]]:
    async def check(program: str) -> None:
        outcome = await ask_inside(program, model)
        assert (outcome.last["event"], outcome.last["kind"]) == ("failed", kind), outcome.last
        assert outcome.text == ""
        assert not outcome.temporary, f"left in the temporary folder: {outcome.temporary}"
        assert not outcome.children, f"still running: {outcome.children}"

    return check


async def claude_is_not_logged_in(program: str) -> None:
    outcome = await ask_inside(program, "haiku")
    assert outcome.last["kind"] == "not_logged_in", outcome.last
    assert "Not logged in" in outcome.last["error"]
    assert outcome.text == "", "its words about the login were taken for an answer"
    assert not outcome.left_behind, f"the prompt was left in {outcome.left_behind}"


def _check(program: str, name: str, function: Callable[[str], Awaitable[None]]) -> Check:
    async def run(stage: Stage) -> None:
        await function(program)

    return Check(f"{program}: {name}", run)


CHECKS = (
    *(
        _check(program, "streams its answer, once, to the letter", answers)
        for program in ("copilot", "gemini", "opencode")
    ),
    *(_check(program, "a stream that breaks off is told as broken", breaks_off) for program in ("copilot", "opencode")),
    *(
        _check(program, "a refused key is told as one", refused_with("401", "not_logged_in"))
        for program in ("copilot", "gemini", "opencode")
    ),
    *(
        _check(program, "too many requests are told as such, and in time", refused_with("429", "rate_limited"))
        for program in ("copilot", "gemini", "opencode")
    ),
    _check("opencode", "a model that it does not have is told as such", refused_with("no-such-model", "unknown_model")),
    _check("claude", "without a login is a clear error and no answer", claude_is_not_logged_in),
)
