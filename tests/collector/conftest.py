from __future__ import annotations

from pathlib import Path

import pytest

from tests.collector.far import FakeSsh
from tests.collector.systemd import FakeSystemd
from tests.fakenvml import FakeDriver, NoCompiler, build


def _library(folder: Path, *, old: bool) -> Path:
    try:
        return build(folder, old=old)
    except NoCompiler as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _library(tmp_path_factory.mktemp("nvml"), old=False)


@pytest.fixture
def driver(library: Path, tmp_path: Path) -> FakeDriver:
    """A driver with one GPU."""
    return FakeDriver(library, tmp_path)


@pytest.fixture
def old_driver(tmp_path: Path) -> FakeDriver:
    """The same, of the R470 kind."""
    return FakeDriver(_library(tmp_path / "old", old=True), tmp_path)


@pytest.fixture
def systemd(tmp_path: Path) -> FakeSystemd:
    return FakeSystemd(tmp_path)


@pytest.fixture
def ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeSsh:
    """The program that is found under the name ssh."""
    ssh = FakeSsh(tmp_path)
    for name, value in ssh.environment.items():
        monkeypatch.setenv(name, value)
    return ssh


@pytest.fixture
def here(driver: FakeDriver, systemd: FakeSystemd, monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine has that driver and that systemd."""
    for name, value in {**driver.environment, **systemd.environment}.items():
        monkeypatch.setenv(name, value)
