"""What a reply costs beside the same answer read with a bare httpx client from the same server."""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from tests.chat.asking import ask, one_service
from tui.chat.dispatch import Dispatcher
from tui.chat.prompt import Prompt
from tui.chat.reply import Text

TOKENS = 20_000
ROUNDS = 5
SERVER = Path(__file__).parent / "full_speed_server.py"


@asynccontextmanager
async def full_speed_server() -> AsyncIterator[str]:
    """A process of its own, so that what it costs is not ours."""
    process = await asyncio.create_subprocess_exec(sys.executable, str(SERVER), str(TOKENS), stdout=PIPE)
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(await process.stdout.readline())}"
    finally:
        process.kill()
        await process.wait()


async def read_barely(url: str, kind: str) -> tuple[int, float]:
    """The tokens of an answer and the seconds until the first, with no more code than it takes."""
    began, first, count = time.perf_counter(), 0.0, 0
    path = "/v1/chat/completions" if kind == "openai" else "/api/chat"
    async with (
        httpx.AsyncClient(verify=False, timeout=None) as client,
        client.stream("POST", url + path, json={"model": "m"}) as answer,
    ):
        async for line in answer.aiter_lines():
            if kind == "openai":
                if not line.startswith("data: {"):
                    continue
                content = json.loads(line[6:])["choices"][0]["delta"].get("content")
            else:
                content = json.loads(line).get("message", {}).get("content")
            if content:
                first = first or time.perf_counter() - began
                count += 1
    return count, first


async def cost(action: Callable[[], Awaitable[object]]) -> float:
    """Seconds of processor time."""
    began = time.process_time()
    await action()
    return time.process_time() - began


@pytest.mark.parametrize("kind", ["openai", "ollama"])
async def test_twenty_thousand_tokens_cost_less_than_twice_a_bare_client(kind: str) -> None:
    async with full_speed_server() as url, Dispatcher(one_service(url, kind)) as dispatcher:  # type: ignore[arg-type]

        async def bare() -> None:
            assert (await read_barely(url, kind))[0] == TOKENS

        async def ours() -> None:
            reply = await ask(dispatcher, "one/m", prompt=Prompt.of("x"))
            assert reply.finished
            assert reply.text == " word" * TOKENS
            # What one read brought is one piece: a face has as much to do as there are reads, not tokens.
            assert len(reply.of(Text)) < TOKENS / 50

        ratios = [await cost(ours) / await cost(bare) for _ in range(ROUNDS)]
        assert statistics.median(ratios) < 2, ratios


async def test_the_first_token_comes_as_early_as_with_a_bare_client() -> None:
    async with full_speed_server() as url, Dispatcher(one_service(url)) as dispatcher:
        late: list[float] = []
        for _ in range(ROUNDS * 2):
            _, bare = await read_barely(url, "openai")
            first = (await ask(dispatcher, "one/m")).finished.timings.first_token
            assert first is not None
            late.append(first - bare)
        assert statistics.median(late) < 0.015, late
