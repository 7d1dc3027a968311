"""Asking in tests: candidates, configurations, and servers whose every byte a test writes down."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from tui.chat.attempt import AttemptRecord
from tui.chat.dispatch import Dispatcher, DispatchRecord
from tui.chat.prompt import Prompt
from tui.chat.reply import Candidate, Failed, Finished, Reasoning, ReplyEvent, Restarted, Text
from tui.config.load import parse_config
from tui.config.schema import CliKind, CliSettings, Config, KeySource, ServiceKind, ServiceSettings
from tui.demo.fleet import DemoFleet
from tui.demo.http_server import Request, Response

T = TypeVar("T")
KEY_VARIABLE = "FLEETDECK_TEST_KEY"
PROMPT = Prompt.of("say hello")


@dataclass(frozen=True, slots=True)
class Asked:
    """A candidate as a plan names it."""

    model: str
    where: str = "local"
    why: str = "the test wants it"


def config_of(fleet: DemoFleet) -> Config:
    return parse_config(fleet.config_toml(), fleet.folder / "config.toml")


def remembered(fleet: DemoFleet) -> list[sqlite3.Row]:
    """The requests in a fleet's ledger, the first one first."""
    path = fleet.folder / "data" / "fleetdeck" / "ledger.sqlite3"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        return connection.execute("SELECT * FROM requests ORDER BY id").fetchall()


def one_service(url: str, kind: ServiceKind = "openai", *, key: bool = False) -> Config:
    """A configuration with one service, called ``one``."""
    source = KeySource(env=KEY_VARIABLE) if key else None
    return Config(services={"one": ServiceSettings(name="one", kind=kind, url=url, key=source)})


def one_program(kind: CliKind, *command: str, provider: str | None = None) -> Config:
    """A configuration with one program, called ``one``."""
    return Config(clis={"one": CliSettings(name="one", kind=kind, command=command or None, provider=provider)})


@dataclass
class Reply:
    """All events of one reply, and what they come to."""

    events: list[ReplyEvent]
    record: DispatchRecord | None = None
    asked_models: list[str] = field(default_factory=list)
    attempts: list[AttemptRecord] = field(default_factory=list)

    def asked(self, candidate: Candidate, at: float) -> None:
        assert len(self.asked_models) == len(self.attempts)
        self.asked_models.append(candidate.model)

    def answered(self, attempt: AttemptRecord) -> None:
        self.attempts.append(attempt)
        assert [each.model for each in self.attempts] == self.asked_models

    def ended(self, record: DispatchRecord) -> None:
        assert self.record is None
        assert record.attempts == tuple(self.attempts)
        self.record = record

    def of(self, kind: type[T]) -> list[T]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def text(self) -> str:
        """What a reader has in the end: what was taken back is gone."""
        pieces: list[str] = []
        for event in self.events:
            if isinstance(event, Restarted):
                pieces.clear()
            elif isinstance(event, Text):
                pieces.append(event.text)
        return "".join(pieces)

    @property
    def reasoning(self) -> str:
        return "".join(event.text for event in self.of(Reasoning))

    @property
    def finished(self) -> Finished:
        last = self.events[-1]
        assert isinstance(last, Finished), last
        assert len(self.of(Finished)) == 1
        assert not self.of(Failed)
        return last

    @property
    def failed(self) -> Failed:
        last = self.events[-1]
        assert isinstance(last, Failed), last
        assert len(self.of(Failed)) == 1
        assert not self.of(Finished)
        return last


async def ask(
    dispatcher: Dispatcher,
    *models: str,
    prompt: Prompt = PROMPT,
    timeout: float | None = 20.0,
    private: bool = False,
    candidates: Sequence[Asked] | None = None,
) -> Reply:
    """The whole reply of the first of these models that answers."""
    reply = Reply([])
    asked = candidates if candidates is not None else [Asked(model) for model in models]
    events = dispatcher.ask(asked, prompt, private=private, timeout=timeout, witness=reply)
    async with contextlib.aclosing(events):
        async for event in events:
            reply.events.append(event)
    return reply


async def ask_config(config: Config, model: str = "one/m", prompt: Prompt = PROMPT, timeout: float = 20.0) -> Reply:
    """The whole reply of a model of a configuration of its own."""
    async with Dispatcher(config, look_after=0.02) as dispatcher:
        return await ask(dispatcher, model, prompt=prompt, timeout=timeout)


def streaming(pieces: Iterable[bytes], content_type: str = "text/event-stream") -> Response:
    """A 200 answer that is sent in these pieces."""

    async def body() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    return Response(200, body(), content_type)


def answering(response: Response | Iterable[bytes]) -> AnyAnswer:
    return AnyAnswer(response)


class AnyAnswer:
    """Answers every request alike; a stream's pieces are sent anew each time."""

    def __init__(self, response: Response | Iterable[bytes]) -> None:
        self._response = response if isinstance(response, Response) else None
        self._pieces = () if isinstance(response, Response) else tuple(response)

    async def __call__(self, request: Request) -> Response:
        return self._response if self._response is not None else streaming(self._pieces)


def chunk(content: str | None = None, finish: str | None = None, **more: object) -> bytes:
    """One ``data:`` line of a chat completion, with its empty line."""
    delta = {} if content is None else {"content": content}
    value = {"id": "c1", "model": "m-1", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **more}
    return b"data: " + json.dumps(value).encode() + b"\n\n"


DONE = b"data: [DONE]\n\n"
