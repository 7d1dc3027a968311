"""What passes between the process in which agents run and ours: JSON, a line each way.

The agents' process holds no key and knows no address: it asks for answers here, and they are planned and sent by us.
"""

from __future__ import annotations

from typing import Literal

import msgspec

LONGEST_LINE = 16 * 1024 * 1024
"""Bytes: more than any model reads."""
DESCRIPTOR = "FLEETDECK_AGENT_CHANNEL"
"""The environment variable that tells the agents' process which of its open files leads to ours."""


class Turn(msgspec.Struct, frozen=True):
    """One turn of what a model is told."""

    role: Literal["system", "user", "assistant"]
    text: str


class Task(msgspec.Struct, frozen=True, tag="task"):
    """To the agents: what they are to do, and who thinks for them."""

    text: str
    folder: str
    manager: str
    worker: str
    manager_steps: int
    worker_steps: int


class ProbeTask(msgspec.Struct, frozen=True, tag="probe"):
    """To the agents' process: find out what one model can do."""

    model: str


class Question(msgspec.Struct, frozen=True, tag="question"):
    """From the agents: what a model is to answer."""

    model: str
    turns: tuple[Turn, ...]


class Step(msgspec.Struct, frozen=True, tag="step"):
    """From the agents: one of them has done something."""

    agent: str
    number: int
    code: str
    observed: str
    error: str


class Result(msgspec.Struct, frozen=True, tag="result"):
    """From the agents, at the end of a task."""

    answer: str
    finished: bool
    """False: the steps that they had were not enough; the answer is what they had found by then."""


class Probe(msgspec.Struct, frozen=True, tag="probed"):
    """From the agents' process, at the end of a probe. The words say what happened, one sentence each."""

    calls_tools: bool
    tools_words: str
    writes_code: bool
    code_words: str


class Trouble(msgspec.Struct, frozen=True, tag="trouble"):
    """From the agents' process: it cannot go on."""

    reason: str


class Answer(msgspec.Struct, frozen=True, tag="answer"):
    """To the agents: what the model said."""

    text: str
    input_tokens: int | None = None
    output_tokens: int | None = None


class NoAnswer(msgspec.Struct, frozen=True, tag="no-answer"):
    """To the agents: why there is none, in one sentence."""

    reason: str


FromAgents = Question | Step | Result | Probe | Trouble
ToAgents = Task | ProbeTask | Answer | NoAnswer
from_agents = msgspec.json.Decoder(FromAgents)
to_agents = msgspec.json.Decoder(ToAgents)


def line_of(message: FromAgents | ToAgents) -> bytes:
    """The message as it goes over the wire."""
    return msgspec.json.encode(message) + b"\n"
