"""The tools that agents are offered over MCP.

None of them flips a mode, reads a file, allows secrets or acts on a machine: they look, plan, or send a prompt where
its plan says.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Literal

from mcp_types import CallToolResult
from pydantic import Field

from tui.bridges.mcp_asking import Asking, Call, Question, failed, told
from tui.bridges.mcp_documents import local_models_of, refusal_words, route_of, status_of
from tui.bridges.mcp_results import Answer, FleetStatus, LocalModels, Route
from tui.config.schema import Config
from tui.routing.plan import Failure
from tui.routing.policy import NO_PROMPTS, Request

LONGEST_ANSWER = 600.0
"""Seconds for an answer where the agent names none: a large model may load for minutes before its first word."""
CODING_TASK = "code-generation"

PromptText = Annotated[str, Field(min_length=1, description="All that the model is to know: it sees nothing else.")]
SystemText = Annotated[str, Field(description="What the model is told to be, before the prompt.")]
MaxTokens = Annotated[int | None, Field(ge=1, description="Most tokens of the answer, thinking included.")]
Seconds = Annotated[float, Field(gt=0, le=3600, description="Seconds for the whole answer, loading included.")]
Tier = Annotated[Literal["opus", "sonnet", "haiku"] | None, Field(description="The tier of model wanted.")]
Task = Annotated[str | None, Field(description="The kind of task: one of those that the description names.")]
Model = Annotated[str | None, Field(description="A model by its id, service/name or program/name.")]
LocalModelId = Annotated[
    str | None, Field(description="One of list_available_local_models; left out: the one that the person has chosen.")
]
Fallback = Annotated[bool, Field(description="With model: ask its configured fallbacks if it does not answer.")]
Private = Annotated[bool, Field(description="True: only models on the person's own machines may be asked.")]
External = Annotated[bool, Field(description="True: as if external mode were on, for this request alone.")]
Answered = Annotated[CallToolResult, Answer]
Routed = Annotated[CallToolResult, Route]


def says_local(tool: str) -> bool:
    """Whether a tool's name promises that the prompt stays on the person's machines. It errs on the side of yes."""
    return "local" in tool.lower()


class FleetTools:
    """The tools that are there whatever the configuration says."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking

    async def ask_local_llama(
        self,
        prompt: PromptText,
        call: Call,
        model: LocalModelId = None,
        system: SystemText = "",
        max_tokens: MaxTokens = None,
        timeout_s: Seconds = LONGEST_ANSWER,
    ) -> Answered:
        situation = await self._asking.situation()
        config = situation.config
        chosen = model or config.mcp.local or await self._loaded_model(config)
        if chosen is None:
            return failed(
                "no model stands behind ask_local_llama: call list_available_local_models and name one of them as "
                'model, or have the person set it in their configuration, [mcp] local = "service/model"'
            )
        question = Question(text=prompt, system=system, max_tokens=max_tokens, timeout=timeout_s)
        return await self._asking.answer(Request(model=chosen, private=True), question, call, situation)

    async def ask_coding_model(
        self,
        prompt: PromptText,
        call: Call,
        system: SystemText = "",
        max_tokens: MaxTokens = None,
        timeout_s: Seconds = LONGEST_ANSWER,
    ) -> Answered:
        situation = await self._asking.situation()
        config = situation.config
        if config.mcp.coding is None and CODING_TASK not in config.tasks:
            return failed(
                "no model stands behind ask_coding_model: use ask with a model, or have the person set it in their "
                'configuration, [mcp] coding = "service/model"'
            )
        request = Request(task=CODING_TASK) if config.mcp.coding is None else Request(model=config.mcp.coding)
        question = Question(text=prompt, system=system, max_tokens=max_tokens, timeout=timeout_s)
        return await self._asking.answer(request, question, call, situation)

    async def ask(
        self,
        prompt: PromptText,
        call: Call,
        tier: Tier = None,
        task: Task = None,
        model: Model = None,
        fallback: Fallback = False,
        private: Private = False,
        external: External = False,
        system: SystemText = "",
        max_tokens: MaxTokens = None,
        timeout_s: Seconds = LONGEST_ANSWER,
    ) -> Answered:
        request = Request(tier=tier, task=task, model=model, fallback=fallback, private=private, external=external)
        question = Question(text=prompt, system=system, max_tokens=max_tokens, timeout=timeout_s)
        return await self._asking.answer(request, question, call, await self._asking.situation())

    async def explain_route(
        self,
        tier: Tier = None,
        task: Task = None,
        model: Model = None,
        fallback: Fallback = False,
        private: Private = False,
        external: External = False,
        prompt: Annotated[str, Field(description="Its length and any credential in it are looked at, too.")] = "",
    ) -> Routed:
        situation = await self._asking.situation()
        request = Request(tier=tier, task=task, model=model, fallback=fallback, private=private, external=external)
        decision = await self._asking.plan(request, prompt, situation)
        if decision.plan.failure is Failure.WRONG_REQUEST:
            return failed(refusal_words(decision.plan))
        route = route_of(decision, [*situation.remarks, *([decision.remark] if decision.remark else [])])
        return told(route, route.model_dump_json(indent=1))

    async def list_available_local_models(self) -> LocalModels:
        config = (await self._asking.situation()).config
        return await self._local_models(config)

    async def fleet_status(self) -> FleetStatus:
        situation = await self._asking.situation()
        return status_of(await self._asking.look(situation.config), situation.modes, situation.remarks)

    async def _local_models(self, config: Config) -> LocalModels:
        own = [
            service.name
            for service in config.services.values()
            if service.kind not in NO_PROMPTS and config.is_own(service)
        ]
        return local_models_of(await self._asking.look(config, own), config)

    async def _loaded_model(self, config: Config) -> str | None:
        """A local model that is in memory already: to load one is for somebody to choose."""
        models = (await self._local_models(config)).models
        return next((model.id for model in models if model.state == "ready"), None)


def tool_for_model(asking: Asking, model: str, *, private: bool) -> Callable[..., Awaitable[CallToolResult]]:
    """A tool that asks one model; ``private``: and nobody where it turns out not to be local."""

    async def ask_model(
        prompt: PromptText,
        call: Call,
        system: SystemText = "",
        max_tokens: MaxTokens = None,
        timeout_s: Seconds = LONGEST_ANSWER,
    ) -> Answered:
        question = Question(text=prompt, system=system, max_tokens=max_tokens, timeout=timeout_s)
        request = Request(model=model, private=private)
        return await asking.answer(request, question, call, await asking.situation())

    return ask_model
