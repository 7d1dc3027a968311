"""What all simulated servers share: a socket, a request log, and a scene that can change at any time."""

from __future__ import annotations

import abc
import asyncio
import dataclasses
from collections.abc import AsyncIterator, Callable
from typing import Literal

from tui.demo.http_server import HttpServer, Request, Response, StreamBroken
from tui.demo.models import SimulatedAnswer, paced
from tui.demo.request_log import RequestLog
from tui.demo.scenes import Scene, SceneName, deepen, garbage, huge

Failure = Literal["error", "unauthorized", "loading"]


class DemoServer(abc.ABC):
    """A simulated server on a loopback port of its own.

    Subclasses answer requests as the real server does, in `answer`, and say in `failure` how that server words an
    error. Everything that is the same for all of them, the scenes above all, is here.
    """

    def __init__(self, name: str, port: int = 0) -> None:
        self.name = name
        self.playing = Scene()
        self._http = HttpServer(self._handle, port=port)
        self._scene_changed = asyncio.Event()
        self._scene_followers: list[Callable[[], None]] = []
        self._coming_back: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        return self._http.url

    @property
    def port(self) -> int:
        return self._http.port

    @property
    def requests(self) -> RequestLog:
        """Every request that arrived, in all scenes that accept connections."""
        return self._http.requests

    @property
    def open_connections(self) -> int:
        return self._http.open_connections

    async def open(self) -> None:
        await self._http.open()

    async def close(self) -> None:
        """Ends the server for good: connections are reset, background work is cancelled, the port is free."""
        if self._coming_back is not None:
            self._coming_back.cancel()
        self._http.close()
        await self._http.closed()
        self.forget()

    async def scene(self, name: SceneName, **options: float | str) -> None:
        """Plays a scene from now on; see `Scene` for the options. Returns when the sockets are as the scene says.

        `restart` is over when this returns unless `wait=0` is given: the server was down for `down_for` seconds and
        is back on the same port, with the state of a fresh process.
        """
        wait = bool(options.pop("wait", 1))
        scene = dataclasses.replace(Scene(name), **options)  # type: ignore[arg-type]
        if self._coming_back is not None:
            self._coming_back.cancel()
            self._coming_back = None
        self.playing = scene
        self._scene_changed.set()
        self._scene_changed = asyncio.Event()
        if name in ("down", "restart"):
            self._http.close(keep_port=True)
            await self._http.closed()
            self.forget()
        else:
            await self._http.open()
        self._tell_scene()
        if name == "restart":
            self._coming_back = asyncio.create_task(self._come_back(scene.down_for))
            if wait:
                await self._coming_back

    def follow_scenes(self, follower: Callable[[], None]) -> None:
        """Calls `follower` whenever a scene has begun, as long as the server exists."""
        self._scene_followers.append(follower)

    def _tell_scene(self) -> None:
        for follower in self._scene_followers:
            follower()

    async def _come_back(self, delay: float) -> None:
        await asyncio.sleep(delay)
        self.playing = Scene()
        await self._http.open()
        self._tell_scene()

    async def _while_hanging(self) -> None:
        """Waits while the scene is `hang`, as a stopped process (SIGSTOP) would."""
        while self.playing.name == "hang":
            await self._scene_changed.wait()

    async def _handle(self, request: Request) -> Response:
        scene = self.playing
        if scene.name == "slow":
            await asyncio.sleep(scene.latency)
        await self._while_hanging()
        scene = self.playing
        match scene.name:
            case "error":
                return self.failure("error", request)
            case "unauthorized" if self.guarded(request):
                return self.failure("unauthorized", request)
            case "loading" if self.affected_by_loading(request):
                return self.failure("loading", request)
            case "garbage":
                return garbage(scene)
            case "huge":
                return huge(scene)
        response = await self.answer(request)
        if scene.plays("hostile", "deep") and isinstance(response.body, bytes):
            response = dataclasses.replace(response, body=deepen(response.body))
        if isinstance(response.body, bytes):
            return response
        return dataclasses.replace(response, body=self._stream(response.body))

    async def _stream(self, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        try:
            async for piece in body:
                if self.playing.name == "hang":
                    await self._while_hanging()
                yield piece
        finally:
            close = getattr(body, "aclose", None)
            if close is not None:
                await close()

    async def speak(
        self, answer: SimulatedAnswer, per_second: float
    ) -> AsyncIterator[tuple[Literal["reasoning", "text"], tuple[str, ...]]]:
        """The tokens of an answer in groups, at a rate; breaks the stream where the scene `drop` says so."""
        told = 0
        parts: tuple[tuple[Literal["reasoning", "text"], tuple[str, ...]], ...] = (
            ("reasoning", answer.reasoning),
            ("text", answer.text),
        )
        for kind, tokens in parts:
            async for group in paced(tokens, per_second):
                limit = self.playing.drop_after
                if limit is not None and told + len(group) >= limit:
                    if limit > told:
                        yield kind, group[: limit - told]
                    raise StreamBroken
                yield kind, group
                told += len(group)

    @abc.abstractmethod
    async def answer(self, request: Request) -> Response:
        """The real server's answer while nothing is wrong."""

    @abc.abstractmethod
    def failure(self, kind: Failure, request: Request) -> Response:
        """The real server's words for 500, for 401, and for 503 while it is not ready."""

    def guarded(self, request: Request) -> bool:
        """Whether the real server asks for a key on this path."""
        return True

    def affected_by_loading(self, request: Request) -> bool:
        """Whether this path answers 503 while the server is getting ready."""
        return True

    def forget(self) -> None:  # noqa: B027 - a server without state has nothing to forget
        """Drops the runtime state and the background work, as the end of the process would."""
