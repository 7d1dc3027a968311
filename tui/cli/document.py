"""The JSON documents of the command line: their fields are a promise, and are only ever added to."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from tui.config.schema import Config
from tui.fleet.gpu_snapshot import GpuSnapshot
from tui.fleet.snapshot import (
    FleetSnapshot,
    Freshness,
    MachineSnapshot,
    ModelSnapshot,
    Problem,
    Seen,
    ServiceSnapshot,
    UnitSnapshot,
)
from tui.fleet.wording import utc_words
from tui.routing.locality import locality
from tui.routing.modes import Mode, Modes

if TYPE_CHECKING:
    from tui.ledger.probes import Probed

SCHEMA = 1
Json = dict[str, object]


def status_document(snapshot: FleetSnapshot, modes: Modes, config: Config) -> Json:
    """``status --json``."""
    now = snapshot.at
    return {
        "schema": SCHEMA,
        "at": utc_words(now),
        "modes": modes_document(modes),
        "machines": [_machine(machine, now) for machine in snapshot.machines],
        "services": [_service(service, snapshot, config) for service in snapshot.services],
        "problems": [_problem(problem) for problem in snapshot.problems],
    }


def models_document(
    snapshot: FleetSnapshot, config: Config, probes: Mapping[str, Probed], *, loaded_only: bool
) -> Json:
    """``models --json``. ``probes`` is by model id."""
    return {
        "schema": SCHEMA,
        "at": utc_words(snapshot.at),
        "models": [
            model_document(service, model, snapshot, config)
            | {"agents": probe_document(probes[model_id]) if (model_id := service.model_id(model)) in probes else None}
            for service, model in snapshot.models()
            if not loaded_only or model.loaded
        ],
    }


def probe_document(probed: Probed) -> Json:
    """What a model was found to be able to do for agents."""
    return {
        "at": utc_words(probed.at),
        "calls_tools": probed.calls_tools,
        "tools_reason": probed.tools_words,
        "writes_code": probed.writes_code,
        "code_reason": probed.code_words,
    }


def modes_document(modes: Modes) -> Json:
    return {
        "external": _mode(modes.external),
        "private": _mode(modes.private),
        "hold": {machine: _mode(hold) for machine, hold in modes.hold.items()},
    }


def model_document(service: ServiceSnapshot, model: ModelSnapshot, snapshot: FleetSnapshot, config: Config) -> Json:
    """One model, as ``status`` and ``models`` have it."""
    model_id = service.model_id(model)
    settings = config.models.get(model_id)
    place = locality(model_id, config, snapshot)
    return {
        "id": model_id,
        "state": str(model.state),
        "reason": model.reason,
        "where": str(place.where),
        "where_reason": place.reason,
        "role": str(model.role),
        "about": settings.about if settings and settings.about else model.about,
        "size": model.size,
        "vram": model.vram,
        # JSON has no infinity: a model that is never unloaded has no time at which it will be.
        "until": utc_words(model.until) if model.until is not None and math.isfinite(model.until) else None,
        "forever": model.until == math.inf,
        "ttl_s": model.ttl,
        "context": settings.context if settings and settings.context else model.context,
    }


def _machine(machine: MachineSnapshot, now: float) -> Json:
    memory = machine.memory
    return {
        "name": machine.name,
        "about": machine.about,
        "state": str(machine.state),
        **_seen(machine.seen, now),
        "reason": machine.reason,
        "channel": machine.channel or None,
        "cpu_percent": machine.cpu_percent,
        "memory": None if memory is None else {"total": memory.total, "used": memory.used},
        "gpus": [_gpu(gpu) for gpu in machine.gpus or ()],
        "gpu_reason": machine.gpu_reason,
    }


def _gpu(gpu: GpuSnapshot) -> Json:
    return {
        "index": gpu.index,
        "name": gpu.name,
        "memory": {"total": gpu.total, "used": gpu.used, "reserved": gpu.reserved},
        "unified": gpu.unified,
        "utilization_percent": gpu.utilization_percent,
        "temperature_c": gpu.temperature_c,
        "power_w": gpu.power_w,
        "power_limit_w": gpu.power_limit_w,
        "throttled": list(gpu.throttled),
        "reason": gpu.reason,
        "holders": [{"who": holder.who, "pid": holder.pid, "bytes": holder.bytes} for holder in gpu.holders],
    }


def unit_document(unit: UnitSnapshot) -> Json:
    """A systemd unit, as ``status`` and ``unit`` have it."""
    return {
        "name": unit.name,
        "scope": unit.scope,
        "state": str(unit.state),
        "sub": unit.sub,
        "since": utc_words(unit.since),
        "reason": unit.reason,
        "restarts": unit.restarts,
        "main_pid": unit.main_pid,
        "needs_reload": unit.needs_reload,
    }


def _unit(service: ServiceSnapshot, snapshot: FleetSnapshot, config: Config) -> Json | None:
    """The systemd unit of a service; None where the configuration names none, or nothing is known of it."""
    settings = config.services.get(service.name)
    machine = snapshot.machine(service.machine) if service.machine is not None else None
    if settings is None or settings.unit is None or machine is None:
        return None
    unit = machine.unit(settings.unit)
    return unit_document(unit) if unit is not None else None


def _service(service: ServiceSnapshot, snapshot: FleetSnapshot, config: Config) -> Json:
    now = snapshot.at
    return {
        "name": service.name,
        "kind": service.kind,
        "machine": service.machine,
        "url": service.url,
        "state": str(service.state),
        **_seen(service.seen, now),
        "reason": service.reason,
        "since": utc_words(service.since),
        "latency_ms": None if service.latency is None else round(service.latency * 1000, 2),
        "version": service.version,
        "in_flight": service.in_flight,
        "remarks": list(service.remarks),
        "unit": _unit(service, snapshot, config),
        "models": [model_document(service, model, snapshot, config) for model in service.models],
    }


def _seen(seen: Seen, now: float) -> Json:
    age = seen.age(now)
    return {
        "stale": seen.freshness(now) is Freshness.STALE,
        "age_s": None if age is None else round(age, 3),
    }


def _problem(problem: Problem) -> Json:
    return {"about": problem.about, "since": utc_words(problem.since), "text": problem.text}


def _mode(mode: Mode) -> Json:
    return {"enabled": mode.enabled, "activated_at": mode.activated_at, "reason": mode.reason}
