"""What the tables of the Fleet screen show of a machine, a service and a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tui.app.widgets.columns import Column
from tui.app.widgets.gpu_line import GpuRow
from tui.app.widgets.row_painter import Cell
from tui.config.schema import Config
from tui.fleet.printable import printable
from tui.fleet.snapshot import (
    FleetSnapshot,
    Freshness,
    MachineSnapshot,
    MachineState,
    ModelRole,
    ModelSnapshot,
    ModelState,
    ServiceSnapshot,
    UnitSnapshot,
    UnitState,
)
from tui.fleet.wording import (
    MODEL_SYMBOLS,
    SERVICE_SYMBOLS,
    age_words,
    host_words,
    latency_words,
    processor_words,
    service_words,
    size_words,
    unit_words,
    until_words,
    version_words,
)
from tui.routing.locality import Where, leaving_groups, locality

ELSEWHERE = "elsewhere"

SERVICE_COLUMNS = (
    Column("service", "service", least=12, most=32),
    Column("state", "state", least=8, most=8),
    Column("latency", "answer", least=7, most=7, rank=2, align="right"),
    Column("version", "version", least=8, most=14, rank=4),
    Column("what", "what it says", least=30, most=200, rank=1, stretch=True),
    Column("seen", "seen", least=10, most=12, rank=3, align="right"),
    Column("url", "url", least=44, most=44, rank=5),
)

MODEL_COLUMNS = (
    Column("model", "model", least=18, most=48),
    Column("state", "state", least=10, most=10),
    Column("vram", "VRAM", least=9, most=9, rank=1, align="right"),
    Column("processor", "runs on", least=8, most=8, rank=5),
    Column("where", "where", least=5, most=5, rank=2),
    Column("until", "until", least=9, most=9, rank=3),
    Column("context", "context", least=7, most=7, rank=6, align="right"),
    Column("about", "about", least=24, most=200, rank=4, stretch=True),
)


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Stands in the machines' place above the services that run on none of ours."""


class Places:
    """Where models run, each worked out once for as long as the services list the same models.

    Both tables ask for every row on screen each second; following a group's deployments costs more than drawing it.
    """

    def __init__(self) -> None:
        self._config = Config()
        self._snapshot = FleetSnapshot(at=0.0)
        self._where: dict[str, Where] = {}
        self._leaving: dict[str, int] = {}
        self.tailnet: Mapping[str, str] = {}
        """Machine → how Tailscale reaches it, in words."""
        self.split_costs: Mapping[str, str] = {}
        """Model id → what it costs that a part of it is on the processor, in words."""

    def take_up(self, config: Config, snapshot: FleetSnapshot) -> None:
        """Goes by these from now on."""
        same_models = [service.models for service in snapshot.services] == [
            service.models for service in self._snapshot.services
        ]
        if config is not self._config or not same_models:
            self._where.clear()
            self._leaving.clear()
        self._config, self._snapshot = config, snapshot

    def where(self, model_id: str) -> Where:
        if model_id not in self._where:
            self._where[model_id] = locality(model_id, self._config, self._snapshot).where
        return self._where[model_id]

    def leaving_groups(self, service: ServiceSnapshot) -> int:
        """As :func:`tui.routing.locality.leaving_groups`."""
        if service.name not in self._leaving:
            self._leaving[service.name] = leaving_groups(service, self._config, self._snapshot)
        return self._leaving[service.name]

    def unit(self, service: ServiceSnapshot) -> UnitSnapshot | None:
        """The systemd unit of a service, where its machine is looked at from inside."""
        settings = self._config.services.get(service.name)
        machine = self._snapshot.machine(service.machine) if service.machine is not None else None
        return machine.unit(settings.unit) if settings is not None and settings.unit and machine is not None else None

    def about(self, model_id: str) -> str:
        """What the person's configuration says of a model."""
        settings = self._config.models.get(model_id)
        return settings.about if settings is not None else ""


ServiceRow = MachineSnapshot | GpuRow | ServiceSnapshot | Elsewhere


@dataclass(frozen=True, slots=True)
class ModelRow:
    """A model with the service that lists it."""

    service: ServiceSnapshot
    model: ModelSnapshot

    @property
    def id(self) -> str:
        return f"{self.service.name}/{self.model.name}"


def service_rows(snapshot: FleetSnapshot, words: Sequence[str]) -> list[ServiceRow]:
    """Each machine and below it its services, as far as they match the filter's ``words``."""
    rows: list[ServiceRow] = []
    for machine in snapshot.machines:
        services = [
            service
            for service in snapshot.services
            if service.machine == machine.name and _matches(words, _service_text(service))
        ]
        if services or _matches(words, f"{machine.name} {machine.about}".lower()):
            gpus = [GpuRow(machine.name, gpu, machine.gpus_seen) for gpu in machine.gpus or ()]
            rows += [machine, *gpus, *services]
    others = [
        service for service in snapshot.services if service.machine is None and _matches(words, _service_text(service))
    ]
    if others:
        rows += [Elsewhere(), *others] if rows else others
    return rows


def model_rows(snapshot: FleetSnapshot, words: Sequence[str]) -> list[ModelRow]:
    """The models that match ``words``: in memory, idle, other names for those, and what has no state to be seen."""
    rows = [
        ModelRow(service, model)
        for service, model in snapshot.models()
        if not words or _matches(words, f"{service.name}/{model.name} {model.state} {model.about}".lower())
    ]
    rows.sort(key=lambda row: _place(row.model))
    return rows


def _place(model: ModelSnapshot) -> int:
    if model.loaded:
        return 0
    if model.state is ModelState.UNKNOWN:
        return 3
    return 1 if model.role is ModelRole.MODEL else 2


