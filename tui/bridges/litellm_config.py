"""What LiteLLM should know of the fleet: a group for each local model and tier, and who answers in whose place.

Balancing, retries and cool-downs are LiteLLM's job. What it must never do is send a prompt elsewhere that was given to
a group of this house, so that every fallback from one of them leads to local groups alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import get_args
from urllib.parse import urlsplit, urlunsplit

from tui.config.checks import key_variable
from tui.config.schema import Config, MachineSettings, ModelSettings, ServiceSettings, TierName, is_loopback
from tui.fleet.probes.openai import api_path
from tui.fleet.snapshot import FleetSnapshot, ModelRole, ServiceSnapshot, only_embeds
from tui.routing.locality import Where, listed_model, locality

KINDS = frozenset({"llama-swap", "ollama", "vllm", "localai", "llama-server", "openai"})
"""Kinds of service whose local models LiteLLM can be told of."""
LITELLM_URL = "http://localhost:4000"
"""Where LiteLLM is taken to listen when the configuration names none: its own default port, on this machine."""


class NoLiteLlm(Exception):
    """What was asked for cannot be made; one sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalDeployment:
    """One model of one of the person's own servers, as LiteLLM reaches it."""

    model_id: str
    """``service/name``, which is the name of its group too: no two services share one."""
    model: str
    """With LiteLLM's name for the protocol before it: ``openai/qwen3``, ``ollama_chat/llama3.2:latest``."""
    api_base: str
    key_variable: str | None
    """The environment variable of LiteLLM's process that holds the server's key; None: the server asks for none."""
    verify_tls: bool = True
    requests_per_minute: int | None = None
    usd_per_day: float | None = None
    usd_per_input_token: float | None = None
    usd_per_output_token: float | None = None
    context: int | None = None
    embeds: bool = False
    """Its answers are vectors: LiteLLM asks such a model at another address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiteLlmGroups:
    """All that is to stand in LiteLLM's configuration."""

    groups: Mapping[str, LocalDeployment]
    """By the group's name: a model's id, or a tier."""
    fallbacks: Mapping[str, tuple[str, ...]]
    """Who may answer in whose place, in order, by the tasks, tiers and models of the configuration. Names that are none
    of ``groups`` are groups of LiteLLM's own, which its file may have or not."""
    silent: frozenset[str]
    """Services that did not answer: what they have is not known, and what a file says of them stays."""
    notes: tuple[str, ...] = ()
    """What was left out or has to be seen to, each one sentence for the person."""


@dataclass(slots=True)
class _Findings:
    notes: list[str] = field(default_factory=list)
    silent: set[str] = field(default_factory=set)


def litellm_service(config: Config, name: str | None = None) -> ServiceSettings:
    """The proxy that the configuration is for: the one called ``name``, else the first; else one on this machine.

    Raises:
        NoLiteLlm: there is no such service, or it is no LiteLLM.
    """
    proxies = [service for service in config.services.values() if service.kind == "litellm"]
    if name is not None and name not in {proxy.name for proxy in proxies}:
        known = ", ".join(proxy.name for proxy in proxies) or "none"
        raise NoLiteLlm(f"no LiteLLM is called {name}; the configuration has {known}")
    for proxy in proxies:
        if name in (None, proxy.name):
            return proxy
    return ServiceSettings(name="litellm", kind="litellm", url=LITELLM_URL)


def litellm_groups(
    config: Config, snapshot: FleetSnapshot, proxy: ServiceSettings, api_bases: Mapping[str, str]
) -> LiteLlmGroups:
    """What LiteLLM should know, by the configuration and what the servers list now.

    ``api_bases`` is by service: where LiteLLM reaches it, for those whose own URL is of no use to it.
    """
    findings = _Findings()
    deployments = {
        deployment.model_id: deployment
        for service in config.services.values()
        if service.kind in KINDS
        for deployment in _deployments(service, config, snapshot, proxy, api_bases, findings)
    }
    names = _Names(config, snapshot, proxy.name, frozenset(deployments))
    groups = dict(deployments)
    fallbacks = _implied_fallbacks(config, names)
    for tier in get_args(TierName):
        settings = config.tiers.get(tier)
        if settings is None:
            continue
        wanted = ((settings.external,) if settings.external else ()) + settings.fallback
        candidates = names.groups(wanted)
        first = next((group for group in candidates if group in deployments), None)
        if first is None:
            findings.notes.append(f"the tier {tier} names no local model that answers, so that it has no group")
            continue
        groups[tier] = deployments[first]
        fallbacks[tier] = tuple(group for group in candidates if group != first)
    return LiteLlmGroups(
        groups=groups,
        fallbacks=fallbacks,
        silent=frozenset(findings.silent),
        notes=tuple(findings.notes),
    )


@dataclass(frozen=True, slots=True)
class _Names:
    """How models of the configuration are called in LiteLLM."""

    config: Config
    snapshot: FleetSnapshot
    proxy: str
    known: frozenset[str]

    def groups(self, model_ids: Iterable[str]) -> tuple[str, ...]:
        """The groups of those models that LiteLLM can ask, each once: programs and other clouds are left out."""
        return tuple(dict.fromkeys(group for model_id in model_ids if (group := self._group(model_id))))

    def _group(self, model_id: str) -> str:
        owner, _, name = model_id.partition("/")
        if owner == self.proxy:
            return name
        if model_id in self.known:
            return model_id
        # "llama3.2" for what Ollama lists as "llama3.2:latest".
        listed = listed_model(self.snapshot.service(owner), name)
        return f"{owner}/{listed.name}" if listed is not None and f"{owner}/{listed.name}" in self.known else ""


