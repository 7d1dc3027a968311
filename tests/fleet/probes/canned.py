"""A server whose every answer a test writes down, and a probe that watches it over a real socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from tui.config.schema import KeySource, ServiceKind, ServiceSettings
from tui.demo.http_server import HttpServer, Request, Response, json_response, text_response
from tui.fleet.asking import Asker
from tui.fleet.failures import LookFailed
from tui.fleet.probes.probe import Probe
from tui.fleet.probes.registry import probe_for
from tui.fleet.snapshot import ModelSnapshot

KEY_VARIABLE = "FLEETDECK_TEST_KEY"
LONGEST_WAIT = 5.0

ALLOWED: dict[ServiceKind, set[str]] = {
    "llama-swap": {
        "/wol-health",
        "/health",
        "/v1/models",
        "/running",
        "/api/events",
        "/api/version",
        "/api/profiles",
        "/api/metrics/activity",
    },
    "ollama": {"/api/ps", "/api/tags", "/api/version"},
    "litellm": {"/health/liveliness", "/health/readiness", "/health/readiness/details", "/v1/models", "/model/info"},
    "openai": {"/v1/models", "/models"},
    "anthropic": {"/v1/models"},
    "vllm": {"/health", "/version", "/v1/models", "/metrics"},
    "localai": {"/readyz", "/version", "/v1/models", "/system"},
    "llama-server": {"/health", "/v1/models", "/props", "/slots"},
    "qdrant": {"/readyz", "/", "/collections"},
    "http": {"/", "/ping", "/ping/"},
}
"""All that a probe may ever ask: everything else loads models, costs money, or fills logs."""


def assert_only_allowed(kind: ServiceKind, http: HttpServer) -> None:
    asked = {(record.method, record.path) for record in http.requests}
    assert asked <= {("GET", path) for path in ALLOWED[kind]}


@dataclass
class EventStream:
    """llama-swap's event stream, written by the test while it is read."""

    content_type: str = "text/event-stream"
    _pieces: asyncio.Queue[bytes | None] = field(default_factory=asyncio.Queue)

    def send(self, kind: str, data: object) -> None:
        self.send_raw(kind, json.dumps(data))

    def send_raw(self, kind: str, data: object) -> None:
        message = json.dumps({"type": kind, "data": data}, separators=(",", ":"))
        self._pieces.put_nowait(f"event:message\ndata:{message}\n\n".encode())

    def send_bytes(self, data: bytes) -> None:
        self._pieces.put_nowait(data)

    def end(self) -> None:
        self._pieces.put_nowait(None)

    def response(self) -> Response:
        async def body() -> AsyncIterator[bytes]:
            while (piece := await self._pieces.get()) is not None:
                yield piece

        return Response(200, body(), self.content_type)


class Canned:
    """Paths and their answers; what has none is answered 404."""

    def __init__(self) -> None:
        self.answers: dict[str, Response | Callable[[Request], Response]] = {}
        self.hanging: set[str] = set()
        self.http = HttpServer(self._answer)

    def json(self, path: str, value: object, status: int = 200) -> None:
        self.answers[path] = json_response(value, status)

    def text(self, path: str, text: str, status: int = 200) -> None:
        self.answers[path] = text_response(text, status)

    def asked(self, path: str) -> int:
        return len(self.http.requests.to(path))

    async def _answer(self, request: Request) -> Response:
        if request.path in self.hanging:
            await asyncio.Event().wait()
        answer = self.answers.get(request.path, text_response("404 page not found", 404))
        if isinstance(answer, Response):
            return answer
        return answer(request)


class Clock:
    """Time that passes when the test says so."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Watched:
    """A probe, and the server that it watches."""

    def __init__(self, server: Canned, settings: ServiceSettings, probe: Probe | None = None) -> None:
        self.server = server
        self.settings = settings
        self.probe = probe or probe_for(settings)
        self.asker = Asker(settings)
        self.heard = asyncio.Event()

    async def look(self, *names: str) -> None:
        """Asks once, in order: all looks, or those named."""
        for look in self.probe.looks:
            if not names or look.name in names:
                await look.ask(self.asker)

    async def refused(self, name: str | None = None) -> LookFailed:
        """The failure of one look (None: of the liveness)."""
        look = next(look for look in self.probe.looks if name in (None, look.name))
        try:
            await look.ask(self.asker)
        except LookFailed as failure:
            return failure
        raise AssertionError(f"{look.name} did not fail")

    @property
    def models(self) -> dict[str, ModelSnapshot]:
        return {model.name: model for model in self.probe.facts().models}

    def model(self, name: str) -> ModelSnapshot:
        return self.models[name]

    async def until(self, holds: Callable[[], bool]) -> None:
        """Waits until what was heard makes it so."""
        async with asyncio.timeout(LONGEST_WAIT):
            while not holds():
                self.heard.clear()
                await self.heard.wait()


def settings_for(kind: ServiceKind, url: str, **others: object) -> ServiceSettings:
    others.setdefault("timeout", LONGEST_WAIT)
    return ServiceSettings(name="it", kind=kind, url=url, **others)  # type: ignore[arg-type]


KEY = KeySource(env=KEY_VARIABLE)
