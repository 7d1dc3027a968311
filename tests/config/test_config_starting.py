"""The first configuration of a person whose servers were found."""

from __future__ import annotations

from pathlib import Path

import pytest

from tui.config.load import parse_config
from tui.config.paths import default_config_text
from tui.config.schema import Config, MachineSettings, ServiceSettings
from tui.config.starting import starting_text

HERE = MachineSettings(name="localhost", about="this machine", local=True)
OLLAMA = ServiceSettings(name="ollama", kind="ollama", url="http://127.0.0.1:11434")
SECOND = ServiceSettings(name="llama-swap-9292", kind="llama-swap", url="http://127.0.0.1:9292")


def found(*services: ServiceSettings) -> Config:
    return Config(machines={HERE.name: HERE}, services={service.name: service for service in services})


def written(
    *services: ServiceSettings, models: tuple[str, ...], installed: tuple[str, ...] = ("claude", "opencode", "gemini")
) -> tuple[str, Config]:
    text = starting_text(default_config_text(), found(*services), models, installed.__contains__)
    return text, parse_config(text, Path("config.toml"))


def test_what_was_found_stands_in_place_of_the_names_that_ship() -> None:
    text, config = written(OLLAMA, SECOND, models=("ollama/tiny:latest",))
    assert dict(config.machines) == {"localhost": HERE}
    assert {name: (one.kind, one.url) for name, one in config.services.items()} == {
        "ollama": ("ollama", OLLAMA.url),
        "llama-swap-9292": ("llama-swap", SECOND.url),
    }
    assert "# [machines.koala]" in text, "how another machine is written is there to learn from"
    assert "# [services.litellm]" in text


def test_every_row_asks_models_that_are_there_or_programs() -> None:
    _, config = written(OLLAMA, models=("ollama/tiny:latest", "ollama/llama3.2", "ollama/third"))
    template = parse_config(default_config_text(), Path("config.toml"))
    assert config.tasks.keys() == template.tasks.keys()
    for task in config.tasks.values():
        assert task.models
        for model_id in task.models:
            assert model_id.startswith("ollama/") or model_id.partition("/")[0] in config.clis
    assert config.tasks["private"].models == ("ollama/tiny:latest", "ollama/llama3.2")
    assert config.tasks["private"].private
    assert "ollama/llama3.2" in config.tasks["bulk"].models, "a model that is there by its very name stays"
    assert config.tiers["opus"].external == "copilot/gpt-5.2"
    assert config.tiers["opus"].fallback == ("ollama/tiny:latest", "ollama/llama3.2")
    assert config.mcp.local == "ollama/tiny:latest"


@pytest.mark.parametrize("services", [(OLLAMA,), (SECOND,)])
def test_rows_that_no_model_is_there_for_are_left_out(services: tuple[ServiceSettings, ...]) -> None:
    _, config = written(*services, models=())
    assert "private" not in config.tasks
    assert config.tasks["default"].models == ("copilot/claude-sonnet-4.5",)
    assert config.mcp.local is None


def test_with_nothing_found_it_is_the_one_that_ships() -> None:
    assert starting_text(default_config_text(), Config(), (), lambda kind: True) == default_config_text()


def test_programs_that_are_not_installed_are_left_out_of_every_row() -> None:
    text, config = written(OLLAMA, models=("ollama/tiny:latest",), installed=("claude",))
    assert config.clis.keys() == {"claude"}
    assert '# provider = "github-copilot"' in text
    assert config.tiers["opus"].external is None
    assert config.tasks["long-task"].models == ("claude/opus", "ollama/tiny:latest")
    named = {model.partition("/")[0] for task in config.tasks.values() for model in task.models}
    assert named == {"claude", "ollama"}
