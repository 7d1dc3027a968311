"""What ``race`` and ``consensus`` have in common: who is asked what, and how a model's part of it is told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click

from tui.chat.attachments import WrittenPrompt
from tui.chat.drill import Stage
from tui.chat.prompt import Prompt
from tui.chat.race import Lane, race
from tui.chat.reply import Failed, Finished, ReplyEvent, Usage, fell_back_json, finished_json, usage_json
from tui.chat.sending import Sender
from tui.cli.answer_notes import AnswerNotes, failure_words
from tui.cli.completing import complete_models, complete_tasks, complete_tiers
from tui.cli.document import Json, modes_document
from tui.cli.main import EXIT_EMPTY_PLAN
from tui.cli.memory_watch import watched_memory
from tui.cli.prompt_input import read_prompt
from tui.cli.request_options import CONDITIONS, PROMPT, WRITING
from tui.cli.route import EXITS, asked_document
from tui.config.schema import Config
from tui.fleet.printable import printable, printable_lines
from tui.routing.modes import Modes
from tui.routing.policy import Request

SEVERAL = (
    click.option(
        "-m",
        "--model",
        "models",
        metavar="MODEL",
        shell_complete=complete_models,
        multiple=True,
        help="service/name or program/name; two or more of models, tiers and tasks.",
    ),
    click.option(
        "-t",
        "--tier",
        "tiers",
        metavar="TIER",
        shell_complete=complete_tiers,
        multiple=True,
        help="Where a tier goes now.",
    ),
    click.option(
        "-k",
        "--task",
        "tasks",
        metavar="TASK",
        shell_complete=complete_tasks,
        multiple=True,
        help="Where a task goes now.",
    ),
    *PROMPT,
    *CONDITIONS,
    *WRITING,
    click.option("--timeout", type=click.FloatRange(min=0.001), metavar="SECONDS", help="For each whole answer."),
    click.option("--json", "as_json", is_flag=True, help="One JSON document at the end."),
    click.option("-q", "--quiet", is_flag=True, help="No notes on stderr but errors."),
)
NO_FIGURES: Json = {"load_ms": None, "first_token_ms": None, "total_ms": None, "tokens_per_second": None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What was said on the command line to several models."""

    models: tuple[str, ...]
    tiers: tuple[str, ...]
    tasks: tuple[str, ...]
    option_prompt: str | None
    prompt: str | None
    system: str
    files: tuple[Path, ...]
    private: bool
    external: bool
    allow_secrets: bool
    timeout: float | None
    as_json: bool
    quiet: bool

    def read(self) -> WrittenPrompt:
        """The prompt, once it is clear that there is something to compare.

        Raises:
            click.UsageError: fewer than two are named, or one twice; or there is no prompt.
        """
        names = [*self.models, *(f"tier {name}" for name in self.tiers), *(f"task {name}" for name in self.tasks)]
        if len(names) < 2:
            raise click.UsageError("name two models or more, each with -m; or tiers with -t, tasks with -k")
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise click.UsageError(f"{printable(twice, 80)} is named twice")
        return read_prompt(self.prompt, self.option_prompt, self.files, self.note)

    def lanes(self, written: WrittenPrompt) -> tuple[Lane, ...]:
        together = Request(
            private=self.private,
            external=self.external,
            allow_secrets=self.allow_secrets,
            prompt_tokens=written.tokens_at_most(self.system),
            images=len(written.images),
        )
        named = [
            *(replace(together, model=name) for name in self.models),
            *(replace(together, tier=name) for name in self.tiers),
            *(replace(together, task=name) for name in self.tasks),
        ]
        return tuple(Lane(request) for request in named)

    def note(self, words: str) -> None:
        """Tells the person something beside the answers."""
        if not self.quiet:
            click.echo(f"fleetdeck: {words}", err=True)

    async def ask(
        self, lanes: Sequence[Lane], written: WrittenPrompt, sender: Sender, config: Config, modes: Modes
    ) -> None:
        """Asks all lanes, and tells on stderr what happens meanwhile."""
        notes = _Notes(self)
        prompt = Prompt.of(written.text, system=self.system, images=written.images)
        said = written.said(self.system)
        async with watched_memory(lanes, config):
            await race(lanes, prompt, said, sender, config, modes, timeout=self.timeout, told=notes.take)
        remarks = [lane.decision.remark for lane in lanes if lane.decision is not None and lane.decision.remark]
        for remark in dict.fromkeys((*modes.problems, *remarks)):
            self.note(remark)
        for lane in lanes:
            tell_if_skipped(lane)


