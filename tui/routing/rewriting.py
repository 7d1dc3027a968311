"""Changes the candidates of a tier or task in the text of a configuration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, cast

from tui.config.schema import Config, TaskSettings, TierName, TierSettings
from tui.config.splice import set_setting


def configured_candidates(config: Config, kind: Literal["tier", "task"], name: str) -> tuple[str, ...]:
    """What the person wrote for a tier's fallbacks, or a task's models, in their order."""
    if kind == "tier":
        tier = config.tiers.get(name)
        return tier.fallback if tier is not None else ()
    task = config.tasks.get(name)
    return task.models if task is not None else ()


def planned_with(config: Config, kind: Literal["tier", "task"], name: str, models: Sequence[str]) -> Config:
    """``config`` as it would be with other candidates, to see where prompts would go then."""
    if kind == "tier":
        tier_name = cast("TierName", name)
        tier = config.tiers.get(tier_name, TierSettings(name=tier_name))
        return replace(config, tiers={**config.tiers, tier_name: replace(tier, fallback=tuple(models))})
    task = config.tasks.get(name, TaskSettings(name=name, models=()))
    return replace(config, tasks={**config.tasks, name: replace(task, models=tuple(models))})


def with_candidates(text: str, config: Config, kind: Literal["tier", "task"], name: str, models: Sequence[str]) -> str:
    """``text`` with other candidates; comments, order and the rest of the row stay.

    Raises:
        NoSuchPlace: the row is written in a way that holds no list.
    """
    if kind == "tier":
        return set_setting(text, ("tiers", name, "fallback"), list(models))
    task = config.tasks.get(name)
    has_table = task is not None and (task.prefer is not None or task.private or not _is_list(text, name))
    where = ("tasks", name, "models") if has_table else ("tasks", name)
    return set_setting(text, where, list(models))


def _is_list(text: str, name: str) -> bool:
    """True where the task is written as a bare list."""
    import tomllib

    return isinstance(tomllib.loads(text).get("tasks", {}).get(name), list)
