"""A look-alike of the LiteLLM proxy 1.106 without a database."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from tui.demo.http_server import Request, Response, json_response
from tui.demo.litellm_catalogue import (
    DEFAULT_DEPLOYMENTS,
    DEFAULT_FALLBACKS,
    Deployment,
    deployment_info,
    group_info,
    listed_model,
    router_fields,
    router_settings,
)
from tui.demo.litellm_chat import CONNECTION_ERROR, VERSION, DeploymentFailed, LiteLLMChat
from tui.demo.models import SimulatedModel
from tui.demo.scenes import Scene, hostile_names
from tui.demo.server import DemoServer, Failure

OPEN_PATHS = ("/health/liveliness", "/health/liveness", "/health/readiness")
COOLDOWN_SECONDS = 20
USUAL_PORTS = {"llama-swap": 8080, "ollama": 11434}
# Endpoints that need a database, with what each says without one; the shapes differ, as they do in 1.106.
WITHOUT_DATABASE: dict[str, tuple[int, object]] = {
    "/health/latest": (500, {"detail": {"error": "Database not initialized"}}),
    "/health/history": (500, {"detail": {"error": "Database not initialized"}}),
    "/spend/keys": (400, {"detail": {"error": "Database not connected. Connect a database to your proxy"}}),
    "/global/spend/models": (500, {"detail": {"error": "No db connected"}}),
    "/v2/model/info": (500, {"detail": {"error": "No db connected"}}),
}


class Upstream(Protocol):
    """A server of the fleet that deployments may point at."""

    playing: Scene

    @property
    def port(self) -> int: ...

    async def borrow(self, model: str) -> Callable[[], None]:
        """Loads a model and counts a request on it; the result gives it back. Raises RuntimeError or KeyError."""
        ...


class LiteLLM(DemoServer):
    """The simulated proxy. `upstreams` are the servers by which deployments name their base."""

    def __init__(
        self,
        name: str = "litellm",
        *,
        deployments: tuple[Deployment, ...] = DEFAULT_DEPLOYMENTS,
        fallbacks: tuple[tuple[str, tuple[str, ...]], ...] = DEFAULT_FALLBACKS,
        upstreams: Mapping[str, Upstream] | None = None,
        master_key: str = "sk-demo",
        speed: float = 1.0,
        port: int = 0,
    ) -> None:
        super().__init__(name, port)
        self.deployments = deployments
        self.fallbacks = dict(fallbacks)
        self.upstreams = dict(upstreams or {})
        self.master_key = master_key
        self.speed = speed
        self.health_checks = 0
        self._settings = fallbacks
        chat = LiteLLMChat(self)
        self._routes: dict[tuple[str, str], Callable[[Request], Awaitable[Response]]] = {
            ("GET", "/health/liveliness"): self._alive,
            ("GET", "/health/liveness"): self._alive,
            ("GET", "/health/readiness"): self._ready,
            ("GET", "/health/readiness/details"): self._ready_in_detail,
            ("GET", "/health/backlog"): self._backlog,
            ("GET", "/health"): self._health,
            ("GET", "/v1/models"): self._list_models,
            ("GET", "/models"): self._list_models,
            ("GET", "/model/info"): self._model_info,
            ("GET", "/v1/model/info"): self._model_info,
            ("GET", "/model_group/info"): self._group_info,
            ("GET", "/router/settings"): self._router_settings,
            ("GET", "/get/config/callbacks"): self._callbacks,
            ("POST", "/v1/chat/completions"): chat.completions,
            ("POST", "/chat/completions"): chat.completions,
            ("POST", "/v1/messages"): chat.messages,
        }

    # Deployments

    def groups(self) -> dict[str, list[Deployment]]:
        found: dict[str, list[Deployment]] = {}
        for deployment in self.deployments:
            found.setdefault(deployment.group, []).append(deployment)
        return found

    def deployments_of(self, group: str) -> list[Deployment]:
        return self.groups().get(group, [])

    def base_of(self, deployment: Deployment) -> str:
        """The api_base; that of a server of the fleet as LiteLLM's own machine would write it."""
        upstream = self.upstreams.get(deployment.base)
        if upstream is not None:
            # A server that this fleet does not run would listen on its usual port.
            return f"http://localhost:{upstream.port or USUAL_PORTS[deployment.base]}/v1"
        return deployment.base if "://" in deployment.base else ""

    async def borrow(self, deployment: Deployment) -> Callable[[], None]:
        """Gets the deployment's model ready, so that what happens shows on its own server too."""
        if deployment.trouble == "down":
            raise DeploymentFailed(CONNECTION_ERROR)
        if deployment.trouble == "rate-limited":
            message = "litellm.RateLimitError: RateLimitError: OpenAIException - Rate limit reached for requests"
            raise DeploymentFailed(message, 429, "throttling_error")
        if deployment.trouble == "cooling-down":
            message = (
                f"No deployments available for selected model, Try again in {COOLDOWN_SECONDS} seconds. Passed model="
                f"{deployment.group}. pre-call-checks=False, cooldown_list=['{deployment.id}']"
            )
            raise DeploymentFailed(message, 429, "all_deployments_in_cooldown")
        upstream = self.upstreams.get(deployment.base)
        if upstream is None:
            await asyncio.sleep(0.05 / self.speed)
            return lambda: None
        if upstream.playing.name in ("down", "restart", "error"):
            raise DeploymentFailed(CONNECTION_ERROR)
        try:
            return await upstream.borrow(deployment.bare_model)
        except (RuntimeError, KeyError) as error:
            raise DeploymentFailed(f"{CONNECTION_ERROR} {error}") from error

    # Errors

    def problem(
        self, status: int, message: str, kind: str, headers: tuple[tuple[str, str], ...] = (), param: str | None = None
    ) -> Response:
        """An error as the proxy words it; `code` is the status as a string."""
        error = {"message": message, "type": kind, "param": param, "code": str(status)}
        return json_response({"error": error}, status, headers)

    def failure(self, kind: Failure, request: Request) -> Response:
        if kind == "unauthorized":
            return self.problem(401, "Authentication Error, No api key passed in.", "auth_error", param="None")
        if kind == "loading":
            if request.path == "/health/readiness":
                return json_response({"status": "healthy", "db": "stalled"}, 503)
            return json_response({"status": "shutting_down"}, 503)
        return self.problem(500, self.playing.message or "Internal Server Error, boom", "internal_server_error")

    def guarded(self, request: Request) -> bool:
        return request.path not in OPEN_PATHS

    def affected_by_loading(self, request: Request) -> bool:
        return request.path in OPEN_PATHS

    def _refusal(self, request: Request) -> Response | None:
        """Without a key 401; with a wrong one 400, since the proxy then looks for it in a database that it lacks."""
        if not self.master_key or request.path in OPEN_PATHS:
            return None
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ").strip()
        key = bearer or request.headers.get("x-api-key", "")
        if not key:
            return self.failure("unauthorized", request)
        if key != self.master_key:
            return self.problem(400, "No connected db.", "no_db_connection")
        return None

    # Answers

    async def answer(self, request: Request) -> Response:
        if (refusal := self._refusal(request)) is not None:
            return refusal
        method = "GET" if request.method == "HEAD" else request.method
        handler = self._routes.get((method, request.path))
        if handler is not None:
            return await handler(request)
        if request.path in WITHOUT_DATABASE:
            status, body = WITHOUT_DATABASE[request.path]
            return json_response(body, status)
        if request.path.startswith("/v1/models/"):
            return self._one_model(request.path.removeprefix("/v1/models/"))
        return json_response({"detail": "Not Found"}, 404)

    async def _alive(self, request: Request) -> Response:
        return json_response("I'm alive!")

    async def _ready(self, request: Request) -> Response:
        return json_response({"status": "healthy", "db": "Not connected"})

    async def _ready_in_detail(self, request: Request) -> Response:
        return json_response(
            {
                "status": "healthy",
                "db": "Not connected",
                "cache": None,
                "litellm_version": VERSION,
                "success_callbacks": ["sync_deployment_callback_on_success", "_PROXY_VirtualKeyModelMaxBudgetLimiter"],
                "use_aiohttp_transport": True,
                "log_level": "WARNING",
                "is_detailed_debug": False,
                "show_no_redis_warning": True,
                "show_env_credential_login_warning": True,
            }
        )

    async def _backlog(self, request: Request) -> Response:
        names = ("in_flight_requests", "admitted_requests", "queued_requests", "rejected_requests")
        return json_response({name: int(name == "in_flight_requests") for name in names})

    async def _health(self, request: Request) -> Response:
        """The real one sends a completion to every deployment; this one counts, so that a test can see who asks."""
        self.health_checks += 1
        good = [each for each in self.deployments if not each.trouble]
        bad = [each for each in self.deployments if each.trouble]

        def endpoint(deployment: Deployment) -> dict[str, object]:
            base = self.base_of(deployment)
            return {**({"api_base": base} if base else {}), "model": deployment.model, "model_id": deployment.id}

        failed = {
            "error": f"{CONNECTION_ERROR} stack trace: Traceback (most recent call last):",
            "exception_status": 500,
        }
        return json_response(
            {
                "healthy_endpoints": [endpoint(each) for each in good],
                "unhealthy_endpoints": [endpoint(each) | failed | {"raw_request_typed_dict": {}} for each in bad],
                "healthy_count": len(good),
                "unhealthy_count": len(bad),
            }
        )

    async def _list_models(self, request: Request) -> Response:
        metadata = (request.first("include_metadata") or "").lower() in ("true", "1")
        rows = [
            listed_model(group, deployments[0], self.fallbacks.get(group, ()) if metadata else None)
            for group, deployments in self.groups().items()
        ]
        rows += [listed_model(name, None, () if metadata else None) for name in hostile_names(self.playing)]
        return json_response({"data": rows, "object": "list"})

    def _one_model(self, group: str) -> Response:
        deployments = self.deployments_of(group)
        if not deployments:
            return json_response({"detail": f"The model `{group}` does not exist or is not accessible"}, 404)
        return json_response(listed_model(group, deployments[0], None))

    async def _model_info(self, request: Request) -> Response:
        wanted = request.first("litellm_model_id")
        hostile = tuple(
            Deployment(name, f"openai/{name}", "", SimulatedModel(name)) for name in hostile_names(self.playing)
        )
        rows = [
            deployment_info(deployment, self.base_of(deployment))
            for deployment in self.deployments + hostile
            if wanted is None or deployment.id == wanted
        ]
        return json_response({"data": rows})

    async def _group_info(self, request: Request) -> Response:
        return json_response({"data": [group_info(group, found) for group, found in self.groups().items()]})

    async def _router_settings(self, request: Request) -> Response:
        return json_response(router_fields(self._settings))

    async def _callbacks(self, request: Request) -> Response:
        return json_response(
            {
                "status": "success",
                "callbacks": [],
                "alerts": [],
                "active_alerting_destinations": [],
                "router_settings": router_settings(self._settings),
                "available_callbacks": {},
            }
        )
