"""Requests of somebody else, by which the simulated servers are kept busy."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import httpx


@contextlib.asynccontextmanager
async def a_long_answer(url: str, model: str) -> AsyncIterator[None]:
    """A streamed chat under way: its first piece has come, and it goes on until the block is left."""
    question = {
        "model": model,
        "stream": True,
        "max_tokens": 100_000,
        "messages": [{"role": "user", "content": "Explain write-ahead logging to a new colleague, at length"}],
    }
    async with (
        httpx.AsyncClient(verify=False, timeout=10) as client,
        client.stream("POST", f"{url}/v1/chat/completions", json=question) as answer,
    ):
        pieces = answer.aiter_bytes()
        await anext(pieces)
        yield