def _implied_fallbacks(config: Config, names: _Names) -> dict[str, tuple[str, ...]]:
    """For every model those that stand behind it: in its own fallbacks first, then in each task."""
    found: dict[str, list[str]] = {}
    for model in config.models.values():
        for group in names.groups((model.id,)):
            found.setdefault(group, []).extend(names.groups(model.fallback))
    for task in config.tasks.values():
        groups = names.groups(task.models)
        for place, group in enumerate(groups):
            found.setdefault(group, []).extend(groups[place + 1 :])
    return {group: tuple(dict.fromkeys(other for other in others if other != group)) for group, others in found.items()}


def _deployments(
    service: ServiceSettings,
    config: Config,
    snapshot: FleetSnapshot,
    proxy: ServiceSettings,
    api_bases: Mapping[str, str],
    findings: _Findings,
) -> Iterator[LocalDeployment]:
    """A service's local models; the reason goes to the notes where it has some and LiteLLM cannot reach them."""
    if not config.is_own(service):
        return
    seen = snapshot.service(service.name)
    if seen is None or seen.models_seen.at is None:
        why = f": {seen.reason}" if seen is not None and seen.reason else ""
        findings.notes.append(f"{service.name} has not told its models{why}; they are left as they are")
        findings.silent.add(service.name)
        return
    local = [name for name in _names_to_offer(service, seen, config) if _is_local(service, name, config, snapshot)]
    if not local:
        return
    address = api_bases.get(service.name) or _address_for(service, proxy, config, findings)
    if address is None:
        findings.silent.add(service.name)
        return
    variable = _key_variable(service, findings)
    for name in local:
        model_id = f"{service.name}/{name}"
        listed = seen.model(name)
        settings = config.models.get(model_id, ModelSettings(id=model_id))
        yield LocalDeployment(
            model_id=model_id,
            model=f"{_protocol(service, embeds=only_embeds(name))}/{name}",
            api_base=address if service.kind == "ollama" else address + api_path(address, ""),
            key_variable=variable,
            verify_tls=service.verify_tls,
            requests_per_minute=settings.limit.requests_per_minute if settings.limit else None,
            usd_per_day=settings.limit.usd_per_day if settings.limit else None,
            usd_per_input_token=settings.price.input / 1e6 if settings.price else None,
            usd_per_output_token=settings.price.output / 1e6 if settings.price else None,
            context=settings.context or (listed.context if listed is not None else None),
            embeds=only_embeds(name),
        )


def _protocol(service: ServiceSettings, *, embeds: bool) -> str:
    """LiteLLM's word for what the service speaks."""
    if service.kind != "ollama":
        return "openai"
    return "ollama" if embeds else "ollama_chat"


def _names_to_offer(service: ServiceSettings, seen: ServiceSnapshot, config: Config) -> Iterator[str]:
    """Every model, and of the other names (aliases, selectors) those that the configuration uses."""
    used = {
        *(model for task in config.tasks.values() for model in task.models),
        *(model for tier in config.tiers.values() for model in (tier.external or "", *tier.fallback)),
        *(model for settings in config.models.values() for model in (settings.id, *settings.fallback)),
    }
    for model in seen.models:
        if model.name.isprintable() and (model.role is ModelRole.MODEL or seen.model_id(model) in used):
            yield model.name


def _is_local(service: ServiceSettings, name: str, config: Config, snapshot: FleetSnapshot) -> bool:
    return locality(f"{service.name}/{name}", config, snapshot).where is Where.LOCAL


def _address_for(service: ServiceSettings, proxy: ServiceSettings, config: Config, findings: _Findings) -> str | None:
    """The service's URL as LiteLLM's own machine reads it; None where that is not known."""
    url = service.url.rstrip("/")
    machine, proxy_machine = config.machine_of(service), config.machine_of(proxy)
    if not is_loopback(service.host):
        return url
    if service.machine is not None and (machine is None or not machine.local):
        findings.notes.append(
            f"{service.name} is reached through {url} from here alone; say --api-base {service.name}=URL with the "
            f"address at which LiteLLM reaches it"
        )
        return None
    if machine == proxy_machine or (machine is None and is_loopback(proxy.host)):
        return url
    host = _outside_name(machine)
    if host is None:
        findings.notes.append(
            f"{service.name} listens on this machine and LiteLLM runs on another; say --api-base {service.name}=URL"
        )
        return None
    findings.notes.append(f"LiteLLM reaches {service.name} as {host}: it has to listen there, not on localhost alone")
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port is not None else ""
    return urlunsplit((parts.scheme, host + port, parts.path, "", ""))


def _outside_name(machine: MachineSettings | None) -> str | None:
    """A name or address by which other machines mean this one."""
    names = (*machine.addresses, machine.name) if machine is not None else ()
    return next((name for name in names if not is_loopback(name)), None)


def _key_variable(service: ServiceSettings, findings: _Findings) -> str | None:
    if service.key is None:
        return None
    if service.key.env is not None:
        return service.key.env
    variable = key_variable(service.name)
    findings.notes.append(f"LiteLLM reads the key of {service.name} from its environment: set {variable} there")
    return variable
