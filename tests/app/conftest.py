from __future__ import annotations

import math
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet

from tui.demo.fleet import DemoFleet


@pytest.fixture(autouse=True, scope="session")
def parsed_once() -> Iterator[None]:
    """Every panel parses the same style sheets with the same colours, a fifth of the time that a test takes."""
    parse, known = Stylesheet._parse_rules, {}

    def parse_once(sheet: Stylesheet, css: str, *args: Any, **options: Any) -> list[RuleSet]:
        key = (frozenset(sheet._variables.items()), css, args, tuple(options.items()))
        if key not in known:
            known[key] = parse(sheet, css, *args, **options)
        return known[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stylesheet, "_parse_rules", parse_once)
        yield


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
