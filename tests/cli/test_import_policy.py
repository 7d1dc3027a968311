from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from tui.bridges.old_commands import AskedProgram, NotUnderstood, asked_program, words_of
from tui.cli.main import run
from tui.config.load import load_config, parse_config
from tui.config.paths import default_config_text

Output = pytest.CaptureFixture[str]
Import = Callable[..., int]

POLICY = {
    "version": 2,
    "external_models": {
        "_comment": "how each is asked",
        "gpt-5.2": {
            "cli": "opencode",
            "args": ["--print", "--provider", "copilot", "--model", "gpt-5.2", "-p", "{prompt}"],
            "description": "reasoning",
        },
        "glm": "opencode --print --provider zai --model glm-4.7 -p PROMPT",
        "gemini-pro": {"command": "gemini -m gemini-3-pro -p", "use_for": ["long context", "images"]},
        "broken": {"cli": "opencode", "args": ["--print"]},
    },
    "claude_to_external_map": {"claude-opus": "gpt-5.2", "sonnet": {"primary": "glm", "fallback": ["gemini-pro"]}},
    "task_routing": {
        "reasoning": "gpt-5.2",
        "code_generation": {"models": ["glm", "llama-swap/coder", "nobody"]},
        "my-task": ["gemini-pro", "sonnet"],
        "hopeless": ["nobody"],
    },
}


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("CONFIG", "STATE", "DATA"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    monkeypatch.delenv("FLEETDECK_CONFIG", raising=False)
    path = tmp_path / "config.toml"
    path.write_text(default_config_text())
    return path


@pytest.fixture
def take(config: Path, tmp_path: Path) -> Import:
    def import_policy(policy: object, *options: str) -> int:
        file = tmp_path / "model-policy.json"
        file.write_text(policy if isinstance(policy, str) else json.dumps(policy))
        return run(["--config", str(config), "import-policy", str(file), *options])

    return import_policy


def test_a_policy_becomes_settings_and_the_difference_is_shown(take: Import, config: Path, capsys: Output) -> None:
    before = config.read_text()
    assert take(POLICY) == 0
    after = load_config(config)
    assert after.tiers["opus"].external == "copilot/gpt-5.2"
    assert after.tiers["sonnet"].external == "zai/glm-4.7"
    assert after.tiers["sonnet"].fallback == ("gemini/gemini-3-pro",)
    assert after.tiers["opus"].fallback == ("llama-swap/reasoning", "llama-swap/qwen3"), "the policy says nothing of it"
    assert after.tasks["reasoning"].models == ("copilot/gpt-5.2",)
    assert after.tasks["code-generation"].models == ("zai/glm-4.7", "llama-swap/coder")
    assert after.tasks["my-task"].models == ("gemini/gemini-3-pro", "claude/sonnet")
    assert after.models["gemini/gemini-3-pro"].about == "long context, images"
    assert after.clis == parse_config(before, config).clis, "the programs were there already, under other names"
    output = capsys.readouterr()
    assert '+reasoning       = ["copilot/gpt-5.2"]' in output.out
    assert output.out.startswith("--- ")
    assert "external_models.broken asks opencode and names no provider" in output.err
    assert "names nobody, which is no model" in output.err
    assert "task_routing.hopeless is left out" in output.err
    assert "config.toml.~1~" in output.err


def test_comments_and_everything_that_the_policy_does_not_name_stay(take: Import, config: Path) -> None:
    before = config.read_text()
    take(POLICY)
    after = config.read_text()
    comments = [line for line in before.splitlines() if line.lstrip().startswith("#")]
    assert [line for line in after.splitlines() if line.lstrip().startswith("#")] == comments
    for name in ("panel", "machines", "services", "mcp", "ledger"):
        assert tomllib.loads(after)[name] == tomllib.loads(before)[name]


def test_taking_it_over_twice_changes_nothing_more(take: Import, config: Path, capsys: Output) -> None:
    take(POLICY)
    once = config.read_bytes()
    capsys.readouterr()
    assert take(POLICY) == 0
    assert config.read_bytes() == once
    output = capsys.readouterr()
    assert output.out.strip() == ""
    assert "says all of it already" in output.err


def test_a_dry_run_writes_nothing(take: Import, config: Path, capsys: Output) -> None:
    before = config.read_bytes()
    assert take(POLICY, "--dry-run") == 0
    assert config.read_bytes() == before
    assert "+reasoning" in capsys.readouterr().out


def test_what_a_task_prefers_and_keeps_private_stays(take: Import, config: Path) -> None:
    take({"task_routing": {"quick": ["llama-swap/qwen3"], "private": ["llama-swap/gemma"]}})
    tasks = load_config(config).tasks
    assert (tasks["quick"].models, tasks["quick"].prefer) == (("llama-swap/qwen3",), "warm")
    assert (tasks["private"].models, tasks["private"].private) == (("llama-swap/gemma",), True)


def test_programs_that_are_not_there_are_added(take: Import, config: Path) -> None:
    config.write_text('[services.copilot]\nkind = "vllm"\nurl = "http://koala:8000"\n')
    policy = {
        "external_models": {
            "gpt": {"cli": "opencode", "provider": "copilot", "model": "gpt-5.2"},
            "own": ["aichat", "-m", "openai:gpt-4o", "$PROMPT"],
            "own-too": "aichat -m openai:gpt-5",
        },
        "claude_to_external_map": {"opus": "gpt", "haiku": "own", "sonnet": "own-too"},
    }
    assert take(policy) == 0
    after = load_config(config)
    assert (after.clis["copilot-2"].kind, after.clis["copilot-2"].provider) == ("opencode", "github-copilot")
    assert after.clis["aichat"].command == ("aichat", "-m", "{model}")
    assert after.clis["aichat"].models == ("openai:gpt-4o", "openai:gpt-5")
    assert {name: tier.external for name, tier in after.tiers.items()} == {
        "opus": "copilot-2/gpt-5.2",
        "haiku": "aichat/openai:gpt-4o",
        "sonnet": "aichat/openai:gpt-5",
    }


def test_models_that_stand_together_under_their_provider_are_each_taken(take: Import, config: Path) -> None:
    policy = {
        "external_models": {
            "copilot": {"cli": "opencode", "models": ["gpt-5.2", "claude-haiku-4.5"]},
            "google": {"cli": "gemini", "models": {"gemini-3-pro": {"about": "long"}}},
        },
        "task_routing": {"reasoning": ["copilot/gpt-5.2"], "vision": "gemini-3-pro"},
    }
    assert take(policy) == 0
    tasks = load_config(config).tasks
    assert tasks["reasoning"].models == ("copilot/gpt-5.2",)
    assert tasks["vision"].models == ("gemini/gemini-3-pro",)


def test_without_a_configuration_there_is_one_after(tmp_path: Path, config: Path) -> None:
    file = tmp_path / "model-policy.json"
    file.write_text(json.dumps(POLICY))
    assert run(["import-policy", str(file)]) == 0
    written = tmp_path / "config" / "fleetdeck" / "config.toml"
    assert load_config(written).tiers["opus"].external == "copilot/gpt-5.2"
    assert written.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", ["", "{", "[]", '{"models": {}}', "[" * 100_000, "\x00"])
def test_what_is_no_policy_is_a_wrong_call(take: Import, config: Path, capsys: Output, content: str) -> None:
    before = config.read_bytes()
    assert take(content) == 2
    assert "no model policy" in capsys.readouterr().err
    assert config.read_bytes() == before


@pytest.mark.parametrize("section", ["external_models", "claude_to_external_map", "task_routing"])
@pytest.mark.parametrize("value", [None, 5, "x", [], {}, [None, 5], {"x": None}, {"opus": {"a": 1}}, {"x": [[["y"]]]}])
def test_sections_of_any_shape_break_nothing(take: Import, config: Path, section: str, value: object) -> None:
    before = tomllib.loads(config.read_text())
    assert take({section: value}) == 0
    assert tomllib.loads(config.read_text()) == before


def test_readonly_and_a_broken_configuration_write_nothing(take: Import, config: Path, tmp_path: Path) -> None:
    take(POLICY)
    assert run(["--config", str(config), "--readonly", "import-policy", str(tmp_path / "model-policy.json")]) == 2
    config.write_text("[services.x]\nkind = 5\n")
    assert take(POLICY) == 2
    assert config.read_text() == "[services.x]\nkind = 5\n"


@pytest.mark.parametrize(
    ("command", "asked"),
    [
        (
            "opencode --print --provider copilot --model gpt-5.2 -p PROMPT",
            AskedProgram("opencode", "gpt-5.2", "github-copilot"),
        ),
        ("opencode run -m github-copilot/gpt-5.2", AskedProgram("opencode", "gpt-5.2", "github-copilot")),
        ("opencode --provider=zai --model=glm-4.7", AskedProgram("opencode", "glm-4.7", "zai-coding-plan")),
        ("opencode -m openrouter/meta/llama", AskedProgram("opencode", "meta/llama", "openrouter")),
        ('/usr/bin/gemini -m gemini-3-pro -p "$PROMPT"', AskedProgram("gemini", "gemini-3-pro")),
        ("claude --print --model sonnet PROMPT", AskedProgram("claude", "sonnet")),
        ("copilot -s --model gpt-5", AskedProgram("copilot", "gpt-5")),
        ("llm -m gpt-4o -n", AskedProgram("command", "gpt-4o", command=("llm", "-m", "{model}", "-n"))),
    ],
)
def test_old_commands_say_the_same_in_todays_settings(command: str, asked: AskedProgram) -> None:
    assert asked_program(words_of(command)) == asked


@pytest.mark.parametrize("command", ["", "opencode --print", "opencode -m gpt-5.2", "gemini -p x", "llm", "gemini '"])
def test_commands_that_name_no_program_or_model_are_not_guessed_at(command: str) -> None:
    with pytest.raises(NotUnderstood):
        asked_program(words_of(command))
