from __future__ import annotations

import json
from pathlib import Path

import pytest

from tui.config.schema import CliSettings, Config
from tui.routing import guard
from tui.routing.guard import claude_problem, look, program_problem


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(guard, "MANAGED_SETTINGS", (tmp_path / "managed",))
    (tmp_path / "home" / ".claude").mkdir(parents=True)
    return tmp_path / "home"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "project" / ".git").mkdir(parents=True)
    (tmp_path / "project" / "src").mkdir()
    return tmp_path / "project"


def _env(variables: object) -> str:
    return json.dumps({"env": variables, "model": "opus"})


THEIRS = {"ANTHROPIC_BASE_URL": "http://user:secret@proxy.example:4000"}


def test_with_nothing_set_claude_may_be_asked(home: Path, project: Path) -> None:
    assert claude_problem({"PATH": "/bin"}, home=home, folder=project) == ""


def test_a_third_party_address_in_the_environment_is_named_without_what_it_hides(home: Path, project: Path) -> None:
    problem = claude_problem(THEIRS, home=home, folder=project)
    assert "ANTHROPIC_BASE_URL in the environment" in problem
    assert "proxy.example" in problem
    assert "secret" not in problem


@pytest.mark.parametrize(
    ("name", "value", "refused"),
    [
        ("ANTHROPIC_BASE_URL", "https://api.anthropic.com", False),
        ("ANTHROPIC_BASE_URL", "https://API.anthropic.com/", False),
        ("ANTHROPIC_BASE_URL", "", False),
        ("ANTHROPIC_BASE_URL", "http://api.anthropic.com", True),
        ("ANTHROPIC_BASE_URL", "https://api.anthropic.com.evil.example", True),
        ("ANTHROPIC_BASE_URL", "https://evil.example/api.anthropic.com", True),
        ("ANTHROPIC_BASE_URL", "https://notanthropic.com", True),
        ("ANTHROPIC_BASE_URL", "http://127.0.0.1:4000", True),
        ("ANTHROPIC_BASE_URL", "http://[broken", True),
        ("ANTHROPIC_BEDROCK_BASE_URL", "https://bedrock.example", True),
        ("CLAUDE_CODE_USE_BEDROCK", "1", True),
        ("CLAUDE_CODE_USE_VERTEX", "true", True),
        ("CLAUDE_CODE_USE_BEDROCK", "0", False),
        ("CLAUDE_CODE_USE_VERTEX", "", False),
        ("ANTHROPIC_API_KEY", "sk-anything", False),
    ],
)
def test_what_counts_is_where_the_subscription_would_go(
    home: Path, project: Path, name: str, value: str, refused: bool
) -> None:
    assert bool(claude_problem({name: value}, home=home, folder=project)) is refused


@pytest.mark.parametrize(
    "place",
    [
        "home/.claude/settings.json",
        "home/.claude/settings.local.json",
        "home/.claude.json",
        "project/.claude/settings.json",
        "project/.claude/settings.local.json",
        "project/src/.claude/settings.json",
        "managed/managed-settings.json",
        "managed/managed-settings.d/10-proxy.json",
    ],
)
def test_every_settings_file_that_claude_reads_is_looked_at(home: Path, project: Path, place: str) -> None:
    file = home.parent / place
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(_env(THEIRS))
    problem = claude_problem({}, home=home, folder=project / "src")
    assert "proxy.example" in problem
    assert Path(place).name in problem
    file.write_text(_env({"ANTHROPIC_BASE_URL": "https://api.anthropic.com", "OTHER": 5}))
    assert claude_problem({}, home=home, folder=project / "src") == ""


def test_a_large_settings_file_counts_as_it_is_now(home: Path, project: Path) -> None:
    file = home / ".claude.json"
    history = {"projects": {"/x": {"history": ["x" * guard.LARGE]}}}
    for variables, refused in ((THEIRS, True), ({}, False), (THEIRS, True)):
        file.write_text(json.dumps({"env": variables, **history}))
        for _ in range(2):
            assert bool(claude_problem({}, home=home, folder=project)) == refused


def test_settings_moved_elsewhere_are_followed(home: Path, project: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "settings.json").write_text(_env({"CLAUDE_CODE_USE_BEDROCK": 1}))
    assert claude_problem({"CLAUDE_CONFIG_DIR": str(tmp_path / "elsewhere")}, home=home, folder=project)


def test_settings_beside_another_project_do_not_count(home: Path, project: Path) -> None:
    (project.parent / ".claude").mkdir()
    (project.parent / ".claude" / "settings.json").write_text(_env(THEIRS))
    assert claude_problem({}, home=home, folder=project / "src") == ""


@pytest.mark.parametrize("content", ["", "{", "[]", '{"env": 5}', '{"env": null}', "\x00", '{"history": ["no"]}'])
def test_settings_without_such_a_name_never_stand_in_the_way(home: Path, project: Path, content: str) -> None:
    (home / ".claude" / "settings.json").write_text(content)
    assert claude_problem({}, home=home, folder=project) == ""


def test_broken_settings_that_name_it_count_as_set(home: Path, project: Path) -> None:
    (home / ".claude" / "settings.json").write_text('{"env": {"ANTHROPIC_BASE_URL": "http://proxy.example",}}')
    assert "cannot be read" in claude_problem({}, home=home, folder=project)


def test_a_name_written_with_escapes_is_seen_and_one_in_a_prompt_of_the_past_is_not(home: Path, project: Path) -> None:
    settings = home / ".claude" / "settings.json"
    settings.write_text('{"env": {"\\u0041NTHROPIC_BASE_URL": "http://proxy.example"}}')
    assert claude_problem({}, home=home, folder=project)
    settings.unlink()
    (home / ".claude.json").write_text('{"projects": {"/x": {"history": ["what is ANTHROPIC_BASE_URL?"]}}}')
    assert claude_problem({}, home=home, folder=project) == ""


def test_programs_are_looked_for_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    copilot = CliSettings(name="copilot", kind="opencode", provider="github-copilot")
    assert program_problem(copilot) == "opencode is not installed, or not on the PATH"
    (tmp_path / "opencode").write_text("#!/bin/sh\n")
    (tmp_path / "opencode").chmod(0o755)
    assert program_problem(copilot) == ""
    own = CliSettings(name="own", kind="command", command=(str(tmp_path / "none"), "-m"), models=("x",))
    assert str(tmp_path / "none") in program_problem(own)


def test_claude_is_looked_into_only_where_it_may_be_asked(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://proxy.example")
    monkeypatch.setenv("HOME", str(home))
    clis = {"sub": CliSettings(name="sub", kind="claude"), "gemini": CliSettings(name="gemini", kind="gemini")}
    config = Config(clis=clis)
    assert look("", {"gemini"}, config).claude == ""
    findings = look("key ghp_" + "a" * 36, {"sub", "gemini"}, config)
    assert "proxy.example" in findings.claude
    assert findings.credentials == ("GitHub token",)
    assert set(findings.programs) == {"sub", "gemini"}
