"""What Claude Code and its kin start by themselves: MCP servers, by the files in which they are registered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tui.bridges.json_text import items, json_in, member
from tui.routing.claude_files import claude_document, project_folders
from tui.routing.guard import LARGEST_SETTINGS

SERVER_NAME = "fleetdeck"
"""What our MCP server is called where it is registered: its tools are then ``mcp__fleetdeck__ask`` and so on."""


@dataclass(frozen=True, slots=True)
class McpRegistration:
    """An MCP server that Claude Code is to start."""

    name: str
    file: Path
    command: tuple[str, ...]
    """Empty: it is reached by its address, not started."""


def user_registration(environment: Mapping[str, str], home: Path) -> McpRegistration | None:
    """Our own, in the scope that all projects share."""
    file = claude_document(environment, home)
    found = _registrations(file, member(json_in(file, LARGEST_SETTINGS), "mcpServers"))
    return next((one for one in found if one.name == SERVER_NAME), None)


def mcp_registrations(environment: Mapping[str, str], home: Path, folder: Path) -> tuple[McpRegistration, ...]:
    """Those of ``claude`` when it is started in ``folder``: the person's, the folder's, and its project's."""
    file = claude_document(environment, home)
    document = json_in(file, LARGEST_SETTINGS)
    found = list(_registrations(file, member(document, "mcpServers")))
    found += _registrations(file, member(document, "projects", str(folder), "mcpServers"))
    for project in project_folders(folder):
        shared = project / ".mcp.json"
        found += _registrations(shared, member(json_in(shared, LARGEST_SETTINGS), "mcpServers"))
    return tuple(found)


def register_commands(
    claude: str, registered: McpRegistration | None, program: Sequence[str]
) -> tuple[tuple[str, ...], ...]:
    """What to run so that Claude Code has our MCP server for this person, whatever it had; nothing where it has it.

    ``claude mcp add`` refuses a name that is taken (2.1.328), so that an outdated one is removed first.
    """
    wanted = (*program, "mcp")
    if registered is not None and registered.command == wanted:
        return ()
    add = (claude, "mcp", "add", "-s", "user", SERVER_NAME, "--", *wanted)
    return (add,) if registered is None else (*unregister_commands(claude), add)


def unregister_commands(claude: str) -> tuple[tuple[str, ...], ...]:
    """What to run so that Claude Code forgets our MCP server."""
    return ((claude, "mcp", "remove", SERVER_NAME, "-s", "user"),)


def _registrations(file: Path, servers: object) -> Iterator[McpRegistration]:
    for name, server in servers.items() if isinstance(servers, dict) else ():
        command = member(server, "command")
        arguments = [word for word in items(member(server, "args")) if isinstance(word, str)]
        yield McpRegistration(name, file, (command, *arguments) if isinstance(command, str) else ())
