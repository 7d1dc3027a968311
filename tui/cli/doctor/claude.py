"""Claude Code's own set-up, as ``fleetdeck claude check`` looks at it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

from tui.bridges.claude_check import ClaudeProblem, look_at_claude
from tui.bridges.claude_install import Surroundings
from tui.cli.doctor.finding import Area, Finding, fine, problem, warning
from tui.config.schema import Config
from tui.routing.modes import Modes

PROBLEMS = frozenset({"terms", "settings", "registration"})
"""What keeps something from working; an agent that is skipped or does not follow the mode is a warning."""


async def check_claude(config: Config, modes: Modes) -> tuple[Finding, ...]:
    """Nothing where neither the configuration nor the home folder knows of Claude Code."""
    return await asyncio.to_thread(lambda: tuple(_findings(config, modes)))


def _findings(config: Config, modes: Modes) -> Iterator[Finding]:
    place = Surroundings(program=("fleetdeck",), home=Path.home())
    if not any(program.kind == "claude" for program in config.clis.values()) and not place.folder.is_dir():
        return
    # In the home folder the project's settings are the person's own, and would be told twice.
    problems = dict.fromkeys(look_at_claude(place, Path.cwd(), modes).problems)
    for found in problems:
        yield _finding(found, place.home)
    if not problems:
        yield fine(Area.CLAUDE, "settings", "nothing stands between claude and its own servers")


def _finding(found: ClaudeProblem, home: Path) -> Finding:
    if found.kind == "terms":
        text, _, fix = found.text.rpartition("; ")
        return problem(Area.CLAUDE, "subscription", text, f"{fix}: until then no prompt goes to claude")
    about = found.about.replace(f"{home}/", "~/", 1)
    text = f"{about} {found.text}" if found.kind in ("settings", "agent", "drift") or "/" in about else found.text
    return (problem if found.kind in PROBLEMS else warning)(Area.CLAUDE, found.kind, text, found.fix)