class _Notes:
    """Every note names its model: those of several come in between each other."""

    def __init__(self, question: Question) -> None:
        self._question = question
        self._notes: dict[str, AnswerNotes] = {}

    def take(self, lane: Lane, event: ReplyEvent) -> None:
        if isinstance(event, Failed):
            click.echo(f"fleetdeck: {failure_words(event)}", err=True)
            return
        if lane.name not in self._notes:
            assert lane.decision is not None
            shown = printable(lane.name, 120)

            def tell(words: str) -> None:
                self._question.note(words if shown in words else f"{shown}: {words}")

            self._notes[lane.name] = AnswerNotes(tell, lane.decision)
        self._notes[lane.name].take(event)


def print_answers(named: Iterable[tuple[str, Lane]]) -> None:
    """Each answer below its heading, or why there is none."""
    for heading, lane in named:
        click.echo(f"{heading}:")
        shown = lane.text.strip() if lane.finished is not None else f"({lane.stage}: {lane.words})"
        for line in printable_lines(shown or "(an empty answer)").splitlines():
            click.echo(f"  {line}".rstrip())
        click.echo()


def tell_if_skipped(lane: Lane) -> None:
    """Says on stderr why a model was not asked."""
    if lane.stage is Stage.SKIPPED:
        click.echo(f"fleetdeck: {printable(lane.name, 120)} is not asked: {printable(lane.words, 400)}", err=True)


def exit_where_nobody_may(lanes: Sequence[Lane]) -> int | None:
    """The exit code where no model may be asked: that of ``invoke``, where all have it for the same reason."""
    if any(lane.stage is not Stage.SKIPPED for lane in lanes):
        return None
    failures = {lane.decision.plan.failure for lane in lanes if lane.decision is not None}
    failure = failures.pop() if len(failures) == 1 else None
    return EXITS[failure] if failure is not None else EXIT_EMPTY_PLAN


def about_document(lanes: Sequence[Lane], modes: Modes) -> Json:
    """Under which modes all of them were asked."""
    plans = [lane.decision.plan for lane in lanes if lane.decision is not None]
    return {
        "modes": modes_document(modes),
        "private": next((plan.private for plan in plans if plan.private), None),
    }


def lane_document(lane: Lane) -> Json:
    """One model's part. The fields are those of ``invoke --json``, and are there whatever became of it."""
    failed = lane.end if isinstance(lane.end, Failed) else None
    plan_failure = lane.decision.plan.failure if lane.decision is not None else None
    kind = str(failed.kind) if failed is not None else plan_failure.name.lower() if plan_failure is not None else None
    return {
        "asked": asked_document(lane.request, lane.decision.plan) if lane.decision is not None else {},
        "model": lane.model,
        "where": lane.where or None,
        "outcome": str(lane.stage),
        "error": lane.words or None,
        "kind": kind,
        **(_figures(lane.finished, lane.prefill) if lane.finished is not None else _no_figures(failed)),
        "gpu_memory": {"bytes": lane.memory, "before": lane.memory_before},
        "response": lane.text,
        "reasoning": lane.reasoning,
    }


def _figures(finished: Finished, prefill: float | None) -> Json:
    document = finished_json(finished)
    timings = document["timings"]
    assert isinstance(timings, dict)
    timings["prefill_ms"] = None if prefill is None else round(prefill * 1000)
    return document | {"partial": False, "retry_after_s": None}


def _no_figures(failed: Failed | None) -> Json:
    return {
        "served_by": None,
        "finish_reason": None,
        "fell_back": [fell_back_json(step) for step in failed.fell_back] if failed is not None else [],
        "usage": usage_json(Usage()),
        "cost_usd": None,
        "timings": {**NO_FIGURES, "prefill_ms": None},
        "partial": failed.partial if failed is not None else False,
        "retry_after_s": failed.retry_after if failed is not None else None,
    }
