from __future__ import annotations

import math
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tui.demo.fleet import DemoFleet


@pytest.fixture(autouse=True)
def at_home(tmp_path: Path) -> Iterator[None]:
    """A person without files, clipboard or configuration of their own, in UTC, whoever runs the tests and where."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(tmp_path / "home"))
        for name in ("FLEETDECK_CONFIG", "DISPLAY", "WAYLAND_DISPLAY", "TMUX", "SSH_CONNECTION", "NO_COLOR"):
            patch.delenv(name, raising=False)
        for kind in ("CONFIG", "STATE", "DATA", "CACHE"):
            patch.setenv(f"XDG_{kind}_HOME", str(tmp_path / kind.lower()))
        patch.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


@pytest.fixture
async def fleet(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[DemoFleet]:
    """The simulated fleet; the panel's own files go into its folders."""
    async with DemoFleet(speed=math.inf) as running:
        for name, value in running.env.items():
            monkeypatch.setenv(name, value)
        yield running
