"""Who holds a GPU's memory: processes that the driver names, as the models and services that they run for."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple, TypeVar
from urllib.parse import urlsplit

from tui.fleet.gpu_snapshot import GpuHolder, GpuProcess, GpuSnapshot, HolderKind
from tui.fleet.snapshot import MachineSnapshot, MachineState, ModelSnapshot, ServiceSnapshot

UNATTRIBUTED = "unattributed"
NO_UNITS: Mapping[str, str] = MappingProxyType({})
SINGLE_SERVERS = frozenset({"vllm", "llama-server", "localai", "openai"})
"""Kinds whose own process, at the port of their URL, computes."""
LEAST_SAME_WORDS = 2
"""Words of two command lines that have to be the same for them to be one: "serve" alone is everybody's."""

LONGEST_LINE_OF_PARENTS = 16
LONGEST_ADDRESS = 300
"""Characters of a word that are looked at for a port at its end."""

T = TypeVar("T")

_PORT = re.compile(r"(-{1,2}[\w-]*port[\w-]*=|[\w.*\[\]:/=-]*:)?(\d{2,5})")


class _Started(NamedTuple):
    """A model, and the llama-swap that has told how it starts it."""

    service: ServiceSnapshot
    model: ModelSnapshot


def with_holders(
    machine: MachineSnapshot, services: Iterable[ServiceSnapshot], units: Mapping[str, str] = NO_UNITS
) -> MachineSnapshot:
    """The machine with every GPU's ``holders``; together they hold what the driver says is used.

    Each process is a model's (by the port or the words of its command line, as a child of such a process, or as the
    only one of its service that it can be), else its service's (by its unit, or as the child of its unit's main
    process), else it goes by its own name.

    ``units``: the names of the machine's systemd units, and the name of the service that each one runs.
    """
    if not machine.gpus:
        return machine
    names = _names(machine, [service for service in services if service.machine == machine.name], units)
    return replace(machine, gpus=tuple(replace(gpu, holders=_holders(gpu, names)) for gpu in machine.gpus))


def with_vram(services: Iterable[ServiceSnapshot], machines: Iterable[MachineSnapshot]) -> tuple[ServiceSnapshot, ...]:
    """The services, whose loaded models have as ``vram`` what their processes hold where their server says nothing.

    ``machines`` come from :func:`with_holders`; the numbers of one that cannot be looked at now are left alone.
    """
    held: dict[str, int | None] = {}
    for machine in machines:
        for gpu in machine.gpus or () if machine.state is MachineState.UP else ():
            for holder in gpu.holders:
                if holder.kind is HolderKind.MODEL:
                    before = held.get(holder.who, 0)
                    # A part that is not known makes the sum unknown, not smaller.
                    held[holder.who] = None if before is None or holder.bytes is None else before + holder.bytes
    return tuple(_with_vram(service, held) for service in services) if held else tuple(services)


def _with_vram(service: ServiceSnapshot, held: Mapping[str, int | None]) -> ServiceSnapshot:
    changed = {
        model.name: replace(model, vram=vram)
        for model in service.models
        if model.vram is None and model.loaded and (vram := held.get(service.model_id(model))) is not None
    }
    if not changed:
        return service
    return replace(service, models=tuple(changed.get(model.name, model) for model in service.models))


def _holders(gpu: GpuSnapshot, names: Mapping[int, tuple[str, HolderKind]]) -> tuple[GpuHolder, ...]:
    """The largest first; what the driver counts as used but as nobody's comes last."""
    holders = [
        GpuHolder(names[process.pid][0], process.pid, process.bytes, names[process.pid][1])
        for process in gpu.processes or ()
    ]
    holders.sort(key=lambda holder: -(holder.bytes or 0))
    rest = (gpu.used or 0) - sum(holder.bytes or 0 for holder in holders)
    if rest > 0:
        holders.append(GpuHolder(UNATTRIBUTED, None, rest, HolderKind.UNATTRIBUTED))
    return tuple(holders)


def _names(
    machine: MachineSnapshot, services: Sequence[ServiceSnapshot], units: Mapping[str, str]
) -> dict[int, tuple[str, HolderKind]]:
    """What each process on the machine's GPUs goes by."""
    processes = {process.pid: process for gpu in machine.gpus or () for process in gpu.processes or ()}
    if not processes:
        return {}
    by_unit = _services_by_unit(services, units)
    by_main_process = {
        unit.main_pid: by_unit[unit.name] for unit in machine.units if unit.main_pid and unit.name in by_unit
    }
    started = [
        _Started(service, model)
        for service in services
        if service.kind == "llama-swap"
        for model in service.models
        if model.port is not None or model.command
    ]
    owners: dict[int, ServiceSnapshot] = {}
    models: dict[int, str] = {}
    for pid, process in processes.items():
        started_by = by_main_process.get(pid) or (by_main_process.get(process.parent) if process.parent else None)
        owner = started_by or by_unit.get(process.unit) or _by_command(process, services)
        if owner is not None:
            owners[pid] = owner
        if (model_id := _model_run_by(process, started)) is not None:
            models[pid] = model_id
    _pass_to_children(processes, models)
    _pass_to_children(processes, owners)
    for service in {owner.name: owner for owner in owners.values()}.values():
        theirs = [pid for pid, owner in owners.items() if owner is service and pid not in models]
        models |= _matched(theirs, service, machine, taken=frozenset(models.values()))
    return {pid: _name(process, models.get(pid), owners.get(pid)) for pid, process in processes.items()}


