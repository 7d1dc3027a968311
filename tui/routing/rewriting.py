"""Changes the candidates of a tier or task in the text of a configuration."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, cast

from tui.config.schema import Config, TaskSettings, TierName, TierSettings
from tui.config.splice import remove_setting, set_setting


@dataclass(frozen=True, slots=True)
class Candidates:
    """What the person wrote for a tier or task, in their order."""

    models: tuple[str, ...] = ()
    """A tier's fallbacks, or a task's models."""
    external: str | None = None
    """Whom a tier is asked of in Claude's stead; tasks have none."""


def configured_candidates(config: Config, kind: Literal["tier", "task"], name: str) -> Candidates:
    if kind == "tier":
        tier = config.tiers.get(name)
        return Candidates(tier.fallback, tier.external) if tier is not None else Candidates()
    task = config.tasks.get(name)
    return Candidates(task.models) if task is not None else Candidates()


def planned_with(config: Config, kind: Literal["tier", "task"], name: str, wanted: Candidates) -> Config:
    """``config`` as it would be with other candidates, to see where prompts would go then."""
    if kind == "tier":
        tier = TierSettings(name=cast("TierName", name), external=wanted.external, fallback=wanted.models)
        return replace(config, tiers={**config.tiers, name: tier})
    task = config.tasks.get(name, TaskSettings(name=name, models=()))
    return replace(config, tasks={**config.tasks, name: replace(task, models=wanted.models)})


def with_candidates(text: str, config: Config, kind: Literal["tier", "task"], name: str, wanted: Candidates) -> str:
    """``text`` with other candidates; comments, order and the rest of the row stay.

    Raises:
        NoSuchPlace: the row is written in a way that holds no list.
    """
    before = configured_candidates(config, kind, name)
    if kind == "tier":
        if wanted.models != before.models:
            text = set_setting(text, ("tiers", name, "fallback"), list(wanted.models))
        if wanted.external == before.external:
            return text
        where = ("tiers", name, "external")
        return remove_setting(text, where) if wanted.external is None else set_setting(text, where, wanted.external)
    task = config.tasks.get(name)
    has_table = task is not None and (task.prefer is not None or task.private or not _is_list(text, name))
    return set_setting(text, ("tasks", name, "models") if has_table else ("tasks", name), list(wanted.models))


def _is_list(text: str, name: str) -> bool:
    """True where the task is written as a bare list."""
    import tomllib

    return isinstance(tomllib.loads(text).get("tasks", {}).get(name), list)
