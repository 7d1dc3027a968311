from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.cli.demo_process import DemoProcess, demo_process
from tests.cli.house import House, a_house


@pytest.fixture(scope="session")
def demo_of_all() -> Iterator[DemoProcess]:
    with demo_process("--speed", "20") as running:
        yield running


@pytest.fixture
def demo(demo_of_all: DemoProcess) -> Iterator[DemoProcess]:
    """The simulated fleet, shared by all tests of the command line, as calm as it began."""
    yield demo_of_all
    demo_of_all.calm()


@pytest.fixture
def home_in_utc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The home of a person without any files, whose clock shows UTC."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for kind in ("CONFIG", "STATE", "DATA"):
        monkeypatch.setenv(f"XDG_{kind}_HOME", str(tmp_path / kind.lower()))
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield tmp_path
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
async def house(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> AsyncIterator[House]:
    async with a_house(tmp_path, monkeypatch, capsys) as opened:
        yield opened
