"""Pipelines as a person writes them: a TOML file of steps, each a prompt with a tier, task or model.

A prompt is a template: ``{{ name }}`` stands for an input, or for what an earlier step answered. All other braces are
text, since prompts are full of them.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Annotated, Any, cast, get_type_hints

from msgspec import Meta

from tui.config.errors import ConfigError, ConfigProblem, Where, nearest, setting_name, suggestion
from tui.config.locate import locate
from tui.config.schema import NonEmpty
from tui.config.source import parse_toml, read_config_text
from tui.config.values import Unfit, described, fitted, without_none
from tui.routing.policy import DEFAULT_TASK, Request

INPUT = "input"
"""The input of a pipeline that declares none."""
_PLACEHOLDER = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_-]*)\s*\}\}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class Template:
    """A text with places for inputs and answers."""

    text: str

    @property
    def names(self) -> tuple[str, ...]:
        """What it has places for, each once."""
        return tuple(dict.fromkeys(_PLACEHOLDER.findall(self.text)))

    def filled(self, values: Mapping[str, str]) -> str:
        """The text with every place filled. What a value itself has in braces stays as it is: it is data."""
        return _PLACEHOLDER.sub(lambda place: values[place[1]], self.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """``[steps.NAME]``: one prompt. At most one of tier, task and model is given; with none it is the default task."""

    name: str
    prompt: NonEmpty
    system: str = ""
    tier: NonEmpty | None = None
    task: NonEmpty | None = None
    model: NonEmpty | None = None
    fallback: bool = False
    """With a model: its configured fallbacks as well."""
    private: bool = False
    external: bool = False
    releases: bool = False
    """What it answers may leave the house although what it is told may not: it is there to take out what is private."""
    after: tuple[str, ...] = ()
    """Steps to wait for whose answers it does not use."""
    max_tokens: Annotated[int, Meta(ge=1)] | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    timeout: Annotated[float, Meta(ge=0.001)] | None = None
    """Seconds for the whole answer, loading included."""

    @property
    def places(self) -> tuple[str, ...]:
        """The inputs and steps that its prompt and system text use."""
        return tuple(dict.fromkeys((*Template(self.prompt).names, *Template(self.system).names)))

    @property
    def request(self) -> Request:
        """Where it is to go, before anything is known of what it says."""
        named = self.tier is not None or self.model is not None
        return Request(
            tier=self.tier,
            task=self.task or (None if named else DEFAULT_TASK),
            model=self.model,
            fallback=self.fallback,
            private=self.private,
            external=self.external,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """``[inputs]``: what a pipeline is given; a bare text is what it is about."""

    name: str
    about: str = ""
    default: str | None = None
    """None: it has to be given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """Steps in the order of the file, of which none waits for itself."""

    path: Path
    about: str = ""
    inputs: Mapping[str, Input] = field(default_factory=dict)
    steps: Mapping[str, Step] = field(default_factory=dict)
    output: tuple[str, ...] = ()
    """The steps whose answers are the result."""

    def uses(self, step: Step) -> tuple[str, ...]:
        """The steps whose answers a step is told."""
        return tuple(name for name in step.places if name in self.steps)

    def needs(self, step: Step) -> tuple[str, ...]:
        """The steps that have to be over before it."""
        return tuple(dict.fromkeys((*self.uses(step), *step.after)))


def load_pipeline(path: Path) -> Pipeline:
    """The pipeline in the file ``path``.

    Raises:
        ConfigError: the file cannot be read, or something in it is wrong; it holds every problem.
    """
    text = read_config_text(path).removeprefix("\ufeff")
    reader = _Reader(parse_toml(text, path))
    pipeline = reader.read(path)
    if reader.findings:
        layout = locate(text)
        problems = [
            ConfigProblem(path, layout.line_of(where), setting_name(where), words) for where, words in reader.findings
        ]
        raise ConfigError(sorted(problems, key=lambda problem: problem.line or 0))
    return pipeline


