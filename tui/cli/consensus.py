"""``fleetdeck consensus``: asks several models, and says whether enough of them agree."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import click

from tui.chat.attachments import WrittenPrompt
from tui.chat.consensus import THRESHOLD, Consensus, consensus
from tui.chat.race import Lane
from tui.chat.sending import Sender
from tui.cli.answers import print_document
from tui.cli.completing import complete_models
from tui.cli.document import SCHEMA
from tui.cli.invoke import FACE, PromptCommand
from tui.cli.lanes import (
    SEVERAL,
    Question,
    about_document,
    exit_where_nobody_may,
    lane_document,
    print_answers,
    tell_if_skipped,
)
from tui.cli.looking import config_or_discovered, modes_of
from tui.cli.main import EXIT_FAILED, Invocation
from tui.cli.request_options import with_options
from tui.cli.until_signal import until_signal
from tui.fleet.printable import printable
from tui.routing.policy import owner_problem

COMPARING = (
    click.option(
        "--threshold",
        type=click.FloatRange(0, 1, min_open=True),
        default=THRESHOLD,
        show_default=True,
        help="The share of the models that have to agree.",
    ),
    click.option(
        "--judge",
        metavar="MODEL",
        shell_complete=complete_models,
        help="Who compares answers that are too long for that.",
    ),
)


@click.command("consensus", cls=PromptCommand)
@with_options(SEVERAL, COMPARING)
@click.pass_obj
def consensus_command(invocation: Invocation, /, threshold: float, judge: str | None, **said: Any) -> int:
    """Send PROMPT to several models, and say whether enough of them give the same answer.

    Short answers are compared by their words, without case, white space and punctuation; longer ones by the judge.
    """
    question = Question(**said)
    return asyncio.run(until_signal(_consensus(invocation, question, question.read(), threshold, judge)))


async def _consensus(
    invocation: Invocation, question: Question, written: WrittenPrompt, threshold: float, judge: str | None
) -> int:
    config = await config_or_discovered(invocation)
    if judge is not None and (problem := owner_problem(judge, config)):
        raise click.UsageError(f"the judge cannot be asked: {problem}")
    modes = modes_of(config)
    lanes = question.lanes(written)
    async with Sender(config, FACE) as sender:
        await question.ask(lanes, written, sender, config, modes)
        found = await consensus(
            lanes,
            written.text,
            sender,
            config,
            modes_of(config),
            threshold=threshold,
            judge=judge,
            timeout=question.timeout,
            allow_secrets=question.allow_secrets,
        )
        if sender.problem:
            question.note(f"not all of this is remembered: {sender.problem}")
    if found.judge is not None:
        tell_if_skipped(found.judge)
    if found.remark:
        click.echo(f"fleetdeck: {printable(found.remark, 500)}", err=True)
    if question.as_json:
        print_document({"schema": SCHEMA, **about_document(lanes, modes), **_document(found, lanes)})
    else:
        _print(found, lanes)
    if (code := exit_where_nobody_may(lanes)) is not None:
        return code
    return 0 if found.agreed is not None else EXIT_FAILED


def _document(found: Consensus, lanes: Sequence[Lane]) -> dict[str, object]:
    agreed = found.agreed
    return {
        "agreed": agreed is not None,
        "agreement": round(found.share, 4),
        "threshold": found.threshold,
        "answer": agreed.answer if agreed is not None else None,
        "groups": [
            {"models": list(group.models), "share": round(len(group.models) / found.asked, 4), "answer": group.answer}
            for group in found.groups
        ],
        "answers": [lane_document(lane) for lane in lanes],
        "judge": lane_document(found.judge) if found.judge is not None else None,
        "remark": found.remark or None,
    }


def _print(found: Consensus, lanes: Sequence[Lane]) -> None:
    print_answers((printable(lane.name, 120), lane) for lane in lanes)
    for number, group in enumerate(found.groups, 1):
        click.echo(f"group {number}: {', '.join(printable(model, 120) for model in group.models)}")
    verdict = "reached" if found.agreed is not None else "not reached"
    judged = f", judged by {printable(found.judge.model, 120)}" if found.judge and not found.remark else ""
    click.echo(f"agreement: {found.share:.0%} of {found.asked} models, {found.threshold:.0%} wanted: {verdict}{judged}")
