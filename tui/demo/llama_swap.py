"""A look-alike of llama-swap v250, or of a release up to v185 (`era="old"`)."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import html
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass

from tui.demo.http_server import Request, Response, json_bytes, json_response, text_response
from tui.demo.llama_swap_admin import AdminRoutes
from tui.demo.llama_swap_catalogue import (
    DEFAULT_CONFIG,
    LlamaSwapConfig,
    Profile,
    model_status,
)
from tui.demo.llama_swap_chat import MODEL_ROUTES, ModelRoutes
from tui.demo.llama_swap_events import EventHub, InflightTable, LogMonitor
from tui.demo.llama_swap_processes import Process, Processes
from tui.demo.llama_swap_telemetry import Activity, ActivityRow, Performance
from tui.demo.models import SimulatedModel
from tui.demo.scenes import HOSTILE_TEXT, SceneName, hostile_names
from tui.demo.server import DemoServer, Failure

OPEN_PATHS = ("/health", "/wol-health")
UNLOGGED_PATHS = ("/wol-health", "/api/performance", "/metrics")
ERROR_CODES = {
    400: "bad_request",
    401: "unauthorized",
    404: "not_found",
    409: "conflict",
    429: "concurrency_limit",
    500: "internal_error",
    502: "bad_gateway",
    503: "service_unavailable",
}
SINCE_V185 = (
    "/api/profiles",
    "/api/metrics/",
    "/api/performance",
    "/api/hardware",
    "/api/inflight/",
    "/metrics",
)


@dataclass(frozen=True, slots=True)
class Target:
    """Where a model's name leads: to a process of this llama-swap, or (without one) to a peer."""

    name: str
    model: SimulatedModel
    process: Process | None
    told: str
    """What the model is called in the request that reaches it: profiles and selectors rewrite that, aliases do not."""
    selector: str = ""


