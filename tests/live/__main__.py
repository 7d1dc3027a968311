"""`python -m tests.live [WORDS…]`: checks against real servers, one line each, exit 1 where any fails."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

from tests.live import (
    bridge_checks,
    chat_checks,
    demo_checks,
    litellm_checks,
    llama_swap_checks,
    ollama_checks,
    product_checks,
    routing_checks,
    shape_checks,
    terminal_checks,
)
from tests.live.agents import agent_checks, claude_checks, mcp_checks
from tests.live.checks import Check, Skipped, Stage
from tests.live.machines import ssh_checks, unit_checks

# One entry for each file of checks. The servers are shared: whatever a check loads, it unloads.
MODULES = (
    shape_checks,
    llama_swap_checks,
    ollama_checks,
    litellm_checks,
    bridge_checks,
    demo_checks,
    product_checks,
    terminal_checks,
    chat_checks,
    agent_checks,
    mcp_checks,
    claude_checks,
    ssh_checks,
    unit_checks,
    routing_checks,
)
# A check that waits for a server to be built is bounded by the build's own limit.
CHECK_SECONDS = 45 * 60.0


async def run(checks: tuple[Check, ...]) -> int:
    """Runs the checks one after the other and prints how each went. The exit status is 1 where one failed."""
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    with tempfile.TemporaryDirectory(prefix="fleetdeck-live-") as folder:
        async with AsyncExitStack() as servers:
            stage = Stage(Path(folder), servers)
            for check in checks:
                began = time.monotonic()
                outcome, words = await _outcome(check, stage)
                counts[outcome] += 1
                print(f"{check.name} … {words} ({time.monotonic() - began:.1f} s)", flush=True)
    print(f"live: {counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    return 1 if counts["failed"] else 0


async def _outcome(check: Check, stage: Stage) -> tuple[str, str]:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            await check.function(stage)
    except Skipped as error:
        return "skipped", f"skipped {error}"
    # One broken check says what broke and must not keep the others from running.
    except Exception as error:
        return "failed", f"FAILED {_reason(error)}"
    return "passed", "ok"


def _reason(error: BaseException) -> str:
    traceback = error.__traceback__
    place = ""
    while traceback is not None:
        file = Path(traceback.tb_frame.f_code.co_filename)
        if file.parent == Path(__file__).parent and file.name != Path(__file__).name:
            place = f" at {file.name}:{traceback.tb_lineno}"
        traceback = traceback.tb_next
    words = " ".join(str(error).split())[:600]
    return f"{type(error).__name__}{f': {words}' if words else ''}{place}"


def chosen(words: list[str]) -> tuple[Check, ...]:
    """The checks whose name holds one of the words, in any case; without words all of them."""
    checks = (check for module in MODULES for check in module.CHECKS)
    return tuple(check for check in checks if not words or any(word.lower() in check.name.lower() for word in words))


async def main(checks: tuple[Check, ...]) -> int:
    task = asyncio.current_task()
    assert task is not None
    # Ended from outside, the servers must not stay: the cancellation runs through the stack that stops them.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await run(checks)


def command_line() -> int:
    """What the words on the command line ask for."""
    parser = argparse.ArgumentParser(prog="python -m tests.live", description="Checks against real servers.")
    parser.add_argument("words", nargs="*", metavar="WORDS", help="only checks whose name holds one of these")
    parser.add_argument("--list", action="store_true", help="name the checks and run none")
    said = parser.parse_args()
    checks = chosen(said.words)
    if not checks:
        parser.error("no check's name holds that; --list names them all")
    if said.list:
        print("\n".join(check.name for check in checks))
        return 0
    return asyncio.run(main(checks))


if __name__ == "__main__":
    try:
        sys.exit(command_line())
    except (KeyboardInterrupt, asyncio.CancelledError):
        sys.exit(130)
