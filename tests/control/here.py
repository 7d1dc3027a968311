"""This machine as one of the fleet: watched by a real collector, with a systemd that says what a test wants."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.collector.systemd import RUNNING, Bell, FakeSystemd
from tests.fleet.watching import config_of, service, watching
from tests.waiting import until
from tui.config.schema import Config, MachineSettings, PanelSettings, ServiceSettings
from tui.control.units import UnitOutcome, act_on_unit
from tui.fleet.machine_watch import UnitVerb
from tui.fleet.monitor import Monitor
from tui.fleet.snapshot import MachineSnapshot, UnitSnapshot

UNIT = "llama-swap.service"
NOWHERE = "http://127.0.0.1:9"
STOPPED = RUNNING | {"ActiveState": "inactive", "SubState": "dead", "MainPID": "0"}
FAILED = STOPPED | {"ActiveState": "failed", "SubState": "failed", "Result": "exit-code", "ExecMainCode": "1"}


def set_environment(monkeypatch: pytest.MonkeyPatch, *environments: Mapping[str, str]) -> None:
    for environment in environments:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)


def config_here(*services: ServiceSettings, **machine: Any) -> Config:
    here = MachineSettings(**{"name": "koala", "local": True, **machine})
    swap = service("llama-swap", "llama-swap", NOWHERE, machine="koala", unit=UNIT)
    return config_of(*(services or (swap,)), machines={"koala": here}, panel=PanelSettings(refresh=0.2))


class Here:
    """A running monitor of this machine, and the systemd that its collector finds."""

    def __init__(self, monitor: Monitor, config: Config, systemd: FakeSystemd, bell: Bell) -> None:
        self.monitor = monitor
        self.config = config
        self.systemd = systemd
        self._bell = bell
        self.told: list[str] = []

    @property
    def machine(self) -> MachineSnapshot:
        found = self.monitor.snapshot.machine("koala")
        assert found is not None
        return found

    @property
    def unit(self) -> UnitSnapshot:
        watch = self.monitor.machine("koala")
        found = watch.snapshot.unit(UNIT) if watch is not None else None
        assert found is not None
        return found

    def shows(self, properties: Mapping[str, str], **more: str) -> None:
        """systemd says so from now on, and rings."""
        self.systemd.show(**{**properties, **more})
        self._bell.ring("/org/freedesktop/systemd1", "JobRemoved")

    def begin(self, verb: UnitVerb, **options: Any) -> asyncio.Task[UnitOutcome]:
        acting = act_on_unit(self.monitor, self.config, "llama-swap", verb, tell=self.told.append, **options)
        return asyncio.create_task(acting)

    async def asked(self, verb: str) -> None:
        await until(lambda: any(f" {verb} --no-block" in call for call in self.systemd.calls), f"{verb} is asked for")

    def acted(self) -> list[str]:
        return [call.split()[2] for call in self.systemd.calls if " show " not in call]


@asynccontextmanager
async def koala_here(
    folder: Path, monkeypatch: pytest.MonkeyPatch, config: Config | None = None, shown: Mapping[str, str] = RUNNING
) -> AsyncIterator[Here]:
    systemd = FakeSystemd(folder)
    set_environment(monkeypatch, systemd.environment)
    systemd.show(**shown)
    config = config or config_here()
    async with systemd.bell() as bell, watching(config) as monitor:
        here = Here(monitor, config, systemd, bell)
        await until(lambda: bell.listeners and here.unit.reason != "not looked at yet", "the unit has been looked at")
        yield here
