"""Runs a pipeline: every step as soon as those before it have answered, each by a plan of its own.

What is private stays so on its way through the steps: a step that is told what a private one answered is private too,
unless that one ``releases`` its answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from tui.chat.drill import Stage
from tui.chat.pipeline_file import Pipeline, Step, Template
from tui.chat.prompt import Prompt
from tui.chat.race import Lane, race
from tui.chat.reply import ReplyEvent
from tui.chat.sending import Sender
from tui.config.schema import Config
from tui.routing.modes import Modes
from tui.routing.policy import targets_of
from tui.routing.size import tokens_at_most

FACE = "pipeline"
LONGEST_STEP = 600.0
"""Seconds for a step that says nothing else: a large model that is loaded first and then thinks takes minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineCall:
    """One run of a pipeline."""

    pipeline: Pipeline
    inputs: Mapping[str, str]
    """A value for every input."""
    private: bool = False
    """Every step stays at home, whatever it releases."""
    allow_secrets: bool = False
    timeout: float | None = None
    """Seconds for each step that has none of its own; None: ten minutes."""


@dataclass(slots=True)
class StepRun:
    """One step, as far as it has come."""

    step: Step
    lane: Lane
    stopped_by: str = ""
    """The step without whose answer this one is not asked."""
    over: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def answered(self) -> bool:
        return self.lane.stage is Stage.ANSWERED

    @property
    def is_private(self) -> bool:
        """Whether it had to stay at home, for whatever reason."""
        return self.lane.decision is not None and bool(self.lane.decision.plan.private)


def runs_of(call: PipelineCall) -> dict[str, StepRun]:
    """A run for each step, not begun, in the order of the file."""
    return {name: StepRun(step, Lane(step.request)) for name, step in call.pipeline.steps.items()}


def wrong_targets(pipeline: Pipeline, config: Config) -> dict[str, str]:
    """The steps that ask for what the configuration does not have, and the sentence about it."""
    found = {}
    for name, step in pipeline.steps.items():
        # Whether external mode is on makes no target wrong or right.
        if error := targets_of(step.request, config, external_on=step.external).error:
            found[name] = error
    return found


async def run_pipeline(
    call: PipelineCall,
    runs: Mapping[str, StepRun],
    sender: Sender,
    config: Config,
    modes: Callable[[], Modes],
    *,
    told: Callable[[StepRun, ReplyEvent], None] = lambda run, event: None,
) -> None:
    """Asks every step that can be asked; those that do not depend on each other at the same time.

    ``modes`` is read anew for each step, since a pipeline may take long; ``told`` is called behind every event. A step
    that fails ends nobody but those that need its answer. Cancelling ends all requests; the runs keep what had come.
    """
    try:
        async with asyncio.TaskGroup() as steps:
            for run in runs.values():
                steps.create_task(_run(run, call, runs, sender, config, modes, told))
    finally:
        for run in runs.values():
            run.lane.interrupt()


async def _run(
    run: StepRun,
    call: PipelineCall,
    runs: Mapping[str, StepRun],
    sender: Sender,
    config: Config,
    modes: Callable[[], Modes],
    told: Callable[[StepRun, ReplyEvent], None],
) -> None:
    needed = [runs[name] for name in call.pipeline.needs(run.step)]
    try:
        for before in needed:
            await before.over.wait()
        missing = next((before for before in needed if not before.answered), None)
        if missing is not None:
            run.stopped_by = missing.step.name
            run.lane.skip(f"stopped, since it needs {missing.step.name}, which did not answer")
            return
        await _ask(run, call, runs, sender, config, modes(), told)
    finally:
        run.over.set()


async def _ask(
    run: StepRun,
    call: PipelineCall,
    runs: Mapping[str, StepRun],
    sender: Sender,
    config: Config,
    modes: Modes,
    told: Callable[[StepRun, ReplyEvent], None],
) -> None:
    step, lane = run.step, run.lane
    used = [runs[name] for name in call.pipeline.uses(step)]
    values = {**call.inputs, **{before.step.name: before.lane.text for before in used}}
    text, system = Template(step.prompt).filled(values), Template(step.system).filled(values)
    said = f"{system}\n\n{text}" if system else text
    inherited = any(before.is_private and not before.step.releases for before in used)
    lane.request = replace(
        lane.request,
        private=step.private or call.private or inherited,
        allow_secrets=call.allow_secrets,
        prompt_tokens=tokens_at_most(said),
    )
    prompt = replace(Prompt.of(text, system=system, max_tokens=step.max_tokens), temperature=step.temperature)
    timeout = step.timeout or call.timeout or LONGEST_STEP
    await race((lane,), prompt, said, sender, config, modes, timeout=timeout, told=lambda _, event: told(run, event))
