"""The process in which agents run: ``python -m tui.bridges.agent_child``, started by :mod:`tui.bridges.agent_run`.

It runs what models wrote. smolagents allows their code a few harmless modules, but is no sandbox; so this process has
no key, no configuration, a home folder of its own, and one open file that leads to answers.
"""

from __future__ import annotations

import contextlib
import inspect
import os
import resource
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from smolagents import CodeAgent, Tool, ToolCallingAgent
from smolagents.memory import ActionStep
from smolagents.monitoring import LogLevel
from smolagents.utils import AgentMaxStepsError

from tui.bridges.agent_tools import Folder
from tui.bridges.agent_wire import DESCRIPTOR, Probe, ProbeTask, Result, Step, Task, Trouble
from tui.bridges.smolagents_model import NotAnswered, RoutedModel, ThroughParent

MOST_MEMORY = 4 * 1024**3
"""Bytes of address space; smolagents itself takes a few hundred megabytes of it."""
MOST_PROCESSOR = 1800
"""Seconds: a loop that a model wrote ends by itself, also where whoever should end it was killed."""
CODE_TAGS = "markdown"
"""Weak local models write ```python of themselves, and forget tags that they have not been trained on."""
SHOWN = 2_000
"""Characters of what a step did that are told to the person."""
PROBE_STEPS = 3
FACTORS = (47, 89)
"""A product that no small model knows by heart."""

WORKERS = {
    "code_search": (
        "Searches the code of this folder. Give it a question about where something is defined, used or configured; it "
        "answers with paths and lines.",
        ("search_code", "find_files", "read_file"),
    ),
    "git_ops": (
        "Knows the history of this folder. Give it a question about commits, authors, what changed and when, or what "
        "is not committed; it changes nothing.",
        ("git_log", "git_show", "git_diff", "git_status"),
    ),
    "file_explorer": (
        "Looks around in this folder. Give it a question about which files there are and what one of them says.",
        ("list_files", "find_files", "read_file"),
    ),
}
"""Focused on one thing each, with few tools: a small model that has to choose among many chooses badly."""


class FunctionTool(Tool):  # type: ignore[misc]  # smolagents has no types
    """A function as a tool; its parameters are text or whole numbers, those with defaults may be left out."""

    skip_forward_signature_validation = True
    output_type = "string"

    def __init__(self, function: Callable[..., str]) -> None:
        self.name = function.__name__
        self.description = function.__doc__ or ""
        self.inputs = {
            name: {
                "type": "integer" if parameter.annotation == "int" else "string",
                "description": name.replace("_", " "),
                **({} if parameter.default is parameter.empty else {"nullable": True}),
            }
            for name, parameter in inspect.signature(function).parameters.items()
        }
        self._function = function
        super().__init__()

    def forward(self, *positional: Any, **named: Any) -> str:
        return self._function(*positional, **{name: value for name, value in named.items() if value is not None})


def crew(task: Task, route: ThroughParent) -> CodeAgent:
    """A manager and its workers. Their steps are told as they happen."""
    folder = Folder(Path(task.folder))
    worker_model, manager_model = RoutedModel(task.worker, route), RoutedModel(task.manager, route)
    workers = [
        CodeAgent(
            tools=[FunctionTool(getattr(folder, tool)) for tool in tools],
            model=worker_model,
            name=name,
            description=about,
            max_steps=task.worker_steps,
            code_block_tags=CODE_TAGS,
            verbosity_level=LogLevel.OFF,
            step_callbacks=[_teller(route, name)],
        )
        for name, (about, tools) in WORKERS.items()
    ]
    return CodeAgent(
        tools=[],
        model=manager_model,
        managed_agents=workers,
        max_steps=task.manager_steps,
        code_block_tags=CODE_TAGS,
        verbosity_level=LogLevel.OFF,
        step_callbacks=[_teller(route, "manager")],
    )


