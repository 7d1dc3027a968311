"""Which models a request may go to by the person's rules, before anything is known of their state."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from tui.config.schema import Config, TierName
from tui.fleet.printable import printable

DEFAULT_TASK = "default"
NO_PROMPTS = frozenset({"qdrant", "http"})
"""Kinds of service that answer no prompts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a plan is made for: at most one of tier, task and model; with none of them it is the default task."""

    tier: str | None = None
    task: str | None = None
    model: str | None = None
    private: bool = False
    stays_home: str = ""
    """Why it may go to the person's own machines alone, though it is not private: unlike a private one it may be kept.
    Empty: it may go elsewhere."""
    external: bool = False
    """External for this request alone, whatever the mode's file says."""
    fallback: bool = False
    """For a model: try its configured fallbacks as well."""
    allow_secrets: bool = False
    """The person confirmed that a credential in the prompt may go to the cloud."""
    prompt_tokens: int = 0
    """At most, as ``size.tokens_at_most`` estimates; 0: there is no prompt yet."""
    images: int = 0
    """How many go along with the prompt."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request named."""

    kind: Literal["tier", "task", "model"]
    name: str


@dataclass(frozen=True, slots=True)
class Target:
    """A model that a request may go to, and what put it on the list."""

    model: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """What a request may go to, in order. With an ``error`` there is nothing else."""

    asked: Asked | None = None
    models: tuple[Target, ...] = ()
    only_external: tuple[Target, ...] = ()
    """Those that would be on the list if external mode were on."""
    private: str = ""
    """Why the request must stay at home, as far as it is itself the reason."""
    prefer_warm: bool = False
    hint: str = ""
    """What the person may want to add to the configuration, should nothing be left."""
    error: str = ""


def targets_of(request: Request, config: Config, *, external_on: bool) -> Targets:
    """The targets of a request, each model once, at its first place."""
    named = [name for name in (request.tier, request.task, request.model) if name is not None]
    if len(named) > 1:
        return Targets(error="a request names one of tier, task and model, not several")
    if request.model is not None:
        return _model_targets(request.model, request, config)
    if request.tier is not None:
        return _tier_targets(request.tier, request, config, external_on)
    return _task_targets(request, config)


def is_claude(owner: str, config: Config) -> bool:
    """True for the program that uses Claude's subscription, under whatever name the person has it."""
    program = config.clis.get(owner)
    return program.kind == "claude" if program is not None else owner == "claude" and owner not in config.services


def owner_problem(model: str, config: Config) -> str:
    """Why nobody can answer for a model, whatever the state of the fleet; empty where somebody can."""
    owner, slash, name = model.partition("/")
    shown = printable(owner, 60)
    if not slash or not name or not owner:
        return f"{printable(model, 80)} names no model; say service/name or program/name"
    service = config.services.get(owner)
    if service is not None:
        return f"{shown} is a {service.kind} server, which answers no prompts" if service.kind in NO_PROMPTS else ""
    if owner in config.clis:
        return ""
    known = ", ".join(printable(one, 60) for one in (*config.services, *config.clis))
    return f"no service or program is called {shown}" + (f"; there are {known}" if known else "")


def services_to_ask(targets: Targets, config: Config) -> frozenset[str]:
    """The services whose state decides where the targets may go: theirs, and what a LiteLLM among them may stand in
    front of, since only that says whether its groups stay at home."""
    owners = {target.model.partition("/")[0] for target in (*targets.models, *targets.only_external)}
    services = {name for name in owners if name in config.services}
    if any(config.services[name].kind == "litellm" for name in services):
        services |= {name for name, service in config.services.items() if service.kind in ("llama-swap", "ollama")}
    return frozenset(services)


def programs_to_find(targets: Targets, config: Config) -> frozenset[str]:
    """The names of the command-line programs among the targets."""
    owners = {target.model.partition("/")[0] for target in (*targets.models, *targets.only_external)}
    return frozenset(owners & config.clis.keys())


def _model_targets(model: str, request: Request, config: Config) -> Targets:
    problem = owner_problem(model, config)
    if problem:
        return Targets(error=problem)
    settings = config.models.get(model)
    fallbacks = settings.fallback if settings is not None and request.fallback else ()
    targets = [Target(model, "asked for by name")]
    targets += [Target(fallback, f"fallback of {printable(model, 80)}") for fallback in fallbacks]
    return Targets(asked=Asked("model", model), models=_each_once(targets), private=_private_words(request))


def _tier_targets(name: str, request: Request, config: Config, external_on: bool) -> Targets:
    tiers = get_args(TierName)
    if name not in tiers:
        return Targets(error=f"there is no tier {printable(name, 60)}; there are {', '.join(tiers)}")
    tier = config.tiers.get(name)
    equivalent = tier.external if tier is not None else None
    claude = next((program.name for program in config.clis.values() if program.kind == "claude"), "claude")
    external = [Target(equivalent, f"the external equivalent of {name}")] if equivalent else []
    fallbacks = [Target(model, f"fallback of {name}") for model in (tier.fallback if tier is not None else ())]
    targets = _each_once(
        [Target(f"{claude}/{name}", f"the tier {name} itself"), *(external if external_on else []), *fallbacks]
    )
    standing = {target.model for target in targets}
    return Targets(
        asked=Asked("tier", name),
        models=targets,
        only_external=tuple(target for target in external if target.model not in standing),
        private=_private_words(request),
        hint="" if external or not external_on else f"tiers.{name} has no external equivalent in the configuration",
    )


def _task_targets(request: Request, config: Config) -> Targets:
    name = DEFAULT_TASK if request.task is None else request.task
    task = config.tasks.get(name)
    if task is None:
        known = ", ".join(printable(one, 60) for one in config.tasks) or "none"
        if request.task is None:
            return Targets(error=f"say a task, tier or model: there is no task {DEFAULT_TASK}; the tasks are {known}")
        return Targets(error=f"there is no task {printable(name, 60)}; the tasks are {known}")
    return Targets(
        asked=Asked("task", name),
        models=_each_once(Target(model, f"for {printable(name, 60)}") for model in task.models),
        private=_private_words(request) or (f"the task {printable(name, 60)} is private" if task.private else ""),
        prefer_warm=task.prefer == "warm",
    )


def _private_words(request: Request) -> str:
    return "the request is private" if request.private else ""


def _each_once(targets: Iterable[Target]) -> tuple[Target, ...]:
    first: dict[str, Target] = {}
    for target in targets:
        first.setdefault(target.model, target)
    return tuple(first.values())
