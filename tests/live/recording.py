"""What a server answered, kept so that the answers of a real one and of a simulated one can be laid side by side."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx

JSON = None | bool | int | float | str | list["JSON"] | dict[str, "JSON"]

# Header names that tell something about the server's own protocol; the others belong to HTTP.
TELLING_HEADERS = ("x-litellm-", "www-authenticate", "retry-after")
ANSWER_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. `body` is the parsed JSON, the text where it is none, or the list of a stream's parsed events."""

    status: int
    media_type: str
    body: JSON
    headers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ask:
    """One request. `name` is the same for every server that is asked it, whatever its models are called."""

    name: str
    method: str
    path: str
    body: JSON = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @staticmethod
    def get(path: str) -> Ask:
        return Ask(f"GET {path}", "GET", path)


Recording = dict[str, Answer]


@asynccontextmanager
async def asking(url: str, headers: Mapping[str, str] | None = None) -> AsyncIterator[httpx.AsyncClient]:
    """A client for one server, whose every request ends within a minute."""
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=ANSWER_SECONDS, trust_env=False) as client:
        yield client


async def record(client: httpx.AsyncClient, ask: Ask) -> Answer:
    """Asks, and reads the answer to its end. Event streams and NDJSON become the list of their parsed parts."""
    content = None if ask.body is None else json.dumps(ask.body)
    headers = dict(ask.headers) if content is None else {"content-type": "application/json", **ask.headers}
    answer = await client.request(ask.method, ask.path, content=content, headers=headers)
    media_type = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    telling = tuple(sorted(name for name in answer.headers if name.lower().startswith(TELLING_HEADERS)))
    return Answer(answer.status_code, media_type, _parsed(answer.text, media_type), telling)


async def record_answers(client: httpx.AsyncClient, asks: tuple[Ask, ...]) -> Recording:
    """Asks one after the other."""
    return {ask.name: await record(client, ask) for ask in asks}


async def until(condition: Callable[[], bool | Awaitable[bool]], what: str, seconds: float = 20.0) -> None:
    """Waits until a condition holds. Raises AssertionError, naming it, after `seconds`."""
    try:
        async with asyncio.timeout(seconds):
            while True:
                holds = condition()
                if holds if isinstance(holds, bool) else await holds:
                    return
                await asyncio.sleep(0.05)
    except TimeoutError as error:
        raise AssertionError(f"{what}: not within {seconds:.0f} s") from error


def _parsed(text: str, media_type: str) -> JSON:
    if media_type == "text/event-stream":
        return [_value(line[5:].strip()) for line in text.splitlines() if line.startswith("data:")]
    if media_type == "application/x-ndjson":
        return [_value(line) for line in text.splitlines() if line.strip()]
    return _value(text)


def _value(text: str) -> JSON:
    try:
        parsed: JSON = json.loads(text)
    except ValueError:
        return text
    return parsed
