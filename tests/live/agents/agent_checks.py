"""The real programs, asked through the product, in a network namespace that has only loopback.

So no prompt can leave this machine, whatever a program makes of its configuration. Versions are those whose behaviour
the product was written for; `claude` is asked without a login, which is as far as it goes without one.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.live.agents.upstream import WORDS, WORDS_BEFORE_THE_DROP
from tests.live.checks import Check, Skipped, Stage
from tests.live.installing import NotInstallable, install_npm_program

PACKAGES = {
    "opencode": "opencode-ai@1.18.33",
    "gemini": "@google/gemini-cli@0.61.0",
    "copilot": "@github/copilot@1.0.102",
    "claude": "@anthropic-ai/claude-code@2.1.328",
}
REPOSITORY = Path(__file__).parents[3]
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
    try:
        installed = await asyncio.to_thread(install_npm_program, program, PACKAGES[program])
    except NotInstallable as error:
        raise Skipped(str(error)) from error
    if shutil.which("unshare") is None or shutil.which("ip") is None or os.geteuid() != 0:
        raise Skipped("A network namespace with only loopback needs root, unshare and ip.")
    with tempfile.TemporaryDirectory(prefix="fleetdeck-live-") as folder:
        home, temporary = Path(folder) / "home", Path(folder) / "temporary"
        home.mkdir()
        temporary.mkdir()
        environment = {
            "PATH": f"{installed.parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(home),
            "TMPDIR": str(temporary),
            "LANG": "C.UTF-8",
        }
        command = [sys.executable, "-m", "tests.live.agents.inside", program, model, str(ONE_PROMPT_SECONDS)]
        # Positional arguments of sh, so that nothing is pasted into its script.
        script = 'ip link set lo up && exec "$@"'
        process = await asyncio.create_subprocess_exec(
            *["unshare", "--net", "--kill-child", "sh", "-c", script, "sh", *command],
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=REPOSITORY,
            env=environment,
        )
        try:
            async with asyncio.timeout(OUTER_SECONDS):
                output, errors = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    words = errors.decode(errors="replace").strip().splitlines()
    if b"Operation not permitted" in errors:
        raise Skipped("This machine lets nobody make a network namespace.")
    assert process.returncode == 0, f"the check itself failed: {words[-1] if words else 'without a word'}"
    return Outcome(**json.loads(output.splitlines()[-1]))


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
