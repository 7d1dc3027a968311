"""The fleet as metrics that Prometheus can scrape.

Names and units go by Prometheus's conventions: base units, ``_total`` for what only grows. What is not known, or known
from a look that is stale by now, is absent and never 0, so that nothing false is averaged.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from threading import Thread
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, Metric, generate_latest, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, SummaryMetricFamily
from prometheus_client.registry import Collector

from tui import __version__
from tui.config.schema import Config
from tui.fleet.gpu_snapshot import GpuSnapshot
from tui.fleet.printable import printable
from tui.fleet.snapshot import (
    FleetSnapshot,
    Freshness,
    MachineSnapshot,
    MachineState,
    ModelRole,
    ModelSnapshot,
    ModelState,
    Seen,
    ServiceState,
    UnitState,
)
from tui.ledger.counts import LedgerCounts, RequestCounts, counts
from tui.ledger.file import LedgerError
from tui.routing.locality import locality
from tui.routing.modes import Modes

LONGEST_LABEL = 200
Sample = tuple[tuple[str, ...], float | bool | int | None]
"""The values of the labels, and the number; None: not known."""

SERVICE_UP = {ServiceState.UP: 1, ServiceState.BUSY: 1, ServiceState.STARTING: 0, ServiceState.DOWN: 0}
MACHINE_UP = {MachineState.UP: 1, MachineState.DOWN: 0}
RUNNING_UNITS = frozenset({UnitState.ACTIVE, UnitState.RELOADING})


@dataclass(frozen=True, slots=True)
class Scene:
    """What one scrape tells of. ``now`` is Unix seconds."""

    config: Config
    snapshot: FleetSnapshot
    modes: Modes
    now: float

    def is_fresh(self, seen: Seen) -> bool:
        return seen.freshness(self.now) is Freshness.FRESH


class FleetCollector(Collector):
    """Tells of the newest of everything at every scrape."""

    def __init__(self, look: Callable[[], Scene]) -> None:
        """``look`` is called from the threads of the scrapes."""
        self._look = look

    def collect(self) -> Iterator[Metric]:
        scene = self._look()
        yield _info("fleetdeck_build", "The program that tells all of this.", ("version",), [(__version__,)])
        yield from _services(scene)
        yield from _models(scene)
        yield from _machines(scene)
        yield from _units(scene)
        yield from _gpus(scene)
        yield from _modes(scene.modes)
        yield _gauge("fleetdeck_problems", "What the person should know now.", (), [((), len(scene.snapshot.problems))])
        yield from _ledger()


def scrape(look: Callable[[], Scene]) -> str:
    """All metrics in Prometheus's text format, version 0.0.4."""
    return generate_latest(_registry(look)).decode()


def serve_metrics(look: Callable[[], Scene], address: str, port: int) -> tuple[WSGIServer, Thread]:
    """Serves scrapes in threads of their own; port 0: a free one, which ``server_port`` tells.

    Raises:
        OSError: nothing can be bound there.
    """
    return start_http_server(port, address, registry=_registry(look))


def _registry(look: Callable[[], Scene]) -> CollectorRegistry:
    registry = CollectorRegistry()
    # A collector is asked for its metrics when it is registered, unless the registry is told not to.
    registry.register(FleetCollector(look))
    return registry


def _services(scene: Scene) -> Iterator[Metric]:
    services = scene.snapshot.services
    fresh = [service for service in services if scene.is_fresh(service.seen)]
    of_all, label = [((service.name,), service) for service in fresh], ("service",)
    rows = [(s.name, s.kind, s.machine or "", s.version or "") for s in services]
    yield _info("fleetdeck_service", "What a service is.", ("service", "kind", "machine", "version"), rows)
    about = "1: it answers, if only in part. 0: it is down or starting."
    yield _gauge("fleetdeck_service_up", about, label, [(of, SERVICE_UP.get(s.state)) for of, s in of_all])
    about = "How long its last answer took."
    yield _gauge("fleetdeck_service_latency_seconds", about, label, [(of, s.latency) for of, s in of_all])
    about = "Requests that it is answering."
    yield _gauge("fleetdeck_service_requests_in_flight", about, label, [(of, s.in_flight) for of, s in of_all])
    about = "When it was last looked at."
    samples = [((service.name,), service.seen.at) for service in services]
    yield _gauge("fleetdeck_service_last_look_timestamp_seconds", about, label, samples)


