"""``fleetdeck pipeline``: the steps of a file, each asked where its plan says, and what came of them."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import click

from tui.chat.drill import Stage
from tui.chat.pipeline import FACE, PipelineCall, StepRun, run_pipeline, runs_of, wrong_targets
from tui.chat.pipeline_file import Pipeline, in_order, load_pipeline
from tui.chat.reply import Failed, ReplyEvent, Text
from tui.chat.sending import Sender
from tui.cli.answer_notes import AnswerNotes, failure_words
from tui.cli.answers import TextWriter, print_document
from tui.cli.document import SCHEMA, Json, modes_document
from tui.cli.lanes import exit_where_nobody_may, lane_document
from tui.cli.lines import Line, print_lines
from tui.cli.looking import config_or_discovered, modes_of
from tui.cli.main import EXIT_FAILED, Invocation
from tui.cli.prompt_input import read_prompt
from tui.cli.route import asked_document
from tui.cli.until_signal import until_signal
from tui.config.paths import reason_of
from tui.config.schema import Config
from tui.fleet.printable import printable
from tui.routing.decide import decide


@dataclass(frozen=True, slots=True)
class Manner:
    """How a person wants to be told of it."""

    as_json: bool
    quiet: bool

    def note(self, words: str) -> None:
        if not self.quiet:
            click.echo(f"fleetdeck: {words}", err=True)


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "-i",
    "--input",
    "given",
    metavar="[NAME=]TEXT",
    multiple=True,
    help="An input; @FILE for a file's text, @- for standard input. May be given again.",
)
@click.option("--private", is_flag=True, help="Every step only to models on your own machines.")
@click.option("--allow-secrets", is_flag=True, help="Even with a credential in a prompt.")
@click.option("--timeout", type=click.FloatRange(min=0.001), metavar="SECONDS", help="For each step; 600 by default.")
@click.option("--dry-run", is_flag=True, help="Show the steps and where they would go now; send nothing.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document at the end, with what every step answered.")
@click.option("-q", "--quiet", is_flag=True, help="No notes on stderr but errors.")
@click.pass_obj
def pipeline(
    invocation: Invocation,
    file: Path,
    given: tuple[str, ...],
    private: bool,
    allow_secrets: bool,
    timeout: float | None,
    dry_run: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Run the steps of FILE (TOML): prompts that use each other's answers, at the same time where they can be.

    An input that is not given is read from standard input, where only one is missing.
    """
    manner = Manner(as_json, quiet)
    loaded = load_pipeline(file)
    if dry_run:
        return asyncio.run(_show(invocation, loaded, private=private))
    call = PipelineCall(
        pipeline=loaded,
        inputs=_inputs(loaded, given),
        private=private,
        allow_secrets=allow_secrets,
        timeout=timeout,
    )
    return asyncio.run(until_signal(_run(invocation, call, manner)))


async def _run(invocation: Invocation, call: PipelineCall, manner: Manner) -> int:
    config = await config_or_discovered(invocation)
    _check_targets(call.pipeline, config)
    runs = runs_of(call)
    notes = _Notes(call, manner)
    async with Sender(config, FACE) as sender:
        try:
            await run_pipeline(call, runs, sender, config, lambda: modes_of(config), told=notes.take)
        finally:
            # Also where it is interrupted: some steps have answered.
            _tell_of_silent(runs)
            if manner.as_json:
                print_document(_document(call.pipeline, runs))
        if sender.problem:
            manner.note(f"not all of this is remembered: {sender.problem}")
    if not manner.as_json and not notes.streams:
        _print_output([runs[name] for name in call.pipeline.output])
    return _exit_code(runs)


def _check_targets(pipeline: Pipeline, config: Config) -> None:
    problems = wrong_targets(pipeline, config)
    if problems:
        raise click.UsageError("\n".join(f"{pipeline.path}: steps.{name}: {words}" for name, words in problems.items()))


def _inputs(pipeline: Pipeline, given: tuple[str, ...]) -> dict[str, str]:
    values: dict[str, str] = {}
    for text in given:
        name, sign, value = text.partition("=")
        if not sign or name not in pipeline.inputs:
            # A text may hold an equals sign of its own.
            name, value = _only_input(pipeline, name if sign else ""), text
        if name in values:
            raise click.UsageError(f"the input {name} is given twice")
        values[name] = _value(value)
    missing = [one for one in pipeline.inputs.values() if one.name not in values and one.default is None]
    if len(missing) == 1 and not sys.stdin.isatty():
        # What is wrong with standard input (it is empty, say) is told as what it means here: an input is missing.
        with contextlib.suppress(click.UsageError):
            values[missing[0].name] = read_prompt(None, None, ()).text
            missing = []
    if missing:
        name, about = missing[0].name, printable(missing[0].about, 120)
        words = f" ({about})" if about else ""
        raise click.UsageError(f"the input {name}{words} is missing: -i {name}=TEXT, or -i {name}=@FILE")
    return {one.name: values.get(one.name, one.default or "") for one in pipeline.inputs.values()}