class _Reader:
    """One reading of a document that goes on after a problem."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.findings: list[tuple[Where, str]] = []
        self._document = document

    def read(self, path: Path) -> Pipeline:
        sections = ["about", "output", "inputs", "steps"]
        for name in self._document.keys() - set(sections):
            self._add((name,), f"unknown setting; {suggestion(name, sections)}")
        inputs = self._rows(Input, "inputs")
        steps = self._rows(Step, "steps")
        if not steps and not self._table("steps"):
            self._add((), "has no steps; write [steps.NAME] with a prompt")
        if "inputs" not in self._document and any(INPUT in step.places for step in steps.values()):
            inputs = {INPUT: Input(name=INPUT)}
        pipeline = Pipeline(
            path=path, about=self._value("about", str) or "", inputs=inputs, steps=steps, output=self._output(steps)
        )
        for step in steps.values():
            self._check(step, pipeline)
        if not self.findings:
            self._check_order(pipeline)
        return pipeline

    def _add(self, where: Where, words: str) -> None:
        self.findings.append((where, words))

    def _table(self, name: str) -> Mapping[str, Any]:
        table = self._document.get(name, {})
        if isinstance(table, dict):
            return table
        self._add((name,), f"should be a table, is {described(table)}; write [{name}] above its settings")
        return {}

    def _value(self, name: str, wanted: Any) -> Any:
        if name not in self._document:
            return None
        return self._fitted(self._document[name], wanted, (name,))

    def _fitted(self, value: object, wanted: Any, where: Where) -> Any:
        # Prompts have line ends of both kinds; a carriage return is the only control code that editors leave in them.
        value = value.replace("\r\n", "\n") if isinstance(value, str) else value
        try:
            return fitted(value, wanted)
        except Unfit as unfit:
            self._add(where + unfit.inner, unfit.text)
            return None

    def _rows(self, kind: type, section: str) -> dict[str, Any]:
        rows = {}
        for name, raw in self._table(section).items():
            where: Where = (section, name)
            if not _NAME.fullmatch(name):
                self._add(where, "a name is letters, digits, _ and -, and begins with no digit")
            table = {"about": raw} if kind is Input and isinstance(raw, str) else raw
            if not isinstance(table, dict):
                self._add(where, f"should be a table, is {described(raw)}; write [{setting_name(where)}]")
            elif (row := self._row(kind, name, table, where)) is not None:
                rows[name] = row
        return rows

    def _row(self, kind: type, name: str, raw: Mapping[str, Any], where: Where) -> Any:
        known = {one.name: one for one in fields(cast(Any, kind)) if one.name != "name"}
        values: dict[str, Any] = {"name": name}
        before = len(self.findings)
        for key, value in raw.items():
            if key in known:
                values[key] = self._fitted(value, without_none(_types_of(kind)[key]), (*where, key))
            else:
                self._add((*where, key), f"unknown setting; {suggestion(key, list(known))}")
        for key, one in known.items():
            if one.default is MISSING and key not in raw and not any(nearest(given, [key]) for given in raw):
                self._add((*where, key), "is missing")
        return kind(**values) if len(self.findings) == before else None

    def _output(self, steps: Mapping[str, Step]) -> tuple[str, ...]:
        given = self._document.get("output")
        if given is None:
            # What nobody uses any more is what all of it was for.
            used = {name for step in steps.values() for name in (*step.places, *step.after)}
            return tuple(name for name in steps if name not in used)
        names = self._value("output", tuple[str, ...] if isinstance(given, list) else str) or ()
        chosen = (names,) if isinstance(names, str) else tuple(names)
        for name in chosen:
            if name not in self._table("steps"):
                self._add(("output",), f"names no step; {suggestion(name, list(steps))}")
        return chosen

    def _check(self, step: Step, pipeline: Pipeline) -> None:
        where: Where = ("steps", step.name)
        if step.name in pipeline.inputs:
            self._add(where, "is also the name of an input; give one of them another name")
        if sum(target is not None for target in (step.tier, step.task, step.model)) > 1:
            self._add(where, "should name one of tier, task and model, not several")
        if step.fallback and step.model is None:
            self._add((*where, "fallback"), "goes with a model; a tier and a task have their own")
        # A step that is itself wrong is no reason to say of others that they name nothing.
        known = [*pipeline.inputs, *self._table("steps")]
        for key, template in (("prompt", step.prompt), ("system", step.system)):
            for name in Template(template).names:
                if name not in known:
                    self._add((*where, key), f"{{{{ {name} }}}} is no input or step; {suggestion(name, known)}")
        for name in step.after:
            if name not in self._table("steps"):
                self._add((*where, "after"), f"{name} is no step; {suggestion(name, list(pipeline.steps))}")

    def _check_order(self, pipeline: Pipeline) -> None:
        graph = {name: pipeline.needs(step) for name, step in pipeline.steps.items()}
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            circle = " → ".join(reversed(error.args[1]))
            self._add(("steps", error.args[1][0]), f"waits for itself: {circle}")


def in_order(pipeline: Pipeline) -> Iterator[Step]:
    """Every step behind those that it needs."""
    graph = {name: pipeline.needs(step) for name, step in pipeline.steps.items()}
    yield from (pipeline.steps[name] for name in TopologicalSorter(graph).static_order())


@functools.cache
def _types_of(kind: type) -> dict[str, Any]:
    return get_type_hints(kind, include_extras=True)
