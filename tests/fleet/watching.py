"""A monitor that runs while a test looks at it, and servers that answer whatever a test wants."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from pathlib import Path
from typing import Any

from tests.waiting import until
from tui.config.load import parse_config
from tui.config.schema import Config, ServiceKind, ServiceSettings
from tui.demo.fleet import ALL_SERVICES, DemoFleet, ServiceName
from tui.demo.http_server import Handler, serve
from tui.fleet.monitor import Monitor
from tui.fleet.snapshot import ModelState, ServiceSnapshot, ServiceState

KEY_PAIR = Path(__file__).with_name("self_signed.pem")
Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def service(name: str, kind: ServiceKind, url: str, **settings: Any) -> ServiceSettings:
    """A service that is looked at often and given little time, so that tests need little."""
    return ServiceSettings(name=name, kind=kind, url=url, **({"timeout": 0.5, "refresh": 0.2} | settings))


def config_of(*services: ServiceSettings, **others: Any) -> Config:
    return Config(services={one.name: one for one in services}, **others)


def demo_config(fleet: DemoFleet, **settings: Any) -> Config:
    """The configuration of a simulated fleet, with the same settings for every service."""
    config = parse_config(fleet.config_toml(), fleet.folder / "config.toml")
    settings = {"timeout": 1.0, "refresh": 0.2} | settings
    services = {name: dataclasses.replace(one, **settings) for name, one in config.services.items()}
    return dataclasses.replace(config, services=services)


@contextlib.asynccontextmanager
async def watching(config: Config, **options: Any) -> AsyncIterator[Monitor]:
    """A running monitor. That it still runs at the end is part of every test."""
    monitor = Monitor(config, **options)
    running = asyncio.create_task(monitor.run())
    try:
        yield monitor
        if running.done():
            running.result()
            raise AssertionError("the monitor ended by itself")
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


@contextlib.asynccontextmanager
async def watched_fleet(
    *services: ServiceName, speed: float = 20.0, **settings: Any
) -> AsyncIterator[tuple[DemoFleet, Monitor]]:
    """A simulated fleet (without names: all of its services), and a running monitor that has seen it up
    with its models."""
    async with (
        DemoFleet(speed=speed, services=services or ALL_SERVICES) as fleet,
        watching(demo_config(fleet, **settings)) as monitor,
    ):
        await all_up(monitor)
        listing = [one.name for one in monitor.snapshot.services if one.kind in ("llama-swap", "ollama", "litellm")]
        await until(lambda: all(row(monitor, name).models for name in listing), "their models are listed")
        yield fleet, monitor


@contextlib.asynccontextmanager
async def serving(answer: Handler) -> AsyncIterator[str]:
    """The URL of a server whose answers a test makes."""
    server = await serve(answer)
    try:
        yield server.url
    finally:
        server.close()
        await server.closed()


def row(monitor: Monitor, name: str) -> ServiceSnapshot:
    found = monitor.snapshot.service(name)
    assert found is not None
    return found


def model_state(monitor: Monitor, model_id: str) -> ModelState | None:
    found = monitor.snapshot.find_model(model_id)
    return found[1].state if found else None


async def all_up(monitor: Monitor, names: Collection[str] | None = None) -> None:
    await until(
        lambda: all(
            one.state is ServiceState.UP for one in monitor.snapshot.services if names is None or one.name in names
        ),
        "every service is up",
    )


async def state_comes(monitor: Monitor, name: str, *states: ServiceState, timeout: float = 5.0) -> ServiceSnapshot:
    await until(lambda: row(monitor, name).state in states, f"{name} is {' or '.join(states)}", timeout=timeout)
    return row(monitor, name)


class RawServer:
    """Does with each connection what the test says, below HTTP."""

    def __init__(self, behave: Behaviour, *, tls: bool = False) -> None:
        self._behave = behave
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self.requests: list[bytes] = []
        """The head of every request, of as many as were read."""

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"http{'s' if self._tls else ''}://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def __aenter__(self) -> RawServer:
        context = None
        if self._tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(KEY_PAIR)
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0, ssl=context)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            await self._behave(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # The other side left, or the test is over.
        finally:
            self._connections.discard(task)
            writer.close()

    async def read_request(self, reader: asyncio.StreamReader) -> bytes:
        head = await reader.readuntil(b"\r\n\r\n")
        self.requests.append(head)
        return head


def says(data: bytes, *, then_hangs: bool = False, tls: bool = False, forever: bool = False) -> RawServer:
    """A server that answers every request with these bytes, then closes (or hangs, or says them again and again)."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.read_request(reader)
        writer.write(data)
        await writer.drain()
        while forever:
            writer.write(data)
            await writer.drain()
            await asyncio.sleep(0)
        if then_hangs:
            await asyncio.Event().wait()

    server = RawServer(behave, tls=tls)
    return server


def http_answer(
    body: bytes = b"", status: str = "200 OK", content_type: str = "application/json", headers: bytes = b""
) -> bytes:
    head = f"HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\ncontent-length: {len(body)}\r\n".encode()
    return head + headers + b"connection: close\r\n\r\n" + body
