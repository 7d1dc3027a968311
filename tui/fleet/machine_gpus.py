"""What a collector's sample says of a machine's GPUs."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tui.fleet.gpu_snapshot import GpuProcess, GpuSnapshot
from tui.fleet.machine_wire import GpuError, GpuSample, Holder
from tui.fleet.printable import printable
from tui.fleet.redact import shown_command
from tui.fleet.snapshot import HostMemory

NOT_SUPPORTED = 3
NO_LIBRARY = 12

_GPU_ERRORS = {
    4: "the driver gives no permission to look at it",
    15: "is lost: reset it, or reboot {machine}",
    16: "must be reset, or {machine} rebooted",
}
_DRIVER_ERRORS = {
    9: "the NVIDIA kernel module is not loaded on {machine}",
    NO_LIBRARY: "no NVIDIA driver on {machine}",
    18: "the NVIDIA driver was upgraded: reboot {machine}",
}
_THROTTLED = {
    0x04: "power limit",
    0x08: "hardware slowdown",
    0x20: "too hot",
    0x40: "much too hot",
    0x80: "power brake",
}
"""Bits of NVML's clocks event reasons that slow a GPU down. 1 is idleness, which is none."""


def gpu_snapshots(
    samples: Sequence[GpuSample], before: Sequence[GpuSnapshot] | None, memory: HostMemory | None, machine: str
) -> tuple[GpuSnapshot, ...]:
    """``before``: the last snapshots, whose names stay with GPUs lost since then. ``memory``: the machine's own."""
    known = {gpu.index: gpu for gpu in before or ()}
    return tuple(_gpu_snapshot(sample, known.get(sample.index), memory, machine) for sample in samples)


def _gpu_snapshot(
    sample: GpuSample, before: GpuSnapshot | None, memory: HostMemory | None, machine: str
) -> GpuSnapshot:
    if sample.code is not None:
        reason = _GPU_ERRORS.get(sample.code, f"NVML error {sample.code}").format(machine=machine)
        name, uuid = (before.name, before.uuid) if before is not None else ("", "")
        return GpuSnapshot(index=sample.index, name=name, uuid=uuid, reason=reason)
    total, used, reserved, unified = _memory(sample, memory)
    return GpuSnapshot(
        index=sample.index,
        name=printable(sample.name or "", 100),
        uuid=printable(sample.uuid or "", 100),
        total=total,
        used=used,
        reserved=reserved,
        unified=unified,
        utilization_percent=sample.utilization.gpu if sample.utilization else None,
        memory_busy_percent=sample.utilization.memory if sample.utilization else None,
        temperature_c=sample.temperature,
        power_w=None if sample.power is None else sample.power / 1000,
        power_limit_w=None if sample.power_limit is None else sample.power_limit / 1000,
        fan_percent=sample.fan,
        throttled=tuple(words for bit, words in _THROTTLED.items() if (sample.throttle or 0) & bit),
        processes=None if sample.processes is None else tuple(_process(holder) for holder in sample.processes),
    )


def _memory(sample: GpuSample, memory: HostMemory | None) -> tuple[int | None, int | None, int | None, bool]:
    """Total, used and reserved bytes, and whether they are the machine's own.

    GB10, Jetson and Grace share the machine's memory: their drivers answer "not supported", or a total of 0. No other
    error means that: a lost GPU has no memory in use.
    """
    own = sample.memory
    if own is not None and own.total > 0:
        return own.total, own.used, own.reserved, False
    if own is None and sample.errors.get("memory") != NOT_SUPPORTED:
        return None, None, None, False
    return (memory.total, memory.used, None, True) if memory is not None else (None, None, None, True)


def _process(holder: Holder) -> GpuProcess:
    return GpuProcess(
        pid=holder.pid,
        bytes=holder.bytes,
        name=printable(holder.name, 60),
        command=shown_command(tuple(holder.command)),
        unit=unit_of(holder.cgroup),
        parent=holder.parent or None,
        draws="graphics" in holder.kinds,
    )


def unit_of(cgroup: str) -> str:
    """The innermost systemd unit in the text of ``/proc/PID/cgroup``; empty where there is none.

    On version 1 it is the hierarchy that is called ``name=systemd``, on version 2 the only one, number 0 (cgroups(7)).
    """
    group = re.search(r"(?m)^(?:0:|\d+:name=systemd):(.*)$", cgroup)
    parts = group[1].split("/") if group else []
    return printable(next((part for part in reversed(parts) if part.endswith((".service", ".scope"))), ""), 200)


def gpu_error_words(error: GpuError, machine: str) -> str:
    """Why there is no sample."""
    if error.seconds is not None:
        return f"the NVIDIA driver on {machine} does not answer (for {error.seconds:.0f} s)"
    if error.code in _DRIVER_ERRORS:
        return _DRIVER_ERRORS[error.code].format(machine=machine)
    return f"the NVIDIA driver on {machine} fails: {printable(error.text, 160)}"
