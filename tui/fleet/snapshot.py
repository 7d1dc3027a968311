"""What was observed of the fleet, as frozen values.

One :class:`FleetSnapshot` is the whole of what every face shows. Times are Unix seconds, durations seconds, sizes
bytes. A number that is not known is None, never 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from tui.fleet.gpu_snapshot import GpuSnapshot


class ServiceState(StrEnum):
    """How a service answers."""

    UP = "up"
    BUSY = "busy"
    """Alive, answering slowly or only in part."""
    STARTING = "starting"
    DOWN = "down"
    UNKNOWN = "unknown"


class ModelState(StrEnum):
    """Whether a model is in memory."""

    READY = "ready"
    STARTING = "starting"
    STOPPING = "stopping"
    IDLE = "idle"
    """Known, not loaded."""
    UNKNOWN = "unknown"


class MachineState(StrEnum):
    """Whether a machine answers."""

    UP = "up"
    DOWN = "down"
    UNKNOWN = "unknown"


class Freshness(StrEnum):
    """How far a fact may be trusted now."""

    FRESH = "fresh"
    STALE = "stale"
    """The last look is older than three of its periods: what is shown is the last that was known."""
    UNKNOWN = "unknown"


class ModelRole(StrEnum):
    """What a name that a service lists stands for."""

    MODEL = "model"
    ALIAS = "alias"
    PEER = "peer"
    SELECTOR = "selector"
    PROFILE = "profile"
    GROUP = "group"
    """LiteLLM's word for one name over several deployments."""


STALE_AFTER_PERIODS = 3


@dataclass(frozen=True, slots=True)
class Seen:
    """When a fact was last looked at, and how often it is."""

    at: float | None = None
    period: float = 10.0

    def age(self, now: float) -> float | None:
        """Seconds since the last look; never negative, since clocks are set back."""
        return None if self.at is None else max(0.0, now - self.at)

    def freshness(self, now: float) -> Freshness:
        age = self.age(now)
        if age is None:
            return Freshness.UNKNOWN
        return Freshness.STALE if age > STALE_AFTER_PERIODS * self.period else Freshness.FRESH


@dataclass(frozen=True, slots=True)
class Deployment:
    """One place where LiteLLM sends a group's requests."""

    model: str
    api_base: str | None
    """As LiteLLM's own machine reads it; None: the provider's public address."""


def only_embeds(name: str) -> bool:
    """Whether a model of that name takes no prompts: makers put it into the name."""
    return "embed" in name.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSnapshot:
    """One name that a service lists."""

    name: str
    """As the service spells it. May hold anything: pass it through ``printable`` before it is shown."""
    state: ModelState = ModelState.UNKNOWN
    reason: str = ""
    role: ModelRole = ModelRole.MODEL
    about: str = ""
    size: int | None = None
    """Bytes that the loaded model takes, wherever they are."""
    vram: int | None = None
    """Bytes of it that are on a GPU, as its service says."""
    until: float | None = None
    """When its service will unload it; infinity: never."""
    ttl: float | None = None
    """Seconds without a request after which its service unloads it."""
    context: int | None = None
    """Tokens."""
    takes_images: bool | None = None
    """Whether a prompt for it may hold images; None: its service does not say."""
    remote: str | None = None
    """Where its service passes requests on to, in words ("peer openrouter", "ollama.com"); None: it does not say so."""
    targets: tuple[str, ...] | None = ()
    """Other names of the same service that may answer in its place (aliases, selectors, profiles, fallbacks); None: not
    known."""
    deployments: tuple[Deployment, ...] | None = None
    """LiteLLM only; None: not known."""
    port: int | None = None
    """Where its process listens, on its service's machine (llama-swap only, as is ``command``)."""
    command: tuple[str, ...] = ()
    """What its process is started with; redacted."""

    @property
    def only_embeds(self) -> bool:
        """As far as its name tells: no server but a recent Ollama says so in its list."""
        return only_embeds(self.name)

    @property
    def loaded(self) -> bool:
        """True while it takes memory, or is about to; another name for a model takes none of its own."""
        return self.role is ModelRole.MODEL and self.state in (
            ModelState.READY,
            ModelState.STARTING,
            ModelState.STOPPING,
        )

    @property
    def gpu_share(self) -> float | None:
        """The part of the model that is on a GPU, 0 to 1."""
        if self.vram is None or not self.size:
            return None
        return min(1.0, self.vram / self.size)


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """What a service answered, for a person to read: redacted, cut, and free of control codes."""

    request: str
    at: float
    status: int | None
    """The HTTP status; None: no answer came."""
    text: str


