"""Where a model runs: on the person's own machines, as far as that is known, or elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from tui.config.schema import Config, ServiceSettings, is_loopback
from tui.fleet.printable import printable
from tui.fleet.snapshot import Deployment, FleetSnapshot, ModelSnapshot, ServiceSnapshot


class Where(StrEnum):
    """Whatever is not known to be local counts as cloud."""

    LOCAL = "local"
    CLOUD = "cloud"


@dataclass(frozen=True, slots=True)
class Locality:
    """Where a model runs, and how we know, in words."""

    where: Where
    reason: str


PASSES_ON = frozenset({"llama-swap", "ollama", "litellm"})
"""Kinds that may hand a request to somebody else: nothing is known of a model that they have not listed."""


def locality(model_id: str, config: Config, snapshot: FleetSnapshot) -> Locality:
    """Where ``service/name`` or ``cli/name`` runs."""
    owner, _, name = model_id.partition("/")
    if owner in config.clis:
        return _cloud("a command-line program sends it to its own provider")
    service = config.services.get(owner)
    if service is None:
        return _cloud("no such service is known")
    return _service_model(service, name, config, snapshot, frozenset())


def leaving_groups(service: ServiceSnapshot, config: Config, snapshot: FleetSnapshot) -> int:
    """How many of a LiteLLM's groups are cloud: those are the doors through which a prompt may leave the house."""
    if service.kind != "litellm":
        return 0
    ids = (service.model_id(model) for model in service.models)
    return sum(locality(model_id, config, snapshot).where is Where.CLOUD for model_id in ids)


def _service_model(
    service: ServiceSettings, name: str, config: Config, snapshot: FleetSnapshot, walked: frozenset[str]
) -> Locality:
    model_id = f"{service.name}/{name}"
    if model_id in walked:
        return Locality(Where.LOCAL, "already looked at")
    walked |= {model_id}
    settings = config.models.get(model_id)
    if settings is not None and settings.where == "cloud":
        return _cloud("the configuration says so")
    machine = config.machine_of(service)
    if machine is None and not is_loopback(service.host):
        return _cloud(f"{service.name} runs at {service.host}, which is no machine of ours")
    place = machine.name if machine else "this machine"
    observed = snapshot.service(service.name)
    model = observed.model(name) if observed else None
    if model is None:
        if service.kind in PASSES_ON:
            return _cloud(f"{service.name} has not listed it, so where it runs is not known")
        return Locality(Where.LOCAL, f"{service.name} runs on {place}")
    if model.remote is not None:
        return _cloud(f"{service.name} passes it on to {model.remote}")
    for found in (_targets(service, model, config, snapshot, walked), _deployments(service, model, config, snapshot)):
        if found is not None:
            return found
    return Locality(Where.LOCAL, f"{service.name} runs it on {place}")


def _targets(
    service: ServiceSettings, model: ModelSnapshot, config: Config, snapshot: FleetSnapshot, walked: frozenset[str]
) -> Locality | None:
    """The first name that may answer in the model's place and is not local; None where all are."""
    if model.targets is None:
        return _cloud(f"{service.name} has not said what it may fall back to")
    for target in model.targets:
        found = _service_model(service, target, config, snapshot, walked)
        if found.where is Where.CLOUD:
            return _cloud(f"may be answered by {printable(target, 60)}: {found.reason}")
    return None


def _deployments(
    service: ServiceSettings, model: ModelSnapshot, config: Config, snapshot: FleetSnapshot
) -> Locality | None:
    """The first of a LiteLLM group's deployments that is not local; None where all are, or the kind has none."""
    if service.kind != "litellm":
        return None
    if not model.deployments:
        return _cloud(f"{service.name} has not said where its deployments are")
    for deployment in model.deployments:
        found = _deployment(service, deployment, config, snapshot)
        if found is not None:
            return found
    return None


def _deployment(
    litellm: ServiceSettings, deployment: Deployment, config: Config, snapshot: FleetSnapshot
) -> Locality | None:
    name = printable(deployment.model, 60)
    if deployment.api_base is None:
        return _cloud(f"{name} goes to its provider")
    try:
        base = urlsplit(deployment.api_base)
        host, port = (base.hostname or "").lower(), base.port
    except ValueError:
        return _cloud(f"the address of {name} cannot be read")
    if is_loopback(host):
        # LiteLLM reads "localhost" as the machine it runs on, not as ours.
        machine = config.machine_of(litellm)
        if machine is None and not is_loopback(litellm.host):
            return _cloud(f"{name} goes to {host} of an unknown machine")
    else:
        machine = config.machine_at(host)
        if machine is None:
            return _cloud(f"{name} goes to {printable(host, 60)}")
    for behind in config.services.values():
        same_machine = config.machine_of(behind) == machine
        if same_machine and urlsplit(behind.url).port == port and behind.name != litellm.name:
            observed = snapshot.service(behind.name)
            inner = deployment.model.partition("/")[2] or deployment.model
            for candidate in (inner, deployment.model):
                if observed is not None and observed.model(candidate) is not None:
                    found = _service_model(behind, candidate, config, snapshot, frozenset())
                    return found if found.where is Where.CLOUD else None
    return None


def _cloud(reason: str) -> Locality:
    return Locality(Where.CLOUD, reason)
