"""``fleetdeck agents``: a task for agents that think with your models, and what a model can do for them."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tui.cli.answers import print_document
from tui.cli.asking import ask_person, person_is_there, refuse_readonly
from tui.cli.completing import complete_models
from tui.cli.document import SCHEMA, Json, probe_document
from tui.cli.looking import config_or_discovered
from tui.cli.main import EXIT_FAILED, CommandFailed, Invocation
from tui.cli.request_options import with_options
from tui.cli.route import EXITS
from tui.cli.until_signal import until_signal
from tui.fleet.printable import printable, printable_lines

if TYPE_CHECKING:
    from tui.bridges.agent_answers import AgentAnswers
    from tui.bridges.agent_wire import Result, Step, Task
    from tui.ledger.probes import Probed

RUN = "run"
SHOWN = 160
"""Characters of a step on stderr."""


class TaskOrCommand(click.Group):
    """Whatever is no command of this group begins a task."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in {*self.commands, *ctx.help_option_names}:
            args = [RUN, *args]
        return super().parse_args(ctx, args)


@click.group(cls=TaskOrCommand)
def agents() -> None:
    """Let agents work on a task: fleetdeck agents "TASK" --manager MODEL --worker MODEL.

    A manager divides the task among three workers, who search code, look into git's history and explore files, of one
    folder. Models write code for that, which runs on this machine in a process of its own without your keys.
    """


LIMITS = (
    click.option("--private", is_flag=True, help="Only models on your own machines."),
    click.option("--allow-secrets", is_flag=True, help="Even with a credential in what is read."),
    click.option("--yes", is_flag=True, help="Run what the models write without asking first."),
    click.option("--json", "as_json", is_flag=True, help="One JSON document at the end."),
    click.option("-q", "--quiet", is_flag=True, help="No notes on stderr but errors."),
)


@agents.command(RUN)
@click.argument("task")
@click.option(
    "--manager",
    required=True,
    metavar="MODEL",
    shell_complete=complete_models,
    help="Divides the task: service/name or program/name.",
)
@click.option("--worker", required=True, metavar="MODEL", shell_complete=complete_models, help="Does the parts of it.")
@click.option(
    "--folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=".",
    help="What the workers look at; the current one by default.",
)
@click.option("--steps", type=click.IntRange(1, 50), default=8, show_default=True, help="Of the manager, at most.")
@click.option("--worker-steps", type=click.IntRange(1, 20), default=4, show_default=True, help="For each of its parts.")
@click.option(
    "--timeout", type=click.FloatRange(min=1), default=900.0, show_default=True, help="Seconds for all of it."
)
@with_options(LIMITS)
@click.pass_obj
def run(
    invocation: Invocation,
    /,
    task: str,
    manager: str,
    worker: str,
    folder: Path,
    steps: int,
    worker_steps: int,
    timeout: float,
    **how: bool,
) -> int:
    """Work on TASK, and print what was found."""
    _check(invocation)
    if not task.strip():
        raise click.UsageError("the task is empty")
    from tui.bridges.agent_wire import Task

    job = Task(task, str(folder.resolve()), manager, worker, steps, worker_steps)
    return asyncio.run(until_signal(_run(invocation, job, timeout, _Manner(**how))))


@agents.command()
@click.argument("model", shell_complete=complete_models)
@click.option(
    "--timeout", type=click.FloatRange(min=1), default=300.0, show_default=True, help="Seconds for all of it."
)
@with_options(LIMITS)
@click.pass_obj
def probe(invocation: Invocation, /, model: str, timeout: float, **how: bool) -> int:
    """Find out whether MODEL can call tools and write agent code, with two small tasks. The result is kept."""
    _check(invocation)
    return asyncio.run(until_signal(_probe(invocation, model, timeout, _Manner(**how))))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Manner:
    """How a person wants it."""

    private: bool
    allow_secrets: bool
    yes: bool
    as_json: bool
    quiet: bool

    def note(self, words: str) -> None:
        if not self.quiet:
            click.echo(f"fleetdeck: {words}", err=True)

    def tell(self, step: Step) -> None:
        """One line for a step: who, which, and the code or the error."""
        words = step.error or " ".join(step.code.split())
        mark = "✗ " if step.error else ""
        self.note(f"{step.agent}, step {step.number}: {mark}{printable(words, SHOWN)}")


def _check(invocation: Invocation) -> None:
    from tui.bridges.agent_run import MISSING, installed

    refuse_readonly(invocation)
    if not installed():
        raise click.UsageError(MISSING)