def _models(scene: Scene) -> Iterator[Metric]:
    known = [
        ((service.model_id(model), str(locality(service.model_id(model), scene.config, scene.snapshot).where)), model)
        for service, model in scene.snapshot.models()
        if model.role is ModelRole.MODEL and scene.is_fresh(service.models_seen)
    ]
    label = ("model", "where")

    def state(model: ModelSnapshot, value: bool) -> bool | None:
        return None if model.state is ModelState.UNKNOWN else value

    about = "1: it answers without being loaded first."
    samples: list[Sample] = [(of, state(model, model.state is ModelState.READY)) for of, model in known]
    yield _gauge("fleetdeck_model_ready", about, label, samples)
    about = "1: it takes memory, or is about to."
    yield _gauge("fleetdeck_model_loaded", about, label, [(of, state(model, model.loaded)) for of, model in known])
    about = "What the loaded model takes, wherever that is."
    yield _gauge("fleetdeck_model_memory_bytes", about, label, [(of, model.size) for of, model in known])
    about = "What of it is on a GPU."
    yield _gauge("fleetdeck_model_gpu_memory_bytes", about, label, [(of, model.vram) for of, model in known])


def _machines(scene: Scene) -> Iterator[Metric]:
    fresh, label = list(_fresh_machines(scene)), ("machine",)
    about = "1: it answers. 0: it does not."
    yield _gauge("fleetdeck_machine_up", about, label, [((m.name,), MACHINE_UP.get(m.state)) for m in fresh])
    about = "How much of its processors is at work, 0 to 1."
    samples: list[Sample] = [((machine.name,), _part(machine.cpu_percent)) for machine in fresh]
    yield _gauge("fleetdeck_machine_cpu_utilization_ratio", about, label, samples)
    about = "Its main memory."
    samples = [((machine.name,), machine.memory.total) for machine in fresh if machine.memory]
    yield _gauge("fleetdeck_machine_memory_size_bytes", about, label, samples)
    about = "What of it could not be given to a program at once."
    samples = [((machine.name,), machine.memory.used) for machine in fresh if machine.memory]
    yield _gauge("fleetdeck_machine_memory_used_bytes", about, label, samples)


def _units(scene: Scene) -> Iterator[Metric]:
    known = [
        ((machine.name, unit.name), unit)
        for machine in _fresh_machines(scene)
        for unit in machine.units
        if unit.state is not UnitState.UNKNOWN
    ]
    label = ("machine", "unit")
    about = "1: the systemd unit runs."
    samples: list[Sample] = [(of, unit.state in RUNNING_UNITS) for of, unit in known]
    yield _gauge("fleetdeck_unit_active", about, label, samples)
    about = "How often systemd has restarted it since somebody last started it."
    yield _counter("fleetdeck_unit_restarts", about, label, [(of, unit.restarts) for of, unit in known])


GPU_GAUGES: Sequence[tuple[str, str, Callable[[GpuSnapshot], float | None]]] = (
    ("memory_size_bytes", "Its memory.", lambda gpu: gpu.total),
    ("memory_used_bytes", "What of it is in use.", lambda gpu: gpu.used),
    ("memory_reserved_bytes", "What of it the driver keeps for itself.", lambda gpu: gpu.reserved),
    (
        "utilization_ratio",
        "The part of the time in which it worked, 0 to 1.",
        lambda gpu: _part(gpu.utilization_percent),
    ),
    ("temperature_celsius", "Its temperature.", lambda gpu: gpu.temperature_c),
    ("power_watts", "What it draws.", lambda gpu: gpu.power_w),
    ("power_limit_watts", "What it may draw at most.", lambda gpu: gpu.power_limit_w),
    ("fan_ratio", "How fast its fan turns, 0 to 1.", lambda gpu: _part(gpu.fan_percent)),
)


def _gpus(scene: Scene) -> Iterator[Metric]:
    known = [
        ((machine.name, str(gpu.index)), gpu)
        for machine in scene.snapshot.machines
        if scene.is_fresh(machine.gpus_seen)
        for gpu in machine.gpus or ()
    ]
    label = ("machine", "gpu")
    yield _info("fleetdeck_gpu", "What a GPU is.", (*label, "name", "uuid"), [(*of, g.name, g.uuid) for of, g in known])
    for name, about, figure in GPU_GAUGES:
        yield _gauge(f"fleetdeck_gpu_{name}", about, label, [(of, figure(gpu)) for of, gpu in known])
    held: defaultdict[tuple[str, ...], int] = defaultdict(int)
    for of, gpu in known:
        for holder in gpu.holders:
            if holder.bytes is not None:
                held[(*of, holder.who, str(holder.kind))] += holder.bytes
    about = "Who holds how much of its memory: models, other programs, and what nobody admits to."
    yield _gauge("fleetdeck_gpu_memory_held_bytes", about, (*label, "holder", "kind"), list(held.items()))


