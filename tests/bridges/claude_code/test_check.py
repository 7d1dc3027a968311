"""What a look at Claude Code's files finds."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tui.cli.main import run

Output = pytest.CaptureFixture[str]


def problems(capsys: Output) -> list[tuple[str, str]]:
    capsys.readouterr()
    code = run(["claude", "check", "--json"])
    document = json.loads(capsys.readouterr().out)
    found = [(problem["kind"], problem["text"]) for problem in document["problems"]]
    assert code == (1 if found else 0)
    assert all(problem["fix"] and problem["about"] for problem in document["problems"])
    return found


def test_all_is_well_after_an_install(home: Path, claude: Path, capsys: Output) -> None:
    run(["claude", "install", "--yes"])
    assert problems(capsys) == []
    assert run(["claude", "check"]) == 0
    output = capsys.readouterr()
    assert "nothing is wrong" in output.out
    assert output.err == ""


def test_without_an_install_the_way_is_told(home: Path, capsys: Output) -> None:
    assert run(["claude", "check"]) == 0
    assert "fleetdeck claude install" in capsys.readouterr().err


def test_a_third_party_address_breaks_the_terms(home: Path, capsys: Output) -> None:
    url = "http://user:hidden@proxy.example:4000"
    (home / ".claude" / "settings.json").write_text(json.dumps({"env": {"ANTHROPIC_BASE_URL": url}}))
    ((kind, words),) = problems(capsys)
    assert kind == "terms"
    assert "proxy.example" in words
    assert "hidden" not in words


def test_in_the_home_folder_everything_is_told_once(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    """There the person's own settings are the folder's settings too, by whatever name one came there."""
    (home / ".claude" / "settings.json").write_text(json.dumps({"mcpServers": {"x": {"command": "y"}}}))
    (home / ".claude" / "agents").mkdir()
    (home / ".claude" / "agents" / "a.md").write_text("---\ndescription: x\n---\n")
    (home.parent / "way").symlink_to(home)
    for folder in (home, home.parent / "way"):
        monkeypatch.chdir(folder)
        monkeypatch.setenv("PWD", str(folder))
        assert [kind for kind, _ in problems(capsys)] == ["registration", "agent"]
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(home.parent / "way" / ".claude"))
    assert [kind for kind, _ in problems(capsys)] == ["registration", "agent"]


def test_in_a_home_folder_under_version_control_ones_own_agents_stay_ones_own(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    (home / ".git").mkdir()
    (home / "notes" / ".claude" / "agents").mkdir(parents=True)
    (home / ".claude" / "agents").mkdir()
    for folder, model in ((home, "opus"), (home / "notes", "haiku")):
        text = f"---\nname: a\ndescription: x\nmodel: {model}\n---\n"
        (folder / ".claude" / "agents" / "a.md").write_text(text)
    monkeypatch.chdir(home / "notes")
    run(["claude", "agents", "--json"])
    rows = json.loads(capsys.readouterr().out)["agents"]
    assert [(row["scope"], row["model"], row["hidden"]) for row in rows] == [
        ("project", "haiku", False), ("user", "opus", True),
    ]  # fmt: skip


def test_agents_that_do_not_follow_the_mode_have_drifted(home: Path, capsys: Output) -> None:
    folder = home / ".claude" / "agents"
    folder.mkdir()
    for name, lines in {
        "pinned": "model: opus", "follows": "model: inherit", "front": "model: haiku\ntools: Read, Bash",
        "stuck": "model: haiku\ntools: Read", "through-us": "tools: mcp__fleetdeck__ask",
    }.items():  # fmt: skip
        (folder / f"{name}.md").write_text(f"---\nname: {name}\ndescription: x\n{lines}\n---\n")
    assert problems(capsys) == []
    run(["external", "on"])
    found = problems(capsys)
    assert [kind for kind, _ in found] == ["drift", "drift"]
    assert "works on opus of Claude's subscription" in found[0][1]
    assert "no tool to hand work on with" in found[1][1]
    run(["claude", "agents", "pinned", "haiku"])
    assert len(problems(capsys)) == 1
    nearer = Path.cwd() / ".claude" / "agents"
    nearer.mkdir(parents=True)
    (nearer / "stuck.md").write_text("---\nname: stuck\ndescription: x\nmodel: inherit\n---\n")
    assert problems(capsys) == [], "the one that stands behind it is none that runs"


def test_what_is_dead_is_named(home: Path, capsys: Output) -> None:
    (home / ".claude" / "settings.json").write_text(
        json.dumps(
            {
                "hooks": {
                    "Stop": [
                        {"hooks": [{"type": "command", "command": "/gone/hook.sh --x"}]},
                        {"hooks": [{"type": "command", "command": "$CLAUDE_PROJECT_DIR/x.sh; [ -e y ] && echo z"}]},
                        {"hooks": [{"type": "command", "command": f"{sys.executable} -V"}]},
                    ],
                    "SessionStart": [{"hooks": [{"type": "command", "command": "/old/fleetdeck claude hook"}]}],
                },
                "mcpServers": {"x": {"command": "y"}},
            }
        )
    )
    (home / ".claude.json").write_text(
        json.dumps(
            {
                "mcpServers": {"fleetdeck": {"command": "/old/fleetdeck"}, "web": {"type": "http", "url": "http://x"}},
                "projects": {str(Path.cwd()): {"mcpServers": {"near": {"command": "no-such-program"}}}},
            }
        )
    )
    shared = {"ok": {"command": sys.executable}, "shared": {"command": "./gone"}}
    Path(".mcp.json").write_text(json.dumps({"mcpServers": shared}))
    found = problems(capsys)
    assert {kind for kind, _ in found} == {"registration"}
    words = "\n".join(text for _, text in found)
    for dead in (
        "/gone/hook.sh",
        "hooks.SessionStart run /old/fleetdeck",
        "server fleetdeck",
        "server near",
        "server shared",
        "not load",
    ):
        assert dead in words
    assert len(found) == 6


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{\n// x\n"model": "opus"}', "ignores the whole file"),
        ('{\n"a": [1,],}', "ignores the whole file"),
        ('{"a": 1', "is no JSON: line 1"),
        ('{"disableAllHooks": true, "statusLine": {"type": "command", "command": "x"}}', "switches all hooks off"),
    ],
)
def test_settings_that_claude_code_would_not_follow_are_named(
    home: Path, capsys: Output, content: str, words: str
) -> None:
    (home / ".claude" / "settings.json").write_text(content)
    ((kind, text),) = problems(capsys)
    assert kind == "settings"
    assert words in text


def test_an_agent_that_is_skipped_or_names_no_model_of_claudes_is_named(home: Path, capsys: Output) -> None:
    folder = home / ".claude" / "agents"
    folder.mkdir()
    (folder / "a.md").write_text("---\ndescription: x\n---\n")
    (folder / "b.md").write_text("---\nname: two words\ndescription: x\nmodel: llama-swap/qwen3\n---\n")
    assert run(["claude", "check"]) == 1
    shown = capsys.readouterr().out
    assert f"× agent  {folder}/a.md: has no name, so that Claude Code skips it silently\n" in shown
    assert "× agent  two words: runs on llama-swap/qwen3, which is no model of Claude Code's\n" in shown
    assert "  fleetdeck claude agents 'two words' inherit;" in shown
