"""Real programs of agents start our MCP server, and say that they are connected to it. No login is needed for that."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Awaitable, Callable

from tests.live.agents.alone import Alone, Ended, alone
from tests.live.checks import Check, Stage

SECONDS = 90.0
CONFIG = '[services.nobody]\nkind = "llama-swap"\nurl = "http://127.0.0.1:9"\n'


def server_command(agent: Alone) -> list[str]:
    """How the program is to start the server: with a configuration of its own."""
    path = agent.home / "fleet.toml"
    path.write_text(CONFIG)
    return [sys.executable, "-m", "tui", "--config", str(path), "mcp"]


async def claude_lists_it(agent: Alone) -> Ended:
    command = server_command(agent)
    added = await agent.run("claude", "mcp", "add", "-s", "user", "fleetdeck", "--", *command, within=SECONDS)
    assert added.code == 0, added.last_words
    return await agent.run("claude", "mcp", "list", within=SECONDS)


async def gemini_lists_it(agent: Alone) -> Ended:
    name, *arguments = server_command(agent)
    # Without "--" the program would take our options for its own.
    added = await agent.run("gemini", "mcp", "add", "-s", "user", "fleetdeck", name, "--", *arguments, within=SECONDS)
    assert added.code == 0, added.last_words
    # Servers of the user are left alone in a folder that is not trusted.
    trusted = ("env", "GEMINI_CLI_TRUST_WORKSPACE=true", "GEMINI_CLI_NO_RELAUNCH=true")
    return await agent.run(*trusted, "gemini", "mcp", "list", within=SECONDS)


async def opencode_lists_it(agent: Alone) -> Ended:
    folder = agent.home / ".config" / "opencode"
    folder.mkdir(parents=True)
    server = {"type": "local", "command": server_command(agent), "enabled": True}
    settings = {"$schema": "https://opencode.ai/config.json", "autoupdate": False, "mcp": {"fleetdeck": server}}
    (folder / "opencode.json").write_text(json.dumps(settings))
    return await agent.run("opencode", "mcp", "list", within=SECONDS)


def _check(program: str, listing: Callable[[Alone], Awaitable[Ended]]) -> Check:
    async def run(stage: Stage) -> None:
        async with alone(program) as agent:
            ended = await listing(agent)
        told = re.sub(r"\x1b\[[0-9;]*m", "", ended.output + ended.errors)
        lines = [line for line in told.splitlines() if "fleetdeck" in line]
        assert any(re.search(r"(?<!not )(?<!dis)\bconnected", line, re.IGNORECASE) for line in lines), told[-600:]

    return Check(f"{program}: `mcp list` says that our MCP server is connected", run)


CHECKS = (_check("claude", claude_lists_it), _check("gemini", gemini_lists_it), _check("opencode", opencode_lists_it))
