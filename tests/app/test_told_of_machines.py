"""What the panel says of a machine and of what is on it, beyond states: Tailscale, splits, drivers, units that fail."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest

from tests.app.panel import NOON, open_panel
from tests.collector.far import FakeSsh
from tests.collector.systemd import FakeSystemd
from tests.collector.test_over_ssh import CHANGED_KEY
from tests.control.here import FAILED, STOPPED, UNIT, set_environment
from tests.fakenvml import GPU, FakeDriver, NoCompiler, build
from tests.ledger.earlier import answered
from tests.waiting import until
from tui.app import feeds
from tui.app.screens.details import DetailsScreen
from tui.config.paths import data_home
from tui.control.fitting import Split, Taken
from tui.control.own_records import write_record
from tui.demo.fleet import DemoFleet
from tui.fleet import tailnet
from tui.fleet.machine_channel import collector_source
from tui.ledger.file import ledger_path
from tui.ledger.store import Ledger

GIB = 1024**3
STATUS = {
    "BackendState": "Running",
    "Self": {"HostName": "flamingo", "DNSName": "flamingo.tail1234.ts.net.", "TailscaleIPs": ["100.64.0.1"]},
    "Peer": {
        "nodekey:1": {
            "HostName": "koala",
            "DNSName": "koala.tail1234.ts.net.",
            "TailscaleIPs": ["100.85.116.57"],
            "CurAddr": "192.0.2.7:41641",
            "Active": True,
            "Online": True,
        }
    },
}
MIXTRAL = "ollama/mixtral:8x7b"
HERE = f"""
[machines.here]
local = true
[services.far]
kind = "http"
url = "http://127.0.0.1:9"
machine = "here"
unit = "{UNIT}"
"""


class Tailscale:
    """A program of that name, first on PATH."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir()
        program = folder / "tailscale"
        program.write_text(f'#!/bin/sh\necho "$*" >> "{folder}/calls"\ncat "{folder}/status"\n', encoding="utf-8")
        program.chmod(0o755)
        self.says(STATUS)

    def says(self, status: object) -> None:
        new = self._folder / "new"
        new.write_text(json.dumps(status), encoding="utf-8")
        new.replace(self._folder / "status")

    @property
    def calls(self) -> int:
        calls = self._folder / "calls"
        return len(calls.read_text(encoding="utf-8").splitlines()) if calls.exists() else 0


async def test_tailscale_is_asked_while_machines_are_shown_and_only_then(
    fleet: DemoFleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tailscale = Tailscale(tmp_path / "tailscale")
    monkeypatch.setenv("PATH", f"{tmp_path / 'tailscale'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(tailnet, "PERIOD", 0.02)
    async with open_panel(fleet, size=(120, 50)) as panel:
        await panel.sees("tailnet direct")
        tailscale.says(STATUS | {"Peer": {}})
        await panel.sees_no("tailnet")
        tailscale.says({"BackendState": "Stopped"})
        await panel.sees("tailnet not known")
        await panel.press("2")
        await panel.sees("routes")
        # One question may still have been under way.
        at_most = tailscale.calls + 1
        for _ in range(3):
            await panel.press("ctrl+l")
            await panel.pilot.pause(0.05)
        assert tailscale.calls <= at_most
        await panel.press("1")
        await until(lambda: tailscale.calls > at_most + 1, "it is asked again")


async def test_what_a_split_costs_stands_beside_the_model(fleet: DemoFleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "SPEEDS_READ", 0.05)
    await fleet.ollama.load("mixtral:8x7b")
    async with httpx.AsyncClient() as client:
        (loaded,) = (await client.get(f"{fleet.ollama.url}/api/ps")).json()["models"]
    share = loaded["size_vram"] / loaded["size"]
    assert 0 < share < 1
    splits = (Split(NOON - 9000, 1.0), Split(NOON - 3000, share))
    taken = Taken(NOON - 3000, loaded["size"], loaded["size_vram"], splits)
    write_record(data_home() / "model-memory.json", {MIXTRAL: taken})
    async with open_panel(fleet, size=(120, 50)) as panel:
        await until(lambda: panel.app.state.taken, "what models take has been looked up")
        assert not ledger_path().exists(), "a panel that only looks makes no ledger"
        with Ledger() as ledger:
            answered(ledger, MIXTRAL, NOON - 5000, 83.0)
        await panel.sees("% GPU")
        assert "instead of" not in panel.painted, "one speed alone says nothing"
        with Ledger() as ledger:
            answered(ledger, MIXTRAL, NOON - 1000, 11.0)
        await panel.sees("11 instead of 83 tokens/s")
        await panel.go_to(panel.models, MIXTRAL)
        await panel.press("enter")
        await until(lambda: isinstance(panel.app.screen, DetailsScreen), "its details are open")
        await panel.sees(f"11 instead of 83 tokens/s: {1 - share:.0%} on the CPU")


@pytest.fixture
async def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeSystemd:
    """This machine as one of the fleet, with a systemd that says what a test wants."""
    systemd = FakeSystemd(tmp_path)
    set_environment(monkeypatch, systemd.environment)
    return systemd


CRASH_LOOP = STOPPED | {"ActiveState": "activating", "SubState": "auto-restart", "Result": "exit-code"}


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        (FAILED | {"ExecMainStatus": "203"}, "its program is missing or cannot be executed"),
        (CRASH_LOOP | {"ExecMainCode": "1", "ExecMainStatus": "1", "NRestarts": "7"}, "starts it again (7 so far)"),
        (FAILED | {"Result": "start-limit-hit", "ExecMainStatus": "1"}, "too often"),
        (FAILED | {"Result": "timeout", "ExecMainCode": "2", "ExecMainStatus": "9"}, "SIGKILL"),
        (STOPPED | {"LoadState": "masked", "UnitFileState": "masked"}, "masked"),
        (STOPPED | {"LoadState": "not-found"}, "there is no unit llama-swap.service"),
    ],
    ids=["no program", "crash loop", "start limit", "ignores TERM", "masked", "does not exist"],
)
async def test_a_unit_that_does_not_run_is_shown_for_what_it_is(
    fleet: DemoFleet, here: FakeSystemd, shown: Mapping[str, str], words: str
) -> None:
    here.show(**shown)
    async with open_panel(fleet, more=HERE, size=(120, 50), wait_for_models=False) as panel:
        await panel.sees(words)


