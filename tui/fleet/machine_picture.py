"""What a machine's collector has told of it so far, as a snapshot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from tui.config.schema import MachineSettings
from tui.fleet.machine_channel import WatchedUnit
from tui.fleet.machine_gpus import NO_LIBRARY, gpu_error_words, gpu_snapshots
from tui.fleet.machine_smi import SmiSample
from tui.fleet.machine_trouble import Trouble
from tui.fleet.machine_units import unit_snapshot
from tui.fleet.machine_wire import GpuError, Gpus, Hello, Host, UnitShown
from tui.fleet.printable import printable
from tui.fleet.snapshot import HostMemory, MachineSnapshot, MachineState, Seen, UnitSnapshot


class MachinePicture:
    """Draws :attr:`snapshot` from the collector's messages. What is known stays when no more comes, and grows stale."""

    def __init__(
        self, machine: MachineSettings, units: Sequence[WatchedUnit], period: float, clock: Callable[[], float]
    ) -> None:
        self._clock = clock
        self._period = period
        self._host_before: Host | None = None
        self._gpus_tried = False
        self._units_shown: set[str] = set()
        self._tried = "local" if machine.local else "ssh"
        self.snapshot = MachineSnapshot(
            name=machine.name,
            about=machine.about,
            seen=Seen(period=period),
            gpus_seen=Seen(period=period),
            units=tuple(UnitSnapshot(name=unit.name, scope=unit.scope) for unit in units),
        )

    @property
    def complete(self) -> bool:
        """Whether every part of it has been looked at since the last greeting."""
        units = {unit.name for unit in self.snapshot.units}
        return self._host_before is not None and self._gpus_tried and units <= self._units_shown

    def greeted(self, hello: Hello, channel: str) -> None:
        self._host_before = None
        self._gpus_tried = False
        self._units_shown.clear()
        self.snapshot = replace(
            self.snapshot,
            state=MachineState.UP,
            reason="",
            seen=Seen(self._clock(), self._period),
            channel=channel,
            hostname=printable(hello.hostname, 100),
            system=printable(hello.system, 40),
            python=printable(hello.python, 40),
            linger=hello.linger,
        )

    def waits_for_person(self, what: str) -> None:
        self.snapshot = replace(self.snapshot, state=MachineState.UNKNOWN, reason=what, channel=self._tried)

    def lost(self, trouble: Trouble) -> None:
        channel = self.snapshot.channel or self._tried
        self.snapshot = replace(
            self.snapshot, state=trouble.state, reason=trouble.reason, latency=None, channel=channel
        )

    def answered(self, latency: float) -> None:
        self.snapshot = replace(self.snapshot, latency=latency)

    def host(self, host: Host) -> None:
        before, self._host_before = self._host_before, host
        cpu_percent = None
        if before is not None and host.cpu > before.cpu:
            idle = (host.cpu_idle - before.cpu_idle) / (host.cpu - before.cpu)
            cpu_percent = round(100 * (1 - min(1.0, max(0.0, idle))), 1)
        memory = None
        if host.total is not None and host.available is not None:
            memory = HostMemory(total=host.total, used=max(0, host.total - host.available))
        seen = Seen(self._clock(), self._period)
        self.snapshot = replace(self.snapshot, cpu_percent=cpu_percent, memory=memory, seen=seen)

    def gpus(self, sample: Gpus) -> None:
        known = self.snapshot
        self._gpus_tried = True
        self.snapshot = replace(
            known,
            gpus=gpu_snapshots(sample.gpus, known.gpus, known.memory, known.name),
            gpu_driver=printable(sample.driver or "", 40),
            gpu_reason="",
            gpus_seen=Seen(self._clock(), self._period),
        )

    def gpus_failed(self, error: GpuError) -> None:
        known = self.snapshot
        self._gpus_tried = True
        reason = gpu_error_words(error, known.name)
        if error.code == NO_LIBRARY:
            seen = Seen(self._clock(), self._period)
            self.snapshot = replace(known, gpus=(), gpu_driver="", gpu_reason=reason, gpus_seen=seen)
        else:
            gpus = None if known.gpus is None else tuple(replace(gpu, reason=reason) for gpu in known.gpus)
            self.snapshot = replace(known, gpus=gpus, gpu_reason=reason)

    def unit(self, shown: UnitShown) -> None:
        new = unit_snapshot(shown, self._clock(), self.snapshot.name)
        self._units_shown.add(new.name)
        units = tuple(new if unit.name == new.name else unit for unit in self.snapshot.units)
        self.snapshot = replace(self.snapshot, units=units)

    def smi(self, sample: SmiSample, reason: str) -> None:
        seen = Seen(self._clock(), self._period)
        self.snapshot = replace(
            self.snapshot,
            state=MachineState.UP,
            reason=reason,
            channel="nvidia-smi",
            seen=seen,
            gpus=sample.gpus,
            gpu_driver=sample.driver,
            gpu_reason="",
            gpus_seen=seen,
        )
