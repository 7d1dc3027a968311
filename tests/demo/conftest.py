from __future__ import annotations

import math
from collections.abc import AsyncIterator

import httpx
import pytest

from tui.demo.fleet import DemoFleet


@pytest.fixture
async def fleet() -> AsyncIterator[DemoFleet]:
    async with DemoFleet(speed=math.inf) as running:
        yield running


@pytest.fixture
async def slow_fleet() -> AsyncIterator[DemoFleet]:
    """Loads take about 50 ms, so that states between stopped and ready can be seen."""
    async with DemoFleet(speed=40) as running:
        yield running


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    # Plain HTTP only: reading the certificate bundle would cost 25 ms a test.
    async with httpx.AsyncClient(verify=False, timeout=5, headers={"authorization": "Bearer sk-demo"}) as opened:
        yield opened
