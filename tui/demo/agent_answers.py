"""What a simulated model says to an agent program (smolagents' prompts, 1.26): it uses a tool once, or asks the worker
who fits the task best, then answers with what that brought.

Anything else that a model is told gets the usual answer.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

FENCE = re.compile(r"must be opened with '(.+?)', and closed with '(.+?)'")
FUNCTION = re.compile(r'^\s*def (\w+)\((.*?)\) -> \w+:\n\s*"""(.*)', re.MULTILINE)
LISTED_TOOL = re.compile(r"^\s*- (?P<name>\w+): (?P<about>.*)\n\s*Takes inputs: (?P<inputs>\{.*\})$", re.MULTILINE)
CALLS_TOOLS = "The tool call you write is an action"
OBSERVED = re.compile(r"Observation:\s*(?:Execution logs:)?\s*(.*)\Z", re.DOTALL)
NEW_TASK = "New task:"
FROM_MANAGER = re.compile(r"^Task:\n(.*?)\n---$", re.MULTILINE | re.DOTALL)
STEM = 5
"""Letters of a word that make it the same as another; shorter words say little of what a task is about."""
LONGEST_ANSWER = 400


class Known(NamedTuple):
    """A tool or a worker, as the prompt tells of it."""

    name: str
    parameters: str
    about: str


def agent_answer(messages: Sequence[tuple[str, str]]) -> str:
    """The answer to a conversation of roles and texts; empty where no agent program is asking."""
    system = "\n".join(text for role, text in messages if role == "system")
    said = [text for role, text in messages if role != "system"]
    task = next((text for text in reversed(said) if NEW_TASK in text), "").rpartition(NEW_TASK)[2].strip()
    if (handed_on := FROM_MANAGER.search(task)) is not None:
        task = handed_on[1].strip()
    if not said or not task:
        return ""
    seen = OBSERVED.search(said[-1]) if NEW_TASK not in said[-1] else None
    observed = seen[1].partition("Last output from code snippet:")[0].strip() if seen else None
    if (fence := FENCE.search(system)) is not None:
        return _code(system, task, observed, fence[1], fence[2])
    if CALLS_TOOLS in system:
        return _action(system, task, observed)
    return ""


def _code(system: str, task: str, observed: str | None, opening: str, closing: str) -> str:
    if observed is not None:
        thought, code = "I have what I need.", f"final_answer({_short(observed)!r})"
    else:
        chosen = _chosen(itertools.starmap(Known, FUNCTION.findall(system)), task)
        thought, code = "I look first.", f"print({_call(chosen, task)})" if chosen is not None else "print('nothing')"
    return f"Thought: {thought}\n{opening}\n{code}\n{closing}\n"


def _action(system: str, task: str, observed: str | None) -> str:
    arguments: dict[str, object]
    if observed is not None:
        name, arguments = "final_answer", {"answer": _short(observed)}
    else:
        tools = (Known(found["name"], found["inputs"], found["about"]) for found in LISTED_TOOL.finditer(system))
        chosen = _chosen(tools, task)
        if chosen is None:
            return ""
        name, numbers = chosen.name, re.findall(r"\d+", task)
        names = re.findall(r"'(\w+)': \{'type': '(\w+)'", chosen.parameters)
        arguments = {
            parameter: int(numbers.pop(0)) if kind == "integer" and numbers else _text_for(parameter, task)
            for parameter, kind in names
        }
    return "Action:\n" + json.dumps({"name": name, "arguments": arguments}, indent=2) + "\n"


def _chosen(known: Iterable[Known], task: str) -> Known | None:
    """Of workers, who take tasks, the one whose description has most of this one's words; else the first."""
    wanted = _stems(task)

    def fitting(one: Known) -> int:
        return len(wanted & _stems(f"{one.name} {one.about}")) if "task: " in one.parameters else 0

    return max((one for one in known if one.name != "final_answer"), key=fitting, default=None)


def _stems(text: str) -> set[str]:
    return {word[:STEM] for word in _words(text)} - {"about"}


def _words(text: str) -> list[str]:
    return [word for word in re.findall(r"[a-z]+", text.lower()) if len(word) >= STEM]


def _call(chosen: Known, task: str) -> str:
    numbers = re.findall(r"\d+", task)
    arguments = []
    for parameter, kind in re.findall(r"(\w+): (\w+)", chosen.parameters):
        if kind == "integer" and numbers:
            arguments.append(f"{parameter}={numbers.pop(0)}")
        elif kind in ("str", "string"):
            arguments.append(f"{parameter}={_text_for(parameter, task)!r}")
    return f"{chosen.name}({', '.join(arguments)})"


def _text_for(parameter: str, task: str) -> str:
    """What a parameter of this name is given: for a pattern the task's longest word, which is what it is about."""
    usual = {"task": task[:LONGEST_ANSWER], "folder": ".", "path": ".", "commit": "HEAD", "since": "HEAD", "files": "*"}
    return usual.get(parameter) or max(_words(task), key=len, default="\\w+")


def _short(text: str) -> str:
    return text[:LONGEST_ANSWER] or "nothing was found"
