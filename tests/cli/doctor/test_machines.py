"""Machines that cannot be reached or looked into: a stand-in ssh says what the real one says, then leads to a real
collector beside a stand-in systemd."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.cli.doctor.patient import Patient
from tests.collector.far import FakeSsh
from tests.collector.systemd import RUNNING, FakeSystemd
from tests.collector.test_over_ssh import CHANGED_KEY
from tests.fakenvml import GPU, FakeDriver, NoCompiler, build

KOALA = '[machines.koala]\nssh = "koala"\naddresses = ["127.0.0.1"]\n'
SWAP = '[services.swap]\nkind = "llama-swap"\nurl = "http://127.0.0.1:{port}"\nunit = "swap.service"\n'
UNIT = KOALA + SWAP.format(port=9)

REFUSALS = {
    "changed host key": (CHANGED_KEY, "host key has changed", "ssh-keygen -R koala"),
    "unknown host key": ("Host key verification failed.", "host key is not known", "compare the fingerprint"),
    "no accepted key": ("p@koala: Permission denied (publickey).", "accepts no key of ours", "ssh-copy-id koala"),
    "no sshd": ("ssh: connect to host koala port 22: Connection refused", "refuses ssh", "systemctl enable --now ssh"),
    "no such name": (
        "ssh: Could not resolve hostname koala: Name or service not known",
        "no such name: koala",
        "~/.ssh/config",
    ),
    "silent": ("Connection timed out during banner exchange", "koala does not answer", "is it on"),
}


@pytest.mark.parametrize("name", REFUSALS)
async def test_what_ssh_refuses(patient: Patient, ssh: FakeSsh, name: str) -> None:
    said, cause, fix = REFUSALS[name]
    ssh.behave(f"cat >&2 <<'END'\n{said}\nEND\nexit 255")
    told = await patient.diagnosis_of(KOALA)
    told.names("machines", "koala", cause=cause, fix=fix)


async def test_a_banner_that_asks_for_a_confirmation(patient: Patient, ssh: FakeSsh) -> None:
    # ssh prints a banner in one piece.
    ssh.behave(
        "cat >&2 <<'END'\n# Tailscale SSH requires an additional check.\n"
        "# To authenticate, visit: https://login.tailscale.com/a/1f00\nEND\nexec sleep 60"
    )
    told = await patient.diagnosis_of(KOALA)
    told.names("machines", "koala", cause="https://login.tailscale.com/a/1f00", fix="open that page")


async def test_no_python_there(patient: Patient, ssh: FakeSsh) -> None:
    ssh.has_no_python()
    told = await patient.diagnosis_of(KOALA)
    told.names("machines", "koala", cause="neither python3", fix="install python3 (3.8 or newer) on koala")


async def test_no_ssh_here(patient: Patient) -> None:
    told = await patient.diagnosis_of(KOALA)
    told.names("machines", "koala", cause="ssh cannot be started here", fix="openssh-client")


async def test_a_unit_that_ends_with_the_login(patient: Patient, systemd: FakeSystemd) -> None:
    told = await patient.diagnosis_of(UNIT)
    told.names(
        "machines", "koala linger", cause="ends with your last login", fix="ssh koala loginctl", severity="warning"
    )


@pytest.mark.parametrize(
    "said",
    [
        "Failed to connect to bus: No such file or directory",
        "Failed to connect to user scope bus via local transport: $DBUS_SESSION_BUS_ADDRESS and $XDG_RUNTIME_DIR not "
        "defined (consider using --machine=<user>@.host --user to connect to bus of other user)",
    ],
    ids=["systemd 252", "systemd 257"],
)
async def test_no_bus(patient: Patient, systemd: FakeSystemd, said: str) -> None:
    systemd.show()
    systemd.answer("show", f"echo '{said}' >&2; exit 1")
    told = await patient.diagnosis_of(UNIT)
    told.names("machines", "swap.service", cause="no systemd of yours runs", fix="ssh koala loginctl enable-linger")


UNITS = {
    "missing": ({"LoadState": "not-found", "ActiveState": "inactive"}, "there is no unit", 'unit_scope = "system"'),
    "masked": ({"LoadState": "masked", "ActiveState": "inactive"}, "is masked", "unmask swap.service"),
    "failed": (
        {"ActiveState": "failed", "Result": "exit-code", "ExecMainCode": "1", "ExecMainStatus": "203"},
        "its program is missing",
        "fleetdeck unit logs swap",
    ),
}


@pytest.mark.parametrize("name", UNITS)
async def test_a_unit_that_cannot_run(patient: Patient, systemd: FakeSystemd, name: str) -> None:
    shown, cause, fix = UNITS[name]
    systemd.show(**RUNNING | shown)
    told = await patient.diagnosis_of(UNIT)
    told.names("machines", "swap.service", cause=cause, fix=fix)


async def test_a_unit_whose_file_is_newer(patient: Patient, systemd: FakeSystemd) -> None:
    systemd.show(**RUNNING | {"NeedDaemonReload": "yes"})
    told = await patient.diagnosis_of(UNIT)
    told.names("machines", "swap.service", cause="was changed", fix="daemon-reload", severity="warning")


async def test_a_journal_that_may_not_be_read(patient: Patient, systemd: FakeSystemd) -> None:
    systemd.answer("journal", "echo 'No journal files were opened due to insufficient permissions.'; exit 1")
    told = await patient.diagnosis_of(UNIT)
    told.names(
        "machines", "swap.service journal", cause="keeps its journal in memory", fix="usermod -aG systemd-journal"
    )


async def test_a_unit_that_runs_and_listens_on_loopback_alone(patient: Patient, systemd: FakeSystemd) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        told = await patient.diagnosis_of(KOALA + SWAP.format(port=port))
    told.names("services", "swap", cause="connection refused", fix=f"-listen :{port}")


async def test_a_unit_that_was_stopped(patient: Patient, systemd: FakeSystemd) -> None:
    systemd.show(**RUNNING | {"ActiveState": "inactive", "SubState": "dead"})
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        told = await patient.diagnosis_of(KOALA + SWAP.format(port=reserved.getsockname()[1]))
    told.names("services", "swap", cause="connection refused", fix="fleetdeck unit start swap")


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    try:
        return build(tmp_path_factory.mktemp("nvml"))
    except NoCompiler as error:
        pytest.skip(str(error))


@pytest.fixture
def driver(ssh: FakeSsh, library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeDriver:
    """The GPU driver of the machine that ssh leads to."""
    driver = FakeDriver(library, tmp_path)
    for name, value in driver.environment.items():
        monkeypatch.setenv(name, value)
    return driver


DRIVERS = {
    "none": (12, "no NVIDIA driver on koala", "install NVIDIA's driver", "warning"),
    "no kernel module": (9, "kernel module is not loaded on koala", "modprobe nvidia", "problem"),
    "upgraded": (18, "was upgraded: reboot koala", "two versions", "problem"),
}


@pytest.mark.parametrize("name", DRIVERS)
async def test_a_driver_that_cannot_begin(patient: Patient, driver: FakeDriver, name: str) -> None:
    code, cause, fix, severity = DRIVERS[name]
    driver.set(GPU, driver=f"error nvmlInitWithFlags {code}\n")
    told = await patient.diagnosis_of(UNIT)
    told.names("machines", "koala GPU", cause=cause, fix=fix, severity=severity)


async def test_a_gpu_that_is_lost(patient: Patient, driver: FakeDriver) -> None:
    driver.set(f"{GPU}error * 15\n{GPU}")
    told = await patient.diagnosis_of(KOALA)
    told.names("machines", "koala GPU 0", cause="is lost", fix="dmesg")
