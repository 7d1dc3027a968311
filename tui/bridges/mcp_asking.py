"""Sends what agents ask over MCP by the same plans, and into the same ledger, as every other prompt."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, replace
from typing import Any

from mcp.server.mcpserver import Context
from mcp_types import CallToolResult, TextContent
from pydantic import BaseModel

from tui.bridges.mcp_documents import answer_of, answer_words, failure_words, refusal_words
from tui.bridges.mcp_progress import Progress
from tui.chat.dispatch import NotPrivate
from tui.chat.gathered import Gathered
from tui.chat.prompt import Prompt, writable
from tui.chat.reply import Failed, Finished
from tui.chat.sending import Outgoing, Sender
from tui.config.errors import ConfigError
from tui.config.paths import modes_file
from tui.config.schema import Config
from tui.fleet.monitor import running_monitor
from tui.fleet.snapshot import FleetSnapshot
from tui.routing.decide import Decision, decide
from tui.routing.modes import Modes, read_modes
from tui.routing.policy import Request
from tui.routing.size import tokens_at_most

FACE = "mcp"
LONGEST_LOOK = 3.0
"""Seconds for a look at the fleet. What has not answered by then is told as unknown."""

Call = Context[Any, Any]
ReadConfig = Callable[[], Awaitable[Config]]
"""Reads the configuration as it is now; may raise ConfigError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What an agent wants to have answered. ``timeout`` is seconds for all of it."""

    text: str
    system: str
    max_tokens: int | None
    timeout: float

    @property
    def said(self) -> str:
        """All that the model is told."""
        return self.prompt.as_text()

    @property
    def prompt(self) -> Prompt:
        return Prompt.of(self.text, system=self.system, max_tokens=self.max_tokens)


@dataclass(frozen=True, slots=True)
class Situation:
    """What the person wants, as their files say at the time of a call."""

    config: Config
    modes: Modes
    remarks: tuple[str, ...]
    """What cannot be read of it."""


class Asking:
    """Answers the calls of one agent, several at once. Configuration and modes are read anew for each."""

    def __init__(self, config: Config, read_config: ReadConfig) -> None:
        """``config`` is in force until ``read_config`` gives another."""
        self._config = config
        self._read_config = read_config
        self._under_way: set[asyncio.Task[object]] = set()

    async def situation(self) -> Situation:
        """What is in force now; of a configuration that is broken meanwhile, the last good one."""
        problems: list[str] = []
        try:
            self._config = await self._read_config()
        except ConfigError as error:
            problems.append(f"an older configuration is in force: {error}")
        modes = read_modes(self._config.panel.external_mode_path, modes_file())
        return Situation(self._config, modes, (*problems, *modes.problems))

    async def look(self, config: Config, services: Collection[str] | None = None) -> FleetSnapshot:
        """One look at these services; None: at everything."""
        async with running_monitor(config, services) as monitor:
            return await monitor.first_look(LONGEST_LOOK)

    async def plan(self, request: Request, said: str, situation: Situation) -> Decision:
        """Where a prompt would go; ``said`` is all that the model would be told."""
        request = replace(request, prompt_tokens=tokens_at_most(said))
        return await decide(request, said, situation.config, situation.modes)

    async def answer(self, request: Request, question: Question, call: Call, situation: Situation) -> CallToolResult:
        """Sends a question where its plan says. Cancelling ends the request, at the server too."""
        task = asyncio.current_task()
        assert task is not None
        self._under_way.add(task)
        try:
            return await self._answer(request, question, call, situation)
        finally:
            self._under_way.discard(task)

    async def end(self, within: float) -> None:
        """Ends all answers under way, as if the agent had cancelled them; waits ``within`` seconds at most."""
        tasks = set(self._under_way)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=within)

    async def _answer(self, request: Request, question: Question, call: Call, situation: Situation) -> CallToolResult:
        began = time.monotonic()
        decision = await self.plan(request, question.said, situation)
        if decision.plan.failure is not None:
            return failed(refusal_words(decision.plan))
        outgoing = Outgoing(request=request, decision=decision, prompt=question.prompt, said=question.said)
        left = max(0.001, question.timeout - (time.monotonic() - began))
        remarks = [*situation.remarks, *([decision.remark] if decision.remark else [])]
        async with Sender(situation.config, FACE) as sender:
            try:
                gathered = await _gather(sender, outgoing, left, call)
            except NotPrivate as refused:
                return failed(f"{refused}; nothing was sent")
            if sender.problem:
                remarks.append(f"this is not remembered: {sender.problem}")
        match gathered.end:
            case Finished() as finished:
                document = answer_of(finished, gathered.text, decision, remarks)
                return told(document, document.answer, answer_words(document))
            case Failed() as failure:
                return failed(failure_words(failure), gathered.text)
            case None:
                return failed("the answer ended without a word of why")


async def _gather(sender: Sender, outgoing: Outgoing, timeout: float, call: Call) -> Gathered:
    gathered, progress = Gathered(), Progress()
    async with asyncio.TaskGroup() as group:
        telling = group.create_task(progress.tell(call.report_progress), name="progress")
        try:
            async with contextlib.aclosing(sender.send(outgoing, timeout=timeout)) as events:
                async for event in events:
                    gathered.take(event)
                    progress.take(event)
        finally:
            telling.cancel()
    return gathered


def told(document: BaseModel, *words: str) -> CallToolResult:
    """The result of a call that worked: the document, and words for an agent that reads no structured output."""
    content = [TextContent(type="text", text=writable(one)) for one in words]
    return CallToolResult(content=list(content), structured_content=document.model_dump(mode="json"))


def failed(words: str, partial: str = "") -> CallToolResult:
    """The result of a call that came to nothing, in words that an agent can act on; with what had come, if any."""
    content = [TextContent(type="text", text=writable(one)) for one in (words, partial) if one]
    return CallToolResult(content=list(content), is_error=True)
