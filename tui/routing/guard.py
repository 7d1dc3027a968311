"""Looks at what must not happen: Claude's subscription behind a third party's address, and credentials in a prompt."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from tui.config.paths import path_words
from tui.config.schema import CliSettings, Config
from tui.fleet.printable import printable
from tui.routing.claude_files import claude_document, settings_folders

BASE_URLS = (
    "ANTHROPIC_BASE_URL",
    "ANTHROPIC_BEDROCK_BASE_URL",
    "ANTHROPIC_VERTEX_BASE_URL",
    "ANTHROPIC_FOUNDRY_BASE_URL",
    "CLAUDE_CODE_API_BASE_URL",
)
OTHER_PROVIDERS = ("CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX", "CLAUDE_CODE_USE_FOUNDRY")
"""Switches by which Claude Code 2.1 asks another provider than the one that the subscription is with."""
ANTHROPIC_HOSTS = ("anthropic.com", "claude.ai", "claude.com")
MANAGED_SETTINGS = (Path("/etc/claude-code"), Path("/Library/Application Support/ClaudeCode"))
LARGEST_SETTINGS = 64 * 1024 * 1024
"""Bytes. ``~/.claude.json`` keeps what was asked in every project and grows to tens of megabytes."""

LARGE = 1024 * 1024
"""Bytes from which on a settings file is read again only after it changed; the panel looks every few seconds."""

_PROGRAMS = {"claude": "claude", "opencode": "opencode", "gemini": "gemini", "copilot": "copilot"}


@dataclass(frozen=True, slots=True)
class Findings:
    """What the guards saw before anything was sent."""

    claude: str = ""
    """Why the subscription may not be used from here; empty: it may."""
    credentials: tuple[str, ...] = ()
    """The kinds of credentials that the prompt holds, never the credentials."""
    programs: Mapping[str, str] = field(default_factory=dict)
    """Command-line program, by its name in the configuration → why it cannot be run; empty: it can."""


def look(prompt: str, programs: Set[str], config: Config, *, folder: Path | None = None) -> Findings:
    """Everything that the guards find for a prompt and the programs (by their names in the configuration) that may get
    it. ``folder`` is the one that they would be started in; None: this one. Reads files; 30 ms for a prompt of 1 MB.
    """
    from tui.routing.credentials import credentials_in

    named = [config.clis[name] for name in sorted(programs)]
    uses_claude = any(program.kind == "claude" for program in named)
    return Findings(
        claude=claude_problem(os.environ, home=Path.home(), folder=folder or Path.cwd()) if uses_claude else "",
        credentials=credentials_in(prompt) if prompt else (),
        programs={program.name: program_problem(program) for program in named},
    )


def program_of(program: CliSettings) -> str:
    """What is run for it, as it is found on the PATH."""
    return program.command[0] if program.command else _PROGRAMS[program.kind]


def program_problem(program: CliSettings) -> str:
    """Why a program cannot be run here; empty: it can."""
    from shutil import which

    name = program_of(program)
    if which(os.path.expanduser(name)) is not None:  # noqa: PTH111  (a bare name is looked for on the PATH)
        return ""
    return f"{printable(name, 80)} is not installed, or not on the PATH"


def claude_problem(environment: Mapping[str, str], *, home: Path, folder: Path) -> str:
    """How ``claude``, started in ``folder``, would send the subscription through somebody else; empty: it would not.

    Claude Code 2.1 takes these variables from its environment and from the ``env`` of every settings file that it
    reads: the user's, the project's, and the ones that an administrator manages.
    """
    found = _variables_problem(environment, "the environment")
    for file in () if found else _settings_files(environment, home, folder):
        found = _settings_problem(file, home)
        if found:
            break
    return found


def _settings_files(environment: Mapping[str, str], home: Path, folder: Path) -> Iterator[Path]:
    for place in settings_folders(environment, home, folder):
        yield place / "settings.json"
        yield place / "settings.local.json"
    yield claude_document(environment, home)
    for managed in MANAGED_SETTINGS:
        yield managed / "managed-settings.json"
        yield from sorted((managed / "managed-settings.d").glob("*.json"))


def _settings_problem(file: Path, home: Path) -> str:
    shown = printable(path_words(file, home), 200)
    try:
        found = file.stat()
    except OSError:
        return ""
    if found.st_size < LARGE:
        return _content_problem(file, shown)
    return _large_content_problem(file, shown, (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns))


@functools.lru_cache(maxsize=32)
def _large_content_problem(file: Path, shown: str, signature: tuple[int, ...]) -> str:
    return _content_problem(file, shown)


def _content_problem(file: Path, shown: str) -> str:
    try:
        with file.open("rb") as opened:
            content = opened.read(LARGEST_SETTINGS)
    except OSError:
        return ""  # What we may not read, claude, which runs under the same rights, does not read either.
    names = [name for name in (*BASE_URLS, *OTHER_PROVIDERS) if name.encode() in content]
    if not names and b"\\u" not in content:
        return ""
    try:
        settings = json.loads(content)
    except (ValueError, RecursionError):
        return f"{shown} names {names[0]} but cannot be read; mend it" if names else ""
    variables = settings.get("env") if isinstance(settings, dict) else None
    return _variables_problem(variables, shown) if isinstance(variables, dict) else ""


def _variables_problem(variables: Mapping[str, object], where: str) -> str:
    for name in BASE_URLS:
        value = str(variables.get(name) or "").strip()
        if value and not _is_anthropic(value):
            return (
                f"{name} in {where} would send Claude's subscription through {_host(value)}, which its terms forbid; "
                "remove it, or use a service with a key of its own"
            )
    for name in OTHER_PROVIDERS:
        if str(variables.get(name) or "").strip().lower() not in ("", "0", "false", "no", "off", "none"):
            return f"{name} in {where} sends what is asked of Claude's subscription to another provider; remove it"
    return ""


def _is_anthropic(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").lower().rstrip(".")
    except ValueError:
        return False
    return parts.scheme == "https" and any(host == ours or host.endswith(f".{ours}") for ours in ANTHROPIC_HOSTS)


def _host(url: str) -> str:
    # The host alone: an address may hold a password.
    try:
        return printable(urlsplit(url).hostname or "another address", 80)
    except ValueError:
        return "another address"
