"""What each face imports: an import that creeps in is paid by every start."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

NEVER = frozenset({"litellm", "mcp", "smolagents", "openai", "anthropic", "ollama", "requests", "pydantic", "numpy"})
REPORT = """
import atexit, json, os, sys
def report():
    with open(os.environ["IMPORTS"], "w") as file:
        json.dump(sorted(name for name, module in sys.modules.items() if module is not None), file)
atexit.register(report)
"""
RUN = "from tui.cli.main import main; main(sys.argv[1:])"
PANEL = """
import asyncio
from pathlib import Path
from tui.app.app import FleetApp
from tui.config.load import load_config

class Watched(FleetApp):
    CSS_PATH = Path(sys.modules["tui.app.app"].__file__).with_name("app.tcss")

    def _start_feeds(self):
        # The first paint is done: from here on more may be imported.
        report()
        atexit.unregister(report)
        self.exit()

async def paint():
    async with Watched(load_config(Path(sys.argv[1]))).run_test() as pilot:
        await pilot.pause()
asyncio.run(paint())
"""


def imports_of(tmp_path: Path, program: str, *arguments: str) -> frozenset[str]:
    """The modules that a fresh interpreter has imported by the end of ``program``."""
    (tmp_path / "home").mkdir(exist_ok=True)
    listing = tmp_path / "imports.json"
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "HOME": str(tmp_path / "home"),
        "IMPORTS": str(listing),
    }
    subprocess.run(
        [sys.executable, "-c", REPORT + program, *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=True,
    )
    return frozenset(json.loads(listing.read_text()))


@pytest.fixture
def config(tmp_path: Path) -> str:
    """A configuration with a service that refuses at once, so that what watching imports is seen."""
    path = tmp_path / "config.toml"
    path.write_text('[services.nobody]\nkind = "llama-swap"\nurl = "http://127.0.0.1:9"\n')
    return str(path)


def loaded(modules: frozenset[str], *names: str) -> set[str]:
    """Which of ``names``, or of what is in them, were imported."""
    return {module for module in modules for name in names if module == name or module.startswith(f"{name}.")}


SILENT = [
    ("--version",),
    ("--help",),
    ("keys",),
    ("config", "path"),
    ("external", "status"),
    ("claude", "hook"),
    ("usage",),
    ("audit",),
]
"""Commands that ask no server."""


@pytest.mark.parametrize("command", [*SILENT, ("status",), ("models",)], ids=" ".join)
def test_the_command_line_starts_without_the_panel(tmp_path: Path, config: str, command: tuple[str, ...]) -> None:
    modules = imports_of(tmp_path, RUN, "--config", config, *command)
    assert "tui.cli.main" in modules
    assert not loaded(modules, "textual", "tui.demo", "tomlkit", *NEVER)
    if command in SILENT:
        assert not loaded(modules, "rich", "httpx", "ssl", "h11", "asyncio")


def test_a_mode_is_told_without_the_whole_configuration(tmp_path: Path, config: str) -> None:
    modules = imports_of(tmp_path, RUN, "--config", config, "external", "status")
    assert "tui.routing.modes" in modules
    assert not loaded(modules, "tui.config.schema", "difflib")


EXTRAS = ("mcp", "mcp_types", "smolagents", "textual_serve", "prometheus_client", "ruamel", "plotext")
"""What one command alone has a use for."""
EVERY_COMMAND = """
import importlib
from tui.cli.main import COMMANDS
for where, _ in COMMANDS.values():
    importlib.import_module(where.partition(":")[0])
"""


def test_no_command_imports_what_another_one_needs(tmp_path: Path) -> None:
    modules = imports_of(tmp_path, EVERY_COMMAND)
    assert "tui.cli.mcp" in modules
    assert not loaded(modules, "textual", "tui.demo", *EXTRAS, *NEVER)


def test_the_mcp_server_has_no_screen_and_runs_no_code_of_agents(tmp_path: Path, config: str) -> None:
    modules = imports_of(tmp_path, RUN, "--config", config, "mcp")
    assert "mcp.server" in modules
    assert not loaded(modules, "textual", "tui.app", "tui.demo", "smolagents", "litellm", "openai", "anthropic")


def test_an_examination_starts_without_the_panel(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("")
    modules = imports_of(tmp_path, RUN, "--config", str(path), "doctor")
    assert "tui.cli.doctor.examination" in modules
    assert not loaded(modules, "textual", "rich", "tui.demo", "tomlkit", *NEVER)


def test_the_panel_paints_before_it_imports_what_watching_needs(tmp_path: Path, config: str) -> None:
    modules = imports_of(tmp_path, PANEL, config)
    assert "textual.app" in modules
    assert not loaded(modules, "httpx", "httpcore", "tomlkit", "tui.demo", "tui.fleet.probes", *NEVER)
    assert not loaded(modules, "textual.widgets._markdown", "textual.widgets._data_table", "textual.widgets._text_area")


def test_the_simulated_fleet_knows_nothing_of_the_product(tmp_path: Path) -> None:
    modules = imports_of(tmp_path, "import tui.demo.__main__, tui.demo.life, tui.demo.control")
    product = ("tui.app", "tui.cli", "tui.fleet", "tui.control", "tui.routing")
    assert not loaded(modules, *product, "textual", "httpx", *NEVER)
