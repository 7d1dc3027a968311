"""Claude Code's subagents: the files that describe them, and the one line in each that says which model they run on.

The frontmatter is read by lines, not as YAML: Claude Code 2.1 itself takes descriptions that strict YAML refuses, and
an edit has to leave every other byte as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

from tui.config.errors import ConfigError, file_error
from tui.config.kept_file import FileEdit, bytes_now
from tui.config.source import decode_config
from tui.routing.claude_files import settings_folders

AgentModel = Literal["haiku", "sonnet", "opus", "inherit"]
AGENT_MODELS: tuple[AgentModel, ...] = get_args(AgentModel)
Scope = Literal["project", "user"]

NO_FRONTMATTER = "has no frontmatter between two lines of ---"

_FENCE = re.compile(r"---[ \t]*\r?\n")
_FIELD = re.compile(r"(?P<name>[A-Za-z_][\w-]*)(?P<colon>[ \t]*:[ \t]*)(?P<value>[^\r\n]*?)(?P<end>[ \t]*\r?\n)")
_COMMENT = re.compile(r"(?:^|[ \t]+)#.*$")


@dataclass(frozen=True, slots=True)
class Agent:
    """One agent's file."""

    path: Path
    scope: Scope
    name: str
    """Empty: the file names none."""
    description: str
    model: str
    """As the file says; empty: it says nothing, and the agent runs on the session's default for agents."""
    tools: tuple[str, ...] | None
    """Those that it may use; None: all of them."""
    hidden: bool = False
    """A project's agent of the same name stands before it."""
    problem: str = ""
    """Why Claude Code 2.1 skips the file, silently; the end of a sentence."""


def agents_here(environment: Mapping[str, str], home: Path, folder: Path) -> tuple[Agent, ...]:
    """The agents that ``claude``, started in ``folder``, would find: the project's, then the person's own."""
    found: list[Agent | None] = []
    own, *projects = settings_folders(environment, home, folder)
    for project in projects:
        found += [_agent(path, "project") for path in _files(project / "agents")]
    found += [_agent(path, "user") for path in _files(own / "agents")]
    names: set[str] = set()
    agents = []
    for agent in filter(None, found):
        agents.append(replace(agent, hidden=True) if agent.name and agent.name in names else agent)
        names.add(agent.name)
    return tuple(agents)


def change_model(path: Path, model: AgentModel) -> FileEdit:
    """The edit that has an agent run on ``model``: one line, changed or added at the end of the frontmatter.

    Raises:
        ConfigError: the file cannot be read, or there is no telling where its model stands.
    """
    before = bytes_now(path)
    if before is None:
        raise file_error(path, "does not exist")
    text = decode_config(before, path)
    return FileEdit(path, before, with_model(text, model, path).encode("utf-8"))


def with_model(text: str, model: AgentModel, path: Path) -> str:
    """The text of an agent's file with its model.

    Raises:
        ConfigError: it has no frontmatter, or its model is written in a way that one line cannot change.
    """
    front = _frontmatter(text)
    if front is None:
        raise file_error(path, f"{NO_FRONTMATTER}, so that it is no agent")
    start, end = front
    lines = [line for line in _fields(text, start, end) if line["name"] == "model"]
    if len(lines) > 1:
        raise file_error(path, "says its model twice; remove one of the lines", _line_of(text, lines[1].start()))
    if not lines:
        if text[start:end].lstrip().startswith(("{", "[")):
            raise file_error(path, "has its frontmatter in braces; add the model in an editor")
        return f"{text[:end]}model: {model}{_line_end(text)}{text[end:]}"
    line = lines[0]
    value, comment = _value_and_comment(line["value"])
    continued = text[line.end() : line.end() + 1] in (" ", "\t") and line.end() < end
    if value[:1] in ("|", ">", "{", "[", "&", "*", "!") or (continued and not value):
        raise file_error(
            path, "has its model on more than one line; change it in an editor", _line_of(text, line.end())
        )
    if value.strip("\"'") == model:
        return text
    quote = value[0] if len(value) > 1 and value[0] in "\"'" and value[-1] == value[0] else ""
    colon = line["colon"] if line["colon"].endswith((" ", "\t")) else f"{line['colon']} "
    # A # right behind a word is part of the word.
    gap = " " if comment.startswith("#") else ""
    changed = f"model{colon}{quote}{model}{quote}{gap}{comment}"
    return text[: line.start()] + changed + text[line.start("end") :]


def _files(folder: Path) -> list[Path]:
    try:
        # Claude Code 2.1.328 looks into the folders below as well.
        return sorted(path for path in folder.rglob("*.md") if path.is_file() or path.is_symlink())
    except OSError:
        return []


def _agent(path: Path, scope: Scope) -> Agent | None:
    """What a file describes; None for a README, which nobody takes for an agent."""
    try:
        text = decode_config(bytes_now(path) or b"", path)
    except ConfigError as error:
        return Agent(path, scope, "", "", "", None, problem=error.problems[0].text)
    front = _frontmatter(text)
    if front is None:
        is_readme = path.stem.lower() == "readme"
        return None if is_readme else Agent(path, scope, "", "", "", None, problem=NO_FRONTMATTER)
    fields = {line["name"]: _plain(line["value"]) for line in _fields(text, *front)}
    name = fields.get("name", "")
    tools = fields.get("tools")
    return Agent(
        path,
        scope,
        name,
        fields.get("description", ""),
        fields.get("model", ""),
        tuple(re.findall(r"[^\s,\[\]\"']+", tools)) if tools else None,
        problem="" if name and fields.get("description") else f"has no {'description' if name else 'name'}",
    )


def _frontmatter(text: str) -> tuple[int, int] | None:
    """Where the lines between the two fences begin and end."""
    opening = _FENCE.match(text, 1 if text.startswith("\ufeff") else 0)
    if opening is None:
        return None
    closing = re.compile(r"^---[ \t]*\r?$", re.MULTILINE).search(text, opening.end())
    return (opening.end(), closing.start()) if closing is not None else None


def _fields(text: str, start: int, end: int) -> Iterator[re.Match[str]]:
    """The fields of the outermost level: what belongs to a field is indented below it."""
    at = start
    while at < end:
        match = _FIELD.match(text, at, end)
        if match is not None:
            yield match
        at = text.find("\n", at, end) + 1 or end


def _value_and_comment(written: str) -> tuple[str, str]:
    """A value as it is written, and the comment behind it with the blanks before that."""
    if written[:1] in ("'", '"'):
        closing = written.find(written[0], 1) + 1 or len(written)
        return written[:closing], written[closing:]
    comment = _COMMENT.search(written)
    return (written[: comment.start()], written[comment.start() :]) if comment is not None else (written, "")


def _plain(written: str) -> str:
    value = _value_and_comment(written)[0].strip()
    quoted = len(value) > 1 and value[0] in "\"'" and value[-1] == value[0]
    return value[1:-1] if quoted else value


def _line_end(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _line_of(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1
