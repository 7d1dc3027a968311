from __future__ import annotations

import math
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tui.demo.fleet import DemoFleet


@pytest.fixture(autouse=True)
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A person without files, clipboard or configuration of their own, whoever runs the tests."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("FLEETDECK_CONFIG", "DISPLAY", "WAYLAND_DISPLAY", "TMUX", "SSH_CONNECTION", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for kind in ("CONFIG", "STATE", "DATA", "CACHE"):
        monkeypatch.setenv(f"XDG_{kind}_HOME", str(tmp_path / kind.lower()))
    # Ages and times are painted in local time.
    monkeypatch.setenv("TZ", "UTC")


@pytest.fixture
async def fleet(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[DemoFleet]:
    """The simulated fleet; the panel's own files go into its folders."""
    async with DemoFleet(speed=math.inf) as running:
        for name, value in running.env.items():
            monkeypatch.setenv(name, value)
        yield running
