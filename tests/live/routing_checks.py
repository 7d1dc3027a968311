"""Routing in many more random situations than `make test` has time for, each command in a process of its own."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, STDOUT

from tests.live.checks import Check, Stage

TESTS = "tests/cli/test_invoke_as_routed.py"


async def _pass(test: str, situations: int) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pytest", "-q", "--tb=line", "--show-capture=no", f"{TESTS}::{test}"),
        env={**os.environ, "FLEETDECK_TEST_SITUATIONS": str(situations)},
        stdout=PIPE,
        stderr=STDOUT,
    )
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()
    assert process.returncode == 0, output.decode()[-600:]


async def invoke_asks_whom_route_named(stage: Stage) -> None:
    await _pass("test_invoke_asks_whom_route_named", 1000)


async def private_prompts_are_heard_at_home_alone(stage: Stage) -> None:
    await _pass("test_a_private_prompt_is_heard_at_home_alone", 200)


CHECKS = (
    Check("invoke asks whom route named, in 1 000 random situations", invoke_asks_whom_route_named),
    Check("private prompts are heard at home alone, in 200 random situations", private_prompts_are_heard_at_home_alone),
)