def _modes(modes: Modes) -> Iterator[Metric]:
    external = None if modes.external_unknown else modes.external.enabled
    private = None if modes.private_unknown else modes.private.enabled
    samples: list[Sample] = [(("external",), external), (("private",), private)]
    yield _gauge("fleetdeck_mode_enabled", "1: the mode is on.", ("mode",), samples)
    about = "1: its GPU is lent to something else."
    holds: list[Sample] = [((machine,), hold.enabled) for machine, hold in modes.hold.items()]
    yield _gauge("fleetdeck_machine_hold_enabled", about, ("machine",), holds)


def _ledger() -> Iterator[Metric]:
    about, name = "1: the ledger can be read. 0: it cannot.", "fleetdeck_ledger_readable"
    try:
        known = counts()
    except LedgerError:
        yield _gauge(name, about, (), [((), 0)])
        return
    if known is not None:
        yield _gauge(name, about, (), [((), 1)])
        yield from _requests(known)


def _requests(known: LedgerCounts) -> Iterator[Metric]:
    label = ("face", "model", "where", "outcome")
    rows = [((row.face, row.model, row.where, row.outcome), row) for row in known.requests]
    about = "Requests that have ended, whoever sent them."
    yield _counter("fleetdeck_requests", about, label, [(of, row.requests) for of, row in rows])
    about = "Tokens that models were sent, as far as they were counted."
    yield _counter("fleetdeck_request_input_tokens", about, label, [(of, row.input_tokens) for of, row in rows])
    about = "Tokens that models answered with, as far as they were counted."
    yield _counter("fleetdeck_request_output_tokens", about, label, [(of, row.output_tokens) for of, row in rows])
    about = "US dollars that requests have cost, as far as that is known."
    yield _counter("fleetdeck_request_cost_dollars", about, label, [(of, row.cost_usd) for of, row in rows])
    about = "From asking the model that answered to the end, its loading included."
    yield _summary("fleetdeck_request_duration_seconds", about, label, rows, lambda r: (r.timed, r.total_seconds))
    about = "From asking the model that answered to its first token, its loading included."
    name = "fleetdeck_request_first_token_seconds"
    yield _summary(name, about, label, rows, lambda r: (r.first_tokens_timed, r.first_token_seconds))
    done: list[Sample] = [((row.name, "worked" if row.worked else "failed"), row.actions) for row in known.actions]
    about = "What was done to machines, services, models and modes."
    yield _counter("fleetdeck_actions", about, ("action", "outcome"), done)


def _fresh_machines(scene: Scene) -> Iterator[MachineSnapshot]:
    return (machine for machine in scene.snapshot.machines if scene.is_fresh(machine.seen))


def _part(percent: float | None) -> float | None:
    return None if percent is None else percent / 100


def _known(samples: Iterable[Sample]) -> dict[tuple[str, ...], float]:
    """What is known, under labels that are harmless, each once: servers may list names that differ in nothing else."""
    known: dict[tuple[str, ...], float] = {}
    for values, number in samples:
        if number is not None:
            known.setdefault(tuple(printable(value, LONGEST_LABEL) for value in values), float(number))
    return known


def _gauge(name: str, about: str, label: Sequence[str], samples: Iterable[Sample]) -> Metric:
    family = GaugeMetricFamily(name, about, labels=label)
    for values, number in _known(samples).items():
        family.add_metric(values, number)
    return family


def _counter(name: str, about: str, label: Sequence[str], samples: Iterable[Sample]) -> Metric:
    family = CounterMetricFamily(name, about, labels=label)
    for values, number in _known(samples).items():
        family.add_metric(values, number)
    return family


def _summary(
    name: str,
    about: str,
    label: Sequence[str],
    rows: Iterable[tuple[tuple[str, ...], RequestCounts]],
    figures: Callable[[RequestCounts], tuple[int, float]],
) -> Metric:
    family = SummaryMetricFamily(name, about, labels=label)
    for values, row in rows:
        count, seconds = figures(row)
        if count:
            family.add_metric([printable(value, LONGEST_LABEL) for value in values], count, seconds)
    return family


def _info(name: str, about: str, label: Sequence[str], rows: Iterable[tuple[str, ...]]) -> Metric:
    family = InfoMetricFamily(name, about, labels=label)
    for values in _known((row, 1) for row in rows):
        family.add_metric(values, {})
    return family
