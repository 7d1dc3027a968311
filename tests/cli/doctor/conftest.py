from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.doctor.patient import Patient, far_machine
from tests.collector.far import FakeSsh
from tests.collector.systemd import FakeSystemd


@pytest.fixture
def patient(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Patient]:
    patient = Patient(tmp_path, monkeypatch, capsys)
    yield patient
    patient.programs.end_orphans()


@pytest.fixture
def ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, patient: Patient) -> FakeSsh:
    return far_machine(tmp_path / "koala", monkeypatch, patient)


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ssh: FakeSsh) -> FakeSystemd:
    """The systemd of the machine that ssh leads to."""
    systemd = FakeSystemd(tmp_path / "koala")
    systemd.write_journal("listening")
    for name, value in systemd.environment.items():
        monkeypatch.setenv(name, value)
    return systemd
