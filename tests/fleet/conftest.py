from __future__ import annotations

import pytest

from tui.demo.fleet_config import KEY_VARIABLE, MASTER_KEY


@pytest.fixture
def demo_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """The key that the simulated fleet's configuration refers to."""
    monkeypatch.setenv(KEY_VARIABLE, MASTER_KEY)
