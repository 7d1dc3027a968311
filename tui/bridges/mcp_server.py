"""The fleet as an MCP server: other programs' agents ask its models by the person's routes, over standard input and
output."""

from __future__ import annotations

import asyncio
import functools
import logging
import os
import signal
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from mcp.server import MCPServer
from mcp_types import ToolAnnotations

from tui import __version__
from tui.bridges.mcp_asking import Asking, ReadConfig
from tui.bridges.mcp_tool_list import Offer, ToolList, ToolNews
from tui.bridges.mcp_tools import CODING_TASK, FleetTools, says_local, tool_for_model
from tui.config.schema import Config, McpTool
from tui.config.watch import watch_files
from tui.fleet.printable import printable

NAME = "fleetdeck"
INSTRUCTIONS = """\
The person's own fleet of language models, and the routes to models elsewhere.
ask_local_llama, and every other tool whose name says local, keeps the prompt on the person's machines, or fails.
ask sends a prompt to a tier, a task or a model; explain_route says beforehand where it would go, and why.
The models see the prompt alone: put everything into it that they need to know.
Modes, limits and guards are the person's: no tool changes them. Where a call fails, its text says what can be done.\
"""
AT_HOME = "The prompt never leaves the person's own machines: it is answered there, or the call fails and says why."
LAST_WORDS = 3.0
"""Seconds that answers under way have to end, when this program is told to."""
LIST_WORDS = "The models on the person's own machines: which are loaded, what they are for, how much they take in."
EXPLAIN_WORDS = (
    "Where ask would send a prompt now, in order, and why every other model is skipped. Sends nothing to a model."
)
STATUS_WORDS = "What is up, what is loaded, how much GPU memory is free, which modes are on, and what is wrong."
SELDOM = 1.0
"""Seconds between looks at the configuration's file."""
MOST_NAMED = 40
"""Tasks that a description names at most."""
ASKS = ToolAnnotations(read_only_hint=True, destructive_hint=False, open_world_hint=True)
STAYS_HOME = ToolAnnotations(read_only_hint=True, destructive_hint=False, open_world_hint=False)
LOOKS = ToolAnnotations(read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False)

P = ParamSpec("P")
R = TypeVar("R")
log = logging.getLogger(__name__)


async def serve(read_config: ReadConfig) -> None:
    """Serves one agent over standard input and output until it hangs up.

    Raises:
        ConfigError: the configuration cannot be used.
    """
    # What the SDK logs may quote a prompt, and agents' programs keep what a server writes on stderr.
    logging.getLogger().addHandler(logging.NullHandler())
    config = await read_config()
    asking = Asking(config, read_config)
    _end_on_signals(asking)
    server, tools = make_server(config, asking)
    async with asyncio.TaskGroup() as group:
        following = group.create_task(_follow(config, asking, tools), name="configuration")
        try:
            await server.run_stdio_async()
        finally:
            following.cancel()


def make_server(config: Config, asking: Asking) -> tuple[MCPServer[Any], ToolList]:
    """The server, and its tools: those that are always there, and those that ``config`` gives to models."""
    news = ToolNews()
    server: MCPServer[Any] = MCPServer(
        NAME,
        version=__version__,
        instructions=INSTRUCTIONS,
        log_level="CRITICAL",
        subscriptions=news.listeners,
        middleware=[news],
    )
    tools = ToolList(server, functools.partial(_offers, asking), news)
    tools.put(config)
    return server, tools


async def _follow(config: Config, asking: Asking, tools: ToolList) -> None:
    """Keeps the tools in step with the file that ``config`` came from, until it is cancelled."""
    if config.path is None:
        return

    async def read() -> Config:
        return (await asking.situation()).config

    await tools.follow(watch_files((config.path,), period=SELDOM), read)


def _offers(asking: Asking, config: Config) -> tuple[Offer, ...]:
    tools = FleetTools(asking)
    local, coding = config.mcp.local, config.mcp.coding or f"the first model that may take the task {CODING_TASK}"
    offers = [
        Offer("ask_local_llama", "Ask a local model", _local_words(local, config), STAYS_HOME, tools.ask_local_llama),
        Offer("ask_coding_model", "Ask the coding model", _coding_words(coding, config), ASKS, tools.ask_coding_model),
        Offer("ask", "Ask a model by tier, task or id", _ask_words(config), ASKS, tools.ask),
        Offer("list_available_local_models", "List local models", LIST_WORDS, LOOKS, tools.list_available_local_models),
        Offer("explain_route", "Explain a route", EXPLAIN_WORDS, LOOKS, tools.explain_route),
        Offer("fleet_status", "Look at the fleet", STATUS_WORDS, LOOKS, tools.fleet_status),
    ]
    for model in config.models.values():
        if (given := model.tool) is not None:
            private = says_local(given.name)
            words, annotations = _tool_words(given, private), STAYS_HOME if private else ASKS
            tool = tool_for_model(asking, model.id, private=private)
            offers.append(Offer(given.name, f"Ask {model.id}", words, annotations, tool))
    return tuple(replace(offer, tool=_logged(offer.tool)) for offer in offers)


def _local_words(model: str | None, config: Config) -> str:
    if model is None:
        return f"Asks a model on the person's own machines that is loaded, or the one named. {AT_HOME}"
    return f"Asks {model}{_about(model, config)} on the person's own machines, or the local model named. {AT_HOME}"


def _coding_words(model: str, config: Config) -> str:
    return f"Asks the person's model for writing and reading code: {model}{_about(model, config)}."


def _ask_words(config: Config) -> str:
    tasks = ", ".join(printable(task, 60) for task in list(config.tasks)[:MOST_NAMED])
    known = f" Tasks: {tasks}." if tasks else ""
    return (
        "Asks the model that the person's routes choose for one of tier, task and model; without any of them it is the "
        f"task default. It may run on the person's machines or elsewhere, as modes and limits allow.{known}"
    )


def _tool_words(given: McpTool, private: bool) -> str:
    return f"{given.description} {AT_HOME}" if private else given.description


def _about(model: str, config: Config) -> str:
    settings = config.models.get(model)
    return f" ({settings.about})" if settings is not None and settings.about else ""


def _logged(tool: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
    """The same tool; where it breaks, the log says of what kind and where, without the words, which may be a prompt."""

    @functools.wraps(tool)
    async def logged(*arguments: P.args, **named: P.kwargs) -> R:
        try:
            return await tool(*arguments, **named)
        except Exception as error:
            frame = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{Path(frame.filename).name}:{frame.lineno}"
            log.error("a tool broke: %s at %s", type(error).__name__, where)  # noqa: TRY400  (its traceback has words)
            raise

    return logged


def _end_on_signals(asking: Asking) -> None:
    """Ends what is under way before the program goes: the SDK's reader of standard input cannot be interrupted."""
    loop = asyncio.get_running_loop()
    ending: list[asyncio.Task[None]] = []

    async def end(number: signal.Signals) -> None:
        await asking.end(LAST_WORDS)
        loop.remove_signal_handler(number)
        os.kill(os.getpid(), number)

    def begin(number: signal.Signals) -> None:
        if not ending:
            ending.append(loop.create_task(end(number), name="ending"))

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup
            loop.add_signal_handler(number, begin, number)
