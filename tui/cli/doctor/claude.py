"""Claude Code's own settings: what must not be in them, and what is ignored without a word."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from tui.cli.doctor.finding import Area, Finding, fine, problem, warning
from tui.config.schema import Config
from tui.routing.guard import claude_problem


async def check_claude(config: Config) -> tuple[Finding, ...]:
    """Nothing where neither the configuration nor the home folder knows of Claude Code."""
    return await asyncio.to_thread(lambda: tuple(_findings(config, os.environ, Path.home(), Path.cwd())))


def _findings(config: Config, environment: Mapping[str, str], home: Path, folder: Path) -> Iterator[Finding]:
    place = Path(environment.get("CLAUDE_CONFIG_DIR") or home / ".claude")
    if not any(program.kind == "claude" for program in config.clis.values()) and not place.is_dir():
        return
    found = list(_settings(place / "settings.json"))
    refused = claude_problem(environment, home=home, folder=folder)
    if refused:
        text, _, fix = refused.rpartition("; ")
        found.append(problem(Area.CLAUDE, "subscription", text, f"{fix}: until then no prompt goes to claude"))
    yield from found or [fine(Area.CLAUDE, "settings", "nothing stands between claude and its own servers")]


def _settings(file: Path) -> Iterator[Finding]:
    try:
        settings = json.loads(file.read_bytes())
    except FileNotFoundError:
        return
    except OSError as error:
        text = f"{file} cannot be read: {(error.strerror or 'error').lower()}"
        yield problem(Area.CLAUDE, file.name, text, f"`ls -l {file}` shows whose it is")
        return
    except ValueError as error:
        text = f"{file} is no JSON ({error}), and Claude Code ignores all of it without a word"
        yield problem(Area.CLAUDE, file.name, text, "mend it there; Claude Code's own /doctor checks it as well")
        return
    if isinstance(settings, dict) and settings.get("mcpServers"):
        names = ", ".join(settings["mcpServers"]) if isinstance(settings["mcpServers"], dict) else "mcpServers"
        text = f"{file} names MCP servers ({names}), and Claude Code looks for them elsewhere"
        yield warning(
            Area.CLAUDE, "mcpServers", text, "`claude mcp add -s user NAME -- COMMAND` puts them in the right file"
        )
