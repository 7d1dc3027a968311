"""A small HTTP/1.1 server for simulated services: keep-alive, chunked streams, resets on demand.

The protocol work is done by h11 (which every installation has, because httpx needs it); this file adds sockets, the
noticing of clients that go away in the middle of an answer, and a way to vanish and come back on the same port.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote

import h11

from tui.demo.request_log import RequestLog, RequestRecord

READ_SIZE = 64 * 1024
WRITE_BUFFER = 256 * 1024
LARGEST_REQUEST_BODY = 64 * 1024 * 1024
# Linger switched on with zero seconds makes close() send RST instead of FIN.
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class StreamBroken(Exception):
    """Raised by an answer's stream to end the connection without the end mark, as a crashing process does."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request, its body read in full. Header names are lower case; `path` is percent-decoded."""

    method: str
    path: str
    query: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def json(self) -> object:
        """The body as JSON, or None where it is empty or no JSON."""
        try:
            return json.loads(self.body) if self.body else None
        except (ValueError, RecursionError):
            return None

    def first(self, name: str) -> str | None:
        """The first value of a query parameter."""
        values = self.query.get(name)
        return values[0] if values else None


@dataclass(frozen=True, slots=True)
class Response:
    """An answer. `body` is bytes, or an async iterator whose items are written as they come (chunked)."""

    status: int = 200
    body: bytes | AsyncIterator[bytes] = b""
    content_type: str | None = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


Handler = Callable[[Request], Awaitable[Response]]


def json_bytes(value: object) -> bytes:
    """Compact JSON in UTF-8, text outside ASCII left as it is."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def json_response(value: object, status: int = 200, headers: tuple[tuple[str, str], ...] = ()) -> Response:
    return Response(status, json_bytes(value), "application/json", headers)


def text_response(text: str, status: int = 200, content_type: str = "text/plain; charset=utf-8") -> Response:
    return Response(status, text.encode(), content_type)


class HttpServer:
    """One listening socket on loopback. Usable again after `close`, on the same port."""

    def __init__(self, handler: Handler, host: str = "127.0.0.1", port: int = 0) -> None:
        self.host = host
        self.port = port
        self.requests = RequestLog()
        self._handler = handler
        self._server: asyncio.Server | None = None
        self._reserved: socket.socket | None = None
        self._connections: dict[asyncio.StreamWriter, asyncio.Task[None]] = {}

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def listening(self) -> bool:
        return self._server is not None

    @property
    def open_connections(self) -> int:
        return len(self._connections)

    async def open(self) -> None:
        """Listens. The first time on a port that the system chooses (or the one given), later on the same one."""
        if self._server is not None:
            return
        listener = self._reserved or self._bound_socket()
        self._reserved = None
        self._server = await asyncio.start_server(self._connected, sock=listener, limit=READ_SIZE, backlog=512)

    def close(self, *, keep_port: bool = False) -> None:
        """Stops listening at once and resets every connection.

        With `keep_port` the port stays bound without listening: connections are refused, and no other program can
        take the port before the server comes back.
        """
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in list(self._connections):
            self._reset(writer)
        if keep_port and self._reserved is None:
            self._reserved = self._bound_socket()
        elif not keep_port and self._reserved is not None:
            self._reserved.close()
            self._reserved = None

    async def closed(self) -> None:
        """Waits until the tasks of all connections have ended."""
        tasks = [task for task in self._connections.values() if task is not asyncio.current_task()]
        if tasks:
            await asyncio.wait(tasks, timeout=5)

    def _bound_socket(self) -> socket.socket:
        # asyncio switches Nagle's algorithm off only for sockets that name TCP; with it, each answer waits 40 ms.
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setblocking(False)
        try:
            listener.bind((self.host, self.port))
        except OSError:
            listener.close()
            raise
        self.port = listener.getsockname()[1]
        return listener

    def _reset(self, writer: asyncio.StreamWriter) -> None:
        connection: socket.socket | None = writer.get_extra_info("socket")
        if connection is not None and connection.fileno() >= 0:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        writer.transport.abort()
        task = self._connections.get(writer)
        if task is not None and task is not asyncio.current_task():
            task.cancel()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections[writer] = task
        writer.transport.set_write_buffer_limits(high=WRITE_BUFFER)
        connection = _Connection(reader, writer, self._handler, self.requests)
        try:
            await connection.serve()
        except asyncio.CancelledError:
            # A cancelled connection is one that `close` has reset; nothing waits for its result.
            pass
        except (OSError, StreamBroken, h11.ProtocolError):
            # The client went away, broke the protocol, or the scene wants this connection to break.
            pass
        finally:
            connection.stop_reading()
            self._connections.pop(writer, None)
            writer.close()


async def serve(handler: Handler, host: str = "127.0.0.1", port: int = 0) -> HttpServer:
    """Starts a server; `.url` says where, `.close()` ends it."""
    server = HttpServer(handler, host, port)
    await server.open()
    return server


def _note_end(task: asyncio.Task[bytes] | asyncio.Task[None]) -> None:
    """Looks at a task's error, so that asyncio does not report it as overlooked: the client is gone, and so is this."""
    if not task.cancelled():
        task.exception()


