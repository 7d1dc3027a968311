"""What a simulated model says to an agent program (smolagents' prompts, 1.26): it uses a tool once, then answers.

Anything else that a model is told gets the usual answer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

FENCE = re.compile(r"must be opened with '(.+?)', and closed with '(.+?)'")
FUNCTION = re.compile(r"^\s*def (\w+)\((.*?)\) -> \w+:", re.MULTILINE)
LISTED_TOOL = re.compile(r"^\s*- (\w+): .*\n\s*Takes inputs: (\{.*\})$", re.MULTILINE)
CALLS_TOOLS = "The tool call you write is an action"
OBSERVED = re.compile(r"Observation:\s*(?:Execution logs:)?\s*(.*)\Z", re.DOTALL)
NEW_TASK = "New task:"
LONGEST_ANSWER = 400


def agent_answer(messages: Sequence[tuple[str, str]]) -> str:
    """The answer to a conversation of roles and texts; empty where no agent program is asking."""
    system = "\n".join(text for role, text in messages if role == "system")
    said = [text for role, text in messages if role != "system"]
    task = next((text for text in reversed(said) if NEW_TASK in text), "").rpartition(NEW_TASK)[2].strip()
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
        known = [(name, parameters) for name, parameters in FUNCTION.findall(system) if name != "final_answer"]
        thought, code = "I look first.", f"print({_call(*_chosen(known, task), task)})" if known else "print('nothing')"
    return f"Thought: {thought}\n{opening}\n{code}\n{closing}\n"


def _action(system: str, task: str, observed: str | None) -> str:
    arguments: dict[str, object]
    if observed is not None:
        name, arguments = "final_answer", {"answer": _short(observed)}
    else:
        tools = [(tool, inputs) for tool, inputs in LISTED_TOOL.findall(system) if tool != "final_answer"]
        if not tools:
            return ""
        name, inputs = _chosen(tools, task)
        numbers = re.findall(r"\d+", task)
        names = re.findall(r"'(\w+)': \{'type': '(\w+)'", inputs)
        arguments = {
            parameter: int(numbers.pop(0)) if kind == "integer" and numbers else _text_for(parameter, task)
            for parameter, kind in names
        }
    return "Action:\n" + json.dumps({"name": name, "arguments": arguments}, indent=2) + "\n"


def _chosen(known: Sequence[tuple[str, str]], task: str) -> tuple[str, str]:
    """The first whose name shares a word with the task, else the first of all."""
    words = set(re.findall(r"[a-z]+", task.lower()))
    return next((one for one in known if any(word.startswith(tuple(one[0].split("_"))) for word in words)), known[0])


def _call(name: str, parameters: str, task: str) -> str:
    numbers = re.findall(r"\d+", task)
    arguments = []
    for parameter, kind in re.findall(r"(\w+): (\w+)", parameters):
        if kind == "integer" and numbers:
            arguments.append(f"{parameter}={numbers.pop(0)}")
        elif kind in ("str", "string"):
            arguments.append(f"{parameter}={_text_for(parameter, task)!r}")
    return f"{name}({', '.join(arguments)})"


def _text_for(parameter: str, task: str) -> str:
    usual = {"task": task[:LONGEST_ANSWER], "folder": ".", "path": ".", "commit": "HEAD", "since": "HEAD", "files": "*"}
    return usual.get(parameter, "\\w+" if parameter == "pattern" else task.split()[0])


def _short(text: str) -> str:
    return text[:LONGEST_ANSWER] or "nothing was found"
