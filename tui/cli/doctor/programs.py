"""The command-line programs: installed, the right ones of their name, and logged in."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from tui.chat.program import Invocation, environment_with, running
from tui.chat.reply import ReplyFailed
from tui.cli.doctor.finding import Area, Finding, Severity, fine, problem, warning
from tui.config.schema import CliSettings, Config
from tui.routing.guard import program_of, program_problem

ANSWERED_WITHIN = 6.0
"""Seconds for a program to say who is logged in: claude takes 0.3 s for it and opencode 0.7 to 5."""
LARGEST_SCRIPT = 8192
ASKED_BY = {"claude": ("claude", "auth", "status"), "opencode": ("opencode", "models")}
"""What says whether somebody is logged in, and asks nobody: claude 2.1.328 answers in JSON, and opencode 1.18 lists the
models, a ``provider/model`` a line, of the providers with a login."""
PACKAGES = {
    "claude": "@anthropic-ai/claude-code",
    "opencode": "opencode-ai",
    "gemini": "@google/gemini-cli",
    "copilot": "@github/copilot",
}
"""Where each program comes from on npm: other people's packages put programs of the same names on the PATH."""
NO_PACKAGES = {"aichat": "`cargo install aichat`, or a release of github.com/sigoden/aichat"}
"""Programs that are on neither npm nor PyPI, where others have their names, and how they are installed."""


@dataclass(frozen=True, slots=True)
class ProgramsLook:
    """What was found of all programs."""

    findings: tuple[Finding, ...]
    unusable: Mapping[str, str]
    """Program, by its name in the configuration → why it cannot answer; without those that can."""
    models: Mapping[str, frozenset[str]]
    """Program → the models that it lists itself; without those that list none."""


@dataclass(frozen=True, slots=True)
class _Logins:
    """What programs said of themselves."""

    claude: bool | None
    """Whether somebody is logged in; None: it does not say."""
    opencode: frozenset[str] | None
    """``provider/model`` of all providers with a login; None: it does not say."""
    silent: frozenset[str]
    """The kinds of those that did not end in time."""


async def look_at_programs(config: Config) -> ProgramsLook:
    """Runs what says who is logged in, and nothing that asks a model."""
    unfit = {name: found for name, program in config.clis.items() if (found := _unfit(program)) is not None}
    logins = await _logins([program for name, program in config.clis.items() if name not in unfit])
    findings: list[Finding] = []
    unusable: dict[str, str] = {}
    models: dict[str, frozenset[str]] = {}
    for program in config.clis.values():
        listed = _models_of(program, logins.opencode)
        if listed:
            models[program.name] = listed
        found = unfit.get(program.name) or _login(program, logins)
        if found.severity is Severity.PROBLEM:
            unusable[program.name] = found.text
        findings.append(found)
    findings += _old_pynvml()
    return ProgramsLook(tuple(findings), unusable, models)


def _unfit(program: CliSettings) -> Finding | None:
    """Why it is of no use to run it: it is not there, or somebody else's."""
    name = program.name
    missing = program_problem(program)
    if missing:
        fix = f"{_install(program)}; or take [clis.{name}] out of the configuration"
        return problem(Area.PROGRAMS, name, missing, fix)
    path = _path(program)
    wrong = other_package(program, path)
    fix = f"{_install(program)}, in front of {path} on the PATH"
    return problem(Area.PROGRAMS, name, wrong, fix) if wrong else None


