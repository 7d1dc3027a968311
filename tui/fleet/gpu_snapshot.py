"""A GPU as it was last seen, and who holds its memory. Sizes are bytes; what is not known is None, never 0."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuProcess:
    """A process that holds memory of a GPU."""

    pid: int
    bytes: int | None = None
    """None: the driver does not say (WSL, MIG, containers)."""
    name: str = ""
    """Empty: it is gone, or numbered in another namespace."""
    command: tuple[str, ...] = ()
    """Redacted."""
    unit: str = ""
    """The systemd unit (``.service`` or ``.scope``) that its control group names."""
    parent: int | None = None
    draws: bool = False
    """It holds memory for graphics, perhaps besides that for computing."""


class HolderKind(StrEnum):
    """What holds a part of a GPU's memory."""

    MODEL = "model"
    PROCESS = "process"
    UNATTRIBUTED = "unattributed"
    """In use, as the driver says, by nobody that it names."""


@dataclass(frozen=True, slots=True)
class GpuHolder:
    """Who holds how much of a GPU's memory."""

    who: str
    """A model's id, a process's name, or "unattributed"."""
    pid: int | None
    bytes: int | None
    kind: HolderKind


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuSnapshot:
    """One GPU as it was last seen."""

    index: int
    name: str = ""
    uuid: str = ""
    total: int | None = None
    used: int | None = None
    """Bytes in use without ``reserved``, except where the driver cannot tell them apart: ``reserved`` is None then."""
    reserved: int | None = None
    """Bytes that the driver keeps for itself."""
    unified: bool = False
    """It has no memory of its own: the numbers are those of the machine's main memory."""
    utilization_percent: int | None = None
    """The part of the time in which at least one program was running on it."""
    memory_busy_percent: int | None = None
    """The part of the time in which its memory was read or written: not how full it is."""
    temperature_c: int | None = None
    power_w: float | None = None
    power_limit_w: float | None = None
    fan_percent: int | None = None
    throttled: tuple[str, ...] = ()
    """Why it runs slower than it could, in words."""
    processes: tuple[GpuProcess, ...] | None = None
    holders: tuple[GpuHolder, ...] = ()
    """The processes as models and programs; with what is unattributed they add up to ``used``."""
    reason: str = ""
    """Why nothing, or nothing newer, is known of it."""

    @property
    def free(self) -> int | None:
        if self.total is None or self.used is None:
            return None
        return max(0, self.total - self.used - (self.reserved or 0))
