from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.bridges.mcp_server.agent import CLOUD_EXPERT
from tests.cli.house import House, a_house
from tui.demo.fleet import DemoFleet

TOOLS = f"""
[models."llama-swap/reasoning"]
tool = {{ name = "ask_reasoner", description = "Hard problems that need many steps." }}
[models."{CLOUD_EXPERT}"]
tool = {{ name = "ask_local_expert", description = "Named by mistake: this model is in the cloud." }}
"""


@pytest.fixture
async def house(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> AsyncIterator[House]:
    async with a_house(tmp_path, monkeypatch, capsys) as opened:
        opened.configure(TOOLS)
        yield opened


@pytest.fixture
async def slow_house(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> AsyncIterator[House]:
    """Its models talk for minutes."""
    async with a_house(tmp_path, monkeypatch, capsys, DemoFleet(speed=20)) as opened:
        yield opened
