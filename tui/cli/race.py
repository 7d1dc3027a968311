"""``fleetdeck race``: the same prompt to several models at once, and how fast each of them was."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import click

from tui.chat.attachments import WrittenPrompt
from tui.chat.race import Lane
from tui.chat.race_figures import RaceFigure, ordered
from tui.chat.sending import Sender
from tui.chat.voting import answered, vote_for
from tui.cli.answers import print_document
from tui.cli.asking import person_is_there, refuse_readonly
from tui.cli.completing import complete_tasks
from tui.cli.document import SCHEMA
from tui.cli.invoke import FACE, PromptCommand
from tui.cli.lanes import SEVERAL, Question, about_document, exit_where_nobody_may, lane_document, print_answers
from tui.cli.lines import Line, print_lines
from tui.cli.looking import config_or_discovered, modes_of
from tui.cli.main import EXIT_FAILED, CommandFailed, Invocation
from tui.cli.request_options import with_options
from tui.cli.until_signal import until_signal
from tui.fleet.printable import printable
from tui.fleet.wording import NOT_KNOWN, latency_words, size_words
from tui.ledger.file import LedgerError
from tui.ledger.votes import Standing, Votes, standings_now
from tui.ledger.wording import rate_words
from tui.routing.modes import Modes

HEADER = ("MODEL", "WHERE", "TOTAL", "FIRST TOKEN", "LOAD", "PREFILL", "TOKENS/S", "TOKENS", "COST", "GPU", "OUTCOME")
STANDINGS_HEADER = ("TASK", "MODEL", "WINS", "RACES", "TOKENS/S P50", "FIRST TOKEN P50")
RACING = (
    click.option(
        "--order",
        type=click.Choice([str(figure) for figure in RaceFigure]),
        default=str(RaceFigure.TOTAL),
        show_default=True,
        help="The figure that puts them in order, the best first.",
    ),
    click.option("--answers", is_flag=True, help="Each answer too, above the figures."),
    click.option("--vote", is_flag=True, help="Show the answers, ask for the better one and keep the vote."),
    click.option(
        "--for",
        "task",
        metavar="TASK",
        default="",
        shell_complete=complete_tasks,
        help="The task that the vote counts for.",
    ),
    click.option("--standings", is_flag=True, help="Who has won the votes so far; asks nobody."),
)


@click.command("race", cls=PromptCommand)
@with_options(SEVERAL, RACING)
@click.pass_obj
def race_command(
    invocation: Invocation, /, order: str, answers: bool, vote: bool, task: str, standings: bool, **said: Any
) -> int:
    """Send PROMPT to several models at once, and compare how fast they answer and at what cost.

    Standard input, where something is piped into it, goes behind PROMPT and a blank line. With --standings, -k names
    the tasks that are wanted; without it they all are. Votes of the panel's races count for the same standings.
    """
    question = Question(**said)
    if standings:
        return _tell_standings(question)
    if vote:
        _check_vote(invocation, question)
    elif task:
        raise click.UsageError("--for names the task of a vote: say --vote too")
    written = question.read()
    lanes = question.lanes(written)
    shows = Shows(RaceFigure(order), answers=answers or vote)
    code = asyncio.run(until_signal(_race(invocation, question, written, lanes, shows, task)))
    if vote and code == 0:
        _take_vote(question, lanes, task)
    return code


@dataclass(frozen=True, slots=True)
class Shows:
    """What is printed of a race in the end."""

    order: RaceFigure
    answers: bool


async def _race(
    invocation: Invocation,
    question: Question,
    written: WrittenPrompt,
    lanes: Sequence[Lane],
    shows: Shows,
    task: str,
) -> int:
    config = await config_or_discovered(invocation)
    if task and task not in config.tasks:
        known = ", ".join(printable(name, 60) for name in config.tasks) or "none"
        raise click.UsageError(f"there is no task {printable(task, 60)} to vote for; there are: {known}")
    modes = modes_of(config)
    async with Sender(config, FACE) as sender:
        try:
            await question.ask(lanes, written, sender, config, modes)
        finally:
            # Also where it is interrupted: the quick ones have answered.
            _print_result(question, lanes, modes, shows)
        if sender.problem:
            question.note(f"not all of this is remembered: {sender.problem}")
    if (code := exit_where_nobody_may(lanes)) is not None:
        return code
    return 0 if any(lane.finished is not None for lane in lanes) else EXIT_FAILED


def _check_vote(invocation: Invocation, question: Question) -> None:
    """
    Raises:
        click.UsageError: nobody could be asked for a vote, or it may not be kept.
    """
    refuse_readonly(invocation)
    if question.as_json:
        raise click.UsageError("--vote asks somebody who reads the answers, and --json is for programs: take one")
    if not person_is_there():
        raise click.UsageError("--vote asks which answer is the better one: it needs a terminal, and the prompt by -p")


def _take_vote(question: Question, lanes: Sequence[Lane], task: str) -> None:
    """
    Raises:
        CommandFailed: the ledger cannot be written.
    """
    choosable = answered(lanes)
    if len(choosable) < 2:
        question.note("there is nothing to vote on: fewer than two have answered")
        return
    numbers = {str(number): lane for number, lane in _numbered(lanes) if lane in choosable}
    wanted = click.Choice(["", *numbers])
    asked = f"The better answer ({', '.join(numbers)}; enter: none of them)"
    chosen = click.prompt(asked, default="", show_default=False, show_choices=False, type=wanted, err=True)
    if not chosen:
        return
    try:
        with Votes() as votes:
            votes.cast(vote_for(numbers[chosen], lanes, at=time.time(), face=FACE, task=task))
    except LedgerError as error:
        raise CommandFailed(f"the vote is not kept: {error}") from None
    counts = f" for the task {printable(task, 60)}" if task else ""
    question.note(f"{printable(numbers[chosen].name, 120)} has your vote{counts}")


def _numbered(lanes: Sequence[Lane]) -> Iterable[tuple[int, Lane]]:
    """By what a person calls them, in the order in which they were named."""
    return enumerate(lanes, 1)


def _print_result(question: Question, lanes: Sequence[Lane], modes: Modes, shows: Shows) -> None:
    in_order = ordered(lanes, shows.order)
    if shows.answers and not question.as_json:
        print_answers((f"{number}. {printable(lane.name, 120)}", lane) for number, lane in _numbered(lanes))
    if question.as_json:
        document = {"schema": SCHEMA, **about_document(lanes, modes), "lanes": [lane_document(one) for one in in_order]}
        print_document(document)
    else:
        print_lines([Line(HEADER), *(_line(lane) for lane in in_order)])


def _line(lane: Lane) -> Line:
    finished = lane.finished
    name = printable(lane.name if lane.name == lane.model else f"{lane.name} ({lane.model})", 120)
    if finished is None:
        outcome = f"{lane.stage}: {printable(lane.words, 160)}"
        figures = (NOT_KNOWN,) * (len(HEADER) - 3)
        return Line((name, lane.where or NOT_KNOWN, *figures, outcome), "red" if lane.end else "yellow")
    timings, tokens, cost = finished.timings, finished.usage.output, finished.cost
    served = finished.served_by != lane.model.partition("/")[2]
    return Line(
        (
            name,
            lane.where,
            latency_words(timings.total),
            latency_words(timings.first_token),
            latency_words(timings.load),
            latency_words(lane.prefill),
            rate_words(timings.tokens_per_second),
            NOT_KNOWN if tokens is None else str(tokens),
            NOT_KNOWN if cost is None else f"${cost:.6f}",
            size_words(lane.memory),
            f"answered, served by {printable(finished.served_by, 120)}" if served else "answered",
        ),
        "green",
    )


def _tell_standings(question: Question) -> int:
    """
    Raises:
        CommandFailed: the ledger cannot be read.
    """
    try:
        standings = [one for one in standings_now() if not question.tasks or one.task in question.tasks]
    except LedgerError as error:
        raise CommandFailed(str(error)) from None
    if question.as_json:
        print_document({"schema": SCHEMA, "standings": [_standing_document(one) for one in standings]})
    elif standings:
        print_lines([Line(STANDINGS_HEADER), *(_standing_line(one) for one in standings)])
    else:
        question.note("there are no votes yet: --vote asks for one, as b does in the panel's races")
    return 0


def _standing_document(standing: Standing) -> dict[str, object]:
    first = standing.first_token_s
    return {
        "task": standing.task or None,
        "model": standing.model,
        "wins": standing.wins,
        "races": standing.races,
        "tokens_per_second_p50": standing.tokens_per_second,
        "first_token_ms_p50": None if first is None else round(first * 1000),
    }


def _standing_line(standing: Standing) -> Line:
    return Line(
        (
            printable(standing.task, 60) or NOT_KNOWN,
            printable(standing.model, 120),
            str(standing.wins),
            str(standing.races),
            rate_words(standing.tokens_per_second),
            latency_words(standing.first_token_s),
        )
    )
