"""Where a model runs: on the person's own machines, as far as that is known, or elsewhere."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import urlsplit

from tui.config.schema import Config, MachineSettings, ServiceSettings, is_loopback
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
    machines: frozenset[str] = field(default=frozenset(), compare=False)
    """The names of the machines that may do the work; empty for cloud."""
    told: bool = True
    """False where it counts as cloud for lack of an answer, which may yet come."""


PASSES_ON = frozenset({"llama-swap", "ollama", "litellm"})
"""Kinds that may hand a request to somebody else: nothing is known of a model that they have not listed."""
_DEFAULT_PORTS = {"http": 80, "https": 443}


def locality(model_id: str, config: Config, snapshot: FleetSnapshot) -> Locality:
    """Where ``service/name`` or ``cli/name`` runs."""
    owner, _, name = model_id.partition("/")
    if owner in config.clis:
        return Locality(Where.CLOUD, "a command-line program sends it to its own provider")
    service = config.services.get(owner)
    if service is None:
        return Locality(Where.CLOUD, "no such service is known")
    walk = _Walk(config, snapshot)
    leaves = walk.leaves(service, name)
    if leaves is not None:
        return Locality(Where.CLOUD, leaves, told=walk.told)
    machine = config.machine_of(service)
    listed = "it " if listed_model(snapshot.service(owner), name) else ""
    place = machine.name if machine else "this machine"
    return Locality(Where.LOCAL, f"{service.name} runs {listed}on {place}", frozenset(walk.machines))


def may_be_local(model_id: str, config: Config, lent: Container[str]) -> bool:
    """Whether a model may run on the person's own machines, but those that are ``lent``, for all that the configuration
    says: its server, which may pass it on, knows better."""
    service = config.services.get(model_id.partition("/")[0])
    settings = config.models.get(model_id)
    if service is None or (settings is not None and settings.where == "cloud"):
        return False
    machine = config.machine_of(service)
    return config.is_own(service) and (machine is None or machine.name not in lent)


def leaving_groups(service: ServiceSnapshot, config: Config, snapshot: FleetSnapshot) -> int:
    """How many of a LiteLLM's groups are cloud: those are the doors through which a prompt may leave the house."""
    if service.kind != "litellm":
        return 0
    ids = (service.model_id(model) for model in service.models)
    return sum(locality(model_id, config, snapshot).where is Where.CLOUD for model_id in ids)


def listed_model(service: ServiceSnapshot | None, name: str) -> ModelSnapshot | None:
    """What a service lists under ``name``; None where it lists no such model, or was not looked at."""
    if service is None:
        return None
    found = service.model(name)
    if found is None and service.kind == "ollama" and ":" not in name:
        # Ollama 0.33 lists "llama3.2:latest" and takes "llama3.2" for it.
        return service.model(f"{name}:latest")
    return found


@dataclass(frozen=True, slots=True)
class _Step:
    service: ServiceSettings
    name: str
    through: str = ""
    """The name by which the walk came here, where that is another than the one asked for."""


class _Walk:
    """One walk from a model through everything that may answer in its place. What was walked once is done with."""

    def __init__(self, config: Config, snapshot: FleetSnapshot) -> None:
        self.machines: set[str] = set()
        self.told = True
        """False once it ended for lack of an answer."""
        self._config = config
        self._snapshot = snapshot
        self._ahead: list[_Step] = []

    def leaves(self, service: ServiceSettings, name: str) -> str | None:
        """How a prompt to the model may leave the person's machines, in words; None where it cannot."""
        # A loop, since servers may list chains of names longer than Python's stack.
        walked: set[tuple[str, str]] = set()
        self._ahead = [_Step(service, name)]
        while self._ahead:
            step = self._ahead.pop()
            if (step.service.name, step.name) in walked:
                continue
            walked.add((step.service.name, step.name))
            reason = self._step_leaves(step)
            if reason is not None:
                return f"may be answered by {printable(step.through, 60)}: {reason}" if step.through else reason
        return None

    def _step_leaves(self, step: _Step) -> str | None:
        service, name = step.service, step.name
        settings = self._config.models.get(f"{service.name}/{name}")
        if settings is not None and settings.where == "cloud":
            return "the configuration says so"
        machine = self._config.machine_of(service)
        if not self._config.is_own(service):
            return f"{service.name} runs at {service.host}, which is no machine of ours"
        model = listed_model(self._snapshot.service(service.name), name)
        if model is None and service.kind in PASSES_ON:
            return self._untold(f"{service.name} has not listed it, so where it runs is not known")
        if model is not None and model.remote is not None:
            return f"{service.name} passes it on to {model.remote}"
        if machine is not None and service.kind != "litellm":
            self.machines.add(machine.name)
        if model is None:
            return None
        if model.targets is None:
            return self._untold(f"{service.name} has not said what it may fall back to")
        reason = self._deployments_leave(step, model)
        self._ahead += [_Step(service, target, target) for target in reversed(model.targets)]
        return reason

    def _untold(self, reason: str) -> str:
        self.told = False
        return reason

    def _deployments_leave(self, step: _Step, model: ModelSnapshot) -> str | None:
        if step.service.kind != "litellm":
            return None
        if not model.deployments:
            return self._untold(f"{step.service.name} has not said where its deployments are")
        reasons = (self._deployment_leaves(step, deployment) for deployment in model.deployments)
        return next((reason for reason in reasons if reason is not None), None)

    def _deployment_leaves(self, step: _Step, deployment: Deployment) -> str | None:
        name = printable(deployment.model, 60)
        if deployment.api_base is None:
            return f"{name} goes to its provider"
        try:
            host, port = (urlsplit(deployment.api_base).hostname or "").lower(), _port(deployment.api_base)
        except ValueError:
            return f"the address of {name} cannot be read"
        if is_loopback(host):
            # LiteLLM reads "localhost" as the machine it runs on, not as ours.
            machine = self._config.machine_of(step.service)
            if machine is None and not is_loopback(step.service.host):
                return f"{name} goes to {host} of an unknown machine"
        else:
            machine = self._config.machine_at(host)
            if machine is None:
                return f"{name} goes to {printable(host, 60)}"
        if machine is not None:
            self.machines.add(machine.name)
        for behind in self._services_at(machine, port):
            names = self._names_behind(behind, deployment.model)
            self._ahead += [_Step(behind, name, step.through) for name in names]
        return None

    def _services_at(self, machine: MachineSettings | None, port: int | None) -> Iterator[ServiceSettings]:
        """The configured services at a port of a machine (None: this one, where it has no table of its own)."""
        for service in self._config.services.values():
            owner = self._config.machine_of(service)
            if owner == machine and (machine is not None or is_loopback(service.host)) and _port(service.url) == port:
                yield service

    def _names_behind(self, service: ServiceSettings, model: str) -> Iterable[str]:
        # LiteLLM writes the provider first ("openai/qwen3") and sends the name with or without it, as the provider's
        # code has it; a server's own names may hold slashes as well. So where both are listed, both count.
        names = [name for name in (model.partition("/")[2], model) if name]
        observed = self._snapshot.service(service.name)
        return [name for name in names if listed_model(observed, name)] or names[:1]


def _port(url: str) -> int | None:
    parts = urlsplit(url)
    return parts.port if parts.port is not None else _DEFAULT_PORTS.get(parts.scheme)
