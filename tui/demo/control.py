"""The demo's own HTTP endpoint, by which scripts and tests in other processes steer the simulated fleet."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, get_args

from tui.demo.http_server import HttpServer, Request, Response, json_response
from tui.demo.litellm import LiteLLM
from tui.demo.llama_swap import LlamaSwap
from tui.demo.ollama import Ollama
from tui.demo.scenes import SCENE_NAMES, VARIANTS, Scene, SceneName
from tui.demo.server import DemoServer

if TYPE_CHECKING:
    from tui.demo.fleet import DemoFleet

USAGE = (
    "GET /; GET /SERVER/requests; POST /SERVER/scene/NAME?OPTION=VALUE; "
    "POST /SERVER/models/MODEL/load, …/unload, …/fail, …/recover, …/ttl?seconds=N; POST /SERVER/reload; "
    "POST /machine/unit/start, …/stop, …/restart, …/lose-program, …/find-program; POST /machine/disconnect"
)


class Control:
    """Lists and steers the servers of one fleet, on a loopback port of its own."""

    def __init__(self, fleet: DemoFleet) -> None:
        self._fleet = fleet
        self._http = HttpServer(self._answer)

    @property
    def url(self) -> str:
        return self._http.url

    async def open(self) -> None:
        await self._http.open()

    async def close(self) -> None:
        self._http.close()
        await self._http.closed()

    async def _answer(self, request: Request) -> Response:
        parts = [part for part in request.path.split("/") if part]
        if not parts:
            told = {"usage": USAGE, "scenes": list(SCENE_NAMES), "servers": self._list()}
            return json_response(told | ({"machine": self._machine_row()} if self._fleet.has_machine else {}))
        if parts[0] == "machine" and self._fleet.has_machine:
            return self._change_machine(request.method, parts[1:])
        server = self._fleet.servers.get(parts[0])
        if server is None:
            return json_response({"error": f"no server is called {parts[0]}"}, 404)
        if request.method == "GET" and parts[1:] == ["requests"]:
            rows = [
                {"method": record.method, "path": record.path, "closed_early": record.closed_early}
                for record in server.requests
            ]
            return json_response({"requests": rows})
        if request.method != "POST":
            return json_response({"error": "this is changed with POST", "usage": USAGE}, 405)
        try:
            await self._change(server, parts[1:], request)
        except (KeyError, ValueError, TypeError, RuntimeError) as error:
            return json_response({"error": str(error), "usage": USAGE}, 400)
        return json_response({"ok": True, "server": self._row(server)})

    def _list(self) -> dict[str, object]:
        return {name: self._row(server) for name, server in self._fleet.servers.items()}

    def _row(self, server: DemoServer) -> dict[str, object]:
        row: dict[str, object] = {
            "url": server.url,
            "scene": server.playing.name,
            "options": dataclasses.asdict(server.playing),
            "variants": VARIANTS,
            "requests": len(server.requests),
        }
        if isinstance(server, LlamaSwap):
            row["models"] = {process.name: process.state for process in server.processes.by_name.values()}
        elif isinstance(server, Ollama):
            row["models"] = {name: "ready" if name in server.loaded else "idle" for name in server.models}
        elif isinstance(server, LiteLLM):
            row["health_checks"] = server.health_checks
        return row

    def _machine_row(self) -> dict[str, object]:
        machine = self._fleet.machine
        properties = dataclasses.asdict(machine.unit.properties)
        return {"unit": properties, "gpu": machine.gpu(), "sessions": machine.sessions, "journal": len(machine.journal)}

    def _change_machine(self, method: str, what: list[str]) -> Response:
        unit = self._fleet.machine.unit
        match method, *what:
            case "GET", *nothing if not nothing:
                pass
            case "POST", "unit", ("start" | "stop" | "restart") as verb:
                unit.act(verb)
            case "POST", "unit", ("lose-program" | "find-program") as word:
                unit.missing_program = word == "lose-program"
            case "POST", "disconnect":
                self._fleet.machine.break_connections()
            case _:
                return json_response({"error": f"the machine cannot {'/'.join(what)}", "usage": USAGE}, 400)
        return json_response({"ok": True, "machine": self._machine_row()})

    async def _change(self, server: DemoServer, what: list[str], request: Request) -> None:
        match what:
            case ["scene", name]:
                await server.scene(scene_name(name), **scene_options(request))
            case ["models", *model, action]:
                await self._change_model(server, "/".join(model), action, request)
            case ["reload"] if isinstance(server, LlamaSwap):
                await server.reload()
            case _:
                raise ValueError(f"{server.name} cannot {'/'.join(what) or 'do nothing'}")

    async def _change_model(self, server: DemoServer, model: str, action: str, request: Request) -> None:
        actions: dict[str, Callable[[], Awaitable[None]]] = {}
        if isinstance(server, LlamaSwap | Ollama):
            actions = {"load": lambda: server.load(model), "unload": lambda: server.unload(model)}
        if action in actions:
            await actions[action]()
        elif isinstance(server, LlamaSwap) and action in ("fail", "recover"):
            server.processes.by_name[model].fails = action == "fail"
        elif isinstance(server, LlamaSwap) and action == "ttl":
            server.processes.set_ttl(model, float(request.first("seconds") or 0))
        else:
            raise ValueError(f"{server.name} cannot {action} a model")


def scene_name(text: str) -> SceneName:
    """The scene of that name; raises ValueError with the names there are."""
    for name in get_args(SceneName):
        if name == text:
            found: SceneName = name
            return found
    raise ValueError(f"no scene is called {text!r}; there are {', '.join(SCENE_NAMES)}")


def scene_options(request: Request) -> dict[str, float | str]:
    """Options from the query string and a JSON body, numbers as numbers. Raises ValueError for an unknown one."""
    given: dict[str, object] = {name: values[-1] for name, values in request.query.items()}
    body = request.json()
    if isinstance(body, dict):
        given |= body
    known = {field.name: field.type for field in dataclasses.fields(Scene) if field.name != "name"} | {"wait": "int"}
    options: dict[str, float | str] = {}
    for name, value in given.items():
        if name not in known:
            raise ValueError(f"no scene has an option {name!r}; there are {', '.join(known)}")
        kind = known[name]
        options[name] = str(value) if kind == "str" else int(str(value)) if kind == "int" else float(str(value))
    return options
