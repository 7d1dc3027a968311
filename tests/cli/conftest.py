from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cli.demo_process import DemoProcess, demo_process


@pytest.fixture(scope="session")
def demo_of_all() -> Iterator[DemoProcess]:
    with demo_process("--speed", "20") as running:
        yield running


@pytest.fixture
def demo(demo_of_all: DemoProcess) -> Iterator[DemoProcess]:
    """The simulated fleet, shared by all tests of the command line, as calm as it began."""
    yield demo_of_all
    demo_of_all.calm()
