"""smolagents' kind of model whose answers come by our plans: modes, guards, limits and the ledger hold for them.

In a program of your own::

    from smolagents import CodeAgent
    from tui.bridges.smolagents_model import InThisProcess, RoutedModel

    with InThisProcess() as route:
        CodeAgent(tools=[], model=RoutedModel("llama-swap/qwen3", route)).run("How much is 47 × 89?")

Written for smolagents 1.26.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

from smolagents.models import ChatMessage, MessageRole, Model, remove_content_after_stop_sequences
from smolagents.monitoring import TokenUsage

from tui.bridges.agent_wire import (
    LONGEST_LINE,
    Answer,
    FromAgents,
    NoAnswer,
    Question,
    ToAgents,
    Turn,
    line_of,
    to_agents,
)

if TYPE_CHECKING:
    from tui.bridges.agent_answers import AgentAnswers


class NotAnswered(Exception):
    """No model answered; one sentence that says why."""


class Route(Protocol):
    """A way by which a model's answers come."""

    def ask(self, question: Question) -> Answer:
        """
        Raises:
            NotAnswered: there is no answer.
        """


class RoutedModel(Model):  # type: ignore[misc]  # smolagents has no types
    """A model of the configuration, ``service/name`` or ``program/name``. Text alone: smolagents refuses images."""

    def __init__(self, model_id: str, route: Route) -> None:
        super().__init__(flatten_messages_as_text=True, model_id=model_id)
        self._route = route

    def generate(
        self,
        messages: list[ChatMessage],
        stop_sequences: list[str] | None = None,
        response_format: dict[str, str] | None = None,
        tools_to_call_from: list[Any] | None = None,
        **options: Any,
    ) -> ChatMessage:
        """The model's answer, cut at the first of ``stop_sequences``: not every server and program takes them.

        Tools are called in the text, as smolagents' own prompts ask for; ``response_format`` is not passed on.

        Raises:
            NotAnswered: there is none.
        """
        prepared = self._prepare_completion_kwargs(messages)["messages"]
        turns = tuple(Turn(_role(one["role"]), one["content"]) for one in prepared)
        answer = self._route.ask(Question(self.model_id or "", turns))
        return ChatMessage(
            role=MessageRole.ASSISTANT,
            content=remove_content_after_stop_sequences(answer.text, stop_sequences),
            token_usage=TokenUsage(answer.input_tokens or 0, answer.output_tokens or 0),
        )


def _role(role: str) -> Any:
    # Enumerations of smolagents are text as well, and msgspec wants the plain one.
    return str(getattr(role, "value", role))


class ThroughParent:
    """The way of a process that was started for agents: it asks the one that started it."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._lines = channel.makefile("rb")
        self._turn = threading.Lock()

    def receive(self) -> ToAgents:
        """The next message.

        Raises:
            NotAnswered: the process that started this one is gone.
        """
        line = self._lines.readline(LONGEST_LINE)
        if not line.endswith(b"\n"):
            raise NotAnswered("the program that started the agents is gone")
        message: ToAgents = to_agents.decode(line)
        return message

    def send(self, message: FromAgents) -> None:
        with self._turn:
            self._channel.sendall(line_of(message))

    def ask(self, question: Question) -> Answer:
        # Agents that call tools do it in threads; an answer belongs to the question before it.
        with self._turn:
            self._channel.sendall(line_of(question))
            answer = self.receive()
        if isinstance(answer, Answer):
            return answer
        raise NotAnswered(answer.reason if isinstance(answer, NoAnswer) else "what came is no answer")


class InThisProcess:
    """The way of a program that has the configuration and its keys itself. Use it as a context manager.

    Raises:
        ConfigError: the configuration cannot be used.
    """

    def __init__(self, config: Path | None = None, *, private: bool = False) -> None:
        """``config``: the file, where it is not the usual one."""
        self._config = config
        self._private = private
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fleetdeck answers", daemon=True)
        self._answers: AgentAnswers | None = None

    def __enter__(self) -> Self:
        # Agents in a process of their own have no use for it.
        from tui.bridges.agent_answers import AgentAnswers
        from tui.config.load import load_config
        from tui.config.paths import find_config
        from tui.config.schema import Config

        path = find_config(self._config)
        self._answers = AgentAnswers(load_config(path) if path is not None else Config(), private=self._private)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._answers is not None
        asyncio.run_coroutine_threadsafe(self._answers.close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def ask(self, question: Question) -> Answer:
        assert self._answers is not None, "it is used as a context manager"
        answering: Future[Answer | NoAnswer] = asyncio.run_coroutine_threadsafe(
            self._answers.answer(question), self._loop
        )
        answer = answering.result()
        if isinstance(answer, NoAnswer):
            raise NotAnswered(answer.reason)
        return answer
