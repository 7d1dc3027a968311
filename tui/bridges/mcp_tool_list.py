"""The tools that an agent is offered, kept in step with the configuration while the agent is connected."""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from mcp.server import MCPServer, ServerRequestContext
from mcp.server.context import CallNext, HandlerResult
from mcp.server.session import ServerSession
from mcp.server.subscriptions import InMemorySubscriptionBus, ToolsListChanged
from mcp_types import ToolAnnotations

from tui.config.schema import Config


@dataclass(frozen=True, slots=True)
class Offer:
    """A tool as an agent is told of it."""

    name: str
    title: str
    words: str
    annotations: ToolAnnotations
    tool: Callable[..., Awaitable[object]] = field(compare=False)
    """Made anew with every reading. Which model stands behind it shows in the title or the words."""


class ToolNews:
    """Tells the agent that its list of tools is not what it was, in the way that its version of the protocol has.

    Up to version 2025-11-25 the server sends a notification, to agents that were promised one when they connected; from
    2026-07-28 on those are told that listen. Goes into the server as its ``middleware``.
    """

    def __init__(self) -> None:
        self.listeners = InMemorySubscriptionBus()
        self._session: ServerSession | None = None

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        result = await call_next(ctx)
        if ctx.method == "initialize" and isinstance(result, dict):
            # The SDK (2.3) promises it for servers alone that are put together from its inner parts.
            result["capabilities"]["tools"]["listChanged"] = True
        if ctx.method == "notifications/initialized":
            self._session = ctx.session
        return result

    async def tell(self) -> None:
        await self.listeners.publish(ToolsListChanged())
        if self._session is not None:
            await self._session.send_tool_list_changed()


class ToolList:
    """What the server offers now."""

    def __init__(self, server: MCPServer[Any], offers: Callable[[Config], Sequence[Offer]], news: ToolNews) -> None:
        """``offers`` is what a configuration has the server offer."""
        self._server = server
        self._offers = offers
        self._news = news
        self._offered: Sequence[Offer] = ()

    def put(self, config: Config) -> bool:
        """Offers what ``config`` says; False where that is what was offered before."""
        wanted = self._offers(config)
        if wanted == self._offered:
            return False
        for offer in self._offered:
            self._server.remove_tool(offer.name)
        for offer in wanted:
            self._server.add_tool(
                offer.tool, offer.name, offer.title, offer.words, offer.annotations, structured_output=True
            )
        self._offered = wanted
        return True

    async def follow(self, changes: AsyncIterable[object], read: Callable[[], Awaitable[Config]]) -> None:
        """Reads the configuration after every change, and tells the agent where its tools are others then."""
        async for _ in changes:
            if self.put(await read()):
                await self._news.tell()