def _login(program: CliSettings, logins: _Logins) -> Finding:
    shown, path, login = program_of(program), _path(program), ""
    match program.kind:
        case "claude" if logins.claude is False:
            login = "run `claude` and say /login"
        case "opencode" if logins.opencode is not None and not _models_of(program, logins.opencode):
            login = f"`opencode auth login`, and choose {program.provider}"
        case "gemini":
            return _gemini(program, os.environ, path)
        case "copilot" if not _copilot_login(os.environ):
            login = "run `copilot` and say /login, or export GH_TOKEN"
    if login:
        return problem(Area.PROGRAMS, program.name, f"{shown} is installed, and not logged in", login)
    if program.kind in logins.silent:
        text = f"{shown} did not answer within {ANSWERED_WITHIN:g} s when it was asked who is logged in"
        fix = f"try `{' '.join(ASKED_BY[program.kind])}` in a terminal"
        return warning(Area.PROGRAMS, program.name, text, fix)
    known = program.kind == "copilot" or (program.kind == "claude" and logins.claude)
    known = known or bool(_models_of(program, logins.opencode))
    return fine(Area.PROGRAMS, program.name, f"{path}{', logged in' if known else ''}")


def _path(program: CliSettings) -> Path:
    """Where a program is that was found."""
    return Path(shutil.which(os.path.expanduser(program_of(program))) or program_of(program))  # noqa: PTH111


def _install(program: CliSettings) -> str:
    name = Path(program_of(program)).name
    if program.kind in PACKAGES:
        return f"`npm install -g {PACKAGES[program.kind]}`"
    return NO_PACKAGES.get(name, f"install {name}, or write its whole path as command")


def other_package(program: CliSettings, path: Path) -> str:
    """Whose program it is that has this one's name, where that can be told from its file; empty: the right one's."""
    real, name = path.resolve(), path.name
    wanted = PACKAGES.get(program.kind)
    if wanted is None and name not in NO_PACKAGES:
        return ""
    packages = _npm_packages(real)
    if packages and not any(wanted is not None and package.startswith(wanted) for package in packages):
        return f"the {name} on the PATH is of the npm package {packages[-1]}, which is another program of that name"
    module = _python_module(real)
    if module:
        return f"the {name} on the PATH is of the Python package {module}, which is another program of that name"
    return ""


def _npm_packages(real: Path) -> list[str]:
    """The packages in whose folders a file lies, outermost first."""
    parts = real.parts
    found = []
    for place, part in enumerate(parts[:-1]):
        if part == "node_modules" and not parts[place + 1].startswith("."):
            scoped = parts[place + 1].startswith("@") and place + 2 < len(parts)
            found.append("/".join(parts[place + 1 : place + 3]) if scoped else parts[place + 1])
    return found


def _python_module(real: Path) -> str:
    """The package whose entry point a script is, in the form in which pip and uv write them; empty: it is none."""
    try:
        with real.open("rb") as opened:
            text = opened.read(LARGEST_SCRIPT).decode("utf-8", errors="replace")
    except OSError:
        return ""
    imported = re.search(r"(?m)^from ([\w.]+) import \w+", text)
    is_entry = text.startswith("#!") and "python" in text.partition("\n")[0] and "sys.exit(" in text
    return imported[1].partition(".")[0] if imported and is_entry else ""


async def _logins(programs: Sequence[CliSettings]) -> _Logins:
    providers = [program.provider for program in programs if program.kind == "opencode" and program.provider]
    kinds = {program.kind for program in programs}
    # As they are run for an answer, so that they find the same logins.
    prefixes = tuple(re.sub(r"[^A-Z0-9]", "_", provider.upper()) + "_" for provider in providers)
    environments = {
        "claude": environment_with(["CLAUDE_CONFIG_DIR"], more={"DISABLE_AUTOUPDATER": "1"}),
        "opencode": environment_with(prefixes=("OPENCODE_", *prefixes)),
    }
    async with asyncio.TaskGroup() as group:
        tasks = {
            kind: group.create_task(_output(Invocation(command=command, environment=environments[kind])))
            for kind, command in ASKED_BY.items()
            if kind in kinds
        }
    said = {kind: task.result() for kind, task in tasks.items()}
    return _Logins(
        claude=_claude_login(said.get("claude") or b""),
        opencode=_opencode_models(said.get("opencode") or b""),
        silent=frozenset(kind for kind, words in said.items() if words is None),
    )