BY_SSH = """
[machines.far]
ssh = "far"
"""
NO_PYTHON = "echo 'sh: 1: exec: python3: not found' >&2; exit 127"


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        (f"cat >&2 <<'END'\n{CHANGED_KEY}\nEND\nexit 255", "far's host key has changed"),
        ("echo 'p@far: Permission denied (publickey).' >&2; exit 255", "far accepts no key of ours"),
        ("echo 'ssh: connect to host far port 22: Connection timed out' >&2; exit 255", "far does not answer"),
        (NO_PYTHON, "neither python3 (3.8 or newer) nor nvidia-smi was found on far"),
        ("echo 'Welcome to far'; exit 1", "Welcome to far"),
    ],
    ids=["changed key", "locked agent", "silent", "no python3", "banner"],
)
async def test_why_a_machine_cannot_be_looked_at_is_on_the_screen(
    fleet: DemoFleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, behaviour: str, words: str
) -> None:
    ssh = FakeSsh(tmp_path)
    ssh.behave(behaviour)
    set_environment(monkeypatch, ssh.environment)
    async with open_panel(fleet, more=BY_SSH, size=(120, 50), wait_for_models=False) as panel:
        await until(lambda: words[:40] in panel.line_with("│ far "), "it stands beside the machine")
        await until(lambda: words in panel.problems_line, "it is a problem")
        ssh.behave("")
        await panel.press("ctrl+l")
        await until(lambda: "cpu" in panel.line_with("│ far "), "it is looked at once that is mended")


async def test_a_driver_that_hangs_leaves_all_else_alive(
    fleet: DemoFleet, here: FakeSystemd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    try:
        driver = FakeDriver(build(tmp_path / "nvml"), tmp_path)
    except NoCompiler as error:
        pytest.skip(str(error))
    set_environment(monkeypatch, driver.environment)
    impatient = collector_source().replace(b"HUNG = 5.0", b"HUNG = 0.3")
    monkeypatch.setattr("tui.fleet.machine_channel.collector_source", lambda: impatient)
    async with open_panel(fleet, more=HERE, size=(120, 50), wait_for_models=False) as panel:
        await panel.sees("RTX 4090")
        driver.set(GPU, driver="delay nvmlDeviceGetPowerUsage 30\n")
        await until(lambda: "does not answer" in panel.line_with("RTX 4090"), "the GPU's row says so")
        await panel.go_to(panel.services, "service far")
        await panel.press("s")
        await panel.sees("Stop the unit of far on here?")
        await panel.press("y")
        await until(lambda: any(" stop " in call for call in here.calls), "systemd was told to")
        here.show(**STOPPED)
        await panel.is_told(f"{UNIT} on here has stopped")
        here.write_journal("still here")
        await panel.press("l")
        await panel.sees("still here")
        await panel.press("1")
        driver.set(GPU)
        await until(lambda: "GiB" in panel.line_with("RTX 4090"), "it answers again")