def _only_input(pipeline: Pipeline, named: str) -> str:
    """The input that a text without a name is for: the only one, or the only one that has to be given."""
    for names in (list(pipeline.inputs), [one.name for one in pipeline.inputs.values() if one.default is None]):
        if len(names) == 1:
            return names[0]
    known = ", ".join(pipeline.inputs) or "none"
    about = f"there is no input {printable(named, 60)}" if named else "say which input it is: -i NAME=TEXT"
    raise click.UsageError(f"{about}; {pipeline.path.name} has {known}")


def _value(text: str) -> str:
    if not text.startswith("@"):
        return text
    if text == "@-":
        return read_prompt("-", None, ()).text
    path = Path(text[1:]).expanduser()
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise click.UsageError(f"{printable(str(path), 200)} cannot be read: {reason_of(error)}") from None
    except UnicodeDecodeError:
        raise click.UsageError(f"{printable(str(path), 200)} is no text file (UTF-8)") from None


class _Notes:
    """Tells of every step under its name; streams the answer that is the result, where it is one alone."""

    def __init__(self, call: PipelineCall, manner: Manner) -> None:
        self._manner = manner
        self._notes: dict[str, AnswerNotes] = {}
        output = call.pipeline.output
        self.streams = len(output) == 1 and not manner.as_json
        self._streamed = output[0] if self.streams else ""
        self._writer = TextWriter(banner=False)

    def take(self, run: StepRun, event: ReplyEvent) -> None:
        name = run.step.name
        if isinstance(event, Failed):
            click.echo(f"fleetdeck: {name}: {failure_words(event)}", err=True)
        else:
            if name not in self._notes:
                assert run.lane.decision is not None
                if run.lane.decision.remark:
                    self._manner.note(run.lane.decision.remark)
                tell = self._manner.note
                self._notes[name] = AnswerNotes(lambda words: tell(f"{name}: {words}"), run.lane.decision)
            self._notes[name].take(event)
        if name == self._streamed:
            self._writer.take(event)


def _tell_of_silent(runs: Mapping[str, StepRun]) -> None:
    for name, run in runs.items():
        if run.lane.stage is Stage.SKIPPED:
            click.echo(f"fleetdeck: {name}: {printable(run.lane.words, 400)}", err=True)


def _print_output(runs: list[StepRun]) -> None:
    for run in runs:
        if run.answered:
            writer = TextWriter(banner=False)
            click.echo(f"## {run.step.name}\n")
            writer.take(Text(f"{run.lane.text.rstrip()}\n\n"))


def _exit_code(runs: Mapping[str, StepRun]) -> int:
    if all(run.answered for run in runs.values()):
        return 0
    if any(run.lane.stage is Stage.FAILED for run in runs.values()):
        return EXIT_FAILED
    refused = [run.lane for run in runs.values() if run.lane.stage is Stage.SKIPPED and not run.stopped_by]
    code = exit_where_nobody_may(refused)
    return EXIT_FAILED if code is None else code


def _document(pipeline: Pipeline, runs: Mapping[str, StepRun]) -> Json:
    return {
        "schema": SCHEMA,
        "pipeline": str(pipeline.path),
        "finished": all(run.answered for run in runs.values()),
        "output": {name: runs[name].lane.text if runs[name].answered else None for name in pipeline.output},
        "steps": [_step_document(pipeline, run) for run in runs.values()],
    }


def _step_document(pipeline: Pipeline, run: StepRun) -> Json:
    decision = run.lane.decision
    return {
        "step": run.step.name,
        "needs": list(pipeline.needs(run.step)),
        "asked": asked_document(run.lane.request, decision.plan) if decision is not None else None,
        "modes": modes_document(decision.modes) if decision is not None else None,
        "private": (decision.plan.private or None) if decision is not None else None,
        "stopped_by": run.stopped_by or None,
        **lane_document(run.lane),
    }


async def _show(invocation: Invocation, pipeline: Pipeline, *, private: bool) -> int:
    """The steps in an order in which they could be asked, and to whom each would go by what is known now."""
    config = await config_or_discovered(invocation)
    _check_targets(pipeline, config)
    lines = []
    stay_at_home: set[str] = set()
    for step in in_order(pipeline):
        inherited = private or any(name in stay_at_home for name in pipeline.uses(step))
        request = replace(step.request, private=step.private or inherited)
        made = (await decide(request, "", config, modes_of(config))).plan
        if made.private and not step.releases:
            stay_at_home.add(step.name)
        first = made.candidates[0] if made.candidates else None
        target = f"{printable(first.model, 80)} ({first.where}; {first.why})" if first else f"nowhere: {made.error}"
        needs = f"after {', '.join(pipeline.needs(step))}" if pipeline.needs(step) else "at once"
        lines.append(Line((step.name, needs, "private" if made.private else "", target)))
    print_lines(lines)
    return 0
