"""GPUs through nvidia-smi, for machines where ssh works but python3 is missing.

Its output promises no compatibility between versions, unlike NVML, and knows nothing of processes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from tui.fleet.gpu_snapshot import GpuSnapshot
from tui.fleet.machine_channel import SILENT_AFTER, ssh_command
from tui.fleet.machine_program import Program, ProgramEnded
from tui.fleet.machine_trouble import COMMAND_NOT_FOUND, ConnectionFailed, Trouble, trouble_of_ssh
from tui.fleet.printable import printable
from tui.fleet.snapshot import MachineState

FIELDS = (
    *("index", "driver_version", "name", "uuid", "memory.total", "memory.used", "memory.free"),
    *("utilization.gpu", "utilization.memory", "temperature.gpu", "power.draw", "power.limit", "fan.speed"),
)


@dataclass(frozen=True, slots=True)
class SmiSample:
    driver: str
    gpus: tuple[GpuSnapshot, ...]


async def smi_samples(host: str, machine: str, interval: float) -> AsyncGenerator[SmiSample]:
    """All GPUs again and again, ``interval`` seconds apart.

    Raises:
        ConnectionFailed: nvidia-smi is missing there, too, or the connection broke off.
    """
    remote = f"exec nvidia-smi --query-gpu={','.join(FIELDS)} --format=csv,noheader,nounits -lms {interval * 1000:.0f}"
    async with Program(ssh_command(host, remote)) as program:
        gpus: list[GpuSnapshot] = []
        while True:
            try:
                async with asyncio.timeout(SILENT_AFTER + interval):
                    line = await program.read_line()
            except TimeoutError:
                raise ConnectionFailed(Trouble(f"{machine} went silent", MachineState.DOWN)) from None
            except ProgramEnded as error:
                raise ConnectionFailed(_trouble(host, program.complaint, error.status, bool(gpus))) from None
            row = gpu_of_row(line.decode(errors="replace"))
            if row is None:
                continue
            driver, gpu = row
            # A round begins anew with the first GPU; with one GPU every line is a round.
            gpus = [*(known for known in gpus if known.index < gpu.index), gpu]
            count_known = max((known.index for known in gpus), default=0)
            if gpu.index == count_known:
                yield SmiSample(driver, tuple(gpus))


def gpu_of_row(line: str) -> tuple[str, GpuSnapshot] | None:
    """The driver's version and the GPU of one line; None for a line that is none (a login's greeting)."""
    cells = [cell.strip() for cell in line.split(",")]
    if len(cells) != len(FIELDS) or not cells[0].isdecimal():
        return None
    index, driver, name, uuid = cells[:4]
    total, used, free, busy, memory_busy, temperature, power, limit, fan = (_number(cell) for cell in cells[4:])
    reserved = None if total is None or used is None or free is None else max(0.0, total - used - free)
    return printable(driver, 40), GpuSnapshot(
        index=int(index),
        name=printable(name, 100),
        uuid=printable(uuid, 100),
        total=_mebibytes(total),
        used=_mebibytes(used),
        reserved=_mebibytes(reserved),
        utilization_percent=_whole(busy),
        memory_busy_percent=_whole(memory_busy),
        temperature_c=_whole(temperature),
        power_w=power,
        power_limit_w=limit,
        fan_percent=_whole(fan),
    )


def _number(cell: str) -> float | None:
    """None for "[N/A]", "[Not Supported]", "[Unknown Error]" and whatever else is no number."""
    try:
        return float(cell)
    except ValueError:
        return None


def _whole(number: float | None) -> int | None:
    return None if number is None else round(number)


def _mebibytes(number: float | None) -> int | None:
    return None if number is None else int(number * 1024 * 1024)


def _trouble(host: str, complaint: str, status: int | None, greeted: bool) -> Trouble:
    if status == COMMAND_NOT_FOUND and not greeted:
        return Trouble(f"neither python3 (3.8 or newer) nor nvidia-smi was found on {host}", permanent=True)
    return trouble_of_ssh(host, complaint, status, greeted=greeted)
