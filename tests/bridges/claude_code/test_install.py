"""What sets Claude Code up besides its settings: the MCP server, the skill, a component registry."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tui.cli.main import run

Output = pytest.CaptureFixture[str]


def servers(home: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((home / ".claude.json").read_bytes())["mcpServers"]
    return found


def test_the_mcp_server_is_registered_once(home: Path, claude: Path, capsys: Output) -> None:
    assert run(["claude", "install", "--yes"]) == 0
    assert "mcp add -s user fleetdeck --" in capsys.readouterr().out
    registered = servers(home)["fleetdeck"]
    assert registered["command"].endswith("fleetdeck")
    assert registered["args"] == ["mcp"]
    assert run(["claude", "install", "--yes"]) == 0
    assert "set up already" in capsys.readouterr().err
    assert len((home / "calls").read_text().splitlines()) == 1
    (home / ".claude.json").write_text(json.dumps({"mcpServers": {"fleetdeck": {"command": "/gone"}, "x": {}}, "a": 1}))
    assert run(["claude", "install", "--yes"]) == 0
    assert servers(home) == {"fleetdeck": registered, "x": {}}, "an outdated one is replaced"
    assert run(["claude", "uninstall", "--yes"]) == 0
    assert json.loads((home / ".claude.json").read_bytes()) == {"mcpServers": {"x": {}}, "a": 1}
    assert not (home / ".claude" / "settings.json").exists()
    capsys.readouterr()
    assert run(["claude", "uninstall", "--yes"]) == 0
    assert "has nothing of fleetdeck" in capsys.readouterr().err


def test_without_claude_the_rest_is_set_up_and_it_says_so(home: Path, capsys: Output) -> None:
    assert run(["claude", "install", "--yes"]) == 0
    assert "claude is not on the PATH" in capsys.readouterr().err
    assert (home / ".claude" / "settings.json").exists()


def test_a_claude_that_fails_is_quoted(home: Path, claude: Path, capsys: Output) -> None:
    claude.write_text(f"#!{sys.executable}\nimport sys\nsys.exit('no \\x1b[31mway')\n")
    assert run(["claude", "install", "--yes"]) == 1
    error = capsys.readouterr().err
    assert "mcp add -s user fleetdeck" in error
    assert "no ␛[31mway" in error


def test_the_skill_is_written_and_removed_and_a_persons_own_is_left(home: Path, capsys: Output) -> None:
    skill = home / ".claude" / "skills" / "external" / "SKILL.md"
    assert run(["claude", "install", "--yes", "--no-mcp", "--skill"]) == 0
    content = skill.read_text()
    assert content.startswith("---\nname: external\n")
    assert "argument-hint: on|off|status" in content
    assert "!`" not in content, "what a person says is never part of a shell command"
    assert run(["claude", "uninstall", "--yes"]) == 0
    assert list((home / ".claude").rglob("*")) == []
    skill.parent.mkdir(parents=True)
    skill.write_text("---\nname: external\n---\nmine\n")
    assert run(["claude", "install", "--yes", "--no-mcp", "--skill"]) == 0
    assert "a skill of yours" in capsys.readouterr().err
    assert run(["claude", "uninstall", "--yes"]) == 0
    assert skill.read_text() == "---\nname: external\n---\nmine\n"


@pytest.mark.parametrize(
    "before",
    [
        None,
        '{\n  "version": 2,\n  "components": {\n    "other": {"type": "skill"}\n  }\n}\n',
        '{"components": [{"name": "other"}, {"name": "more"}]}',
        '{\n\t// mine\n\t"version": 2\n}\n',
    ],
)
def test_a_component_registry_gets_one_entry_with_every_phrase(home: Path, before: str | None) -> None:
    file = home / "component-registry.json"
    if before is not None:
        file.write_text(before)
    arguments = ["claude", "install", "--yes", "--no-mcp", "--registry", str(file)]
    assert run(arguments) == 0
    once = file.read_bytes()
    assert b"switch to external models" in once
    assert run(arguments) == 0
    assert file.read_bytes() == once
    if before is None or "//" not in before:
        components = json.loads(once)["components"]
        entry = components["external-mode"] if isinstance(components, dict) else components[-1]
        assert {trigger["action"] for trigger in entry["triggers"]} == {"on", "off", "status", "once"}
    assert run(["claude", "uninstall", "--yes", "--registry", str(file)]) == 0
    assert file.exists() == (before is not None)
    assert before is None or b"external-mode" not in file.read_bytes()
    if before is not None and '"other"' in before:
        assert file.read_text() == before
