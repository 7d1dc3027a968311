"""What something that is acted on is just now, in a few words: told before an action and after it."""

from __future__ import annotations

from collections.abc import Iterable

from tui.config.paths import modes_file
from tui.config.schema import Config
from tui.control.units import find_unit
from tui.fleet.machine_watch import UnitActionFailed
from tui.fleet.monitor import Monitor
from tui.fleet.printable import printable
from tui.fleet.snapshot import FleetSnapshot, UnitState
from tui.routing.modes import read_modes


def unit_state(monitor: Monitor, config: Config, service: str) -> str | None:
    """``active (running, process 4242)``, by which a restart shows; None: it is not known."""
    try:
        unit = find_unit(monitor, config, service).snapshot
    except UnitActionFailed:
        return None
    if unit.state is UnitState.UNKNOWN:
        return None
    process = f"process {unit.main_pid}" if unit.main_pid else ""
    more = ", ".join(part for part in (unit.sub, process) if part)
    return f"{unit.state} ({printable(more, 60)})" if more else str(unit.state)


def model_state(snapshot: FleetSnapshot, model_id: str) -> str | None:
    """``ready``, ``idle``; None: its service does not list it."""
    found = snapshot.find_model(model_id)
    return str(found[1].state) if found is not None else None


def loaded_models(snapshot: FleetSnapshot, services: Iterable[str]) -> str:
    """``llama-swap/qwen3 loaded``, or ``nothing loaded``."""
    wanted = set(services)
    loaded = [
        service.model_id(model) for service, model in snapshot.models() if model.loaded and service.name in wanted
    ]
    return f"{printable(', '.join(loaded), 200)} loaded" if loaded else "nothing loaded"


def hold_state(snapshot: FleetSnapshot, config: Config, machine: str) -> str:
    """Whether the machine's GPU is lent, and what is loaded there: ``not lent, llama-swap/qwen3 loaded``."""
    hold = read_modes(config.panel.external_mode_path, modes_file()).hold.get(machine)
    there = [service.name for service in snapshot.services if service.machine == machine]
    return f"{'lent' if hold is not None else 'not lent'}, {loaded_models(snapshot, there)}"
