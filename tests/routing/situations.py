"""Random configurations, fleets, modes, usage and findings, for the rules that hold of every plan."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar
from urllib.parse import urlsplit

from hypothesis import strategies as st

from tui.config.schema import (
    CliSettings,
    Config,
    Limit,
    MachineSettings,
    ModelSettings,
    Price,
    ServiceSettings,
    TaskSettings,
    TierSettings,
    is_loopback,
)
from tui.fleet.snapshot import (
    Deployment,
    FleetSnapshot,
    MachineSnapshot,
    MachineState,
    ModelSnapshot,
    ModelState,
    Seen,
    ServiceSnapshot,
    ServiceState,
)
from tui.ledger.usage import Refusal, Usage
from tui.routing.guard import Findings
from tui.routing.modes import Mode, Modes
from tui.routing.plan import Plan, plan
from tui.routing.policy import Request

T = TypeVar("T")

NOW = 1_800_000_000.0
MACHINES = {
    "koala": MachineSettings(name="koala", addresses=("10.0.0.5",)),
    "iguana": MachineSettings(name="iguana"),
    "here": MachineSettings(name="here", local=True),
}
SERVICES = {
    "swap": ServiceSettings(name="swap", kind="llama-swap", url="http://koala:8080"),
    "ollama": ServiceSettings(name="ollama", kind="ollama", url="http://koala:11434"),
    "lite": ServiceSettings(name="lite", kind="litellm", url="http://iguana:4000"),
    "lite2": ServiceSettings(name="lite2", kind="litellm", url="http://localhost:4001"),
    "vllm": ServiceSettings(name="vllm", kind="vllm", url="http://10.0.0.5:8000"),
    "openai": ServiceSettings(name="openai", kind="openai", url="https://api.openai.com/v1"),
    "qdrant": ServiceSettings(name="qdrant", kind="qdrant", url="http://koala:6333"),
}
CLIS = {
    "claude": CliSettings(name="claude", kind="claude"),
    "copilot": CliSettings(name="copilot", kind="opencode", provider="github-copilot"),
}
NAMES = ("a", "b", "c/d")
IDS = [f"{owner}/{name}" for owner in (*SERVICES, *CLIS, "nobody") for name in NAMES] + ["claude/opus"]
BASES = (
    "http://koala:8080/v1",
    "http://koala:8080/v1",
    "http://localhost:4000",
    "http://localhost:4001",
    "http://10.0.0.5:11434",
    "http://iguana:4000/v1",
    "https://api.mistral.ai",
    "http://[broken",
    "http://koala:9999",
)
PASSING_ON = ("llama-swap", "ollama", "litellm")


@dataclass(frozen=True)
class Situation:
    """Everything that a plan is made of."""

    request: Request
    config: Config
    snapshot: FleetSnapshot
    modes: Modes
    usage: Usage
    findings: Findings

    def plan(self) -> Plan:
        return plan(self.request, self.config, self.snapshot, self.modes, self.usage, self.findings, NOW)

    def with_private_mode(self) -> Situation:
        return replace(self, modes=replace(self.modes, private=Mode(True)))


def situations() -> st.SearchStrategy[Situation]:
    """Whatever may come together, down services and broken lists included.

    Each is rolled from one number: drawing its 200 choices one by one would take a hundred times as long, and the time
    is better spent on more of them.
    """
    return st.integers(0, 2**63 - 1).map(roll)


def roll(seed: int) -> Situation:
    return _Roll(random.Random(seed)).situation()


class _Roll:
    def __init__(self, dice: random.Random) -> None:
        self._dice = dice

    def situation(self) -> Situation:
        return Situation(
            self._request(), self._config(), self._snapshot(), self._modes(), self._usage(), self._findings()
        )

    def _one(self, *choices: T) -> T:
        return self._dice.choice(choices)

    def _some(self, choices: Sequence[T], least: int = 0, most: int = 4) -> list[T]:
        return self._dice.sample(choices, self._dice.randint(least, min(most, len(choices))))

    def _often(self) -> bool:
        return self._dice.random() < 0.8

    def _seldom(self) -> bool:
        return self._dice.random() < 0.2

    def _request(self) -> Request:
        kind = self._one("tier", "task", "model", "nothing")
        return Request(
            tier=self._one("opus", "opus", "haiku", "x") if kind == "tier" else None,
            task=self._one("default", "quick", "quick", "x") if kind == "task" else None,
            model=self._one(*IDS, "no-id") if kind == "model" else None,
            private=self._seldom(),
            external=self._seldom(),
            fallback=self._often(),
            allow_secrets=self._seldom(),
            prompt_tokens=self._one(0, 0, 5000, 9000),
            images=self._one(*[0] * 19, 1),
        )

    def _config(self) -> Config:
        tiers = {"opus": TierSettings(name="opus", external=self._one(None, *IDS), fallback=tuple(self._some(IDS)))}
        tasks = {
            name: TaskSettings(
                name=name,
                models=tuple(self._some(IDS, 1, 8)),
                prefer=self._one(None, "warm"),
                private=self._seldom(),
            )
            for name in ("default", "quick")
            if self._often()
        }
        models = {model: self._model_settings(model) for model in self._some(IDS)}
        return Config(machines=MACHINES, services=SERVICES, clis=CLIS, models=models, tiers=tiers, tasks=tasks)

    def _model_settings(self, model: str) -> ModelSettings:
        limit = Limit(requests_per_minute=self._one(None, 1, 20), usd_per_day=self._one(None, 0.0, 5.0))
        return ModelSettings(
            id=model,
            price=self._one(None, Price(), Price(input=1.0)),
            limit=self._one(None, limit),
            fallback=tuple(self._some(IDS)),
            context=self._one(None, 8192),
            images=self._one(None, None, True, False),
            where="cloud" if self._seldom() else None,
        )

    def _snapshot(self) -> FleetSnapshot:
        machines = [
            MachineSnapshot(name=name, state=self._one(*MachineState, MachineState.UP), seen=self._seen())
            for name in MACHINES
        ]
        services = [self._service(service) for service in SERVICES.values() if self._often()]
        return FleetSnapshot(at=NOW, machines=tuple(machines), services=tuple(services))

    def _service(self, service: ServiceSettings) -> ServiceSnapshot:
        return ServiceSnapshot(
            name=service.name,
            kind=service.kind,
            url=service.url,
            machine="koala",
            state=ServiceState.UP if self._often() else self._one(*ServiceState),
            reason=self._one("", "connection refused"),
            seen=self._seen(),
            models=tuple(self._model(service, name) for name in NAMES if self._often()),
            models_seen=self._seen(),
        )

    def _model(self, service: ServiceSettings, name: str) -> ModelSnapshot:
        deployments = tuple(
            Deployment(self._one("openai/a", "ollama/b", "c/d", "a"), self._one(*BASES) if self._often() else None)
            for _ in range(self._one(0, 1, 1, 1, 2))
        )
        return ModelSnapshot(
            name=name,
            state=self._one(*ModelState),
            context=self._one(None, 4096, 1_000_000),
            takes_images=self._one(None, True, False),
            remote="peer openrouter" if self._seldom() else None,
            targets=(() if self._often() else self._one(None, ("a",), ("b", "c/d"))),
            deployments=deployments if service.kind == "litellm" and self._often() else None,
        )

    def _seen(self) -> Seen:
        return Seen(NOW - 1, 2.0) if self._often() else self._one(Seen(), Seen(NOW - 100, 2.0))

    def _mode(self) -> Mode:
        since = self._one(None, "2026-11-20T14:02:11Z", "no time")
        return Mode(self._seldom(), since, self._one(None, "quota"))

    def _modes(self) -> Modes:
        hold = {name: self._mode() for name in self._some(list(MACHINES), most=2)}
        return Modes(
            external=self._mode(),
            private=self._mode(),
            hold=hold,
            others_problem="modes.json cannot be read" if self._seldom() else "",
        )

    def _usage(self) -> Usage:
        return Usage(
            {model: self._one(0, 1, 19, 20) for model in self._some(IDS)},
            {model: self._one(0.0, 4.9, 5.0) for model in self._some(IDS)},
            {model: Refusal(self._one(NOW - 1, NOW + 9), "429") for model in self._some(IDS)},
        )

    def _findings(self) -> Findings:
        return Findings(
            claude="ANTHROPIC_BASE_URL is set" if self._seldom() else "",
            credentials=("AWS Access Key",) if self._seldom() else (),
            programs={name: self._one("", "", "is not installed") for name in self._some(list(CLIS))},
        )


def configured(situation: Situation) -> list[str]:
    """Every model that the configuration has for what the request named, each once, in the order of the first rule."""
    request, config = situation.request, situation.config
    if request.model is not None:
        settings = config.models.get(request.model)
        return list(dict.fromkeys([request.model, *(settings.fallback if settings and request.fallback else ())]))
    if request.tier is not None:
        row = config.tiers.get(request.tier, TierSettings(name="opus"))
        external = [row.external] if row.external else []
        on = request.external or situation.modes.external.enabled
        inner = [*external, *row.fallback] if on else [*row.fallback, *external]
        return list(dict.fromkeys([f"claude/{request.tier}", *inner]))
    task = config.tasks.get(request.task or "default")
    return list(task.models) if task else []


def provably_local(model: str, config: Config, snapshot: FleetSnapshot) -> bool:
    """The definition, told in another way than the program does: nothing that can be reached is away from home."""
    todo, reached = [model], set[str]()
    while todo:
        current = todo.pop()
        if current in reached:
            continue
        reached.add(current)
        owner, _, name = current.partition("/")
        service = config.services.get(owner)
        if service is None or config.machine_of(service) is None:
            return False
        if current in config.models and config.models[current].where == "cloud":
            return False
        observed = snapshot.service(owner)
        listed = observed.model(name) if observed else None
        if listed is None:
            if service.kind in PASSING_ON:
                return False
            continue
        if listed.remote is not None or listed.targets is None:
            return False
        todo += [f"{owner}/{target}" for target in listed.targets]
        if service.kind == "litellm":
            behind = [_behind(deployment, service, config, snapshot) for deployment in listed.deployments or ()]
            if not behind or None in behind:
                return False
            todo += [one for one in behind if one]
    return True


def _behind(deployment: Deployment, litellm: ServiceSettings, config: Config, snapshot: FleetSnapshot) -> str | None:
    """The model of ours that a deployment is; empty: something else on a machine of ours; None: not at home."""
    try:
        base = urlsplit(deployment.api_base or "")
        host, port = base.hostname or "", base.port
    except ValueError:
        return None
    machine = config.machine_of(litellm) if is_loopback(host) else config.machine_at(host)
    if machine is None:
        return None
    for service in config.services.values():
        if config.machine_of(service) == machine and urlsplit(service.url).port == port:
            observed = snapshot.service(service.name)
            short = deployment.model.partition("/")[2] or deployment.model
            names = [name for name in (short, deployment.model) if observed and observed.model(name)]
            return f"{service.name}/{names[0] if names else short}"
    return ""