def _name(process: GpuProcess, model_id: str | None, owner: ServiceSnapshot | None) -> tuple[str, HolderKind]:
    if model_id is not None:
        return model_id, HolderKind.MODEL
    name = _own_name(process)
    return (name if owner is None else f"{owner.name}: {name}"), HolderKind.PROCESS


def _own_name(process: GpuProcess) -> str:
    if not process.name:
        # Numbered in another container, or ended before its memory was freed.
        return f"pid {process.pid} (gone)"
    program = process.command[0].rpartition("/")[2] if process.command else ""
    # Linux cuts a process's name at 15 characters.
    return program[:60] if program.startswith(process.name) else process.name


def _pass_to_children(processes: Mapping[int, GpuProcess], found: dict[int, T]) -> None:
    """What is known of a process holds for those that it started: servers compute in processes of their own."""
    for pid in processes:
        ancestor: int | None = pid
        for _ in range(LONGEST_LINE_OF_PARENTS):
            if ancestor is None or ancestor in found:
                break
            ancestor = processes[ancestor].parent if ancestor in processes else None
        if ancestor is not None and ancestor in found:
            found[pid] = found[ancestor]


def _services_by_unit(services: Sequence[ServiceSnapshot], units: Mapping[str, str]) -> dict[str, ServiceSnapshot]:
    """Also by the units that the servers' own installers make, where the configuration names none."""
    named = {service.name: service for service in services}
    kinds = Counter(service.kind for service in services)
    usual = {f"{service.kind}.service": service for service in services if kinds[service.kind] == 1}
    return usual | {unit: named[name] for unit, name in units.items() if name in named}


def _by_command(process: GpuProcess, services: Sequence[ServiceSnapshot]) -> ServiceSnapshot | None:
    """The service whose process it is, as its command line shows."""
    if _is_ollama_runner(process.command):
        ollamas = [service for service in services if service.kind == "ollama"]
        return ollamas[0] if len(ollamas) == 1 else None
    ports = _ports_in(process.command)
    servers = [service for service in services if service.kind in SINGLE_SERVERS and _port_of(service.url) in ports]
    return servers[0] if len(servers) == 1 else None


def _model_run_by(process: GpuProcess, started: Sequence[_Started]) -> str | None:
    """The model for which llama-swap started a process: it told the port, or the command."""
    ports = _ports_in(process.command)
    found = [one for one in started if one.model.port in ports] if ports else []
    found = found or [one for one in started if _is_started_by(process.command, one.model.command)]
    if len(found) > 1:
        # Models that take turns may share a port.
        found = [one for one in found if one.model.loaded] or found
    if len(found) > 1:
        found = [one for one in found if _is_started_by(process.command, one.model.command)] or found
    return found[0].service.model_id(found[0].model) if len(found) == 1 else None


def _matched(
    pids: Sequence[int], service: ServiceSnapshot, machine: MachineSnapshot, taken: frozenset[str]
) -> dict[int, str]:
    """The models of a service for those of its processes whose command lines do not tell."""
    loaded = [model for model in service.models if model.loaded and model.vram != 0]
    free = [model for model in loaded if service.model_id(model) not in taken]
    if len(free) == 1 and service.kind != "ollama":
        return dict.fromkeys(pids, service.model_id(free[0]))
    if service.kind != "ollama":
        return {}
    # One runner for each model: those whose sizes are nearest belong together, the nearest pair first.
    sizes = _sizes(pids, machine)
    pairs = sorted(
        ((pid, model) for pid in pids for model in free),
        key=lambda pair: _difference(sizes[pair[0]], pair[1].vram),
    )
    matched: dict[int, str] = {}
    for pid, model in pairs:
        model_id = service.model_id(model)
        if pid not in matched and model_id not in matched.values():
            matched[pid] = model_id
    return matched


def _sizes(pids: Sequence[int], machine: MachineSnapshot) -> dict[int, int | None]:
    """Bytes that each process holds on all GPUs together; None where a part is not known."""
    parts: dict[int, list[int | None]] = {pid: [] for pid in pids}
    for gpu in machine.gpus or ():
        for process in gpu.processes or ():
            if process.pid in parts:
                parts[process.pid].append(process.bytes)
    return {pid: None if None in sizes else sum(size or 0 for size in sizes) for pid, sizes in parts.items()}


def _difference(held: int | None, said: int | None) -> float:
    return math.inf if held is None or said is None else abs(held - said)


@lru_cache(maxsize=256)
def _ports_in(command: tuple[str, ...]) -> frozenset[int]:
    """The ports that a command line names: ``--port 5801``, ``--port=5801``, ``--listen 127.0.0.1:5801``."""
    ports = set()
    for option, word in zip(("", *command), command, strict=False):
        found = _PORT.fullmatch(word[-LONGEST_ADDRESS:])
        if found is not None and (found[1] or option == "-p" or (option.startswith("-") and "port" in option)):
            ports.add(int(found[2]))
    return frozenset(ports)


@lru_cache(maxsize=256)
def _is_ollama_runner(command: tuple[str, ...]) -> bool:
    """``ollama runner …``, or another program with a model out of Ollama's store (0.33)."""
    if command[1:2] == ("runner",) and command[0].rpartition("/")[2] == "ollama":
        return True
    return any("/blobs/sha256-" in word for word in command)


def _is_started_by(running: tuple[str, ...], configured: tuple[str, ...]) -> bool:
    """Whether the words of a process are those that were configured: all, or all behind a wrapper such as docker's."""
    same = len(running) - 1
    return same >= LEAST_SAME_WORDS and configured[-same:] == running[1:]


def _port_of(url: str) -> int | None:
    try:
        return urlsplit(url).port
    except ValueError:
        return None