def _teller(route: ThroughParent, agent: str) -> Callable[..., None]:
    def tell(step: object, **_: object) -> None:
        if isinstance(step, ActionStep):
            code = getattr(step, "code_action", None) or step.model_output or ""
            error = step.error.message if step.error is not None else ""
            observed = step.observations or ""
            if not code and not error:
                # The model gave no answer, which ends the task and is told then.
                return
            route.send(Step(agent, step.step_number, str(code)[:SHOWN], observed[:SHOWN], error[:SHOWN]))

    return tell


def run_task(task: Task, route: ThroughParent) -> Result:
    """What the agents found.

    Raises:
        NotAnswered: a model could not be asked.
    """
    ended = crew(task, route).run(task.text, return_full_result=True)
    return Result(str(ended.output), ended.state == "success")


def probe(task: ProbeTask, route: ThroughParent) -> Probe:
    """Whether a model can do what agents need: call a tool, and write code that does.

    Raises:
        NotAnswered: it could not be asked.
    """
    outcomes = []
    for kind, options in ((ToolCallingAgent, {}), (CodeAgent, {"code_block_tags": CODE_TAGS})):
        calls: list[tuple[int, int]] = []

        def multiply(a: int, b: int) -> str:
            """The product of two whole numbers, a and b."""
            calls.append((int(a), int(b)))  # noqa: B023  # called before the next turn of the loop
            return str(int(a) * int(b))

        agent = kind(
            tools=[FunctionTool(multiply)],
            model=RoutedModel(task.model, route),
            max_steps=PROBE_STEPS,
            verbosity_level=LogLevel.OFF,
            step_callbacks=[_teller(route, "probe")],
            **options,
        )
        question = f"How much is {FACTORS[0]} times {FACTORS[1]}? Use the tool multiply, then give the number."
        ended = agent.run(question, return_full_result=True)
        outcomes.append(_judged(calls, str(ended.output), ended.state == "success", _last_error(agent)))
    (calls_tools, tools_words), (writes_code, code_words) = outcomes
    return Probe(calls_tools, tools_words, writes_code, code_words)


def _judged(calls: list[tuple[int, int]], answer: str, finished: bool, error: str) -> tuple[bool, str]:
    product = str(FACTORS[0] * FACTORS[1])
    if not calls:
        return False, "it never called the tool" + (f": {error}" if error else "")
    if not any(sorted(call) == sorted(FACTORS) for call in calls):
        return False, f"it called the tool with other numbers: {calls[0][0]} and {calls[0][1]}"
    if not finished:
        return False, f"it called the tool, and had no answer after {PROBE_STEPS} steps"
    if product not in answer.replace(",", "").replace(" ", ""):
        return False, "it called the tool, and then gave another number than the tool did"
    return True, "it called the tool and gave the number"


def _last_error(agent: Any) -> str:
    steps = [step for step in agent.memory.steps if isinstance(step, ActionStep)]
    # That the steps are used up is no reason why.
    errors = [step.error.message for step in steps if step.error and not isinstance(step.error, AgentMaxStepsError)]
    return " ".join(errors[-1].split())[:200] if errors else ""


def main() -> None:
    """Takes one task, tells how it goes, and ends."""
    _limit()
    route = ThroughParent(socket.socket(fileno=int(os.environ.pop(DESCRIPTOR))))
    task = route.receive()
    try:
        match task:
            case Task():
                route.send(run_task(task, route))
            case ProbeTask():
                route.send(probe(task, route))
            case _:
                route.send(Trouble("what came is no task"))
    # Whatever ends the agents has to reach the person: they have only this wire.
    except Exception as error:
        cause = next((one for one in _causes(error) if isinstance(one, NotAnswered)), error)
        route.send(Trouble(" ".join(str(cause).split())[:SHOWN] or type(cause).__name__))


def _limit() -> None:
    limits = ((resource.RLIMIT_AS, MOST_MEMORY), (resource.RLIMIT_CPU, MOST_PROCESSOR), (resource.RLIMIT_CORE, 0))
    for limit, most in limits:
        # A stricter limit is in force already, or the system knows none of this kind.
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(limit, (most, most))


def _causes(error: BaseException | None) -> list[BaseException]:
    found: list[BaseException] = []
    while error is not None:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found


if __name__ == "__main__":
    main()
