"""LiteLLM's own configuration file: read, merged with what it should know of the fleet, its comments kept.

Checked with LiteLLM 1.106. A group's own entry among the fallbacks, be it empty, goes before ``default_fallbacks`` and
before an entry for the same name without its provider; so every local group gets one.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tui.bridges.litellm_config import LiteLlmGroups, LocalDeployment, NoLiteLlm
from tui.bridges.yaml_comments import keeps_last_comment
from tui.config.schema import Config, ServiceSettings
from tui.fleet.printable import printable
from tui.fleet.snapshot import Deployment, FleetSnapshot, ModelRole, ModelSnapshot, ServiceSnapshot
from tui.routing.locality import Locality, Where, locality

if TYPE_CHECKING:
    from ruamel.yaml import YAML

MARK, OURS = "managed_by", "fleetdeck"
"""In an entry's ``model_info``, where LiteLLM keeps what it does not know: which entries a later run may change."""
NO_KEY = "unused"
"""Without any, LiteLLM takes ``OPENAI_API_KEY`` for an OpenAI-like deployment, which is none of this server's."""
FALLBACK_KINDS = ("fallbacks", "context_window_fallbacks", "content_policy_fallbacks")
ENFORCE_LIMITS = "enforce_model_rate_limits"
"""Without this check LiteLLM only weighs deployments by their ``rpm`` (optional_pre_call_checks)."""
OPTIONAL_PARAMETERS = (
    "api_key",
    "ssl_verify",
    "rpm",
    "max_budget",
    "budget_duration",
    *("input_cost_per_token", "output_cost_per_token"),
)
HEADER = """\
# Written by `fleetdeck litellm-config`; what is marked managed_by: fleetdeck is changed by it again, the rest never.
# A model whose fallbacks are [] has none: without the entry default_fallbacks would hold for it.
"""

_INDENTS = ((2, 4, 2), (2, 2, 0), (4, 4, 2), (4, 4, 0), (4, 6, 4))
"""Of mappings, of sequences, and of the dash within the latter: those that people use."""


@dataclass(frozen=True, slots=True)
class Merged:
    """The file's new text, and what the person should know of it."""

    text: str
    notes: tuple[str, ...]


def merged(text: str, wanted: LiteLlmGroups, config: Config, snapshot: FleetSnapshot, proxy: ServiceSettings) -> Merged:
    """``text`` with the groups and fallbacks that are wanted; everything else stays as it is.

    Raises:
        NoLiteLlm: ``text`` is no LiteLLM configuration, or one under which a local group could not be kept at home.
    """
    document, yaml = _parsed(text.replace("\r\n", "\n"))
    notes: list[str] = []
    with keeps_last_comment(document):
        models = _part(document, "model_list", yaml.seq())
        taken = _names_taken(models, document)
        for name in sorted(taken & wanted.groups.keys()):
            notes.append(f"{printable(name, 80)} is a group of the file's own, and is left as it is")
        groups = {name: one for name, one in wanted.groups.items() if name not in taken}
        with keeps_last_comment(models):
            _put_models(models, groups, wanted.silent, yaml)
        house = _House(config, snapshot, proxy)
        before = house.with_file(document)
        theirs = {name for name in taken if house.is_local(before, name)}
        _put_fallbacks(document, groups, _allowed(wanted, groups, taken, theirs), taken, yaml)
        if any(one.requests_per_minute is not None for one in groups.values()):
            _put_limits(document, yaml)
    after = house.with_file(document)
    for name in groups:
        place = house.place(after, name)
        if place.where is not Where.LOCAL:
            raise NoLiteLlm(f"{printable(name, 80)} would not stay at home: {place.reason}")
    notes += house.leaving(after, taken)
    output = io.StringIO()
    yaml.dump(document, output)
    new = (HEADER if not text.strip() else "") + output.getvalue()
    return Merged(new.replace("\n", "\r\n") if "\r\n" in text else new, tuple(notes))


def _parsed(text: str) -> tuple[Any, YAML]:
    """The document, and the YAML that writes it most like it was."""
    from ruamel.yaml.comments import CommentedMap
    from ruamel.yaml.error import YAMLError

    try:
        document = _yaml(*_INDENTS[0]).load(text)
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" (line {mark.line + 1})" if mark is not None else ""
        raise NoLiteLlm(
            f"it is no valid YAML{place}: {printable(getattr(error, 'problem', None) or '', 120)}"
        ) from None
    if document is None:
        document = CommentedMap()
        if text.strip():
            raise NoLiteLlm("it holds comments alone; begin it with `model_list: []`")
    if not isinstance(document, CommentedMap):
        raise NoLiteLlm("it is no LiteLLM configuration: it should be settings, each a name and a colon")
    return document, min((_yaml(*indents) for indents in _INDENTS), key=lambda yaml: _lines_changed(yaml, text))


def _yaml(mapping: int, sequence: int, offset: int) -> YAML:
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 1_000_000
    yaml.indent(mapping=mapping, sequence=sequence, offset=offset)
    return yaml


