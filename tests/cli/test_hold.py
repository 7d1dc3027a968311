"""``hold``: lending a machine's GPU from a script, and taking it back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.cli.demo_process import DemoProcess
from tests.cli.terminal import on_terminal
from tests.fakenvml import GPU, FakeDriver, NoCompiler, build


@pytest.fixture
def fleet(demo: DemoProcess, tmp_path: Path) -> DemoProcess:
    """The simulated fleet, with a folder for the modes that is this test's own."""
    return replace(demo, env={**demo.env, "XDG_STATE_HOME": str(tmp_path / "state")})


def states(fleet: DemoProcess) -> Mapping[str, Any]:
    servers = fleet.servers()
    return {**servers["llama-swap"]["models"], **servers["ollama"]["models"]}


def test_a_gpu_is_lent_and_comes_back(fleet: DemoProcess) -> None:
    fleet.steer("llama-swap/models/qwen3/load")
    fleet.steer("ollama/models/llama3.2:latest/load")
    assert fleet.run("hold", "koala").stdout == "the hold on koala is off\n"
    lent = fleet.run("hold", "koala", "on", "--reason", "Elden Ring", "--json")
    assert lent.returncode == 0, lent.stderr
    document = json.loads(lent.stdout)
    assert (document["schema"], document["enabled"], document["reason"]) == (1, True, "Elden Ring")
    assert document["unloaded"] == ["llama-swap/qwen3", "ollama/llama3.2:latest"]
    assert (document["proved"], document["still"]) == (True, [])
    assert states(fleet)["qwen3"] == "stopped"
    assert "llama3.2:latest" not in fleet.servers()["ollama"]["models"] or states(fleet)["llama3.2:latest"] == "idle"

    route = json.loads(fleet.run("route", "-m", "llama-swap/qwen3", "--json").stdout)
    assert "Elden Ring" in route["skipped"][0]["reason"]
    status = fleet.run("hold", "koala", "status")
    assert "(Elden Ring)" in status.stdout
    assert "afterwards llama-swap/qwen3, ollama/llama3.2:latest will run again" in status.stdout

    back = fleet.run("hold", "koala", "off")
    words = "the GPU of koala is back; llama-swap/qwen3, ollama/llama3.2:latest run again\n"
    assert (back.returncode, back.stdout) == (0, words)
    assert states(fleet)["qwen3"] == "ready"
    assert json.loads(fleet.run("hold", "koala", "status", "--json").stdout)["enabled"] is False


def test_without_a_way_into_the_machine_nothing_is_proved(fleet: DemoProcess, tmp_path: Path) -> None:
    lines = fleet.config.read_text(encoding="utf-8").splitlines(keepends=True)
    config = tmp_path / "config.toml"
    config.write_text("".join(line for line in lines if not line.startswith("ssh")), encoding="utf-8")
    lent = replace(fleet, config=config).run("hold", "koala", "on")
    assert lent.returncode == 0
    assert "that its memory is free is not proved: " in lent.stdout


def test_with_a_driver_the_memory_is_seen_to_be_free(fleet: DemoProcess, tmp_path: Path) -> None:
    try:
        driver = FakeDriver(build(tmp_path / "nvml"), tmp_path)
    except NoCompiler as error:
        pytest.skip(str(error))
    driver.set(f"{GPU}used 300000000\n")
    text = fleet.config.read_text(encoding="utf-8")
    config = tmp_path / "config.toml"
    config.write_text(text.replace("[machines.koala]\n", "[machines.koala]\nlocal = true\n"), encoding="utf-8")
    here = replace(fleet, config=config, env={**fleet.env, **driver.environment})
    lent = json.loads(here.run("hold", "koala", "on", "--json").stdout)
    assert lent["proved"] is True
    assert lent["memory"] == {"total": 25_757_220_864, "free": 25_757_220_864 - 300_000_000 - 472_907_776}
    assert [holder["who"] for holder in lent["holders"]] == ["unattributed"]
    assert lent["still"] == []


@pytest.mark.parametrize(("key", "code"), [("y", 0), ("n", 1)])
def test_on_a_terminal_it_asks_before_it_unloads(fleet: DemoProcess, key: str, code: int) -> None:
    fleet.steer("llama-swap/models/qwen3/load")
    with on_terminal(fleet.command("hold", "koala", "on"), fleet.environment()) as terminal:
        terminal.sees("Lend the GPU of koala?")
        assert "Unloads llama-swap/qwen3" in terminal.shown
        terminal.write(f"{key}\n")
        assert terminal.ends() == code
    assert states(fleet)["qwen3"] == ("stopped" if key == "y" else "ready")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("hold", "emu", "on"), "there is no machine emu; there are koala"),
        (("hold", "koala", "off", "--reason", "x"), "--reason goes with on"),
        (("hold", "koala", "toggle"), "is not one of"),
        (("--readonly", "hold", "koala", "on"), "--readonly"),
    ],
)
def test_a_wrong_call_is_2(fleet: DemoProcess, arguments: tuple[str, ...], words: str) -> None:
    result = fleet.run(*arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert words in " ".join(result.stderr.split())


def test_a_file_of_modes_that_makes_no_sense_is_1(fleet: DemoProcess, tmp_path: Path) -> None:
    (tmp_path / "state" / "fleetdeck").mkdir(parents=True)
    (tmp_path / "state" / "fleetdeck" / "modes.json").write_text("nonsense", encoding="utf-8")
    for action in ("status", "on", "off"):
        result = fleet.run("hold", "koala", action)
        assert (result.returncode, result.stdout) == (1, "")
        assert "modes.json is not what a mode file holds" in result.stderr
