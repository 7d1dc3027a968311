from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tui.routing import guard

STAND_IN = """#!{python}
import json, pathlib, sys
file = pathlib.Path.home() / ".claude.json"
document = json.loads(file.read_text()) if file.exists() else {{}}
servers = document.setdefault("mcpServers", {{}})
words = sys.argv[1:]
with open(pathlib.Path.home() / "calls", "a") as calls:
    calls.write(json.dumps(words) + "\\n")
if words[:4] == ["mcp", "add", "-s", "user"]:
    if words[4] in servers:
        sys.exit("MCP server " + words[4] + " already exists in user config")
    servers[words[4]] = {{"type": "stdio", "command": words[6], "args": words[7:], "env": {{}}}}
elif words[:2] == ["mcp", "remove"]:
    del servers[words[2]]
else:
    sys.exit("unknown command")
file.write_text(json.dumps(document))
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home folder of somebody who works on a project in it, and has nothing of fleetdeck yet."""
    for name in ("CONFIG", "STATE", "DATA"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    for name in ("FLEETDECK_CONFIG", "CLAUDE_CONFIG_DIR", *guard.BASE_URLS, *guard.OTHER_PROVIDERS):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(guard, "MANAGED_SETTINGS", (tmp_path / "managed",))
    home = tmp_path / "home"
    (home / ".claude").mkdir(parents=True)
    (home / "project" / ".git").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(home / "project")
    monkeypatch.setenv("PATH", str(home / "bin"))
    return home


@pytest.fixture
def claude(home: Path) -> Path:
    """A stand-in for the program, which keeps its MCP servers in the real one's file and refuses a name twice."""
    program = home / "bin" / "claude"
    program.parent.mkdir()
    program.write_text(STAND_IN.format(python=sys.executable))
    program.chmod(0o755)
    return program
