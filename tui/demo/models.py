"""Simulated language models: how long they load, how fast they talk, and what they say."""

from __future__ import annotations

import asyncio
import math
import re
import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

GIB = 1024**3
# Streams wake at most this often; faster models send several tokens a time, as real servers under load do.
SHORTEST_PAUSE = 0.01
FASTEST_BATCH = 200


@dataclass(frozen=True, slots=True)
class SimulatedModel:
    """What is known of one model. Loading takes `load_seconds`; `vram` and `size` are bytes, `context` is in tokens."""

    name: str
    about: str = ""
    load_seconds: float = 2.0
    tokens_per_second: float = 60.0
    context: int = 32_768
    vram: int = 4 * GIB
    size: int = 4 * GIB
    thinking: bool = False
    fails: bool = False
    family: str = "llama"
    parameters: str = "8.0B"
    quantization: str = "Q4_K_M"


@dataclass(frozen=True, slots=True)
class SimulatedAnswer:
    """The tokens of a reply; joined they are the text. `finish` is `stop` or `length`."""

    reasoning: tuple[str, ...]
    text: tuple[str, ...]
    prompt_tokens: int
    finish: str = "stop"

    @property
    def completion_tokens(self) -> int:
        return len(self.reasoning) + len(self.text)


OPENINGS = (
    "Here is a short answer, then the details.",
    "Good question. The core of it fits in a few lines.",
    "Two things decide this: where the data lives, and how often it changes.",
    "In brief: measure first, then move the boundary.",
    "Let me take it step by step.",
)
HEADINGS = ("What matters", "The idea", "How it works", "Trade-offs", "A plan", "Why this is so")
POINTS = (
    "**Latency** is bounded by the slowest hop, not by the average one.",
    "Keep the *hot path* free of allocation; batch what can wait.",
    "A cache without an expiry is a memory leak with good intentions.",
    "The GPU is idle whenever the next prompt waits for a swap.",
    "`keep_alive` decides how long the weights stay in VRAM.",
    "Write the failure case first: what does the reader see then?",
    "Use one writer, many readers, and publish frozen snapshots.",
    "Prefer an error that names the next step over one that names the line.",
    "Quantization to 4 bits costs little quality and a third of the memory.",
    "Context is not free: its cost grows with every token you keep.",
)
CLOSINGS = (
    "If you can say only one thing about it: *measure before and after*.",
    "Start with the smallest change that you can undo.",
    "That is all. Ask for the numbers if you want them.",
    "The rest is a matter of taste, and of the size of your GPU.",
)
CODE = (
    """```python
async def first_token(stream):
    async for event in stream:
        if event.text:
            return event
    raise EOFError("the stream ended before the first token")
```""",
    """```bash
curl -sN http://koala:8080/api/events | grep --line-buffered modelStatus
```""",
    """```toml
[services.llama-swap]
kind = "llama-swap"
url  = "http://koala:8080"
```""",
    """```sql
SELECT model, count(*) FROM requests GROUP BY model ORDER BY 2 DESC;
```""",
)
THOUGHTS = (
    "The user wants to know this. ",
    "Let me look at what is given first. ",
    "There is a catch: the order of events matters here. ",
    "A small example would make it clear. ",
    "I should keep it short, and show one piece of code. ",
    "Wait, is that also true when nothing is loaded? Yes, it is. ",
    "Now I can write it down. ",
)
TOKEN = re.compile(r"\s*\S{1,7}|\s+")
ASKED_LENGTH = re.compile(r"\b(\d{1,6}) tokens\b")


def tokens_of(text: str) -> tuple[str, ...]:
    """Splits text into pieces of about a token's length; joined they are the text again."""
    return tuple(TOKEN.findall(text))


def answer_to(
    prompt: str, *, thinking: bool = False, limit: int | None = None, hostile: str = "", script: str = ""
) -> SimulatedAnswer:
    """The answer to a prompt: always the same for the same prompt.

    A prompt that asks for a length, as in "write 20000 tokens", gets exactly so many. `limit` is `max_tokens`.
    `hostile` is text that the answer then holds; `script` is all that it says.
    """
    seed = zlib.crc32(prompt.encode("utf-8", "surrogatepass"))
    reasoning = tokens_of(_thoughts(seed)) if thinking else ()
    text = tokens_of(script or _markdown(seed, prompt, hostile))
    if not script and (asked := ASKED_LENGTH.search(prompt)):
        wanted = int(asked.group(1))
        text = (text * (wanted // len(text) + 1))[:wanted]
    finish = "stop"
    if limit is not None and limit < len(reasoning) + len(text):
        reasoning, text, finish = reasoning[:limit], text[: max(0, limit - len(reasoning))], "length"
    return SimulatedAnswer(reasoning, text, max(1, len(tokens_of(prompt))), finish)


def _pick(options: tuple[str, ...], seed: int, number: int) -> str:
    return options[zlib.crc32(f"{seed}/{number}".encode()) % len(options)]


def _thoughts(seed: int) -> str:
    return "".join(dict.fromkeys(_pick(THOUGHTS, seed, 90 + number) for number in range(5)))


def _markdown(seed: int, prompt: str, hostile: str) -> str:
    subject = " ".join(prompt.split()[:8]) or "nothing in particular"
    points = list(dict.fromkeys(_pick(POINTS, seed, 10 + number) for number in range(4)))
    steps = list(dict.fromkeys(_pick(POINTS, seed, 20 + number) for number in range(3)))
    parts = [
        _pick(OPENINGS, seed, 1),
        f"> {subject}",
        f"## {_pick(HEADINGS, seed, 2)}",
        "\n".join(f"- {point}" for point in points),
        f"## {_pick(HEADINGS, seed, 3)}",
        "\n".join(f"{number}. {step}" for number, step in enumerate(steps, 1)),
        _pick(CODE, seed, 4),
        _pick(CLOSINGS, seed, 5),
    ]
    if hostile:
        parts.insert(1, hostile)
    return "\n\n".join(parts) + "\n"


async def paced(tokens: tuple[str, ...], per_second: float) -> AsyncIterator[tuple[str, ...]]:
    """Hands out tokens at a rate, in groups. An infinite rate means as fast as the reader takes them."""
    if math.isinf(per_second):
        for start in range(0, len(tokens), FASTEST_BATCH):
            yield tokens[start : start + FASTEST_BATCH]
            await asyncio.sleep(0)
        return
    clock = asyncio.get_running_loop().time
    began = clock()
    sent = 0
    while sent < len(tokens):
        await asyncio.sleep(max(SHORTEST_PAUSE, (sent + 1) / per_second - (clock() - began)))
        due = min(len(tokens), max(sent + 1, int((clock() - began) * per_second)))
        yield tokens[sent:due]
        sent = due
