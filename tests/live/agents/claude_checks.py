"""The real Claude Code reads what `fleetdeck claude install` writes. It is asked without a login, which it says after
its hooks have run and it has told what it found."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from tests.cli.demo_process import wait_until
from tests.cli.terminal import on_terminal
from tests.live.agents.alone import Alone, alone
from tests.live.checks import Check, Stage

SECONDS = 90.0
QUIET = ("env", "DISABLE_AUTOUPDATER=1", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1")
KEY = "sk-ant-api03-" + "a" * 40
"""No real one, and never sent: no prompt is written, and there is no network. Without any it draws no status line."""
ROUTES = """
[machines.koala]
[services.llama-swap]
kind = "llama-swap"
url = "http://koala:8080"
[clis.claude]
kind = "claude"
[clis.copilot]
kind = "opencode"
provider = "github-copilot"
[tiers]
opus = { external = "copilot/gpt-5.2", fallback = ["llama-swap/qwen3"] }
"""
NEW_TOOL = '[models."llama-swap/qwen3"]\ntool = { name = "ask_poet", description = "Verse." }\n'
ASK = ("claude", "-p", "--output-format", "stream-json", "--verbose", "--include-hook-events", "hello")


async def fleetdeck(claude: Alone, *arguments: str, code: int = 0) -> str:
    ended = await claude.run(sys.executable, "-m", "tui", *arguments, within=SECONDS)
    assert ended.code == code, ended.last_words
    return ended.output


async def session(claude: Alone) -> list[dict[str, Any]]:
    """What a session says of itself, event by event."""
    ended = await claude.run(*QUIET, *ASK, within=SECONDS)
    return [json.loads(line) for line in ended.output.splitlines() if line.startswith("{")]


def of_kind(events: list[dict[str, Any]], subtype: str) -> list[dict[str, Any]]:
    return [event for event in events if event.get("subtype") == subtype]


async def it_hears_of_the_mode(claude: Alone) -> None:
    await fleetdeck(claude, "external", "on", "--reason", "quota")
    await fleetdeck(claude, "claude", "install", "--yes", "--skill")
    await fleetdeck(claude, "claude", "check")
    events = await session(claude)
    (answered,) = of_kind(events, "hook_response")
    assert (answered["outcome"], answered["exit_code"]) == ("success", 0), answered
    context = json.loads(answered["stdout"])["hookSpecificOutput"]["additionalContext"]
    assert context.splitlines()[0] == "external-mode:enabled", context
    (told,) = of_kind(events, "init")
    assert "external" in told["slash_commands"], told["slash_commands"]
    assert [server["name"] for server in told["mcp_servers"]] == ["fleetdeck"], told["mcp_servers"]
    await fleetdeck(claude, "claude", "uninstall", "--yes")
    events = await session(claude)
    assert of_kind(events, "hook_response") == []
    (told,) = of_kind(events, "init")
    assert "external" not in told["slash_commands"]
    assert told["mcp_servers"] == []


async def it_ignores_settings_with_a_comment(claude: Alone) -> None:
    """Why an install into such a file says that nothing of it is in force."""
    await fleetdeck(claude, "claude", "install", "--yes", "--no-mcp")
    settings = claude.home / ".claude" / "settings.json"
    plain = settings.read_bytes()
    for prefix, heard in ((b"\xef\xbb\xbf", 1), (b"// mine\n", 0)):
        settings.write_bytes(prefix + plain)
        assert len(of_kind(await session(claude), "hook_response")) == heard, prefix
    await fleetdeck(claude, "claude", "check", code=1)


async def it_finds_the_agents_that_we_list(claude: Alone) -> None:
    folder = claude.home / ".claude" / "agents"
    (folder / "deep").mkdir(parents=True)
    whole = "---\nname: {}\ndescription: {}\nmodel: opus\n---\nbody\n"
    files = {
        "plain": whole.format("plain", "x"),
        "deep/inner": whole.format("inner", "use: when"),
        "carriage": whole.format("carriage", "x").replace("\n", "\r\n"),
        "mark": "\ufeff" + whole.format("mark", "x"),
        "late": "\n" + whole.format("late", "x"),
        "nameless": "---\ndescription: x\n---\n",
        "speechless": "---\nname: speechless\n---\n",
        "short": "---\nname: short\ndescription: x\n---",
    }
    for name, text in files.items():
        (folder / f"{name}.md").write_bytes(text.encode())
    for name in ("plain", "carriage", "mark", "short"):
        await fleetdeck(claude, "claude", "agents", name, "haiku")
    listed = json.loads(await fleetdeck(claude, "claude", "agents", "--json"))["agents"]
    ours = {row["name"] for row in listed if row["problem"] is None}
    (told,) = of_kind(await session(claude), "init")
    theirs = set(told["agents"])
    assert ours == {"plain", "inner", "carriage", "mark", "short"}, ours
    assert ours <= theirs, theirs
    assert not {"late", "nameless", "speechless"} & theirs, theirs


def _settle_in(claude: Alone) -> None:
    """As somebody who has answered its questions: which theme, whether to use this key, whether to trust the folder."""
    document = {
        "hasCompletedOnboarding": True,
        "theme": "dark",
        "customApiKeyResponses": {"approved": [KEY[-20:]], "rejected": []},
        "projects": {str(claude.home): {"hasTrustDialogAccepted": True}},
    }
    (claude.home / ".claude.json").write_text(json.dumps(document))
    config = claude.home / ".config" / "fleetdeck" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text(ROUTES)


async def it_follows_modes_and_tools(claude: Alone) -> None:
    _settle_in(claude)
    await fleetdeck(claude, "claude", "install", "--yes")
    await asyncio.to_thread(_work_with_it, claude)


def _work_with_it(claude: Alone) -> None:
    def flip(*words: str) -> None:
        command = [sys.executable, "-m", "tui", *words]
        subprocess.run(command, env=claude.environment, check=True, capture_output=True, timeout=SECONDS)

    log = claude.temporary / "debug.txt"
    run = ("env", "-C", str(claude.home), "claude", "--debug-file", str(log))
    command = claude.command(*QUIET, f"ANTHROPIC_API_KEY={KEY}", *run)
    with on_terminal(command, claude.environment, columns=80, lines=24) as terminal:
        # It waits for its provider first, in vain.
        terminal.sees("[CLAUDE] ", SECONDS)
        assert "opus → claude/opus" in terminal.shown, terminal.shown
        flip("external", "on")
        terminal.sees("opus → copilot/gpt-5.2")
        assert "[EXTERNAL since " in terminal.shown, terminal.shown
        flip("private", "on")
        terminal.sees("opus → llama-swap/qwen3 ? · PRIVATE on")
        with (claude.home / ".config" / "fleetdeck" / "config.toml").open("a") as config:
            config.write(NEW_TOOL)
        wait_until(lambda: "Received tools/list_changed" in log.read_text(), "it reads the tools again")


def _check(name: str, function: Callable[[Alone], Awaitable[None]]) -> Check:
    async def run(stage: Stage) -> None:
        async with alone("claude") as claude:
            await function(claude)

    return Check(f"claude: {name}", run)


CHECKS = (
    _check("hears of the mode once it is set up, and no more once that is taken back", it_hears_of_the_mode),
    _check("shows our status line, follows modes in it, and takes up a new tool", it_follows_modes_and_tools),
    _check("ignores settings that hold a comment, and reads a byte-order mark", it_ignores_settings_with_a_comment),
    _check("finds the agents that we list, changed ones too", it_finds_the_agents_that_we_list),
)
