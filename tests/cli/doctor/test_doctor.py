"""``fleetdeck doctor`` as a whole: on a healthy fleet, on paper and on a terminal."""

from __future__ import annotations

import re

import pytest

from tests.cli.demo_process import DemoProcess
from tests.cli.doctor.patient import Patient
from tests.cli.house import CHAT_PATHS
from tests.cli.terminal import on_terminal
from tests.fleet.probes.canned import ALLOWED
from tests.fleet.watching import http_answer, says
from tui.cli.doctor.programs import ProgramsLook
from tui.config.schema import Config
from tui.demo.fleet import DemoFleet


def in_no_hurry(toml: str) -> str:
    """The same services, each with more time than a busy machine takes."""
    return re.sub(r"(\[services\.[^]]+\]\n)", r"\1timeout = 30\n", toml)


@pytest.fixture
def everything_is_well(patient: Patient) -> Patient:
    """Programs that are there and logged in."""
    patient.programs.add("claude", out='{"loggedIn": true}')
    patient.programs.add("tailscale", out='{"BackendState": "Running", "Peer": {}}')
    return patient


async def test_nothing_is_wrong_with_a_healthy_fleet(
    everything_is_well: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = everything_is_well
    async with DemoFleet(machine=True) as fleet:
        for name, value in fleet.env.items():
            monkeypatch.setenv(name, value)
        told = await patient.diagnosis_of(in_no_hurry(fleet.config_toml()) + '[clis.claude]\nkind = "claude"\n')
        assert {found.area for found in told.findings} >= {"machines", "services", "programs", "claude", "routes"}
        # The simulated LiteLLM has no database, as most at home have none: a warning, and no failure.
        assert [(found.about, found.severity) for found in told.wrong] == [("litellm", "warning")]
        assert told.code == 0


async def test_it_asks_what_costs_nothing_and_loads_no_model(patient: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    async with DemoFleet() as fleet:
        for name, value in fleet.env.items():
            monkeypatch.setenv(name, value)
        await patient.diagnosis_of(in_no_hurry(fleet.config_toml()))
        for name, server in fleet.servers.items():
            kind = "http" if name == "k3s" else name
            asked = {(record.method, record.path) for record in server.requests}
            assert asked, f"{name} was asked"
            assert not {path for _, path in asked} & set(CHAT_PATHS)
            assert asked <= {("GET", path) for path in ALLOWED[kind]}  # type: ignore[index]
        assert not fleet.ollama.loaded
        assert not fleet.llama_swap.processes.running()


async def test_on_paper_each_fix_stands_beneath_what_it_mends(patient: Patient) -> None:
    patient.write('[services.it]\nkind = "ollama"\nurl = "http://127.0.0.1:9"\nkey = { env = "NO_SUCH_KEY" }\n')
    code, out = await patient.call("--config", str(patient.config), "doctor")
    lines = out.splitlines()
    assert code == 1
    assert "\x1b" not in out
    assert [line for line in lines[:-1] if line[0] != " "] == ["configuration", "machines", "services", "terminal"]
    at = next(number for number, line in enumerate(lines) if "NO_SUCH_KEY is not set" in line)
    assert lines[at].startswith("  × problem  it")
    assert lines[at + 1].strip().startswith("→ `export NO_SUCH_KEY=…`")
    assert re.fullmatch(r"\d+ problems?, \d+ warnings?", lines[-1])


async def test_many_names_of_one_cause_move_no_other_text_aside(patient: Patient) -> None:
    tasks = "".join(f'a-task-with-a-long-name-{number} = ["it/model"]\n' for number in range(9))
    patient.write(f'[services.it]\nkind = "ollama"\nurl = "http://127.0.0.1:9"\n[tasks]\n{tasks}')
    _, out = await patient.call("--config", str(patient.config), "doctor")
    many = next(line for line in out.splitlines() if "no model can answer now" in line)
    assert "task a-task-with-a-long-name-3 and 5 more: no model" in many
    assert re.search(r"  × problem  it {1,20}\S", out)


async def test_what_a_server_says_reaches_no_terminal_as_a_control_code(patient: Patient) -> None:
    body = b'{"error": "\x1b]0;owned\x07 \x9b31m [red]bad[/]"}'
    async with says(http_answer(body, "500 Oh")) as server:
        patient.write(f'[services.it]\nkind = "ollama"\nurl = "{server.url}"\n')
        _, out = await patient.call("--config", str(patient.config), "doctor")
    assert "\x1b" not in out
    assert "\x07" not in out
    assert "answered 500" in out


def test_on_a_terminal_it_has_colours_and_breaks_its_lines(demo: DemoProcess) -> None:
    with on_terminal(demo.command("doctor"), demo.environment(LANG="C.UTF-8"), columns=80, lines=60) as terminal:
        terminal.sees("problems, ")
        assert terminal.ends() == 0
        assert b"\x1b[32m" in terminal.raw
        written = re.sub(rb"\x1b\[[0-9;]*m", b"", terminal.raw).decode().splitlines()
        assert max(map(len, written)) <= 80, "the terminal itself breaks nothing"
        assert "● fine     llama-swap" in terminal.shown


def test_no_utf8_is_told_and_ends_nothing(demo: DemoProcess) -> None:
    result = demo.run("doctor", PYTHONIOENCODING="ascii", LANG="C", LC_ALL="C")
    assert result.returncode == 0, result.stderr
    assert "* fine     llama-swap" in result.stdout
    assert "LC_ALL is C, which is not UTF-8" in result.stdout


async def test_a_check_that_breaks_takes_no_other_with_it(
    patient: Patient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def breaks(config: Config) -> ProgramsLook:
        raise ZeroDivisionError

    monkeypatch.setattr("tui.cli.doctor.examination.look_at_programs", breaks)
    told = await patient.diagnosis_of('[services.it]\nkind = "ollama"\nurl = "http://127.0.0.1:9"\n')
    log = "~/state/fleetdeck/fleetdeck.log"
    told.names("programs", "programs", cause="ZeroDivisionError", fix=log, severity="warning")
    told.names("services", "it", cause="connection refused", fix="nothing listens")
