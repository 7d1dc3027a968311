"""The first minute of a person without a configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from tests.app.panel import Clock, Panel
from tests.waiting import until
from tui.app.app import FleetApp, Parting
from tui.app.screens.first_run import FirstRunScreen
from tui.config.load import parse_config
from tui.config.paths import default_config_path, default_config_text
from tui.config.schema import Config
from tui.demo.fleet import DemoFleet
from tui.fleet import discovery
from tui.fleet.discovery import Candidate


@pytest.fixture
def usual_ports(fleet: DemoFleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """Discovery with the simulated servers' ports in place of the usual ones, which may be taken on this machine."""
    ports = {"llama-swap": fleet.llama_swap.port, "ollama": fleet.ollama.port, "qdrant": fleet.qdrant.port}
    finds(ports, monkeypatch)


def finds(ports: Mapping[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Only servers of these kinds are there, on these ports."""
    ours = tuple(
        Candidate(known.kind, (ports[known.kind],), known.path, known.says)
        for known in discovery.CANDIDATES
        if known.kind in ports
    )
    monkeypatch.setattr(discovery.discover, "__defaults__", (ours, "127.0.0.1"))


def first_run_app() -> FleetApp:
    return FleetApp(Config(), discover=True, clock=Clock())


async def test_found_servers_are_named_and_watched_behind_the_welcome(fleet: DemoFleet, usual_ports: None) -> None:
    app = first_run_app()
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        panel = Panel(app, pilot)
        await panel.sees("Welcome to fleetdeck")
        await panel.sees(f"● ollama at {fleet.ollama.url}")
        assert "● llama-swap at " in panel.painted
        assert "● qdrant at " in panel.painted
        await panel.press("escape")
        await panel.sees("● llama-swap")
        assert panel.app.screen is panel.fleet_screen
        await panel.sees("llama-swap/qwen3")
        assert not default_config_path().exists(), "nothing is written without being asked for"


async def test_with_nothing_found_the_usual_ports_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery.discover, "__defaults__", ((), "127.0.0.1"))
    app = first_run_app()
    async with app.run_test(size=(80, 24)) as pilot:
        panel = Panel(app, pilot)
        await panel.sees("No server was found")
        assert "11434" in panel.painted


async def test_a_configuration_is_written_once_and_followed(
    fleet: DemoFleet, usual_ports: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_CONFIG_HOME")
    app = first_run_app()
    path = default_config_path()
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        panel = Panel(app, pilot)
        await panel.sees("● ollama at")
        await panel.sees("Write a configuration to ~/.config/fleetdeck/config.toml  (w)")
        await panel.press("w")
        await until(path.exists, "it is written")
        await panel.is_told("written: ~/")
        assert path.stat().st_mode & 0o777 == 0o600
        await until(lambda: app.state.config.path == path, "the panel uses it")
        assert len(app._notifications) == 1, "it is told of once"
        assert app.state.config.services.keys() == {"llama-swap", "ollama", "qdrant"}
        assert app.state.config.services["ollama"].url == fleet.ollama.url
        path.write_text(f'[services.mine]\nkind = "qdrant"\nurl = "{fleet.qdrant.url}"\n')
        await panel.sees("● mine")


async def test_with_what_was_written_the_first_prompt_is_answered(
    fleet: DemoFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    finds({"ollama": fleet.ollama.port}, monkeypatch)
    await fleet.ollama.load("llama3.2:latest")
    app = first_run_app()
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        panel = Panel(app, pilot)
        await until(lambda: "ready" in panel.line_with("ollama/llama3.2:latest"), "what is loaded is known")
        await panel.press("w")
        await panel.sees("no problems")
        await panel.press("3")
        await panel.sees("to task default → ● ollama/llama3.2:latest")
        await panel.press(*"hello", "enter")
        await panel.sees("✓ ollama/llama3.2:latest")
        assert fleet.ollama.requests.to("/api/chat")


async def test_an_existing_file_is_never_overwritten(fleet: DemoFleet, usual_ports: None) -> None:
    app = first_run_app()
    path = default_config_path()
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        panel = Panel(app, pilot)
        await panel.sees("● ollama at")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("# mine\n")
        await panel.press("w")
        await until(lambda: app._notifications, "the person is told")
        assert path.read_text() == "# mine\n"
        assert isinstance(app.screen, FirstRunScreen)


async def test_the_way_to_the_demo_ends_the_panel_with_that_wish(fleet: DemoFleet, usual_ports: None) -> None:
    app = first_run_app()
    async with app.run_test(size=(80, 24)) as pilot:
        panel = Panel(app, pilot)
        await panel.sees("simulated fleet")
        await panel.press("d")
        await pilot.pause()
    assert app.return_value is Parting.DEMO


async def test_the_ways_can_be_chosen_with_arrows_and_enter(fleet: DemoFleet, usual_ports: None) -> None:
    app = first_run_app()
    async with app.run_test(size=(80, 24)) as pilot:
        panel = Panel(app, pilot)
        await panel.sees("● ollama at")
        await panel.press("down", "down", "enter")
        await pilot.pause()
    assert app.return_value is Parting.DEMO


def test_a_first_configuration_is_one_that_can_be_read(tmp_path: Path) -> None:
    from tui.config.edit import write_first_config
    from tui.config.load import load_config

    path = tmp_path / "config.toml"
    write_first_config(path, default_config_text())
    assert load_config(path).services


@pytest.mark.parametrize(("screen", "shows"), [("routes", "╭─ routes"), ("playground", "╭─ answer"), ("logs", "unit")])
async def test_the_screen_that_the_configuration_names_opens_first(screen: str, shows: str) -> None:
    config = parse_config(f'[panel]\nscreen = "{screen}"\n', Path("/nowhere/config.toml"))
    app = FleetApp(replace(config, path=None))
    async with app.run_test(size=(100, 30)) as pilot:
        panel = Panel(app, pilot)
        assert app.current_mode == screen
        await panel.sees(shows)
