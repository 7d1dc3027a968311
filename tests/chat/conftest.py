from __future__ import annotations

import math
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.chat.asking import config_of
from tests.chat.stand_ins import StandIns
from tui.chat.dispatch import Dispatcher
from tui.demo.fleet import DemoFleet


@pytest.fixture
async def fleet(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[DemoFleet]:
    async with DemoFleet(speed=math.inf, services=("llama-swap", "ollama", "litellm")) as running:
        for name, value in running.env.items():
            monkeypatch.setenv(name, value)
        yield running


@pytest.fixture
async def dispatcher(fleet: DemoFleet) -> AsyncIterator[Dispatcher]:
    async with Dispatcher(config_of(fleet), look_after=0.02) as opened:
        yield opened


@pytest.fixture
def stand_ins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIns]:
    """Programs of the test's own, first on the PATH of a person who has a home of their own."""
    programs = StandIns(tmp_path)
    monkeypatch.setenv("PATH", str(programs.folder))
    monkeypatch.setenv("HOME", str(programs.home))
    monkeypatch.setattr("tempfile.tempdir", str(programs.temporary))
    yield programs
    programs.end_orphans()