class _Connection:
    """One client's connection. A read is always under way, so a client that leaves is noticed during an answer."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, handler: Handler, log: RequestLog
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._handler = handler
        self._log = log
        self._protocol = h11.Connection(h11.SERVER, max_incomplete_event_size=READ_SIZE)
        self._reading: asyncio.Task[bytes] | None = None

    def stop_reading(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None

    async def serve(self) -> None:
        while (request := await self._next_request()) is not None:
            number = self._log.add(RequestRecord.of(request))
            answer = asyncio.create_task(self._answer(request))
            try:
                left = await self._client_left_before(answer)
            finally:
                if not answer.done():
                    answer.cancel()
                    # What the answer holds (a model, a place in a table) is given back before anything else goes on.
                    await asyncio.wait({answer})
                    _note_end(answer)
            if left:
                self._log.mark_closed_early(number)
                return
            try:
                await answer
            except OSError:
                # The write failed before the read showed that nobody is there.
                self._log.mark_closed_early(number)
                raise
            if self._protocol.our_state is not h11.DONE or self._protocol.their_state is not h11.DONE:
                return
            self._protocol.start_next_cycle()

    async def _client_left_before(self, answer: asyncio.Task[None]) -> bool:
        while True:
            if self._reading is None:
                self._reading = self._begin_reading()
            await asyncio.wait({answer, self._reading}, return_when=asyncio.FIRST_COMPLETED)
            if answer.done():
                return False
            try:
                data = self._reading.result()
            except OSError:
                data = b""
            self._reading = None
            if not data:
                return True
            self._protocol.receive_data(data)

    def _begin_reading(self) -> asyncio.Task[bytes]:
        reading = asyncio.create_task(self._reader.read(READ_SIZE))
        reading.add_done_callback(_note_end)
        return reading

    async def _read(self) -> bytes:
        reading = self._reading or self._begin_reading()
        self._reading = reading
        data = await asyncio.shield(reading)
        self._reading = None
        return data

    async def _next_event(self) -> h11.Event | type[h11.PAUSED]:
        while (event := self._protocol.next_event()) is h11.NEED_DATA:
            if self._protocol.they_are_waiting_for_100_continue:
                self._write(h11.InformationalResponse(status_code=100, headers=[]))
            self._protocol.receive_data(await self._read())
        return event  # type: ignore[return-value]

    async def _next_request(self) -> Request | None:
        event = await self._next_event()
        if not isinstance(event, h11.Request):
            return None
        parts: list[bytes] = []
        size = 0
        while isinstance(piece := await self._next_event(), h11.Data):
            size += len(piece.data)
            if size > LARGEST_REQUEST_BODY:
                raise h11.RemoteProtocolError("request body too large", error_status_hint=413)
            parts.append(bytes(piece.data))
        raw_path, _, raw_query = event.target.decode("latin-1").partition("?")
        query = {name: tuple(values) for name, values in parse_qs(raw_query, keep_blank_values=True).items()}
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in event.headers}
        return Request(event.method.decode("ascii"), unquote(raw_path), query, headers, b"".join(parts))

    async def _answer(self, request: Request) -> None:
        response = await self._handler(request)
        streams = not isinstance(response.body, bytes)
        headers = [("date", time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime()))]
        if response.content_type is not None:
            headers.append(("content-type", response.content_type))
        headers.extend(response.headers)
        if streams:
            headers.append(("transfer-encoding", "chunked"))
        elif response.status != 204:
            headers.append(("content-length", str(len(response.body))))  # type: ignore[arg-type]
        head = h11.Response(status_code=response.status, headers=headers)
        if isinstance(response.body, bytes):
            has_body = bool(response.body) and request.method != "HEAD"
            self._write(head, *([h11.Data(data=response.body)] if has_body else []), h11.EndOfMessage())
        else:
            self._write(head)
            if request.method != "HEAD":
                await self._stream(response.body)
            self._write(h11.EndOfMessage())
        await self._writer.drain()

    async def _stream(self, body: AsyncIterator[bytes]) -> None:
        try:
            async for piece in body:
                if piece:
                    self._write(h11.Data(data=piece))
                    await self._writer.drain()
        finally:
            # A generator that was never finished must run its clean-up now: in-flight counts hang on it.
            close = getattr(body, "aclose", None)
            if close is not None:
                await close()

    def _write(self, *events: h11.Event) -> None:
        """Sends events in one write, so that a short answer is one packet."""
        data = b"".join(self._protocol.send(event) or b"" for event in events)
        if data:
            self._writer.write(data)
