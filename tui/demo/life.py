"""Life in the simulated fleet: now and then somebody uses a model, so that there is something to see."""

from __future__ import annotations

import asyncio
import itertools
import random
from typing import TYPE_CHECKING

from tui.demo.http_server import json_bytes

if TYPE_CHECKING:
    from tui.demo.fleet import DemoFleet
    from tui.demo.server import DemoServer

SHORTEST_REST, LONGEST_REST = 2.0, 9.0
LONGEST_REPLY = 120.0
PROMPTS = (
    "Summarize the release notes of the last month",
    "Why does my retry loop give up too early?",
    "Write a haiku about tail latency",
    "Explain write-ahead logging to a new colleague",
    "Review this function for race conditions",
)
OCCUPATIONS = (
    ("llama-swap", "qwen3", 5),
    ("llama-swap", "gemma", 3),
    ("llama-swap", "coder", 2),
    ("ollama", "llama3.2:latest", 3),
    ("ollama", "mixtral:8x7b", 1),
    ("litellm", "gpt-5.2", 2),
    ("litellm", "local-chat", 2),
    ("litellm", "flaky", 1),
)
# So that there is something loaded on both servers soon after the start.
OPENING = (OCCUPATIONS[0], OCCUPATIONS[3])


async def live(fleet: DemoFleet) -> None:
    """Uses a random model after a random rest, for ever. A server that a scene has taken down is left alone."""
    chance = random.Random(2026)
    weights = [weight for _, _, weight in OCCUPATIONS]
    for turn in itertools.count():
        service, model, _ = OPENING[turn] if turn < len(OPENING) else chance.choices(OCCUPATIONS, weights)[0]
        server = fleet.servers.get(service)
        if server is not None and server.playing.name in ("normal", "slow"):
            try:
                async with asyncio.timeout(LONGEST_REPLY):
                    await ask(server, model, chance.choice(PROMPTS), fleet.env["FLEETDECK_DEMO_KEY"])
            except (OSError, TimeoutError, asyncio.IncompleteReadError):
                # The server was taken down meanwhile; life goes on.
                continue
        await asyncio.sleep(max(0.05, chance.uniform(SHORTEST_REST, LONGEST_REST) / fleet.speed))


async def ask(server: DemoServer, model: str, prompt: str, key: str) -> None:
    """One streamed chat, read to its end over a socket, as any other client's."""
    path = "/api/chat" if server.name == "ollama" else "/v1/chat/completions"
    body = json_bytes({"model": model, "stream": True, "messages": [{"role": "user", "content": prompt}]})
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: curl/8.5.0\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        writer.write(head.encode() + body)
        while await reader.read(65_536):
            pass
    finally:
        writer.close()
