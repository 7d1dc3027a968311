"""What Claude Code's SessionStart hook is told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tui.cli.main import run
from tui.config.paths import modes_file

Output = pytest.CaptureFixture[str]


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


def test_private_mode_that_nobody_can_read_counts_as_on(home: Path, capsys: Output) -> None:
    modes_file().parent.mkdir(parents=True)
    modes_file().write_text("{")
    assert run(["claude", "hook"]) == 0
    assert capsys.readouterr().out == "private-mode:enabled\n"
    assert run(["claude", "hook", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert "Private mode is on: " in document["hookSpecificOutput"]["additionalContext"]
    assert "private mode counts as on" in document["systemMessage"]


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
