"""``fleetdeck race``: the same prompt to several models at once, and how fast each of them was."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import click

from tui.chat.race import Lane
from tui.chat.race_figures import ordered
from tui.chat.sending import Sender
from tui.cli.answer_notes import duration_words
from tui.cli.answers import print_document
from tui.cli.document import SCHEMA
from tui.cli.invoke import FACE, PromptCommand
from tui.cli.lanes import SEVERAL, Question, about_document, exit_where_nobody_may, lane_document
from tui.cli.lines import Line, print_lines
from tui.cli.looking import config_or_discovered, modes_of
from tui.cli.main import EXIT_FAILED, Invocation
from tui.cli.prompt_input import read_prompt
from tui.cli.request_options import with_options
from tui.cli.until_signal import until_signal
from tui.fleet.printable import printable
from tui.routing.modes import Modes

HEADER = ("MODEL", "WHERE", "TOTAL", "FIRST TOKEN", "LOAD", "PREFILL", "TOKENS/S", "TOKENS", "COST", "OUTCOME")


@click.command("race", cls=PromptCommand)
@with_options(SEVERAL)
@click.pass_obj
def race_command(invocation: Invocation, /, **said: Any) -> int:
    """Send PROMPT to several models at once, and compare how fast they answer and at what cost.

    Standard input, where something is piped into it, goes behind PROMPT and a blank line.
    """
    question = Question(**said)
    question.check()
    text = read_prompt(question.prompt, question.option_prompt, (), question.note).text
    return asyncio.run(until_signal(_race(invocation, question, text)))


async def _race(invocation: Invocation, question: Question, text: str) -> int:
    config = await config_or_discovered(invocation)
    modes = modes_of(config)
    lanes = question.lanes(text)
    async with Sender(config, FACE) as sender:
        try:
            await question.ask(lanes, text, sender, config, modes)
        finally:
            # Also where it is interrupted: the quick ones have answered.
            _print_result(question, lanes, modes)
        if sender.problem:
            question.note(f"not all of this is remembered: {sender.problem}")
    if (code := exit_where_nobody_may(lanes)) is not None:
        return code
    return 0 if any(lane.finished is not None for lane in lanes) else EXIT_FAILED


def _print_result(question: Question, lanes: Sequence[Lane], modes: Modes) -> None:
    in_order = ordered(lanes)
    if question.as_json:
        document = {"schema": SCHEMA, **about_document(lanes, modes), "lanes": [lane_document(one) for one in in_order]}
        print_document(document)
    else:
        print_lines([Line(HEADER), *(_line(lane) for lane in in_order)])


def _line(lane: Lane) -> Line:
    finished = lane.finished
    name = printable(lane.model, 80)
    if finished is None:
        outcome = f"{lane.stage}: {printable(lane.words, 160)}"
        return Line((name, lane.where or "–", *("–",) * (len(HEADER) - 3), outcome), "red" if lane.end else "yellow")
    timings, tokens, cost = finished.timings, finished.usage.output, finished.cost
    served = finished.served_by != lane.model.partition("/")[2]
    return Line(
        (
            name,
            lane.where,
            _duration(timings.total),
            _duration(timings.first_token),
            _duration(timings.load),
            _duration(lane.prefill),
            "–" if timings.tokens_per_second is None else f"{timings.tokens_per_second:.0f}",
            "–" if tokens is None else str(tokens),
            "–" if cost is None else f"${cost:.6f}",
            f"answered, served by {printable(finished.served_by, 120)}" if served else "answered",
        ),
        "green",
    )


def _duration(seconds: float | None) -> str:
    return "–" if seconds is None else duration_words(seconds)
