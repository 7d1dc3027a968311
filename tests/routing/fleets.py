"""Fleets as the rules of locality see them: which service lists what, and where it says that it sends it."""

from __future__ import annotations

from collections.abc import Iterable

from tui.config.schema import CliSettings, Config, MachineSettings, ModelSettings, ServiceKind, ServiceSettings
from tui.fleet.snapshot import Deployment, FleetSnapshot, ModelRole, ModelSnapshot, ServiceSnapshot

URLS: dict[str, tuple[ServiceKind, str]] = {
    "llama-swap": ("llama-swap", "http://koala:8080"),
    "ollama": ("ollama", "http://koala:11434"),
    "vllm": ("vllm", "http://100.64.0.7"),
    "litellm": ("litellm", "http://koala:4000"),
    "litellm-2": ("litellm", "https://iguana"),
    "groq": ("openai", "https://api.groq.example/openai/v1"),
}
MACHINES = {
    "koala": MachineSettings(name="koala", addresses=("100.64.0.7",)),
    "iguana": MachineSettings(name="iguana"),
    "flamingo": MachineSettings(name="flamingo", local=True),
}


def config(*cloud_models: str, **urls: str) -> Config:
    services = {
        name: ServiceSettings(name=name, kind=kind, url=urls.get(name.replace("-", "_"), url))
        for name, (kind, url) in URLS.items()
    }
    models = {model: ModelSettings(id=model, where="cloud") for model in cloud_models}
    clis = {"claude": CliSettings(name="claude", kind="claude")}
    return Config(machines=MACHINES, services=services, models=models, clis=clis)


def fleet(**models: Iterable[ModelSnapshot]) -> FleetSnapshot:
    """A fleet in which these services were seen with these models; "_" stands for "-"."""
    return FleetSnapshot(
        at=0.0,
        services=tuple(
            ServiceSnapshot(
                name=name.replace("_", "-"),
                kind=URLS[name.replace("_", "-")][0],
                url=URLS[name.replace("_", "-")][1],
                models=tuple(rows),
            )
            for name, rows in models.items()
        ),
    )


def model(name: str, **facts: object) -> ModelSnapshot:
    return ModelSnapshot(name=name, **facts)  # type: ignore[arg-type]


def group(name: str, *deployments: tuple[str, str | None], targets: tuple[str, ...] | None = ()) -> ModelSnapshot:
    rows = tuple(Deployment(*deployment) for deployment in deployments)
    return ModelSnapshot(name=name, role=ModelRole.GROUP, deployments=rows, targets=targets)
