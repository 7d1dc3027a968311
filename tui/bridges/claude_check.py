"""What is wrong with how Claude Code is set up: against the subscription's terms, against the mode, or dead."""

from __future__ import annotations

import importlib.util
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tui.bridges.claude_agents import AGENT_MODELS, Agent, agents_here
from tui.bridges.claude_install import Surroundings
from tui.bridges.claude_registrations import SERVER_NAME, McpRegistration, mcp_registrations
from tui.bridges.claude_settings import commands_in, is_own_command, read_settings
from tui.bridges.json_text import Document, NoJson, member
from tui.config.errors import ConfigError
from tui.config.kept_file import bytes_now
from tui.config.source import decode_config
from tui.fleet.printable import printable
from tui.routing.claude_files import settings_folders
from tui.routing.guard import claude_problem
from tui.routing.modes import Modes

Kind = Literal["terms", "settings", "registration", "agent", "drift"]

_SHELL = frozenset("$`|&;<>(){}*?\n")
"""What only a shell could make sense of."""
_ALIASES = (*AGENT_MODELS, "fable")


@dataclass(frozen=True, slots=True)
class ClaudeProblem:
    """One thing that is wrong, and what to do about it."""

    kind: Kind
    about: str
    """The file, the agent or the MCP server."""
    text: str
    fix: str


@dataclass(frozen=True, slots=True)
class Look:
    """What a look found."""

    problems: tuple[ClaudeProblem, ...]
    is_set_up: bool
    """A hook or a status line of ours is there."""


def look_at_claude(place: Surroundings, folder: Path, modes: Modes) -> Look:
    """Everything that is wrong for a ``claude`` that is started in ``folder``. Reads files, and runs nothing."""
    problems: list[ClaudeProblem] = []
    terms = claude_problem(place.environment, home=place.home, folder=folder)
    if terms:
        problems.append(
            ClaudeProblem("terms", "claude", terms, "see what it names; fleetdeck refuses claude until then")
        )
    is_set_up = False
    for file in _settings_files(place, folder):
        document, wrong = _read(file)
        problems += wrong
        if document is not None:
            problems += _settings_problems(file, document)
            is_set_up = is_set_up or any(is_own_command(command) for command in commands_in(document))
    for registration in mcp_registrations(place.environment, place.home, folder):
        problems += _registration_problems(registration)
    for agent in agents_here(place.environment, place.home, folder):
        problems += _agent_problems(agent, modes)
    return Look(tuple(problems), is_set_up)


def drift_of(agent: Agent, modes: Modes) -> str:
    """How an agent does not follow external mode; empty: it does, or the mode is off.

    While it is on, nothing is to be asked of Claude's subscription but what hands work on.
    """
    if not modes.external.enabled or agent.hidden or agent.problem:
        return ""
    if _is_pinned(agent):
        return f"works on {printable(agent.model, 40)} of Claude's subscription while external mode is on"
    hands_on = agent.tools is None or any(
        tool.partition("(")[0] == "Bash" or tool.startswith((f"mcp__{SERVER_NAME}", "mcp__*")) or tool == "*"
        for tool in agent.tools
    )
    return "" if hands_on else "has no tool to hand work on with while external mode is on"


def _is_pinned(agent: Agent) -> bool:
    """Whether it runs on a model that does the work itself, whatever the session runs on."""
    return agent.model not in ("", "haiku", "inherit")


def _settings_files(place: Surroundings, folder: Path) -> Iterator[Path]:
    for settings in settings_folders(place.environment, place.home, folder):
        yield settings / "settings.json"
        yield settings / "settings.local.json"


def _read(file: Path) -> tuple[Document | None, list[ClaudeProblem]]:
    about = str(file)
    try:
        content = bytes_now(file)
        text = decode_config(content or b"", file)
        document = read_settings(text) if text.strip() else None
    except ConfigError as error:
        return None, [ClaudeProblem("settings", about, error.problems[0].text, "mend or remove it")]
    except NoJson as error:
        words = f"is no JSON: line {error.line} {error}; Claude Code 2.1 ignores the whole file, silently"
        return None, [ClaudeProblem("settings", about, words, "mend that line")]
    if document is None or document.beyond_json is None:
        return document, []
    words = (
        f"holds a comment or a comma before a closing bracket on line {document.beyond_json}; Claude Code 2.1 ignores "
        "the whole file for that, silently"
    )
    return document, [ClaudeProblem("settings", about, words, "remove it")]


def _settings_problems(file: Path, document: Document) -> Iterator[ClaudeProblem]:
    about = str(file)
    if member(document.root.value, "mcpServers"):
        text = "names MCP servers, which Claude Code 2.1 does not load from there"
        yield ClaudeProblem("registration", about, text, "register them with `claude mcp add -s user NAME -- COMMAND`")
    commands = list(commands_in(document))
    if member(document.root.value, "disableAllHooks") is True and commands:
        yield ClaudeProblem("settings", about, "switches all hooks off", "remove disableAllHooks")
    for command in commands:
        program = command.words[0] if command.words else ""
        # A bare name may be the shell's own; what has a path in it is a file.
        if "/" in program and not _SHELL & set(program) and shutil.which(Path(program).expanduser()) is None:
            text = f"has {command.place} run {printable(program, 120)}, which is no program that can be run"
            fix = "run `fleetdeck claude install` again" if is_own_command(command) else "mend or remove it"
            yield ClaudeProblem("registration", about, text, fix)


def _registration_problems(registration: McpRegistration) -> Iterator[ClaudeProblem]:
    if not registration.command:
        return
    program = registration.command[0]
    ours = registration.name == SERVER_NAME
    shown = printable(registration.name, 60)
    if not _SHELL & set(program) and shutil.which(Path(program).expanduser()) is None:
        text = f"MCP server {shown} in {registration.file} starts {printable(program, 120)}, which cannot be run"
        fix = "run `fleetdeck claude install` again" if ours else f"mend it, or `claude mcp remove {shown}`"
        yield ClaudeProblem("registration", shown, text, fix)
    elif ours and importlib.util.find_spec("mcp") is None:
        text = f"MCP server {shown} in {registration.file} cannot start without fleetdeck's extra for it"
        yield ClaudeProblem("registration", shown, text, "pip install 'fleetdeck[mcp]'")


def _agent_problems(agent: Agent, modes: Modes) -> Iterator[ClaudeProblem]:
    about = printable(agent.name, 60)
    change = f"fleetdeck claude agents {shlex.quote(about)}"
    if agent.problem:
        text = f"{agent.problem}, so that Claude Code skips it silently"
        yield ClaudeProblem("agent", str(agent.path), text, "mend its frontmatter, or move it elsewhere")
    elif agent.model and agent.model not in _ALIASES and not agent.model.startswith("claude-"):
        text = f"runs on {printable(agent.model, 60)}, which is no model of Claude Code's"
        fix = f"{change} inherit; other models are reached by fleetdeck's tools"
        yield ClaudeProblem("agent", about, text, fix)
    elif drift := drift_of(agent, modes):
        fix = f"{change} haiku" if _is_pinned(agent) else f"add mcp__{SERVER_NAME}__ask to its tools"
        yield ClaudeProblem("drift", about, drift, fix)
