"""What Claude Code calls, what it is set up with, and what a look at it finds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tui.bridges.claude_quota import Quota, Window, keep_quota, newest, quota_file, read_quota, told_quota
from tui.cli.main import run
from tui.routing import guard

Output = pytest.CaptureFixture[str]

CONFIG = """
[clis.claude]
kind = "claude"
[clis.copilot]
kind = "opencode"
provider = "github-copilot"
[tiers]
sonnet = { external = "copilot/claude-sonnet-4.5" }
"""
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


def servers(home: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((home / ".claude.json").read_bytes())["mcpServers"]
    return found


# The hook.


def test_the_hook_tells_the_mode_on_a_line_while_it_is_on(home: Path, capsys: Output) -> None:
    assert run(["claude", "hook"]) == 0
    assert capsys.readouterr().out == ""
    run(["external", "on", "--reason", "quota"])
    capsys.readouterr()
    assert run(["claude", "hook"]) == 0
    assert capsys.readouterr().out == "external-mode:enabled\n"
    run(["private", "on"])
    capsys.readouterr()
    assert run(["claude", "hook"]) == 0
    assert capsys.readouterr().out == "external-mode:enabled\nprivate-mode:enabled\n"


def test_the_hooks_json_has_the_marker_the_reason_and_what_to_do(home: Path, capsys: Output) -> None:
    run(["external", "on", "--reason", "quota \x1b[2J"])
    capsys.readouterr()
    assert run(["claude", "hook", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert set(document) == {"hookSpecificOutput", "systemMessage"}
    output = document["hookSpecificOutput"]
    assert output["hookEventName"] == "SessionStart"
    assert output["additionalContext"].splitlines()[0] == "external-mode:enabled"
    assert "delegate --tier" in output["additionalContext"]
    assert "quota" in document["systemMessage"]
    assert "\x1b" not in output["additionalContext"] + document["systemMessage"]
    run(["external", "off"])
    capsys.readouterr()
    run(["claude", "hook", "--json"])
    document = json.loads(capsys.readouterr().out)
    # A resumed session was told of the mode before.
    assert document["hookSpecificOutput"]["additionalContext"] == "external-mode:disabled"
    assert "systemMessage" not in document


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_broken_mode_file_is_unknown_and_holds_no_session_up(home: Path, capsys: Output, options: list[str]) -> None:
    (home / ".claude" / "state").mkdir()
    (home / ".claude" / "state" / "external-mode.json").write_text("{")
    assert run(["claude", "hook", *options]) == 0
    output = capsys.readouterr()
    assert "external-mode:unknown" in output.out
    assert "external-mode:enabled" not in output.out
    assert "external-mode.json" in output.out + output.err


def test_a_broken_configuration_holds_no_session_up(home: Path, capsys: Output) -> None:
    config = home / "config.toml"
    config.write_text("[panel\n")
    assert run(["--config", str(config), "claude", "hook", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert "external-mode:unknown" in document["hookSpecificOutput"]["additionalContext"]
    assert str(config) in document["systemMessage"]


def test_the_hook_imports_no_more_than_it_needs(home: Path) -> None:
    program = (
        "import sys\nfrom tui.cli.main import run\ncode = run(['claude', 'hook', '--json'])\n"
        "heavy = {'httpx', 'asyncio', 'textual', 'tomlkit', 'sqlite3', 'subprocess', 'tui.config.load', 'mcp',"
        " 'tui.bridges.claude_install', 'tui.routing.plan'} & sys.modules.keys()\n"
        "print(heavy, file=sys.stderr)\nsys.exit(code or bool(heavy))"
    )
    # An end of input that never comes is not waited for.
    reading, writing = os.pipe()
    try:
        done = subprocess.run(
            [sys.executable, "-c", program], stdin=reading, capture_output=True, timeout=30, check=False
        )
    finally:
        os.close(reading)
        os.close(writing)
    assert done.returncode == 0, done.stderr.decode()


# The status line.


def tell(told: object, monkeypatch: pytest.MonkeyPatch, *options: str) -> int:
    reading, writing = os.pipe()
    os.write(writing, told if isinstance(told, bytes) else json.dumps(told).encode())
    os.close(writing)
    with os.fdopen(reading) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        return run([*options, "claude", "statusline"])


def test_the_status_line_shows_mode_model_route_and_quota(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    config = home / "config.toml"
    config.write_text(CONFIG)
    options = ("--config", str(config))
    soon = time.time() + 7200
    told = {
        "model": {"id": "claude-sonnet-5-5", "display_name": "Sonnet 5.5"},
        "rate_limits": {
            "seven_day": {"used_percentage": 12.4, "resets_at": soon + 86400 * 3},
            "five_hour": {"used_percentage": 34, "resets_at": soon},
        },
    }
    assert tell(told, monkeypatch, *options) == 0
    line = capsys.readouterr().out
    assert line.startswith("[CLAUDE] Sonnet 5.5 · sonnet → claude/sonnet · 5 h 34% used, resets in 2 h · week 12% used")
    run(["external", "on"])
    capsys.readouterr()
    assert tell(told, monkeypatch, *options) == 0
    line = capsys.readouterr().out
    assert line.startswith("[EXTERNAL since ")
    assert "sonnet → copilot/claude-sonnet-4.5" in line
    assert line.count("\n") == 1
    run(["external", "off"])
    run(["private", "on"])
    capsys.readouterr()
    assert tell(told, monkeypatch, *options) == 0
    assert "sonnet → own machines alone · PRIVATE on" in capsys.readouterr().out
    file = quota_file()
    assert file.stat().st_mode & 0o777 == 0o600
    assert [window.name for window in read_quota(file).windows] == ["five_hour", "seven_day"]
    assert json.loads(file.read_bytes())["schema"] == 1


@pytest.mark.parametrize(
    "told",
    [b"", b"{", b"[]", b"null", b"\xff", b"[" * 50_000, {"model": 5}, {"model": {"display_name": ["x"]}},
     {"rate_limits": {"five_hour": {"used_percentage": "x"}, "y": None}}, {"rate_limits": [1]},
     {"model": {"display_name": "\x1b[31mred\n"}}],
)  # fmt: skip
def test_whatever_it_is_told_the_status_line_is_one_clean_line(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output, told: object
) -> None:
    assert tell(told, monkeypatch) == 0
    line = capsys.readouterr().out
    assert line.startswith("[CLAUDE]")
    assert line.count("\n") == 1
    assert "\x1b" not in line
    assert not quota_file().exists()


def window(name: str = "five_hour", used: float = 10.0, resets: float | None = 5000.0, told: float = 100.0) -> Window:
    return Window(name, used, resets, told)


def test_a_session_that_idles_takes_nothing_back(tmp_path: Path) -> None:
    kept = Quota((window(used=40.0, told=200.0),))
    assert newest(kept, Quota((window(used=10.0, told=300.0),))) == kept, "use only grows until the reset"
    assert newest(kept, Quota((window(used=40.0, told=300.0),))) == kept, "a repeated figure is as old as it was"
    assert newest(kept, Quota((window(used=90.0, resets=400.0, told=300.0),))) == kept, "of a window that is over"
    later = window(used=1.0, resets=9000.0, told=300.0)
    assert newest(kept, Quota((later,))) == Quota((later,)), "a new window begins low"
    other = window(name="seven_day", told=300.0)
    assert newest(kept, Quota((other,))) == Quota((*kept.windows, other)), "what is not told stays"


def test_the_quota_is_written_only_where_there_is_news(tmp_path: Path) -> None:
    file = tmp_path / "state" / "quota.json"
    keep_quota(file, Quota((window(),)))
    first = file.stat().st_ino
    keep_quota(file, Quota((window(told=900.0),)))
    assert file.stat().st_ino == first
    keep_quota(file, Quota((window(used=11.0, told=900.0),)))
    assert read_quota(file) == Quota((window(used=11.0, told=900.0),))
    file.write_text("{")
    assert read_quota(file) == Quota()
    keep_quota(file, Quota((window(),)))
    assert read_quota(file) == Quota((window(),))


def test_what_is_spent_of_a_limit_is_a_percentage_and_a_reset_says_so() -> None:
    told = told_quota({"spend_limit": {"used_usd": 5, "limit_usd": 20, "resets_at": "2026-11-20T00:00:00Z"}}, 1.0)
    assert told.windows[0].used_percent == 25.0
    assert "spent 25% used" in told.words(0.0)
    assert told.words(time.time() + 1e9) == "spent reset since"


# What sets it up.


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


# What a look finds.


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
    Path(".mcp.json").write_text(json.dumps({"mcpServers": {"ok": {"command": sys.executable}}}))
    found = problems(capsys)
    assert {kind for kind, _ in found} == {"registration"}
    words = "\n".join(text for _, text in found)
    for dead in (
        "/gone/hook.sh",
        "hooks.SessionStart run /old/fleetdeck",
        "server fleetdeck",
        "server near",
        "not load",
    ):
        assert dead in words
    assert len(found) == 5


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
    (folder / "b.md").write_text("---\nname: b\ndescription: x\nmodel: llama-swap/qwen3\n---\n")
    found = problems(capsys)
    assert [kind for kind, _ in found] == ["agent", "agent"]
    assert "has no name" in found[0][1]
    assert "llama-swap/qwen3" in found[1][1]
