"""A look-alike of Ollama 0.32: native API, NDJSON streams, and its OpenAI-like endpoints."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable

from tui.demo.http_server import Request, Response, json_response, text_response
from tui.demo.models import SimulatedModel
from tui.demo.ollama_catalogue import (
    DEFAULT_KEEP_ALIVE,
    DEFAULT_MODELS,
    FOREVER_SECONDS,
    MODIFIED_AT,
    QUEUE_FULL,
    Loaded,
    OllamaModel,
    Overloaded,
    details,
    ps_row,
    tag_row,
)
from tui.demo.ollama_chat import OllamaChat
from tui.demo.scenes import hostile_names
from tui.demo.server import DemoServer, Failure

VERSION = "0.32.15"


class Ollama(DemoServer):
    """The simulated Ollama. `wedge_ps` makes /api/ps block while a model loads; `queue_full` answers 503."""

    def __init__(
        self,
        name: str = "ollama",
        *,
        models: tuple[OllamaModel, ...] = DEFAULT_MODELS,
        speed: float = 1.0,
        port: int = 0,
    ) -> None:
        super().__init__(name, port)
        self.models = {model.name: model for model in models}
        self.speed = speed
        self.wedge_ps = False
        self.queue_full = False
        self.vram_room: Callable[[], float] = lambda: math.inf
        """Bytes of the GPU's memory that others leave to Ollama."""
        self.loaded: dict[str, Loaded] = {}
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._unloads: set[asyncio.Task[None]] = set()
        self._chat = OllamaChat(self)
        self._routes: dict[tuple[str, str], Callable[[Request], Awaitable[Response]]] = {
            ("GET", "/"): self._root,
            ("GET", "/api/version"): self._version,
            ("GET", "/api/status"): self._status,
            ("GET", "/api/tags"): self._tags,
            ("GET", "/api/ps"): self._ps,
            ("POST", "/api/show"): self._show,
            ("POST", "/api/generate"): self._chat.generate,
            ("POST", "/api/chat"): self._chat.chat,
            ("POST", "/api/embed"): self._chat.embed,
            ("GET", "/v1/models"): self._openai_models,
            ("POST", "/v1/chat/completions"): self._chat.openai_chat,
        }

    # What tests and the demo steer

    async def load(self, name: str, keep_alive: float = DEFAULT_KEEP_ALIVE) -> None:
        """Loads a model and keeps it for that many seconds; a negative number keeps it forever."""
        loaded = await self.use(self.models[name], keep_alive)
        self.release(loaded, keep_alive)

    async def borrow(self, model: str) -> Callable[[], None]:
        """Loads a model and counts a request on it; calling the result gives it back. Raises Overloaded, KeyError."""
        loaded = await self.use(self.models[model], DEFAULT_KEEP_ALIVE)
        return lambda: self.release(loaded, DEFAULT_KEEP_ALIVE)

    async def unload(self, name: str) -> None:
        """Unloads a model at once."""
        loaded = self.loaded.pop(name, None)
        if loaded is not None and loaded.timer is not None:
            loaded.timer.cancel()

    def forget(self) -> None:
        for task in (*self._under_way.values(), *self._unloads):
            task.cancel()
        self._under_way.clear()
        for loaded in self.loaded.values():
            if loaded.timer is not None:
                loaded.timer.cancel()
        self.loaded.clear()

    # Memory

    def vram(self) -> dict[str, int]:
        """Bytes of the GPU's memory that each loaded model holds: what finds no room is on the CPU."""
        room = self.vram_room()
        held: dict[str, int] = {}
        for name, loaded in self.loaded.items():
            held[name] = int(max(0.0, min(loaded.model.model.vram, room)))
            room -= held[name]
        return held

    def find(self, name: object) -> OllamaModel | None:
        """The model of that name; a name without a tag means :latest."""
        if not isinstance(name, str):
            return None
        return self.models.get(name) or self.models.get(f"{name}:latest")

    async def use(self, model: OllamaModel, keep_alive: float) -> Loaded:
        """Waits until the model is in memory and counts a request on it. Raises Overloaded."""
        if self.queue_full:
            raise Overloaded(QUEUE_FULL)
        if model.name not in self.loaded:
            load = self._under_way.get(model.name)
            if load is None:
                load = asyncio.create_task(self._load(model, keep_alive))
                self._under_way[model.name] = load
                load.add_done_callback(lambda task: self._under_way.pop(model.name, None))
            await asyncio.shield(load)
        loaded = self.loaded[model.name]
        loaded.busy += 1
        if loaded.timer is not None:
            loaded.timer.cancel()
            loaded.timer = None
        return loaded

    def release(self, loaded: Loaded, keep_alive: float) -> None:
        """Ends a request and starts the model's time to live anew."""
        loaded.busy -= 1
        loop = asyncio.get_running_loop()
        life = FOREVER_SECONDS if keep_alive < 0 else keep_alive
        loaded.expires_at = loop.time() + life
        if loaded.timer is not None:
            loaded.timer.cancel()
            loaded.timer = None
        if self.loaded.get(loaded.model.name) is not loaded:
            return
        if loaded.leaving or keep_alive == 0:
            self.let_go(loaded)
        elif keep_alive > 0:
            loaded.timer = loop.call_later(keep_alive, self._expire, loaded)

    def let_go(self, loaded: Loaded) -> None:
        """Unloads in the background, as keep_alive 0 does; a busy model goes when it is idle."""
        loaded.leaving = True
        if loaded.busy > 0:
            return
        task = asyncio.create_task(self._stop_runner(loaded))
        self._unloads.add(task)
        task.add_done_callback(self._unloads.discard)

    async def _stop_runner(self, loaded: Loaded) -> None:
        await asyncio.sleep(0.1 / self.speed)
        if loaded.busy == 0 and self.loaded.get(loaded.model.name) is loaded:
            del self.loaded[loaded.model.name]

    async def _load(self, model: OllamaModel, keep_alive: float) -> None:
        await asyncio.sleep(model.model.load_seconds / self.speed)
        life = FOREVER_SECONDS if keep_alive < 0 else max(keep_alive, 1.0)
        self.loaded[model.name] = Loaded(model, asyncio.get_running_loop().time() + life)

    def _expire(self, loaded: Loaded) -> None:
        if loaded.busy == 0 and self.loaded.get(loaded.model.name) is loaded:
            del self.loaded[loaded.model.name]

    # Answers

    async def answer(self, request: Request) -> Response:
        if not is_own_host(request.headers.get("host", "")):
            return Response(403, b"", None)
        method = "GET" if request.method == "HEAD" else request.method
        handler = self._routes.get((method, request.path))
        if handler is None:
            return text_response("404 page not found", 404, "text/plain")
        return await handler(request)

    def problem(self, request: Request, status: int, message: str) -> Response:
        """Native errors are strings, those below /v1 are objects."""
        if not request.path.startswith("/v1/"):
            return json_response({"error": message}, status)
        kind = {400: "invalid_request_error", 404: "not_found_error"}.get(status, "api_error")
        return json_response({"error": {"message": message, "type": kind, "param": None, "code": None}}, status)

    def failure(self, kind: Failure, request: Request) -> Response:
        if kind == "unauthorized":
            return json_response({"error": "unauthorized", "signin_url": "https://ollama.com/connect?name=koala"}, 401)
        if kind == "loading":
            return self.problem(request, 503, QUEUE_FULL)
        return self.problem(request, 500, self.playing.message or "llama runner process has terminated: exit status 2")

    def affected_by_loading(self, request: Request) -> bool:
        return request.method == "POST" and request.path != "/api/show"

    async def _root(self, request: Request) -> Response:
        return text_response("Ollama is running")

    async def _version(self, request: Request) -> Response:
        return json_response({"version": VERSION})

    async def _status(self, request: Request) -> Response:
        return json_response({"cloud": {"disabled": False, "source": "none"}})

    def _listed(self) -> list[OllamaModel]:
        hostile = (OllamaModel(SimulatedModel(name)) for name in hostile_names(self.playing))
        return [*self.models.values(), *hostile]

    async def _tags(self, request: Request) -> Response:
        return json_response({"models": [tag_row(model) for model in self._listed()]})

    async def _ps(self, request: Request) -> Response:
        while self.wedge_ps and self._under_way:
            await asyncio.wait(list(self._under_way.values()))
        now = asyncio.get_running_loop().time()
        rows = sorted(self.loaded.values(), key=lambda loaded: loaded.expires_at, reverse=True)
        held = self.vram()
        entries = [ps_row(loaded.model, loaded.expires_at - now, held[loaded.model.name]) for loaded in rows]
        hostile = [OllamaModel(SimulatedModel(name)) for name in hostile_names(self.playing)[:20]]
        entries += [ps_row(model, 60, model.model.vram) for model in hostile]
        return json_response({"models": entries})

    async def _show(self, request: Request) -> Response:
        body = request.json()
        asked = (body.get("model") or body.get("name")) if isinstance(body, dict) else None
        model = self.find(asked)
        if model is None:
            return self.problem(request, 404, f"model '{asked}' not found")
        family = model.model.family
        shown: dict[str, object] = {
            "license": "A licence text.",
            "modelfile": f'# Modelfile generated by "ollama show"\nFROM {model.name}\n',
            "parameters": 'stop                           "<|eot_id|>"',
            "template": "{{ .Prompt }}",
            "details": details(model),
            "model_info": {
                "general.architecture": family,
                "general.parameter_count": 8_030_261_248,
                f"{family}.context_length": model.model.context,
                f"{family}.embedding_length": 4096,
            },
            "capabilities": list(model.capabilities),
            "modified_at": MODIFIED_AT,
        }
        if model.remote_host:
            shown |= {"remote_model": model.remote_model, "remote_host": model.remote_host}
        return json_response(shown)

    async def _openai_models(self, request: Request) -> Response:
        created = int(time.time()) - 1_500_000
        rows = [
            {"id": model.name, "object": "model", "created": created, "owned_by": "library"} for model in self._listed()
        ]
        return json_response({"object": "list", "data": rows})


def is_own_host(header: str) -> bool:
    """Ollama bound to loopback refuses foreign names in the Host header; addresses and local names pass."""
    host = header.rpartition(":")[0] or header
    return host.replace(".", "").isdigit() or host.endswith(("localhost", ".local", ".internal", "]"))
