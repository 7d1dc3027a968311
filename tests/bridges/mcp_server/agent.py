"""Agents that speak to the MCP server: the SDK's own client, and one that writes the protocol's lines itself."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable

from mcp import Client
from mcp_types import CallToolResult

from tests.cli.house import House, Json
from tui.bridges.mcp_asking import Asking
from tui.bridges.mcp_server import make_server
from tui.bridges.mcp_tool_list import ToolList
from tui.config.load import load_config
from tui.config.schema import Config

LOCAL, CODER, CLOUD = "llama-swap/qwen3", "llama-swap/coder", "litellm/gpt-5.2"
CLOUD_EXPERT = "litellm/claude-sonnet-4.5"
PATIENCE = 30.0


@contextlib.asynccontextmanager
async def session(house: House) -> AsyncIterator[Client]:
    """An agent and the server in this process."""
    async with session_and_tools(house) as (client, _):
        yield client


@contextlib.asynccontextmanager
async def session_and_tools(house: House) -> AsyncIterator[tuple[Client, ToolList]]:
    """An agent and the server in this process, with the tools that it is offered."""

    async def read_config() -> Config:
        return load_config(house.config)

    config = await read_config()
    server, tools = make_server(config, Asking(config, read_config))
    async with Client(server) as client:
        yield client, tools


async def called(house: House, name: str, **arguments: object) -> CallToolResult:
    async with session(house) as client:
        return await client.call_tool(name, arguments)


def words(result: CallToolResult) -> str:
    return "\n".join(block.text for block in result.content if block.type == "text")


def document(result: CallToolResult) -> Json:
    assert not result.is_error, words(result)
    assert result.structured_content is not None
    return dict(result.structured_content)


def rows(found: object) -> list[Json]:
    assert isinstance(found, list)
    return found


class Wire:
    """An agent that writes the protocol's lines itself (version 2025-06-18), so that all that comes back is seen."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.came: list[Json] = []
        self.introduction: Json = {}

    async def open(self) -> None:
        about = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
        self.send("initialize", 1, **about)
        self.introduction = await self.until(lambda came: came.get("id") == 1, "the server introduces itself")
        self.send("notifications/initialized")

    def send(self, method: str, number: int | None = None, **params: object) -> None:
        assert self.process.stdin is not None
        numbered = {} if number is None else {"id": number}
        line = json.dumps({"jsonrpc": "2.0", "method": method, "params": params, **numbered})
        self.process.stdin.write(line.encode() + b"\n")

    def ask(self, number: int, prompt: str) -> None:
        arguments = {"prompt": prompt, "model": "llama-swap/gemma"}
        self.send("tools/call", number, name="ask", arguments=arguments, _meta={"progressToken": f"p{number}"})

    async def until(self, wanted: Callable[[Json], bool], what: str) -> Json:
        """Reads on until such a message comes; every line has to be one of the protocol's."""
        assert self.process.stdout is not None
        try:
            async with asyncio.timeout(PATIENCE):
                while line := await self.process.stdout.readline():
                    self.came.append(json.loads(line))
                    assert self.came[-1]["jsonrpc"] == "2.0"
                    if wanted(self.came[-1]):
                        return self.came[-1]
        except TimeoutError:
            pass
        raise AssertionError(f"still not so: {what}")


@contextlib.asynccontextmanager
async def connected(house: House) -> AsyncIterator[Wire]:
    """An agent that has started the server as a process; killed at the end where it has not ended by itself."""
    process = await house.started("mcp", stdin=asyncio.subprocess.PIPE)
    try:
        wire = Wire(process)
        await wire.open()
        yield wire
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
