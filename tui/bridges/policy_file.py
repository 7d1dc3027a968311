"""Takes a ``model-policy.json`` over into a configuration: models of programs, tiers and tasks.

The file has ``external_models`` (name → how it is asked), ``claude_to_external_map`` (tier → name) and
``task_routing`` (task → names). Scripts wrote it in several shapes; each is read, and what cannot be is said.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import get_args

from tui.bridges.old_commands import AskedProgram, NotUnderstood, asked_program, words_of
from tui.config.schema import Config, TierName
from tui.config.splice import set_setting

SECTIONS = ("external_models", "claude_to_external_map", "task_routing")
_PROGRAM_NAMES = ("cli", "command", "program", "tool", "binary", "executable")
_ABOUT_NAMES = ("about", "description", "use_for", "use_case", "strengths")
_FIRST_NAMES = ("model", "primary", "preferred", "external", "default", "models")
_FURTHER_NAMES = ("fallback", "fallbacks", "secondary", "alternatives")

Json = Mapping[str, object]


class NoPolicy(Exception):
    """The file is no model policy; one sentence that says why."""


@dataclass(frozen=True, slots=True)
class PolicyModel:
    """A model of the policy, and the program that was asked for it."""

    asked: AskedProgram
    about: str = ""


@dataclass(frozen=True, slots=True)
class Policy:
    """A model policy as it was read. Names are the file's own; ``notes`` say what could not be taken over."""

    models: Mapping[str, PolicyModel] = field(default_factory=dict)
    tiers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    tasks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def read_policy(text: str) -> Policy:
    """The policy in the text of a file.

    Raises:
        NoPolicy: it is no JSON, or has none of the three sections.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise NoPolicy("is no JSON document") from None
    if not isinstance(document, dict) or not document.keys() & set(SECTIONS):
        raise NoPolicy(f"has none of {', '.join(SECTIONS)}")
    notes: list[str] = []
    models: dict[str, PolicyModel] = {}
    for name, entry in _named(document.get("external_models")):
        for model_name, one in _split(name, entry):
            try:
                models[model_name] = _model(one)
            except NotUnderstood as problem:
                notes.append(f"external_models.{model_name} {problem}; it is left out")
    tiers = {}
    for key, value in _named(document.get("claude_to_external_map")):
        tier = next((tier for tier in get_args(TierName) if tier in key.lower()), None)
        if tier is None:
            notes.append(f"claude_to_external_map.{key} names no tier (opus, sonnet or haiku); it is left out")
        else:
            tiers[tier] = _names(value)
    tasks = {key: _names(value) for key, value in _named(document.get("task_routing"))}
    return Policy(models, tiers, tasks, tuple(notes))


def take_over(policy: Policy, config: Config, text: str) -> tuple[str, tuple[str, ...]]:
    """The text of a configuration with a policy taken over, and what could not be.

    ``config`` is what ``text`` holds. Settings that the policy says nothing of stay, and so do comments.
    """
    taking = _Taking(config, text)
    taking.add_models(policy.models)
    for tier, names in policy.tiers.items():
        taking.set_tier(tier, names)
    for task, names in policy.tasks.items():
        taking.set_task(task, names)
    return taking.text, (*policy.notes, *taking.notes)


class _Taking:
    """One policy on its way into one configuration."""

    def __init__(self, config: Config, text: str) -> None:
        self.text = text
        self.notes: list[str] = []
        self._config = config
        self._ids: dict[str, str] = {}
        """The policy's name of a model → its id."""
        self._programs: dict[tuple[object, ...], str] = {
            (row.kind, row.provider, row.command): name for name, row in config.clis.items()
        }
        self._models_of = {name: row.models for name, row in config.clis.items()}

    def add_models(self, models: Mapping[str, PolicyModel]) -> None:
        for name, model in models.items():
            program = self._program(model.asked)
            identity = self._ids[name] = f"{program}/{model.asked.model}"
            settings = self._config.models.get(identity)
            if model.about and not (settings and settings.about):
                self.text = set_setting(self.text, ("models", identity, "about"), model.about)

    def set_tier(self, tier: str, names: tuple[str, ...]) -> None:
        ids = self._resolved(f"claude_to_external_map.{tier}", names)
        if ids:
            self.text = set_setting(self.text, ("tiers", tier, "external"), ids[0])
        if len(ids) > 1:
            self.text = set_setting(self.text, ("tiers", tier, "fallback"), ids[1:])

    def set_task(self, task: str, names: tuple[str, ...]) -> None:
        ids = self._resolved(f"task_routing.{task}", names)
        known = task.replace("_", "-") if task.replace("_", "-") in self._config.tasks else task
        if not ids:
            return
        row = self._config.tasks.get(known)
        is_table = row is not None and (row.private or row.prefer is not None)
        self.text = set_setting(self.text, ("tasks", known, "models") if is_table else ("tasks", known), ids)

    def _resolved(self, place: str, names: tuple[str, ...]) -> list[str]:
        ids = []
        for name in names:
            identity = self._identity(name)
            if identity is None:
                self.notes.append(f"{place} names {name}, which is no model of the policy or the configuration")
            elif identity not in ids:
                ids.append(identity)
        if not ids:
            self.notes.append(f"{place} is left out: none of its models is known")
        return ids

    def _identity(self, name: str) -> str | None:
        if name in self._ids:
            return self._ids[name]
        owner, slash, rest = name.replace(":", "/", 1).partition("/") if "/" not in name else name.partition("/")
        programs = self._programs.values()
        if slash and rest and (owner in self._config.services or owner in programs):
            return f"{owner}/{rest}"
        by_model = [identity for identity in self._ids.values() if identity.partition("/")[2] == name]
        tier = next((tier for tier in get_args(TierName) if name.lower() in (tier, f"claude-{tier}")), None)
        claude = self._programs.get(("claude", None, None))
        return by_model[0] if len(by_model) == 1 else f"{claude}/{tier}" if tier and claude else None

    def _program(self, asked: AskedProgram) -> str:
        """The name of the configuration's program that is asked, added where it has none."""
        key = (asked.kind, asked.provider, asked.command)
        name = self._programs.get(key)
        if name is None:
            name = self._programs[key] = self._free_name(asked.usual_name)
            row: dict[str, object] = {"kind": asked.kind}
            if asked.provider is not None:
                row["provider"] = asked.provider
            if asked.command is not None:
                row["command"] = list(asked.command)
                self.notes.append(f"{name} has to read its prompt from standard input; see that its command does")
            self.text = set_setting(self.text, ("clis", name), row)
            self._models_of[name] = ()
        if asked.kind == "command" and asked.model not in self._models_of[name]:
            self._models_of[name] = (*self._models_of[name], asked.model)
            self.text = set_setting(self.text, ("clis", name, "models"), list(self._models_of[name]))
        return name

    def _free_name(self, wanted: str) -> str:
        taken = {*self._config.services, *self._config.clis, *self._programs.values()}
        names = (wanted, *(f"{wanted}-{number}" for number in range(2, len(taken) + 3)))
        return next(name for name in names if name not in taken)