async def _planned(answers: AgentAnswers, models: tuple[str, ...], manner: _Manner) -> int | None:
    """Says where the models run, and asks; the exit code where one of them may not be asked."""
    places = []
    for model in dict.fromkeys(models):
        plan = (await answers.plan(model)).plan
        if plan.failure is not None:
            click.echo(f"fleetdeck: {printable(model, 80)}: {plan.error}", err=True)
            return EXITS[plan.failure]
        places.append(f"{printable(model, 80)} ({plan.candidates[0].where})")
    if manner.yes:
        return None
    if not person_is_there():
        raise click.UsageError("this runs code that models write; --yes says that you want that")
    ask_person(
        "Run what they write?",
        [
            f"{' and '.join(places)} will write Python code, which runs on this machine as you.",
            "It gets none of your keys, and a home folder of its own; it is not otherwise kept from your files.",
        ],
    )
    return None


async def _run(invocation: Invocation, task: Task, timeout: float, manner: _Manner) -> int:
    from tui.bridges.agent_run import AgentsFailed, run_agents
    from tui.bridges.agent_wire import Result, Step

    done: list[Step] = []
    result: Result | None = None
    error = ""
    async with _answers(invocation, manner) as answers:
        if (code := await _planned(answers, (task.manager, task.worker), manner)) is not None:
            return code
        try:
            async with contextlib.aclosing(run_agents(task, answers, timeout=timeout)) as moments:
                async for moment in moments:
                    match moment:
                        case Step():
                            done.append(moment)
                            manner.tell(moment)
                        case Result():
                            result = moment
        except AgentsFailed as failed:
            error = str(failed)
    if result is not None and not result.finished:
        error = f"they were not done after {task.manager_steps} steps; what is said is what they had by then"
    if manner.as_json:
        print_document(_document(task, done, result, error))
    elif result is not None:
        click.echo(printable_lines(result.answer))
    if error:
        raise CommandFailed(error)
    return 0


async def _probe(invocation: Invocation, model: str, timeout: float, manner: _Manner) -> int:
    from tui.bridges.agent_run import AgentsFailed, run_agents
    from tui.bridges.agent_wire import Probe, ProbeTask, Step
    from tui.ledger.probes import Probed

    found: Probed | None = None
    async with _answers(invocation, manner) as answers:
        if (code := await _planned(answers, (model,), manner)) is not None:
            return code
        try:
            async with contextlib.aclosing(run_agents(ProbeTask(model), answers, timeout=timeout)) as moments:
                async for moment in moments:
                    match moment:
                        case Step():
                            manner.tell(moment)
                        case Probe():
                            found = Probed(
                                model=model,
                                at=time.time(),
                                calls_tools=moment.calls_tools,
                                tools_words=moment.tools_words,
                                writes_code=moment.writes_code,
                                code_words=moment.code_words,
                            )
        except AgentsFailed as failed:
            raise CommandFailed(str(failed)) from None
    assert found is not None
    _keep(found, manner)
    if manner.as_json:
        print_document({"schema": SCHEMA, "model": model, **probe_document(found)})
    else:
        click.echo(f"{_mark(found.calls_tools)} calls tools: {printable(found.tools_words, 300)}")
        click.echo(f"{_mark(found.writes_code)} writes agent code: {printable(found.code_words, 300)}")
    return 0 if found.calls_tools and found.writes_code else EXIT_FAILED


@contextlib.asynccontextmanager
async def _answers(invocation: Invocation, manner: _Manner) -> AsyncIterator[AgentAnswers]:
    from tui.bridges.agent_answers import AgentAnswers

    config = await config_or_discovered(invocation)
    answers = AgentAnswers(config, private=manner.private, allow_secrets=manner.allow_secrets)
    try:
        yield answers
    finally:
        await answers.close()
        if answers.problem:
            manner.note(f"not all of this is remembered: {answers.problem}")


def _keep(found: Probed, manner: _Manner) -> None:
    from tui.ledger.file import LedgerError
    from tui.ledger.probes import Probes

    try:
        with Probes() as probes:
            probes.keep(found)
    except LedgerError as error:
        manner.note(f"the result is not kept: {error}")


def _mark(can: bool) -> str:
    return "✓" if can else "✗"


def _document(task: Task, done: list[Step], result: Result | None, error: str) -> Json:
    return {
        "schema": SCHEMA,
        "task": task.text,
        "manager": task.manager,
        "worker": task.worker,
        "folder": task.folder,
        "finished": result is not None and result.finished,
        "answer": result.answer if result is not None else None,
        "error": error or None,
        "steps": [
            {
                "agent": step.agent,
                "number": step.number,
                "code": step.code,
                "observed": step.observed,
                "error": step.error or None,
            }
            for step in done
        ],
    }