class LlamaSwap(DemoServer):
    """The simulated llama-swap. `speed` 10 loads and talks ten times as fast; times to live are not scaled."""

    def __init__(
        self, name: str = "llama-swap", *, config: LlamaSwapConfig = DEFAULT_CONFIG, speed: float = 1.0, port: int = 0
    ) -> None:
        super().__init__(name, port)
        self.config = config
        self.speed = speed
        self.proxy_log = LogMonitor()
        self.upstream_log = LogMonitor()
        self.hub = EventHub()
        self.inflight = InflightTable(self.hub, told=config.era == "v250")
        self.activity = Activity()
        self.performance = Performance()
        self.processes = Processes(config.models, speed, self.proxy_log, self.upstream_log, self.tell_states)
        self.profile: Profile | None = None
        self.models = ModelRoutes(self)
        self.proxy_log.follow(lambda text: self.hub.publish("logData", {"source": "proxy", "data": text}))
        self.upstream_log.follow(lambda text: self.hub.publish("logData", {"source": "upstream", "data": text}))
        self._admin = AdminRoutes(self)

    # What tests and the demo steer

    async def scene(self, name: SceneName, **options: float | str) -> None:
        was = self.playing.name
        await super().scene(name, **options)
        if "hostile" in (was, name):
            self.tell_states()
        if name == "hostile":
            self.proxy_log.write(f"[WARN] {HOSTILE_TEXT}\n")

    async def load(self, name: str) -> None:
        """Loads a model as a request for it would. Raises StartFailed; KeyError for a name without a process."""
        process = self.processes.by_name[name]
        await self.processes.use(process)
        self.processes.release(process)

    async def borrow(self, model: str) -> Callable[[], None]:
        """Loads a model and counts a request on it; calling the result gives it back. Raises as `load` does."""
        process = self.processes.by_name[model]
        await self.processes.use(process)
        return lambda: self.processes.release(process)

    async def unload(self, name: str) -> None:
        await self.processes.unload(self.processes.by_name[name])

    async def reload(self) -> None:
        """Reloads the configuration: every model stops, the profile is reset, event streams end."""
        await self.processes.unload_all()
        self.profile = None
        self.hub.end_streams()

    def record(self, row: ActivityRow) -> None:
        self.activity.rows.append(row)
        if self.config.era == "v250":
            self.hub.publish("activity", {"id": row.id})
        else:
            self.hub.publish("metrics", [row.as_json()])

    def forget(self) -> None:
        self.processes.forget()
        self.inflight.clear()
        self.activity.clear()
        self.performance.clear()
        self.proxy_log.clear()
        self.upstream_log.clear()
        self.profile = None

    # Names

    def resolve(self, name: str) -> Target | None:
        """Follows the active profile, aliases, selectors and peers; None where nothing has that name."""
        if self.profile is not None:
            name = dict(self.profile.pins).get(name, name)
        for process in self.processes.by_name.values():
            if name == process.name or name in process.setup.aliases:
                return Target(process.name, process.setup.model, process, told=name)
        for selector in self.config.selectors:
            if name == selector.name:
                targets = [target for each in selector.targets if (target := self.resolve(each)) is not None]
                warm = [target for target in targets if target.process is not None and target.process.running]
                chosen = (warm if selector.strategy == "warm" else []) + targets
                return dataclasses.replace(chosen[0], selector=name) if chosen else None
        for peer in self.config.peers:
            for model, full in zip(peer.models, peer.full_names(), strict=True):
                if name in (model, full):
                    return Target(full, SimulatedModel(full, tokens_per_second=90, vram=0), None, told=name)
        return None

    # Errors

    def problem_body(self, status: int, message: str) -> bytes:
        error: object = message
        if self.config.error_shape == "object":
            kind = "server_error" if status >= 500 else "invalid_request_error"
            error = {"message": message, "type": kind, "param": None, "code": ERROR_CODES.get(status)}
        return json_bytes({"src": "llama-swap", "error": error})

    def problem(self, request: Request, status: int, message: str) -> Response:
        """An error in the form that the Accept header asks for."""
        accept = request.headers.get("accept", "")
        if "text/plain" in accept:
            return text_response(f"llama-swap: {message}", status, "text/plain")
        if "text/html" in accept:
            page = f"<html><body><h1>llama-swap</h1><p>{html.escape(message)}</p></body></html>"
            return text_response(page, status, "text/html")
        return Response(status, self.problem_body(status, message))

    def failure(self, kind: Failure, request: Request) -> Response:
        if kind == "unauthorized":
            refused = self.problem(request, 401, "unauthorized: invalid or missing API key")
            return dataclasses.replace(refused, headers=(("WWW-Authenticate", 'Basic realm="llama-swap"'),))
        if kind == "loading":
            return self.problem(request, 503, "[qwen3] process is not ready")
        return self.problem(request, 500, self.playing.message or "unspecific error: context deadline exceeded")

    def guarded(self, request: Request) -> bool:
        return request.path not in OPEN_PATHS

    def affected_by_loading(self, request: Request) -> bool:
        return request.path in MODEL_ROUTES or request.path.startswith("/upstream/")

    def _has_key(self, request: Request) -> bool:
        if not self.config.api_keys:
            return True
        scheme, _, credential = request.headers.get("authorization", "").partition(" ")
        given = request.headers.get("x-api-key", "")
        if scheme.lower() == "basic":
            try:
                given = base64.b64decode(credential).decode().partition(":")[2]
            except (binascii.Error, UnicodeDecodeError):
                given = ""
        elif scheme.lower() == "bearer":
            given = credential.strip()
        return given in self.config.api_keys

    # Answers

    async def answer(self, request: Request) -> Response:
        began = time.monotonic()
        response = await self._route(request)
        if request.path.startswith(UNLOGGED_PATHS):
            return response
        if isinstance(response.body, bytes):
            self._log_access(request, response.status, len(response.body), began)
            return response
        return dataclasses.replace(response, body=self._logged(request, response, response.body, began))

    async def _logged(
        self, request: Request, response: Response, body: AsyncIterator[bytes], began: float
    ) -> AsyncGenerator[bytes, None]:
        size = 0
        try:
            async for piece in body:
                size += len(piece)
                yield piece
        finally:
            close = getattr(body, "aclose", None)
            if close is not None:
                await close()
            self._log_access(request, response.status, size, began)

    def _log_access(self, request: Request, status: int, size: int, began: float) -> None:
        took = f"{(time.monotonic() - began) * 1000:.3f}ms"
        agent = request.headers.get("user-agent", "")
        line = f'Request 127.0.0.1 "{request.method} {request.path} HTTP/1.1" {status} {size} "{agent}" {took}'
        self.proxy_log.write(f"[INFO] {line}\n")

    async def _route(self, request: Request) -> Response:
        path = request.path
        if path in OPEN_PATHS:
            return Response(200, b"OK", "text/plain; charset=utf-8")
        if not self._has_key(request):
            return self.failure("unauthorized", request)
        old = self.config.era == "old"
        if (old and path.startswith(SINCE_V185)) or (not old and path == "/api/metrics"):
            return text_response("404 page not found\n", 404)
        method = "GET" if request.method == "HEAD" else request.method
        if (handler := self._admin.routes.get((method, path))) is not None:
            return await handler(request)
        if method == "POST" and path in MODEL_ROUTES:
            return await self.models.answer(request)
        if path.startswith("/upstream/"):
            return await self._admin.upstream(request)
        if method == "POST" and path.startswith("/api/models/unload/"):
            return await self._admin.unload_one(request, path.removeprefix("/api/models/unload/"))
        if method == "POST" and path.startswith("/api/inflight/") and path.endswith("/cancel"):
            if self.inflight.cancel(path.split("/")[3]):
                return json_response({"msg": "ok"})
            return self.problem(request, 404, "inflight request not found")
        if path == "/":
            return Response(302, b"", None, (("Location", "/ui"),))
        if path.startswith("/api/captures/"):
            return self.problem(request, 404, "capture not found")
        if any(known == path for _, known in self._admin.routes):
            return text_response("Method Not Allowed\n", 405)
        if path == "/logs/stream" or path.startswith("/logs/stream/"):
            return self._admin.log_stream(request, path.removeprefix("/logs/stream").strip("/"))
        return text_response("404 page not found\n", 404)

    def hostile(self) -> tuple[str, ...]:
        return hostile_names(self.playing)

    def states(self) -> list[dict[str, object]]:
        return model_status(self.config, self.processes, self.hostile())

    def tell_states(self) -> None:
        self.hub.publish("modelStatus", self.states())