def _claude_login(said: bytes) -> bool | None:
    try:
        status = json.loads(said)
    except ValueError:
        return None
    logged_in = status.get("loggedIn") if isinstance(status, dict) else None
    return logged_in if isinstance(logged_in, bool) else None


def _opencode_models(said: bytes) -> frozenset[str] | None:
    lines = [line.strip() for line in said.decode("utf-8", errors="replace").splitlines()]
    return frozenset(line for line in lines if re.fullmatch(r"[^\s/]+/\S+", line)) or None


async def _output(invocation: Invocation) -> bytes | None:
    """What a program writes; None where it does not end in time."""
    said = b""
    try:
        async with asyncio.timeout(ANSWERED_WITHIN), running(invocation, 0.3) as child:
            while (data := await child.read()) is not None:
                said += data
    except TimeoutError:
        return None
    except ReplyFailed:  # it cannot be run, which whoever sends a prompt is told in the same words
        return b""
    return said


def _models_of(program: CliSettings, listed: frozenset[str] | None) -> frozenset[str]:
    if program.kind != "opencode" or listed is None:
        return frozenset()
    start = f"{program.provider}/"
    return frozenset(model.removeprefix(start) for model in listed if model.startswith(start))


def _gemini(program: CliSettings, environment: Mapping[str, str], path: Path) -> Finding:
    """Read off what gemini 0.61 looks at before it asks: variables, then the method that its settings name."""
    home = Path(environment.get("GEMINI_CLI_HOME") or Path.home())
    chosen = _gemini_method(home / ".gemini" / "settings.json")
    key = environment.get("GEMINI_API_KEY", "").strip()
    by_environment = any(environment.get(name) for name in ("GOOGLE_GENAI_USE_VERTEXAI", "GOOGLE_GENAI_USE_GCA"))
    fix = "`export GEMINI_API_KEY=…` (a key of Google AI Studio)"
    if not key and not by_environment and not chosen:
        return problem(Area.PROGRAMS, program.name, "gemini is installed, and not logged in", fix)
    if chosen == "gemini-api-key" and not key:
        text = "gemini is set to use a key, and GEMINI_API_KEY is not set"
        return problem(Area.PROGRAMS, program.name, text, fix)
    if chosen == "oauth-personal":
        text = "gemini uses a personal Google login, which Google serves no more since 18 June 2026"
        return warning(Area.PROGRAMS, program.name, text, f"{fix}, and choose that in gemini's /auth")
    return fine(Area.PROGRAMS, program.name, f"{path}, with a login")


def _gemini_method(settings: Path) -> str:
    try:
        document: object = json.loads(settings.read_bytes())
    except (OSError, ValueError):
        return ""
    for name in ("security", "auth", "selectedType"):
        document = document.get(name) if isinstance(document, dict) else None
    return document if isinstance(document, str) else ""


def _copilot_login(environment: Mapping[str, str]) -> bool:
    """Whether copilot 1.0 has any of the logins that it tries; its own may lie in the system's key ring, and then only
    its folder shows it."""
    variables = ("COPILOT_GITHUB_TOKEN", "GH_TOKEN", "GITHUB_TOKEN", "COPILOT_PROVIDER_BASE_URL")
    config = Path(environment.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    files = (Path.home() / ".copilot" / "config.json", config / "gh" / "hosts.yml")
    return any(environment.get(name) for name in variables) or any(file.is_file() for file in files)


def _old_pynvml() -> Iterator[Finding]:
    with suppress(PackageNotFoundError):
        version = distribution("pynvml").version
        text = f"the Python package pynvml {version} is installed beside nvidia-ml-py, whose module it hides or wraps"
        fix = "`pip uninstall pynvml`, then `pip install --force-reinstall nvidia-ml-py`"
        yield warning(Area.PROGRAMS, "pynvml", text, fix)
