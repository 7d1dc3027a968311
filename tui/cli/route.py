"""``fleetdeck route``: where a prompt would go, and why."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

import click
import msgspec

from tui.cli.document import SCHEMA, Json, modes_document
from tui.cli.lines import Line, print_lines
from tui.cli.looking import config_or_discovered, modes_of
from tui.cli.main import EXIT_EMPTY_PLAN, EXIT_GUARD_REFUSED, EXIT_WRONG_CALL, Invocation
from tui.cli.request_options import CONDITIONS, PROMPT, TARGETS, with_options
from tui.fleet.printable import printable
from tui.routing.decide import LONGEST_LOOK, Decision, decide, prepare_to_look
from tui.routing.plan import Failure, Plan
from tui.routing.policy import Request
from tui.routing.size import tokens_at_most

ANSWER_BY = 0.32
"""Seconds of the program's life by which its look at the fleet ends. Agents call it at every turn and have their answer
within 0.4 s also while a machine drops every packet."""
SHORTEST_LOOK = 0.1
EXITS = {
    Failure.WRONG_REQUEST: EXIT_WRONG_CALL,
    Failure.NOTHING_MAY: EXIT_EMPTY_PLAN,
    Failure.GUARD_REFUSED: EXIT_GUARD_REFUSED,
}


@click.command()
@with_options(
    TARGETS, CONDITIONS, (click.option("--json", "as_json", is_flag=True, help="One JSON document."),), PROMPT
)
@click.pass_obj
def route(
    invocation: Invocation,
    tier: str | None,
    task: str | None,
    model: str | None,
    option_prompt: str | None,
    private: bool,
    external: bool,
    fallback: bool,
    allow_secrets: bool,
    as_json: bool,
    prompt: str | None,
) -> int:
    """Where a prompt would go, and why. Sends nothing. A PROMPT of "-" is read from standard input."""
    if prompt is not None and option_prompt is not None:
        raise click.UsageError("give the prompt once, as the argument or with -p")
    text = option_prompt if prompt is None else prompt
    if text == "-":
        text = sys.stdin.buffer.read().decode("utf-8", "surrogateescape")
    request = Request(
        tier=tier,
        task=task,
        model=model,
        private=private,
        external=external,
        fallback=fallback,
        allow_secrets=allow_secrets,
        prompt_tokens=tokens_at_most(text or ""),
    )
    decision = asyncio.run(_decide(invocation, request, text or ""))
    if as_json:
        document = msgspec.json.encode(route_document(request, decision))
        sys.stdout.buffer.write(msgspec.json.format(document, indent=1) + b"\n")
    else:
        print_lines(_lines(decision.plan))
    for remark in (*decision.modes.problems, decision.remark, decision.plan.error):
        if remark:
            click.echo(f"fleetdeck: {remark}", err=True)
    return EXITS[decision.plan.failure] if decision.plan.failure is not None else 0


async def _decide(invocation: Invocation, request: Request, prompt: str) -> Decision:
    config = await config_or_discovered(invocation)
    prepare_to_look()
    longest = min(LONGEST_LOOK, max(SHORTEST_LOOK, ANSWER_BY - _age()))
    return await decide(request, prompt, config, modes_of(config), longest_look=longest)


def _age() -> float:
    """Seconds since this program was started; where the system does not say, those that it has worked."""
    try:
        # Field 22, counted behind the program's name, which may hold spaces (proc_pid_stat(5)).
        started = Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]
        return time.clock_gettime(time.CLOCK_BOOTTIME) - int(started) / os.sysconf("SC_CLK_TCK")
    except (OSError, AttributeError, IndexError, ValueError):
        return time.process_time()


def asked_document(request: Request, plan: Plan) -> Json:
    """What was asked for, as documents have it."""
    asked: Json = {plan.asked.kind: plan.asked.name} if plan.asked is not None else {}
    return asked | {name: True for name in ("private", "external", "fallback") if getattr(request, name)}


def skipped_document(plan: Plan) -> list[Json]:
    """Who may not take a request now, and why."""
    return [
        {"model": one.model, "where": str(one.where), "reason": one.reason, "rule": str(one.rule)}
        for one in plan.skipped
    ]


def route_document(request: Request, decision: Decision) -> Json:
    """``route --json``."""
    plan = decision.plan
    return {
        "schema": SCHEMA,
        "asked": asked_document(request, plan),
        "modes": modes_document(decision.modes),
        "candidates": [
            {"model": one.model, "where": str(one.where), "state": one.state, "why": one.why} for one in plan.candidates
        ],
        "skipped": skipped_document(plan),
        "private": plan.private or None,
        "error": plan.error or None,
    }


def _lines(plan: Plan) -> list[Line]:
    lines = [
        Line((f"{'→' if place == 0 else ' '} {printable(one.model, 80)}", str(one.where), one.state, one.why))
        for place, one in enumerate(plan.candidates)
    ]
    lines += [Line((f"  {printable(one.model, 80)}", str(one.where), "skipped", one.reason)) for one in plan.skipped]
    return lines
