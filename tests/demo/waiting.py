"""Waiting for named conditions, and reading llama-swap's event stream, in tests of the simulated fleet."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from tests.waiting import PATIENCE


@dataclass(frozen=True, slots=True)
class Event:
    """One event of llama-swap's stream, both layers of JSON decoded."""

    kind: str
    data: Any


class EventStream:
    """The events of one connection, in order."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._lines = response.aiter_lines()

    async def next(self) -> Event:
        """The next event; its framing is asserted on the way. Raises EOFError at the end of the stream."""
        async with asyncio.timeout(PATIENCE):
            first = await anext(self._lines, None)
            if first is None:
                raise EOFError
            assert first == "event:message"
            data = await anext(self._lines)
            assert data.startswith("data:{")
            assert await anext(self._lines) == ""
        envelope = json.loads(data.removeprefix("data:"))
        assert isinstance(envelope["data"], str)
        return Event(envelope["type"], json.loads(envelope["data"]))

    async def first(self, kind: str, matching: Callable[[Any], bool] = lambda data: True) -> Event:
        while True:
            event = await self.next()
            if event.kind == kind and matching(event.data):
                return event


@asynccontextmanager
async def event_stream(client: httpx.AsyncClient, url: str) -> AsyncIterator[EventStream]:
    async with client.stream("GET", f"{url}/api/events", timeout=PATIENCE) as response:
        assert response.headers["content-type"] == "text/event-stream"
        yield EventStream(response)


def state_of(model: str, states: list[dict[str, Any]]) -> str:
    return str(next(row["state"] for row in states if row["id"] == model))


def chunks_of(text: str) -> list[dict[str, Any]]:
    """The JSON of each `data:` line of an OpenAI-like stream, without the end mark."""
    lines = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]
    return [json.loads(line) for line in lines if line != "[DONE]"]


def text_of(chunks: list[dict[str, Any]], key: str = "content") -> str:
    return "".join(choice["delta"].get(key) or "" for chunk in chunks for choice in chunk.get("choices", []))


def chat(model: str, prompt: str = "hello there", **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": prompt}], **more}