def _lines_changed(yaml: YAML, text: str) -> int:
    output = io.StringIO()
    yaml.dump(yaml.load(text), output)
    return len(set(text.splitlines()) ^ set(output.getvalue().splitlines()))


def _part(document: Any, name: str, empty: Any) -> Any:
    """A part of the document, which is made where it is missing or empty.

    Raises:
        NoLiteLlm: it is something else than it should be.
    """
    if document.get(name) is None:
        document[name] = empty
    if not isinstance(document[name], list if isinstance(empty, list) else dict):
        raise NoLiteLlm(f"its {name} should be {'a list' if isinstance(empty, list) else 'settings'}")
    return document[name]


def _is_ours(entry: object) -> bool:
    info = entry.get("model_info") if isinstance(entry, dict) else None
    return isinstance(info, dict) and info.get(MARK) == OURS


def _names_taken(models: Iterable[object], document: Mapping[str, Any]) -> set[str]:
    """The groups that the file has of its own. LiteLLM would mix their deployments with ours."""
    names = {str(entry.get("model_name")) for entry in models if isinstance(entry, dict) and not _is_ours(entry)}
    aliases = _settings(document, "router_settings").get("model_group_alias")
    return names | ({str(alias) for alias in aliases} if isinstance(aliases, dict) else set())


def _settings(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = document.get(name)
    return found if isinstance(found, dict) else {}


def _put_models(models: Any, groups: Mapping[str, LocalDeployment], silent: frozenset[str], yaml: YAML) -> None:
    standing: set[str] = set()
    for place in reversed(range(len(models))):
        entry = models[place]
        if not _is_ours(entry):
            continue
        name = str(entry.get("model_name"))
        if name in groups and name not in standing:
            standing.add(name)
            _put_parameters(entry, groups[name], yaml)
        elif not silent or (name.partition("/")[0] not in silent and "/" in name):
            del models[place]
    for name, deployment in groups.items():
        if name not in standing:
            entry = yaml.map()
            entry["model_name"] = name
            _put_parameters(entry, deployment, yaml)
            models.append(entry)


def _put_parameters(entry: Any, deployment: LocalDeployment, yaml: YAML) -> None:
    """Writes what is ours of an entry; what a person added to it stays."""
    parameters = _part(entry, "litellm_params", yaml.map())
    wanted = _parameters(deployment)
    for name in OPTIONAL_PARAMETERS:
        if name in parameters and name not in wanted:
            del parameters[name]
    _set(parameters, wanted)
    info = _part(entry, "model_info", yaml.map())
    told: dict[str, object] = {MARK: OURS}
    if deployment.embeds:
        told["mode"] = "embedding"
    if deployment.context is not None:
        told["max_input_tokens"] = deployment.context
    else:
        info.pop("max_input_tokens", None)
    _set(info, told)


def _set(target: Any, values: Mapping[str, object]) -> None:
    for name, value in values.items():
        # What is equal stays as it is written, with its quotes.
        if target.get(name) != value:
            target[name] = value


def _parameters(deployment: LocalDeployment) -> dict[str, object]:
    parameters: dict[str, object] = {"model": deployment.model, "api_base": deployment.api_base}
    if deployment.key_variable is not None:
        parameters["api_key"] = f"os.environ/{deployment.key_variable}"
    elif deployment.model.startswith("openai/"):
        parameters["api_key"] = NO_KEY
    if not deployment.verify_tls:
        parameters["ssl_verify"] = False
    if deployment.requests_per_minute is not None:
        parameters["rpm"] = deployment.requests_per_minute
    if deployment.usd_per_day is not None:
        parameters |= {"max_budget": deployment.usd_per_day, "budget_duration": "1d"}
    if deployment.usd_per_input_token is not None:
        parameters["input_cost_per_token"] = deployment.usd_per_input_token
    if deployment.usd_per_output_token is not None:
        parameters["output_cost_per_token"] = deployment.usd_per_output_token
    return parameters


def _allowed(
    wanted: LiteLlmGroups, groups: Mapping[str, LocalDeployment], taken: set[str], local: set[str]
) -> dict[str, tuple[str, ...]]:
    """The wanted fallbacks between groups that there are; from a local one to local ones alone."""
    at_home = groups.keys() | local
    allowed = {}
    for name in (*groups, *(name for name in wanted.fallbacks if name in taken)):
        reach = at_home if name in at_home else at_home | taken
        allowed[name] = tuple(other for other in wanted.fallbacks.get(name, ()) if other in reach and other != name)
    return allowed


def _put_fallbacks(
    document: Any,
    groups: Mapping[str, LocalDeployment],
    fallbacks: Mapping[str, tuple[str, ...]],
    taken: set[str],
    yaml: YAML,
) -> None:
    for kind in FALLBACK_KINDS:
        inherited, own = (
            _settings(document, "litellm_settings").get(kind),
            _settings(document, "router_settings").get(kind),
        )
        if kind != "fallbacks" and not inherited and not own:
            continue
        # LiteLLM reads those of litellm_settings only where router_settings has none.
        home = _part(document, "litellm_settings" if inherited and not own else "router_settings", yaml.map())
        with keeps_last_comment(home):
            entries = _part(home, kind, yaml.seq())
            with keeps_last_comment(entries):
                for name in groups:
                    _put_chain(entries, name, fallbacks[name], yaml)
                for name in taken & fallbacks.keys() if kind == "fallbacks" else ():
                    standing = _chain(entries, name)
                    added = [other for other in fallbacks[name] if other not in standing]
                    if added:
                        _put_chain(entries, name, (*standing, *added), yaml)


def _put_chain(entries: Any, name: str, chain: Iterable[str], yaml: YAML) -> None:
    wanted = list(chain)
    found = [entry for entry in entries if isinstance(entry, dict) and name in entry]
    if not found:
        entry = yaml.map()
        entry[name] = yaml.seq(wanted)
        entry[name].fa.set_flow_style()
        entries.append(entry)
    elif found[0][name] != wanted:
        found[0][name] = yaml.seq(wanted)
        found[0][name].fa.set_flow_style()


def _chain(entries: object, name: str) -> list[str]:
    """A group's own entry in a list of fallbacks."""
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict) and isinstance(entry.get(name), list):
            return [_target(one) for one in entry[name]]
    return []


