"""``unit``: a real collector finds a systemd that says what a test wants; the service is the simulated llama-swap."""

from __future__ import annotations

import json
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cli.demo_process import DemoProcess, next_line
from tests.cli.terminal import on_terminal
from tests.collector.systemd import RUNNING, FakeSystemd
from tests.control.here import FAILED, STOPPED, UNIT
from tui.config.load import load_config

CHANGES = 'cp "$FAKE_SYSTEMD/{state}" "$FAKE_SYSTEMD/new" && mv "$FAKE_SYSTEMD/new" "$FAKE_SYSTEMD/shown"\n'


@pytest.fixture
def systemd(tmp_path: Path) -> FakeSystemd:
    """A unit that runs, and does as it is told."""
    systemd = FakeSystemd(tmp_path)
    for state, shown in (("stopped", STOPPED), ("running", RUNNING | {"InvocationID": "2d90", "MainPID": "4300"})):
        systemd.show(**shown)
        (systemd.folder / "shown").rename(systemd.folder / state)
    systemd.show(**RUNNING)
    systemd.answer("stop", CHANGES.format(state="stopped"))
    systemd.answer("start", CHANGES.format(state="running"))
    systemd.answer("restart", CHANGES.format(state="running"))
    return systemd


@pytest.fixture
def koala(demo: DemoProcess, systemd: FakeSystemd, tmp_path: Path) -> DemoProcess:
    services = load_config(demo.config).services
    config = tmp_path / "config.toml"
    config.write_text(
        f"""
[machines.koala]
local = true
[services.llama-swap]
kind = "llama-swap"
url = "{services["llama-swap"].url}"
machine = "koala"
unit = "{UNIT}"
[services.ollama]
kind = "ollama"
url = "{services["ollama"].url}"
""",
        encoding="utf-8",
    )
    return replace(demo, config=config, env={**demo.env, **systemd.environment})


def test_a_unit_is_stopped_and_started_and_seen_so(koala: DemoProcess) -> None:
    stopped = koala.run("unit", "stop", "llama-swap")
    assert (stopped.returncode, stopped.stdout) == (0, f"{UNIT} on koala has stopped\n")
    document = json.loads(koala.run("unit", "start", "llama-swap", "--json").stdout)
    assert (document["schema"], document["done"], document["service"]) == (1, "start", "llama-swap")
    assert (document["unit"]["state"], document["unit"]["main_pid"]) == ("active", 4300)
    assert document["machine"]["name"] == "koala"


def test_status_says_what_is_so_and_why(koala: DemoProcess, systemd: FakeSystemd) -> None:
    running = koala.run("unit", "status", "llama-swap")
    assert running.returncode == 0
    assert running.stdout.startswith(f"{UNIT} on koala: active ")
    assert "process 4242" in running.stdout
    systemd.show(**FAILED | {"ExecMainStatus": "203"})
    failed = koala.run("unit", "status", "llama-swap")
    assert failed.returncode == 0, "it was looked at"
    assert "failed: its program is missing or cannot be executed" in failed.stdout
    assert json.loads(koala.run("unit", "status", "llama-swap", "--json").stdout)["unit"]["state"] == "failed"


def test_a_unit_that_does_not_stay_up_is_1_and_says_why(koala: DemoProcess, systemd: FakeSystemd) -> None:
    systemd.show(**FAILED | {"ExecMainStatus": "1", "InvocationID": "2d90"})
    (systemd.folder / "shown").rename(systemd.folder / "failed")
    systemd.show(**STOPPED)
    systemd.answer("start", CHANGES.format(state="failed"))
    result = koala.run("unit", "start", "llama-swap")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == (
        f"fleetdeck: {UNIT} on koala did not stay up: ended with status 1; "
        "its log may say more: fleetdeck unit logs llama-swap\n"
    )


def test_what_is_loaded_is_not_stopped_unasked(koala: DemoProcess, systemd: FakeSystemd) -> None:
    koala.steer("llama-swap/models/qwen3/load")
    refused = koala.run("unit", "stop", "llama-swap")
    assert refused.returncode == 2
    assert "1 loaded, unloaded by it: qwen3." in refused.stderr
    assert "--yes" in refused.stderr
    assert not [call for call in systemd.calls if " stop " in call]
    told = koala.run("unit", "stop", "llama-swap", "--yes")
    assert (told.returncode, told.stdout) == (0, f"{UNIT} on koala has stopped\n")


@pytest.mark.parametrize(("key", "code", "words"), [("y", 0, "has stopped"), ("n", 1, "nothing was changed")])
def test_on_a_terminal_it_asks(koala: DemoProcess, systemd: FakeSystemd, key: str, code: int, words: str) -> None:
    koala.steer("llama-swap/models/qwen3/load")
    with on_terminal(koala.command("unit", "stop", "llama-swap"), koala.environment()) as terminal:
        terminal.sees(f"Stop {UNIT}?")
        terminal.write(f"{key}\n")
        assert terminal.ends() == code
        assert words in terminal.shown
    assert bool([call for call in systemd.calls if " stop " in call]) is (key == "y")


def test_the_journal_as_lines_and_as_a_document(koala: DemoProcess, systemd: FakeSystemd) -> None:
    systemd.write_journal("started", [27, 91, 51, 49, 109, 114, 101, 100], "last")
    lines = koala.run("unit", "logs", "llama-swap").stdout.splitlines()
    assert [line.partition(": ")[2] for line in lines] == ["started", "red", "last"]
    assert "llama-swap[4242]" in lines[0]
    document = json.loads(koala.run("unit", "logs", "llama-swap", "-n", "1", "--json").stdout)
    assert [entry["text"] for entry in document["entries"]] == ["last"]
    assert document["unit"]["name"] == UNIT


def test_the_journal_is_followed_until_it_is_enough(koala: DemoProcess, systemd: FakeSystemd) -> None:
    systemd.write_journal("before")
    with koala.started("unit", "logs", "llama-swap", "-f", "--json") as following:
        assert json.loads(next_line(following))["text"] == "before"
        systemd.write_journal("after")
        assert json.loads(next_line(following))["text"] == "after"
        following.send_signal(signal.SIGINT)
        assert following.wait(10) == 130


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("unit", "stop", "nobody"), "there is no service nobody; there are llama-swap, ollama"),
        (("unit", "stop", "ollama"), 'ollama has no unit: add unit = "NAME.service" to [services.ollama]'),
        (("unit", "enable", "ollama"), "is not one of"),
        (("unit", "stop", "llama-swap", "-f"), "--follow goes with logs"),
        (("--readonly", "unit", "stop", "llama-swap"), "--readonly"),
    ],
)
def test_a_wrong_call_is_2(koala: DemoProcess, arguments: tuple[str, ...], words: str) -> None:
    result = koala.run(*arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert words in " ".join(result.stderr.split())
    assert "Traceback" not in result.stderr