@dataclass(frozen=True, slots=True)
class Fault:
    """The last thing that went wrong, kept after it is over."""

    text: str
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSnapshot:
    """One service as it was last seen."""

    name: str
    kind: str
    url: str
    machine: str | None = None
    state: ServiceState = ServiceState.UNKNOWN
    reason: str = "not looked at yet"
    since: float | None = None
    """When ``state`` began, as far as we watched."""
    seen: Seen = Seen()
    latency: float | None = None
    version: str | None = None
    remarks: tuple[str, ...] = ()
    """What else is worth a word on its row: "db none", "3 collections"."""
    models: tuple[ModelSnapshot, ...] = ()
    models_seen: Seen = Seen()
    in_flight: int | None = None
    """Requests that the service is answering now."""
    fault: Fault | None = None
    answers: tuple[RawAnswer, ...] = ()
    _by_name: dict[str, ModelSnapshot] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def substance(self) -> tuple[object, ...]:
        """What is new when it differs. The rest, such as ages and answer times, is different after every look."""
        looked_at = self.seen.at is not None
        return (
            self.name,
            looked_at,
            self.state,
            self.reason,
            self.version,
            self.remarks,
            self.models,
            self.in_flight,
            self.machine,
            self.url,
        )

    def model(self, name: str) -> ModelSnapshot | None:
        if not self._by_name and self.models:
            self._by_name.update((model.name, model) for model in self.models)
        return self._by_name.get(name)

    def model_id(self, model: ModelSnapshot) -> str:
        return f"{self.name}/{model.name}"


@dataclass(frozen=True, slots=True)
class HostMemory:
    """A machine's main memory."""

    total: int
    used: int
    """What could not be given to a program at once: caches do not count."""


class UnitState(StrEnum):
    """systemd's word for what a unit does."""

    ACTIVE = "active"
    RELOADING = "reloading"
    ACTIVATING = "activating"
    DEACTIVATING = "deactivating"
    INACTIVE = "inactive"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitSnapshot:
    """A systemd unit as it was last seen."""

    name: str
    scope: str = "user"
    state: UnitState = UnitState.UNKNOWN
    sub: str = ""
    """The state in more detail, systemd's word: "running", "auto-restart", "stop-sigterm"."""
    reason: str = "not looked at yet"
    """Why it does not run, in words; empty while it runs or was stopped on purpose."""
    since: float | None = None
    restarts: int = 0
    """How often systemd has restarted it since it was last started by somebody."""
    main_pid: int | None = None
    invocation: str = ""
    """Changes with every start."""
    needs_reload: bool = False
    """Its file was changed after systemd had read it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineSnapshot:
    """One machine as it was last seen."""

    name: str
    about: str = ""
    state: MachineState = MachineState.UNKNOWN
    reason: str = "not looked at yet"
    seen: Seen = Seen()
    channel: str = ""
    """How it is looked at, or could not be: "local", "ssh", or "nvidia-smi" where python3 is missing there; empty: by
    HTTP alone, or not yet."""
    hostname: str = ""
    system: str = ""
    """What its kernel calls itself: "Linux", "Darwin"."""
    python: str = ""
    latency: float | None = None
    """Seconds for the way there and back."""
    cpu_percent: float | None = None
    memory: HostMemory | None = None
    gpus: tuple[GpuSnapshot, ...] | None = None
    """Empty: it has none that a driver knows; None: not known."""
    gpu_driver: str = ""
    gpu_reason: str = ""
    """Why nothing, or nothing newer, is known of its GPUs."""
    gpus_seen: Seen = Seen()
    units: tuple[UnitSnapshot, ...] = ()
    linger: bool | None = None
    """Whether the person's units go on without a login there."""

    @property
    def substance(self) -> tuple[object, ...]:
        """What is new when it differs; its samples differ with each, and are shown with the next tick."""
        gpus = None if self.gpus is None else tuple((gpu.index, gpu.name, gpu.reason) for gpu in self.gpus)
        return (self.name, self.about, self.state, self.reason, self.channel, gpus, self.gpu_reason, self.units)

    def unit(self, name: str) -> UnitSnapshot | None:
        return next((unit for unit in self.units if unit.name == name), None)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that the person should know now."""

    about: str
    text: str
    since: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetSnapshot:
    """Everything that is known of the fleet at one moment."""

    at: float
    machines: tuple[MachineSnapshot, ...] = ()
    services: tuple[ServiceSnapshot, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def substance(self) -> tuple[object, ...]:
        """What is new when it differs: more than that the services were looked at once more."""
        return (
            *(machine.substance for machine in self.machines),
            *(service.substance for service in self.services),
        )

    def machine(self, name: str) -> MachineSnapshot | None:
        return next((machine for machine in self.machines if machine.name == name), None)

    def service(self, name: str) -> ServiceSnapshot | None:
        return next((service for service in self.services if service.name == name), None)

    def models(self) -> Iterator[tuple[ServiceSnapshot, ModelSnapshot]]:
        for service in self.services:
            for model in service.models:
                yield service, model

    def find_model(self, model_id: str) -> tuple[ServiceSnapshot, ModelSnapshot] | None:
        """The model whose id is ``service/name``; names may hold slashes, so the service is matched first."""
        service_name, _, name = model_id.partition("/")
        service = self.service(service_name)
        model = service.model(name) if service else None
        return (service, model) if service and model else None
