"""Whom a prompt may be for: every tier, task and model."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from tui.config.schema import Config, TierName
from tui.fleet.snapshot import FleetSnapshot, ModelSnapshot, ModelState
from tui.routing.policy import DEFAULT_TASK, Request

ChoiceKind = Literal["tier", "task", "model"]


@dataclass(frozen=True, slots=True)
class Choice:
    """A tier, task or model that prompts are for."""

    kind: ChoiceKind
    name: str

    @property
    def key(self) -> str:
        return f"{self.kind} {self.name}"

    def request(
        self,
        *,
        private: bool = False,
        stays_home: str = "",
        external: bool = False,
        prompt_tokens: int = 0,
        images: int = 0,
    ) -> Request:
        return Request(
            tier=self.name if self.kind == "tier" else None,
            task=self.name if self.kind == "task" else None,
            model=self.name if self.kind == "model" else None,
            private=private,
            stays_home=stays_home,
            external=external,
            prompt_tokens=prompt_tokens,
            images=images,
        )


@dataclass(frozen=True, slots=True)
class ChoiceRow:
    """A choice as the finder lists it. Typed words are looked for in ``lower``, single letters in ``name``."""

    choice: Choice
    lower: str
    name: str
    about: str = ""
    model: ModelSnapshot | None = None

    @property
    def key(self) -> str:
        return self.choice.key

    @property
    def warmth(self) -> int:
        """What is loaded comes first among equals."""
        loaded = self.model is not None and self.model.state in (ModelState.READY, ModelState.STARTING)
        return 0 if self.choice.kind != "model" or loaded else 1


def choice_rows(config: Config, snapshot: FleetSnapshot | None) -> list[ChoiceRow]:
    """Everything that can be chosen: tiers, tasks, then models, the loaded ones first."""
    rows = [_row(Choice("tier", name), f"{name} tier") for name in get_args(TierName) if name in config.tiers]
    rows += [_row(Choice("task", name), f"{name} task") for name in config.tasks]
    return rows + sorted(_model_rows(config, snapshot), key=lambda row: row.warmth)


def first_choice(config: Config, snapshot: FleetSnapshot | None) -> Choice | None:
    """What prompts are for where nobody has chosen: the default task, else the first model that is loaded."""
    if DEFAULT_TASK in config.tasks:
        return Choice("task", DEFAULT_TASK)
    return next((row.choice for row in choice_rows(config, snapshot)), None)


def _model_rows(config: Config, snapshot: FleetSnapshot | None) -> Iterable[ChoiceRow]:
    listed: set[str] = set()
    for service, model in snapshot.models() if snapshot is not None else ():
        name = service.model_id(model)
        if service.kind not in ("qdrant", "http"):
            listed.add(name)
            yield _row(Choice("model", name), name, _about(config, name) or model.about, model)
    for program in config.clis.values():
        for name in program.models:
            model_id = f"{program.name}/{name}"
            if model_id not in listed:
                listed.add(model_id)
                yield _row(Choice("model", model_id), model_id, _about(config, model_id))
    for name in config.models:
        if name not in listed:
            yield _row(Choice("model", name), name, _about(config, name))


def _about(config: Config, model_id: str) -> str:
    settings = config.models.get(model_id)
    return settings.about if settings is not None else ""


def _row(choice: Choice, text: str, about: str = "", model: ModelSnapshot | None = None) -> ChoiceRow:
    name = text.lower()[:200]
    return ChoiceRow(choice, f"{name} {about.lower()[:200]}", name, about, model)
