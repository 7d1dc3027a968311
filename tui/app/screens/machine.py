"""All that is known of a machine, as text."""

from __future__ import annotations

from collections.abc import Iterator

from textual.content import Content

from tui.app.panel_state import PanelState
from tui.app.screens.details import fact_line
from tui.app.screens.dialogs import TextScreen
from tui.app.widgets.gpu_line import short_name
from tui.fleet.gpu_snapshot import GpuSnapshot
from tui.fleet.printable import printable
from tui.fleet.snapshot import MachineSnapshot
from tui.fleet.wording import NOT_KNOWN, age_words, host_words, latency_words, size_words, unit_words


class MachineScreen(TextScreen):
    """A machine's GPUs with everything on them, its memory, its units; kept up to date while it is open."""

    def __init__(self, state: PanelState, machine: str) -> None:
        self._machine = machine
        super().__init__(printable(machine, 80), machine_text(state, machine))

    def show_state(self, state: PanelState) -> None:
        self.show_content(machine_text(state, self._machine))


def machine_text(state: PanelState, name: str) -> Content:
    machine = state.snapshot.machine(name) if state.snapshot is not None else None
    if machine is None:
        return Content(f"{printable(name, 60)} is no longer part of the configuration.")
    lines = [fact_line(label, text) for label, text in _host_facts(machine, state.now)]
    for gpu in machine.gpus or ():
        lines += [Content(""), Content.styled(f"── GPU {gpu.index}: {printable(gpu.name, 60)}", "$primary")]
        lines += [fact_line(label, text) for label, text in _gpu_facts(gpu)]
    for unit in machine.units:
        lines += [Content(""), Content.styled(f"── {printable(unit.name, 60)} ({unit.scope})", "$primary")]
        lines += [fact_line("state", f"{unit_words(unit, state.now)} ({unit.sub or NOT_KNOWN})")]
        lines += [fact_line("restarts", str(unit.restarts))]
    return Content("\n").join(lines)


def _host_facts(machine: MachineSnapshot, now: float) -> Iterator[tuple[str, str]]:
    yield "machine", " · ".join(part for part in (machine.name, machine.about) if part)
    yield "state", f"{machine.state}{': ' + machine.reason if machine.reason else ''}"
    yield "looked at", f"{machine.channel or 'through its services alone'}, {age_words(machine.seen.age(now))}"
    yield "answers in", latency_words(machine.latency)
    yield "is", " · ".join(part for part in (machine.hostname, machine.system, machine.python) if part) or NOT_KNOWN
    yield "busy with", host_words(machine) or NOT_KNOWN
    if machine.linger is False:
        yield "note", "without linger, your units there end with your last login: `loginctl enable-linger` keeps them"
    if machine.gpu_reason:
        yield "GPUs", machine.gpu_reason
    elif machine.gpu_driver:
        yield "driver", machine.gpu_driver


def _gpu_facts(gpu: GpuSnapshot) -> Iterator[tuple[str, str]]:
    if gpu.reason:
        yield "state", gpu.reason
    shared = " (the machine's own memory)" if gpu.unified else ""
    yield (
        "memory",
        (
            f"{size_words(gpu.used)} used, {size_words(gpu.reserved)} reserved, {size_words(gpu.free)} free "
            f"of {size_words(gpu.total)}{shared}"
        ),
    )
    for holder in gpu.holders:
        pid = f" (process {holder.pid})" if holder.pid is not None else ""
        yield "held by", f"{size_words(holder.bytes):>10}  {holder.who}{pid}"
    yield "works", _percent(gpu.utilization_percent)
    yield "temperature", NOT_KNOWN if gpu.temperature_c is None else f"{gpu.temperature_c} °C"
    yield "power", f"{_watts(gpu.power_w)} of {_watts(gpu.power_limit_w)}"
    if gpu.throttled:
        yield "slowed by", ", ".join(gpu.throttled)
    if gpu.fan_percent is not None:
        yield "fan", _percent(gpu.fan_percent)
    yield "known as", f"{short_name(gpu)}, {gpu.uuid or NOT_KNOWN}"


def _percent(value: int | None) -> str:
    return NOT_KNOWN if value is None else f"{value}%"


def _watts(value: float | None) -> str:
    return NOT_KNOWN if value is None else f"{value:.0f} W"
