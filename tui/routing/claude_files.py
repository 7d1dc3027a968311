"""Where Claude Code 2.1 keeps its files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path


def claude_folder(environment: Mapping[str, str], home: Path) -> Path:
    """The person's own settings, agents and skills: ``$CLAUDE_CONFIG_DIR``, by default ``~/.claude``."""
    return Path(environment.get("CLAUDE_CONFIG_DIR") or home / ".claude")


def claude_document(environment: Mapping[str, str], home: Path) -> Path:
    """The file with MCP servers and projects: ``.claude.json`` in the home folder, or where ``$CLAUDE_CONFIG_DIR``
    says. It grows to tens of megabytes."""
    return (claude_folder(environment, home) if "CLAUDE_CONFIG_DIR" in environment else home) / ".claude.json"


def project_folders(folder: Path) -> Iterator[Path]:
    """The folder and those above it, up to the root of its repository; without a repository the folder alone."""
    folders = (folder, *folder.parents)
    root = next((place for place, one in enumerate(folders) if (one / ".git").exists()), 0)
    yield from folders[: root + 1]


def settings_folders(environment: Mapping[str, str], home: Path, folder: Path) -> tuple[Path, ...]:
    """Where a ``claude`` that is started in ``folder`` looks for settings and agents: the person's own folder, then the
    project's, the nearest first. Each once: in the home folder the person's own is the project's too."""
    folders: dict[Path, Path] = {}
    for one in (claude_folder(environment, home), *(project / ".claude" for project in project_folders(folder))):
        folders.setdefault(one.resolve(), one)
    return tuple(folders.values())