def row_key(row: ServiceRow) -> str:
    match row:
        case MachineSnapshot():
            return f"machine {row.name}"
        case ServiceSnapshot():
            return f"service {row.name}"
        case GpuRow():
            return f"gpu {row.machine} {row.gpu.index}"
        case _:
            return ELSEWHERE


def service_cells(row: ServiceRow, now: float, places: Places) -> tuple[Cell, ...]:
    """The cells of :data:`SERVICE_COLUMNS`."""
    if isinstance(row, MachineSnapshot):
        return _machine_cells(row, now, places.tailnet.get(row.name, ""))
    if isinstance(row, GpuRow):
        return _blank(7)
    if isinstance(row, Elsewhere):
        return (Cell(ELSEWHERE, "accent"), *_blank(3), Cell("services on no machine of yours", "dim"), *_blank(2))
    stale = row.seen.freshness(now) is Freshness.STALE
    symbol = SERVICE_SYMBOLS[row.state]
    state = Cell("stale" if stale else str(row.state), "unknown" if stale else str(row.state))
    unit = places.unit(row)
    said = service_words(row, now)
    # What is not known of a unit is nothing to hide a service's own reason behind.
    if unit is not None and not (row.reason and unit.state is UnitState.UNKNOWN):
        said = " · ".join(part for part in (unit_words(unit, now), said) if part)
    if not row.reason and (leaving := places.leaving_groups(row)):
        said += f" · ▲ {leaving} leave{'s' if leaving == 1 else ''} the house"
    return (
        Cell(f"{symbol} {printable(row.name, 60)}", state.style),
        state,
        Cell(latency_words(row.latency), "" if row.latency is not None else "dim"),
        Cell(printable(version_words(row.version), 24), "dim"),
        Cell(printable(said, 240), state.style if row.reason else ""),
        Cell(age_words(row.seen.age(now)), "unknown" if stale else "dim"),
        Cell(printable(row.url, 80), "dim"),
    )


def model_cells(row: ModelRow, now: float, places: Places) -> tuple[Cell, ...]:
    """The cells of :data:`MODEL_COLUMNS`."""
    model = row.model
    stale = row.service.models_seen.freshness(now) is Freshness.STALE and model.state is not ModelState.UNKNOWN
    style = _MODEL_STYLES[model.state]
    where = places.where(row.id)
    known = model.state is not ModelState.UNKNOWN
    split = places.split_costs.get(row.id, "") if model.loaded else ""
    about = model.reason or split or places.about(row.id) or model.about or _role_words(model)
    share = model.gpu_share
    return (
        Cell(printable(row.id, 120), "" if known else "dim"),
        _state_cell(model, style, stale=stale),
        Cell(size_words(model.vram) if model.vram is not None else "–", "" if model.vram is not None else "dim"),
        Cell(processor_words(model), "busy" if share is not None and share < 1 else "dim"),
        Cell(str(where), "dim" if where is Where.LOCAL else "accent"),
        Cell(until_words(model, now), "dim"),
        Cell(f"{model.context:,}".replace(",", " ") if model.context else "–", "dim"),
        Cell(printable(about, 240), "down" if model.reason and known else "dim"),
    )


def _state_cell(model: ModelSnapshot, style: str, *, stale: bool) -> Cell:
    """What its service passes on has no state to be seen; "unknown" is for what should have one."""
    if stale:
        return Cell(f"{MODEL_SYMBOLS[model.state]} stale", "unknown")
    if model.state is ModelState.UNKNOWN and model.role is not ModelRole.MODEL and not model.reason:
        return Cell("–", "dim")
    return Cell(f"{MODEL_SYMBOLS[model.state]} {model.state}", style)


_MACHINE_STYLES = {MachineState.UP: "up", MachineState.DOWN: "down", MachineState.UNKNOWN: "unknown"}
_MODEL_STYLES = {
    ModelState.READY: "up",
    ModelState.STARTING: "starting",
    ModelState.STOPPING: "busy",
    ModelState.IDLE: "idle",
    ModelState.UNKNOWN: "unknown",
}


def _machine_cells(machine: MachineSnapshot, now: float, tailnet: str) -> tuple[Cell, ...]:
    by_tailnet = f"tailnet {tailnet}" if tailnet else ""
    # What a narrow screen cuts off is what never changes.
    about = " · ".join(part for part in (machine.reason, host_words(machine), by_tailnet, machine.about) if part)
    stale = machine.state is not MachineState.UNKNOWN and machine.seen.freshness(now) is Freshness.STALE
    return (
        Cell(printable(machine.name, 60), "accent"),
        Cell("stale" if stale else str(machine.state), "unknown" if stale else _MACHINE_STYLES[machine.state]),
        Cell(latency_words(machine.latency) if machine.latency is not None else "", "dim"),
        Cell(printable(machine.channel, 14), "dim"),
        Cell(printable(about, 200), "dim"),
        Cell(age_words(machine.seen.age(now)) if machine.seen.at is not None else "", "dim"),
        Cell(""),
    )


def _role_words(model: ModelSnapshot) -> str:
    if model.remote is not None:
        return f"passed on to {model.remote}"
    if model.role is ModelRole.MODEL or model.role is ModelRole.GROUP:
        return ""
    return f"{model.role} of {', '.join(model.targets)}" if model.targets else str(model.role)


def _service_text(service: ServiceSnapshot) -> str:
    return f"{service.name} {service.kind} {service.machine or ELSEWHERE} {service.state} {service.url}".lower()


def _matches(words: Sequence[str], text: str) -> bool:
    return all(word in text for word in words)


def _blank(count: int) -> tuple[Cell, ...]:
    return (Cell(""),) * count