def _target(fallback: object) -> str:
    """A fallback may be written as a table of parameters, whose ``model`` is the group."""
    return str(fallback.get("model")) if isinstance(fallback, dict) else str(fallback)


def _put_limits(document: Any, yaml: YAML) -> None:
    settings = _part(document, "router_settings", yaml.map())
    with keeps_last_comment(settings):
        checks = _part(settings, "optional_pre_call_checks", yaml.seq())
        if ENFORCE_LIMITS not in checks:
            with keeps_last_comment(checks):
                checks.append(ENFORCE_LIMITS)


@dataclass(frozen=True, slots=True)
class _House:
    """Looks at a file as the panel looks at the proxy that runs with it: by where its deployments point."""

    config: Config
    snapshot: FleetSnapshot
    proxy: ServiceSettings

    def with_file(self, document: Mapping[str, Any]) -> FleetSnapshot:
        """The fleet as it would be seen if the proxy ran with this file."""
        names = dict.fromkeys(name for name, _ in _entries(document))
        groups = tuple(
            ModelSnapshot(
                name=name,
                role=ModelRole.GROUP,
                targets=tuple(dict.fromkeys(_may_answer_for(document, name))),
                deployments=tuple(deployment for other, deployment in _entries(document) if other == name),
            )
            for name in names
        )
        seen = ServiceSnapshot(name=self.proxy.name, kind="litellm", url=self.proxy.url, models=groups)
        others = (service for service in self.snapshot.services if service.name != self.proxy.name)
        return replace(self.snapshot, services=(*others, seen))

    def place(self, fleet: FleetSnapshot, group: str) -> Locality:
        config = replace(self.config, services={**self.config.services, self.proxy.name: self.proxy})
        return locality(f"{self.proxy.name}/{group}", config, fleet)

    def is_local(self, fleet: FleetSnapshot, group: str) -> bool:
        return self.place(fleet, group).where is Where.LOCAL

    def leaving(self, fleet: FleetSnapshot, groups: Iterable[str]) -> Iterator[str]:
        """The file's own groups that run at home and may be answered elsewhere: a word for each."""
        seen = fleet.service(self.proxy.name)
        assert seen is not None
        alone = replace(seen, models=tuple(replace(model, targets=()) for model in seen.models))
        without = replace(fleet, services=tuple(alone if one is seen else one for one in fleet.services))
        for name in sorted(groups):
            if self.is_local(without, name) and not self.is_local(fleet, name):
                yield f"{printable(name, 80)} runs at home, and the file's own fallbacks lead elsewhere from it"


def _entries(document: Mapping[str, Any]) -> Iterator[tuple[str, Deployment]]:
    models = document.get("model_list")
    for entry in models if isinstance(models, list) else ():
        if isinstance(entry, dict):
            parameters = _settings(entry, "litellm_params")
            base = parameters.get("api_base")
            yield str(entry.get("model_name")), Deployment(str(parameters.get("model")), str(base) if base else None)


def _may_answer_for(document: Mapping[str, Any], group: str) -> Iterator[str]:
    for kind in FALLBACK_KINDS:
        router, inherited = _settings(document, "router_settings"), _settings(document, "litellm_settings")
        entries = router.get(kind) or inherited.get(kind) or []
        chains = {str(name): chain for entry in entries if isinstance(entry, dict) for name, chain in entry.items()}
        if group in chains:
            yield from _chain(entries, group)
            continue
        for name in chains:
            # "ollama/qwen3" has the fallbacks of "qwen3", and the other way round, where "ollama" is a provider's name.
            if group.endswith(f"/{name}") or name.endswith(f"/{group}") or name == "*":
                yield from _chain(entries, name)
        if kind == "fallbacks":
            default = router.get("default_fallbacks") or inherited.get("default_fallbacks")
            yield from (_target(one) for one in default if default) if isinstance(default, list) else ()
