"""A fleet that never changes, for pictures: values instead of servers, and a panel that follows nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import tui.app.app
from tests.app.panel import NOON, Clock
from tui.app.app import FleetApp
from tui.app.messages import FleetSeen
from tui.config.schema import Config, MachineSettings, PanelSettings, ServiceSettings
from tui.fleet.gpu_snapshot import GpuHolder, GpuSnapshot, HolderKind
from tui.fleet.problems import problems_of
from tui.fleet.snapshot import (
    Deployment,
    Fault,
    FleetSnapshot,
    HostMemory,
    MachineSnapshot,
    MachineState,
    ModelRole,
    ModelSnapshot,
    ModelState,
    RawAnswer,
    Seen,
    ServiceSnapshot,
    ServiceState,
    UnitSnapshot,
    UnitState,
)

GIB = 1024**3
MIB = 1024**2
KOALA = "http://koala"
SERVICES = {
    "llama-swap": ServiceSettings(name="llama-swap", kind="llama-swap", url=f"{KOALA}:8080", unit="llama-swap.service"),
    "ollama": ServiceSettings(name="ollama", kind="ollama", url=f"{KOALA}:11434"),
    "litellm": ServiceSettings(name="litellm", kind="litellm", url=f"{KOALA}:4000"),
    "qdrant": ServiceSettings(name="qdrant", kind="qdrant", url=f"{KOALA}:6333"),
    "k3s": ServiceSettings(name="k3s", kind="http", url="https://iguana:6443/ping"),
    "openai": ServiceSettings(name="openai", kind="openai", url="https://api.openai.com/v1"),
}
MACHINES = {
    "koala": MachineSettings(name="koala", about="GPU inference"),
    "iguana": MachineSettings(name="iguana", about="services, builds"),
    "flamingo": MachineSettings(name="flamingo", about="this machine", local=True),
}


class StillApp(FleetApp):
    """The panel without its feeds: it shows what a test posts."""

    CSS_PATH = str(Path(tui.app.app.__file__).with_name("app.tcss"))

    def __init__(
        self,
        snapshot: FleetSnapshot | None,
        *,
        theme: str = "fleet-dark",
        routes: Config | None = None,
        **options: bool,
    ) -> None:
        """``routes``: a configuration whose tiers, tasks and programs count."""
        config = replace(routes or Config(), panel=PanelSettings(theme=theme), machines=MACHINES, services=SERVICES)
        super().__init__(config, clock=Clock(), **options)
        self.animation_level = "none"
        self._still = snapshot

    def _start_feeds(self) -> None:
        if self._still is not None:
            self.post_message(FleetSeen(self._still))


def ago(seconds: float, period: float = 10.0) -> Seen:
    return Seen(NOON - seconds, period)


def llama_swap() -> ServiceSnapshot:
    ready = ModelState.READY
    models = (
        ModelSnapshot(name="coder", state=ModelState.IDLE, about="writes code", context=32_768),
        ModelSnapshot(name="gemma", state=ModelState.STARTING, about="quick answers", context=131_072),
        ModelSnapshot(name="qwen3", state=ready, about="general purpose, quality", context=40_960, ttl=300.0),
        ModelSnapshot(name="too-large", state=ModelState.IDLE, reason="failed to start: out of memory"),
        ModelSnapshot(name="code", state=ModelState.IDLE, role=ModelRole.SELECTOR, targets=("coder", "qwen3")),
        ModelSnapshot(name="openrouter/glm-4.7", role=ModelRole.PEER, remote="peer openrouter"),
    )
    running = '{"running": [{"model": "qwen3", "state": "ready", "cmd": "llama-server --port 9001 --api-key •••"}]}'
    answers = (
        RawAnswer("GET /api/version", NOON - 2, 200, '{"version": "v250", "build_date": "2026-11-02"}'),
        RawAnswer("GET /running", NOON - 31, 200, running),
    )
    return _up("llama-swap", 0.002, "v250", models=models, in_flight=2, answers=answers)


def ollama() -> ServiceSnapshot:
    size = 5 * GIB
    models = (
        ModelSnapshot(
            name="llama3.2:latest", state=ModelState.READY, about="3.2B Q4_K_M", size=size, vram=size, until=NOON + 240
        ),
        ModelSnapshot(
            name="mixtral:8x7b",
            state=ModelState.READY,
            about="46.7B Q4_0",
            size=26 * GIB,
            vram=16 * GIB,
            until=float("inf"),
        ),
        ModelSnapshot(name="nomic-embed-text:latest", state=ModelState.IDLE, about="137M F16", context=2_048),
        ModelSnapshot(name="gpt-oss:120b-cloud", about="116.8B MXFP4", remote="ollama.com"),
    )
    return _up("ollama", 0.0031, "0.33.0", models=models)


def litellm() -> ServiceSnapshot:
    models = (
        ModelSnapshot(
            name="local-chat",
            role=ModelRole.GROUP,
            deployments=(Deployment("openai/qwen3", "http://localhost:8080/v1"),),
            targets=(),
        ),
        ModelSnapshot(name="gpt-5.2", role=ModelRole.GROUP, deployments=(Deployment("gpt-5.2", None),), targets=()),
    )
    return _up("litellm", 0.0042, "1.106.2", models=models, remarks=("db none",))


def _up(name: str, latency: float, version: str | None, **facts: Any) -> ServiceSnapshot:
    settings = SERVICES[name]
    machine = {"k3s": "iguana", "openai": None}.get(name, "koala")
    return replace(
        ServiceSnapshot(name=name, kind=settings.kind, url=settings.url, machine=machine),
        state=ServiceState.UP,
        reason="",
        since=NOON - 7200,
        seen=ago(2),
        models_seen=ago(2),
        latency=latency,
        version=version,
        **facts,
    )


def all_up() -> FleetSnapshot:
    return fleet_of(
        llama_swap(),
        ollama(),
        litellm(),
        _up("qdrant", 0.0018, "1.19.0", remarks=("3 collections",)),
        _up("k3s", 0.009, None),
        _up("openai", 0.31, None),
    )


def with_gpus() -> FleetSnapshot:
    """koala is looked at over ssh: a GPU that models hold, another whose driver hangs, and a unit in a crash loop."""
    gpu = GpuSnapshot(
        index=0,
        name="NVIDIA GeForce RTX 4090",
        total=24_564 * MIB,
        used=21_900 * MIB,
        reserved=451 * MIB,
        utilization_percent=63,
        temperature_c=71,
        power_w=312.0,
        power_limit_w=450.0,
        throttled=("power cap",),
        holders=(
            GpuHolder("llama-swap/qwen3", 4242, 17_400 * MIB, HolderKind.MODEL),
            GpuHolder("ollama/llama3.2:latest", 4300, 3_700 * MIB, HolderKind.MODEL),
            GpuHolder("Xorg", 911, 300 * MIB, HolderKind.PROCESS),
            GpuHolder("unattributed", None, 500 * MIB, HolderKind.UNATTRIBUTED),
        ),
    )
    hung = GpuSnapshot(index=1, name="NVIDIA RTX A2000", reason="the NVIDIA driver on koala does not answer (for 31 s)")
    unit = UnitSnapshot(
        name="llama-swap.service",
        state=UnitState.ACTIVATING,
        sub="auto-restart",
        reason="ended with status 1, started again 7 times",
        since=NOON - 3,
        restarts=7,
    )
    fleet = all_up()
    koala, *others = fleet.machines
    koala = replace(
        koala,
        channel="ssh",
        latency=0.0006,
        cpu_percent=12.0,
        memory=HostMemory(total=64 * GIB, used=21 * GIB),
        gpus=(gpu, hung),
        gpus_seen=ago(0.4, 1.0),
        units=(unit,),
        seen=ago(0.4, 1.0),
    )
    return replace(fleet, machines=(koala, *others), problems=problems_of(fleet.services, (koala, *others)))


def one_down() -> FleetSnapshot:
    return fleet_of(*(_down(one) if one.name == "qdrant" else one for one in all_up().services))


def all_down() -> FleetSnapshot:
    return fleet_of(*(_down(one) for one in all_up().services))


def stale() -> FleetSnapshot:
    """The last looks are from ten minutes ago: the laptop has been asleep."""
    old = ago(600)
    return fleet_of(*(replace(one, seen=old, models_seen=old) for one in all_up().services))


def loading() -> FleetSnapshot:
    """Nobody has answered yet."""
    return fleet_of(
        *(ServiceSnapshot(name=one.name, kind=one.kind, url=one.url, machine=one.machine) for one in all_up().services)
    )


def _down(service: ServiceSnapshot) -> ServiceSnapshot:
    gone = tuple(
        replace(model, state=ModelState.UNKNOWN, reason=f"{service.name} is down", vram=None, until=None)
        for model in service.models
    )
    return replace(
        service,
        state=ServiceState.DOWN,
        reason="connection refused",
        since=NOON - 41,
        latency=None,
        models=gone,
        remarks=(),
        in_flight=None,
        fault=Fault("connection refused", NOON - 41),
    )


def fleet_of(*services: ServiceSnapshot) -> FleetSnapshot:
    machines = []
    for name, settings in MACHINES.items():
        on_it = [service for service in services if service.machine == name]
        alive = any(service.state is ServiceState.UP for service in on_it)
        seen = on_it[0].seen if on_it else Seen()
        reason = "none of its services answers" if on_it else "no service of ours is on it"
        machines.append(
            MachineSnapshot(
                name=name,
                about=settings.about,
                state=MachineState.UP if alive else MachineState.UNKNOWN,
                reason="" if alive else reason,
                seen=seen,
            )
        )
    return FleetSnapshot(at=NOON, machines=tuple(machines), services=tuple(services), problems=problems_of(services))
