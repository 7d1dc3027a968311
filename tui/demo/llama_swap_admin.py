"""llama-swap's own endpoints: lists, states, events, profiles, figures, logs, unloading, /upstream/."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from tui.demo.clock import parse_rfc3339
from tui.demo.http_server import Request, Response, json_response, text_response
from tui.demo.llama_swap_catalogue import list_models, list_profiles, list_running
from tui.demo.llama_swap_chat import EVENT_STREAM, MODEL_ROUTES
from tui.demo.llama_swap_events import event_frame
from tui.demo.llama_swap_processes import StartFailed
from tui.demo.llama_swap_telemetry import BadQuery, hardware

if TYPE_CHECKING:
    from tui.demo.llama_swap import LlamaSwap

# upstream.ignorePaths by default: a page's own files must not load a model.
IGNORED_SUFFIXES = (".js", ".json", ".css", ".png", ".gif", ".jpg", ".jpeg", ".ico", ".txt")
VERSION = {"version": "v250", "commit": "60226b63", "build_date": "2026-08-14T15:45:40Z"}
OLD_VERSION = {"version": "v185", "commit": "1f2a9d0c", "build_date": "2026-01-11T08:12:55Z"}


class AdminRoutes:
    """The endpoints that do not talk to a model."""

    def __init__(self, server: LlamaSwap) -> None:
        self._server = server
        self.routes: dict[tuple[str, str], Callable[[Request], Awaitable[Response]]] = {
            ("GET", "/v1/models"): self._list_models,
            ("GET", "/models"): self._list_models,
            ("GET", "/running"): self._list_running,
            ("GET", "/unload"): self._unload_all,
            ("POST", "/api/models/unload"): self._unload_all,
            ("GET", "/api/events"): self._events,
            ("GET", "/api/version"): self._version,
            ("GET", "/api/profiles"): self._profiles,
            ("PUT", "/api/profiles/active"): self._choose_profile,
            ("GET", "/api/metrics/activity"): self._activity,
            ("GET", "/api/metrics/stats"): self._statistics,
            ("GET", "/api/metrics"): self._old_metrics,
            ("GET", "/api/performance"): self._performance,
            ("GET", "/api/hardware"): self._hardware,
            ("GET", "/metrics"): self._prometheus,
            ("GET", "/logs"): self._logs,
        }

    async def _list_models(self, request: Request) -> Response:
        return json_response(
            list_models(self._server.config, self._server.processes, self._server.profile, self._server.hostile())
        )

    async def _list_running(self, request: Request) -> Response:
        return json_response(list_running(self._server.config, self._server.processes, self._server.hostile()))

    async def _version(self, request: Request) -> Response:
        return json_response(VERSION if self._server.config.era == "v250" else OLD_VERSION)

    async def _unload_all(self, request: Request) -> Response:
        await self._server.processes.unload_all()
        return json_response({"msg": "ok"}) if request.method == "POST" else text_response("OK")

    async def unload_one(self, request: Request, name: str) -> Response:
        target = self._server.resolve(name)
        if target is None:
            return self._server.problem(request, 404, "model not found")
        if target.process is None:
            return self._server.problem(request, 404, "no local server found for requested model")
        await self._server.processes.unload(target.process)
        return text_response("OK")

    async def _events(self, request: Request) -> Response:
        headers = (("Cache-Control", "no-cache"), ("X-Content-Type-Options", "nosniff"), ("X-Accel-Buffering", "no"))
        return Response(200, self._server.hub.stream(self._first_events), EVENT_STREAM, headers)

    def _first_events(self) -> list[bytes]:
        frames = [
            event_frame("logData", {"source": "proxy", "data": self._server.proxy_log.history}),
            event_frame("logData", {"source": "upstream", "data": self._server.upstream_log.history}),
            event_frame("modelStatus", self._server.states()),
        ]
        if self._server.config.era == "old":
            return [*frames, event_frame("metrics", [row.as_json() for row in self._server.activity.rows])]
        return [
            *frames,
            event_frame("uiConfig", {"activity": {"session_id": ["X-Session-ID", "X-Litellm-Session-Id"]}}),
            event_frame("profileChanged", {"active": self._server.profile.name if self._server.profile else None}),
            event_frame("inflight", self._server.inflight.snapshot()),
        ]

    async def _profiles(self, request: Request) -> Response:
        return json_response(list_profiles(self._server.config, self._server.profile))

    async def _choose_profile(self, request: Request) -> Response:
        body = request.json()
        if not isinstance(body, dict):
            return self._server.problem(request, 400, "invalid profile request")
        if "name" not in body:
            return self._server.problem(request, 400, "profile name is required")
        name = body["name"]
        if name is not None and not isinstance(name, str):
            return self._server.problem(request, 400, "profile name must be a string or null")
        found = next((profile for profile in self._server.config.profiles if profile.name == name), None)
        if name and found is None:
            return self._server.problem(request, 404, f'profile "{name}" not found')
        active = {"active": found.name if found else None}
        if found is self._server.profile:
            return json_response(active)
        self._server.profile = found
        self._server.proxy_log.write(f'[INFO] active profile changed to "{name or ""}"\n')
        self._server.hub.publish("profileChanged", active)
        self._server.tell_states()
        return json_response(active)

    async def _activity(self, request: Request) -> Response:
        try:
            return json_response(self._server.activity.page(dict(request.query)))
        except BadQuery as bad:
            return self._server.problem(request, 400, str(bad))

    async def _statistics(self, request: Request) -> Response:
        return json_response(self._server.activity.statistics(request.first("model")))

    async def _old_metrics(self, request: Request) -> Response:
        return json_response([row.as_json() for row in self._server.activity.rows])

    def _gpu_use(self) -> tuple[int, bool]:
        running = self._server.processes.running()
        return sum(process.setup.model.vram for process in running), any(process.busy for process in running)

    async def _performance(self, request: Request) -> Response:
        if not self._server.performance.enabled:
            return json_response({"enabled": False}, 503)
        after = request.first("after")
        try:
            since = parse_rfc3339(after) if after else None
        except ValueError:
            return self._server.problem(request, 400, "invalid 'after' timestamp, use RFC3339 format")
        return json_response(self._server.performance.history(since, *self._gpu_use()))

    async def _hardware(self, request: Request) -> Response:
        return json_response(hardware())

    async def _prometheus(self, request: Request) -> Response:
        if not self._server.performance.enabled:
            return text_response("performance monitoring is disabled", 503)
        text = self._server.performance.prometheus(*self._gpu_use())
        return text_response(text, 200, "text/plain; version=0.0.4; charset=utf-8")

    async def _logs(self, request: Request) -> Response:
        if "text/html" in request.headers.get("accept", ""):
            return Response(302, b"", None, (("Location", "/ui/"),))
        return text_response(self._server.proxy_log.history, 200, "text/plain")

    def log_stream(self, request: Request, name: str) -> Response:
        monitors = {"": self._server.proxy_log, "proxy": self._server.proxy_log, "upstream": self._server.upstream_log}
        target = self._server.resolve(name) if name not in monitors else None
        monitor = monitors.get(name) or (target.process.log if target and target.process else None)
        if monitor is None:
            return self._server.problem(request, 400, "invalid logger. Use 'proxy', 'upstream' or a model's ID")
        headers = (("X-Content-Type-Options", "nosniff"), ("X-Accel-Buffering", "no"))
        history = "no-history" not in request.query
        return Response(200, monitor.stream(with_history=history), "text/plain", headers)

    async def upstream(self, request: Request) -> Response:
        """/upstream/{model}/{path}: loads the model, then hands the request to its server."""
        rest = request.path.removeprefix("/upstream/")
        names = sorted((name for name in self._server.processes.by_name if f"{rest}/".startswith(f"{name}/")), key=len)
        target = self._server.resolve(names[-1] if names else rest.partition("/")[0])
        if target is None or target.process is None:
            return self._server.problem(request, 404, "model not found")
        name = names[-1] if names else rest.partition("/")[0]
        path = rest.removeprefix(name)
        if not path:
            status = 301 if request.method in ("GET", "HEAD") else 308
            return Response(status, b"", None, (("Location", f"/upstream/{name}/"),))
        if path in MODEL_ROUTES:
            return await self._server.models.answer(request, forced_model=target.name)
        if path.endswith(IGNORED_SUFFIXES) and target.process.state != "ready":
            return self._server.problem(
                request, 409, f"model {target.name} is not loaded; path matches upstream.ignorePaths"
            )
        # v250 counts what it understands as a call of a model: a load is not in flight and leaves no row of activity.
        try:
            await self._server.load(target.name)
        except StartFailed as failed:
            return self._server.problem(request, 500, f"unspecific error: {failed}")
        if path == "/health":
            return json_response({"status": "ok"})
        if path == "/":
            return text_response("<!doctype html><title>llama.cpp - chat</title>", 200, "text/html")
        return json_response({"error": {"code": 404, "message": "File Not Found", "type": "not_found_error"}}, 404)