def _named(section: object) -> Iterator[tuple[str, object]]:
    """The entries of a section, which is a table, or a list of tables that say their names."""
    if isinstance(section, dict):
        # What begins with "_" or "$" is a comment or a schema in the JSON files of scripts.
        yield from ((key, value) for key, value in section.items() if key[:1] not in ("_", "$"))
    elif isinstance(section, list):
        for entry in section:
            name = _first_text(entry, ("id", "name", "model", "task")) if isinstance(entry, dict) else entry
            if isinstance(name, str) and name:
                yield name, entry


def _split(name: str, entry: object) -> Iterator[tuple[str, object]]:
    """One entry for each model of a provider that lists several."""
    models = entry.get("models") if isinstance(entry, dict) else None
    if not isinstance(entry, dict) or not models or not isinstance(models, dict | list):
        yield name, entry
        return
    common = {key: value for key, value in entry.items() if key != "models"}
    for model, own in _named(models):
        extra = own if isinstance(own, dict) else {}
        yield f"{name}/{model}", {"provider": name, **common, "model": model, **extra}


def _model(entry: object) -> PolicyModel:
    if isinstance(entry, str):
        return PolicyModel(asked_program(words_of(entry)))
    if isinstance(entry, list):
        return PolicyModel(asked_program([word for word in entry if isinstance(word, str)]))
    if not isinstance(entry, dict):
        raise NotUnderstood("is no command and no table")
    arguments = [*_words(_first(entry, _PROGRAM_NAMES)), *_words(_first(entry, ("args", "arguments", "flags")))]
    model, provider = _first_text(entry, ("model", "model_id", "id")), _first_text(entry, ("provider",))
    if arguments[:1] == ["opencode"] and not provider and "/" in model:
        provider, _, model = model.partition("/")
    about = _first(entry, _ABOUT_NAMES)
    words = ", ".join(_words(about)) if isinstance(about, list) else about if isinstance(about, str) else ""
    asked = asked_program([_filled(word, model, provider) for word in arguments], model=model, provider=provider)
    # The provider of a gemini or claude entry says who made the model, and is no setting there.
    return PolicyModel(asked if asked.kind == "opencode" else replace(asked, provider=None), words.strip())


def _filled(word: str, model: str, provider: str) -> str:
    for mark in ("{model}", "{{model}}", "$MODEL", "${MODEL}"):
        word = word.replace(mark, model) if model else word
    return word.replace("{provider}", provider) if provider else word


def _names(value: object) -> tuple[str, ...]:
    """The models that a tier or task goes to, in order."""
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list):
        return tuple(_flat(_names(part) for part in value))
    if isinstance(value, dict):
        return tuple(_flat(_names(value[name]) for name in (*_FIRST_NAMES, *_FURTHER_NAMES) if name in value))
    return ()


def _flat(parts: Iterable[tuple[str, ...]]) -> list[str]:
    return list(dict.fromkeys(name for part in parts for name in part))


def _words(value: object) -> list[str]:
    if isinstance(value, list):
        return [word for word in value if isinstance(word, str)]
    return words_of(value) if isinstance(value, str) else []


def _first(entry: Json, names: Iterable[str]) -> object:
    return next((entry[name] for name in names if entry.get(name)), None)


def _first_text(entry: Json, names: Iterable[str]) -> str:
    return next((value for name in names if isinstance(value := entry.get(name), str) and value), "")
