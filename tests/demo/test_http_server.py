"""The demo's HTTP server: what a client of any real server takes for granted."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.waiting import until
from tui.demo.http_server import HttpServer, Request, Response, StreamBroken, json_response, serve
from tui.demo.request_log import LARGEST_LOG, RequestLog, RequestRecord


class Site:
    """A handler with a page for each thing to be tried."""

    def __init__(self) -> None:
        self.open_streams = 0
        self.begun = asyncio.Event()

    async def __call__(self, request: Request) -> Response:
        match request.path:
            case "/echo":
                query = {name: list(values) for name, values in request.query.items()}
                return json_response({"method": request.method, "query": query, "body": request.body.decode()})
            case "/endless":
                return Response(200, self._endless(), "text/plain")
            case "/fast":
                return Response(200, self._fast(int(request.first("n") or 1)), "text/event-stream")
            case "/broken":
                return Response(200, self._broken(), "text/plain")
            case "/never":
                self.begun.set()
                await asyncio.Event().wait()
        return Response(404, b"", None)

    async def _endless(self) -> AsyncIterator[bytes]:
        self.open_streams += 1
        try:
            while True:
                yield b"tick\n"
                await asyncio.sleep(0.005)
        finally:
            self.open_streams -= 1

    async def _fast(self, count: int) -> AsyncIterator[bytes]:
        for _ in range(count):
            yield b'data: {"choices":[{"delta":{"content":"token "}}]}\n\n'

    async def _broken(self) -> AsyncIterator[bytes]:
        yield b"half"
        raise StreamBroken


@pytest.fixture
async def site() -> Site:
    return Site()


@pytest.fixture
async def server(site: Site) -> AsyncIterator[HttpServer]:
    running = await serve(site)
    yield running
    running.close()
    await running.closed()


async def test_one_connection_serves_many_requests(server: HttpServer, client: httpx.AsyncClient) -> None:
    for number in range(3):
        answer = await client.post(f"{server.url}/echo?n={number}&n=x&empty=", content=b"body %d" % number)
        expected = {"method": "POST", "query": {"n": [str(number), "x"], "empty": [""]}, "body": f"body {number}"}
        assert answer.json() == expected
    assert server.open_connections == 1
    assert [record.body for record in server.requests] == [b"body 0", b"body 1", b"body 2"]


async def test_head_has_the_headers_of_get_and_no_body(server: HttpServer, client: httpx.AsyncClient) -> None:
    answer = await client.head(f"{server.url}/echo")
    assert answer.status_code == 200
    assert int(answer.headers["content-length"]) > 0
    assert answer.content == b""
    assert (await client.get(f"{server.url}/echo")).status_code == 200


async def test_a_client_that_leaves_ends_its_stream_and_is_remembered(
    server: HttpServer, site: Site, client: httpx.AsyncClient
) -> None:
    async with client.stream("GET", f"{server.url}/endless") as answer:
        await anext(answer.aiter_bytes())
        assert site.open_streams == 1
        assert not server.requests[0].closed_early
    await until(lambda: site.open_streams == 0, "the stream was ended")
    await until(lambda: server.requests[0].closed_early, "the early end was recorded")


async def test_a_client_that_leaves_before_the_answer_is_remembered(server: HttpServer, site: Site) -> None:
    async with httpx.AsyncClient(verify=False) as impatient:
        asking = asyncio.create_task(impatient.get(f"{server.url}/never"))
        await site.begun.wait()
        asking.cancel()
    await until(lambda: server.requests[0].closed_early, "the early end was recorded")


async def test_clients_that_come_and_go_leave_no_noise(server: HttpServer, caplog: pytest.LogCaptureFixture) -> None:
    for words in (b"GET /endless HTTP/1.1\r\nhost: x\r\n\r\n", b"GET /ec", b"GET /echo HTTP/1.1\r\nhost: x\r\n\r\n"):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(words)
        await writer.drain()
        writer.transport.abort()
        del reader, writer
    await until(lambda: server.open_connections == 0, "all connections have ended")
    gc.collect()
    assert caplog.records == []


async def test_a_broken_stream_is_no_complete_answer(server: HttpServer, client: httpx.AsyncClient) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        await client.get(f"{server.url}/broken")


async def test_close_resets_connections_and_the_same_port_serves_again(
    server: HttpServer, client: httpx.AsyncClient
) -> None:
    port = server.port
    async with client.stream("GET", f"{server.url}/endless") as answer:
        server.close(keep_port=True)
        with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
            await answer.aread()
    with pytest.raises(httpx.ConnectError):
        await client.get(f"{server.url}/echo")
    await server.open()
    assert server.port == port
    assert (await client.get(f"{server.url}/echo")).status_code == 200


async def test_twenty_thousand_tokens_are_cheap(server: HttpServer, client: httpx.AsyncClient) -> None:
    began = time.process_time()
    answer = await client.get(f"{server.url}/fast?n=20000")
    assert answer.text.count("token ") == 20_000
    assert time.process_time() - began < 3.0


async def test_a_request_that_is_no_http_closes_the_connection(server: HttpServer) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"\x16\x03\x01 this is a TLS hello\r\n\r\n")
    assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()
    assert len(server.requests) == 0


def test_the_log_keeps_the_newest_requests() -> None:
    log = RequestLog()
    for number in range(LARGEST_LOG + 5):
        log.add(RequestRecord(0.0, "GET", f"/{number}", {}, {}, b""))
    assert len(log) == LARGEST_LOG
    assert (log[0].path, log[-1].path) == ("/5", f"/{LARGEST_LOG + 4}")
