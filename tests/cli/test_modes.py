from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tui.cli.main import run

Output = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("CONFIG", "STATE", "DATA"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("FLEETDECK_CONFIG", raising=False)
    return tmp_path


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(f'[panel]\nexternal_mode_file = "{tmp_path}/switch.json"\n')
    return path


def test_external_mode_is_flipped_where_the_configuration_says(home: Path, config: Path, capsys: Output) -> None:
    assert run(["--config", str(config), "external", "on", "--reason", "quota"]) == 0
    assert json.loads((home / "switch.json").read_bytes())["reason"] == "quota"
    assert run(["--config", str(config), "external", "status", "--json"]) == 0
    document = json.loads(capsys.readouterr().out.partition("\n")[2])
    assert document == {
        "schema": 1,
        "mode": "external",
        "enabled": True,
        "activated_at": document["activated_at"],
        "reason": "quota",
    }
    assert document["activated_at"].endswith("Z")
    assert run(["--config", str(config), "external", "toggle"]) == 0
    assert capsys.readouterr().out == "external mode is off\n"


def test_without_a_configuration_it_is_the_file_that_agents_share(home: Path) -> None:
    assert run(["external", "on"]) == 0
    assert json.loads((home / ".claude" / "state" / "external-mode.json").read_bytes())["enabled"] is True


def test_a_mistake_elsewhere_in_the_configuration_does_not_hold_the_switch(home: Path, config: Path) -> None:
    config.write_text(config.read_text() + "[services.x]\nkind = 5\n")
    assert run(["--config", str(config), "external", "on"]) == 0
    assert (home / "switch.json").exists()


@pytest.mark.parametrize("value", ['"relative/path"', "5", '""'])
def test_a_switch_that_the_configuration_puts_nowhere_is_a_wrong_call(config: Path, capsys: Output, value: str) -> None:
    config.write_text(f"[panel]\nexternal_mode_file = {value}\n")
    assert run(["--config", str(config), "external", "on"]) == 2
    assert "external_mode_file" in capsys.readouterr().err


def test_private_mode_has_a_file_of_its_own(home: Path, capsys: Output) -> None:
    assert run(["private", "on", "--reason", "tax papers"]) == 0
    assert json.loads((home / "state" / "fleetdeck" / "modes.json").read_bytes())["private"]["enabled"] is True
    assert run(["private"]) == 0
    assert "(tax papers)" in capsys.readouterr().out
    assert not (home / ".claude").exists()


def test_a_broken_file_is_unknown_not_off(home: Path, config: Path, capsys: Output) -> None:
    (home / "switch.json").write_text("{")
    assert run(["--config", str(config), "external", "status", "--json"]) == 1
    output = capsys.readouterr()
    assert json.loads(output.out)["enabled"] is None
    assert "not known" in output.err
    assert run(["--config", str(config), "external", "on"]) == 1
    assert "--force" in capsys.readouterr().err
    assert run(["--config", str(config), "external", "on", "--force"]) == 0


def test_readonly_flips_nothing(home: Path, config: Path) -> None:
    assert run(["--config", str(config), "--readonly", "external", "on"]) == 2
    assert not (home / "switch.json").exists()
    assert run(["--config", str(config), "--readonly", "external", "status"]) == 0


def test_a_reason_with_control_codes_reaches_no_terminal(home: Path, config: Path, capsys: Output) -> None:
    assert run(["--config", str(config), "external", "on", "--reason", "\x1b[2J\n[red]"]) == 0
    assert "\x1b" not in capsys.readouterr().out


def test_asking_for_the_state_imports_no_more_than_it_needs(home: Path) -> None:
    program = (
        "import sys\nfrom tui.cli.main import run\ncode = run(['external', 'status'])\n"
        "heavy = {'httpx', 'asyncio', 'textual', 'tomlkit', 'sqlite3', 'tui.config.load'} & sys.modules.keys()\n"
        "print(heavy)\nsys.exit(code or bool(heavy))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=30, check=False)
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
