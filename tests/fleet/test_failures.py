"""Whatever a server does, its row says it in plain words, and no other row suffers."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import struct
from collections.abc import AsyncIterator

import pytest

from tests.fleet.watching import RawServer, all_up, config_of, http_answer, row, says, service, state_comes, watching
from tests.waiting import until
from tui.config.schema import KeySource, ServiceKind, ServiceSettings
from tui.fleet.snapshot import ServiceSnapshot, ServiceState

DOWN, BUSY, UP = ServiceState.DOWN, ServiceState.BUSY, ServiceState.UP


async def what_is_said_of(it: ServiceSettings) -> ServiceSnapshot:
    """The row of a service, looked at twice beside a healthy one that must not notice."""
    async with (
        says(http_answer(b"pong")) as healthy,
        watching(config_of(it, service("healthy", "http", healthy.url, expect="pong"))) as monitor,
    ):
        await until(lambda: row(monitor, it.name).state is not ServiceState.UNKNOWN, "it has been looked at")
        first = row(monitor, it.name)
        monitor.look_now()
        await until(lambda: (row(monitor, it.name).seen.at or 0) > (first.seen.at or 0), "it has been looked at again")
        await all_up(monitor, {"healthy"})
        last = row(monitor, it.name)
        assert last.reason
        assert "\n" not in last.reason
        assert last.reason.isprintable()
        return last


JSON_LEVELS = 100_000
ANSWERS: dict[str, tuple[ServiceKind, bytes, ServiceState, str]] = {
    "closes at once": ("http", b"", DOWN, "closed the connection without an answer"),
    "no HTTP": ("http", b"SSH-2.0-OpenSSH_9.6\r\n\r\n", DOWN, "something that is not HTTP"),
    "binary": ("http", bytes(range(256)) * 4, DOWN, "something that is not HTTP"),
    "header without an end": ("http", b"HTTP/1.1 200 OK\r\nx: " + b"y" * 200_000, DOWN, "something that is not HTTP"),
    "breaks off": ("http", b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nhalf", DOWN, "broke off in the middle"),
    "breaks off a chunk": (
        "http",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n99\r\nhalf",
        DOWN,
        "broke off in the middle",
    ),
    "broken compression": (
        "http",
        http_answer(b"no gzip", headers=b"content-encoding: gzip\r\n"),
        DOWN,
        "cannot be decompressed",
    ),
    "redirect": (
        "http",
        http_answer(status="302 Found", headers=b"location: http://elsewhere.example/\r\n"),
        DOWN,
        r"redirects elsewhere \(302\): set url to where it leads",
    ),
    "404": ("openai", http_answer(status="404 Not Found"), DOWN, "answered 404: is its kind really openai"),
    "500 with a message": (
        "http",
        http_answer(b'{"error":{"message":"disk full"}}', "500 Internal Server Error"),
        DOWN,
        "^answered 500: disk full$",
    ),
    "503 with a message": (
        "openai",
        http_answer(b'{"detail":"still warming up"}', "503 Service Unavailable"),
        DOWN,
        "^answered 503: still warming up$",
    ),
    "500 with a page": (
        "http",
        http_answer(b"<html><body>nginx</body></html>", "500 Oops", "text/html"),
        DOWN,
        "^answered 500$",
    ),
    "500 in escape codes": (
        "http",
        http_answer(b"\x1b[2J\x1b]0;owned\x07 [/red] \xe2\x80\xae", "500 Oops", "text/plain"),
        DOWN,
        r"^answered 500: ␛\[2J␛\]0;owned␇ \[/red\] �$",
    ),
    "500 with an error nested 600 levels": (
        "http",
        http_answer(b'{"error":' * 600 + b'"x"' + b"}" * 600, "500 Oops"),
        DOWN,
        "answered 500",
    ),
    "500 with a list nested 600 levels": (
        "http",
        http_answer(b'{"detail":' + b"[" * 600 + b"]" * 600 + b"}", "500 Oops"),
        DOWN,
        "answered 500",
    ),
    "a status that nobody defined": ("http", http_answer(status="799 Hm"), DOWN, "answered 799"),
    "page without what was expected": ("http", http_answer(b"ping"), DOWN, "answered 200, but without “expected”"),
    "a page for JSON": ("openai", http_answer(b"<html>Wi-Fi login</html>"), DOWN, "something that is not JSON"),
    "JSON cut off": ("openai", http_answer(b'{"data":[{"id":"qw'), DOWN, "something that is not JSON"),
    "empty": ("openai", http_answer(), DOWN, "something that is not JSON"),
    "no UTF-8": ("openai", http_answer(b'{"data":[{"id":"\xff\xfe"}]}'), DOWN, "something that is not JSON"),
    "a lone surrogate": ("openai", http_answer(b'{"data":[{"id":"\\ud800"}]}'), DOWN, "something that is not JSON"),
    "UTF-16": ("openai", http_answer('{"data":[]}'.encode("utf-16")), DOWN, "something that is not JSON"),
    "other JSON": ("openai", http_answer(b'{"data":"none"}'), DOWN, "other JSON than expected"),
    "a list for an object": ("openai", http_answer(b"[1, 2, 3]"), DOWN, "other JSON than expected"),
    "JSON nested without end": (
        "openai",
        http_answer(b'{"data":' + b"[" * JSON_LEVELS + b"]" * JSON_LEVELS + b"}"),
        DOWN,
        "nested beyond reason|other JSON",
    ),
    "unknown JSON nested without end": (
        "openai",
        http_answer(b'{"data":[],"x":' + b"[" * JSON_LEVELS + b"]" * JSON_LEVELS + b"}"),
        DOWN,
        "nested beyond reason",
    ),
    "needs a key": (
        "openai",
        http_answer(b'{"error":{"message":"missing key"}}', "401 Unauthorized"),
        BUSY,
        r"^needs a key \(401\): missing key$",
    ),
    "forbidden": ("http", http_answer(b"no\n", "403 Forbidden"), BUSY, r"^needs a key \(403\): no$"),
}


@pytest.mark.parametrize("case", ANSWERS)
async def test_each_answer_that_is_none_is_told_in_plain_words(case: str) -> None:
    kind, answer, state, words = ANSWERS[case]
    async with says(answer) as server:
        expect = "expected" if kind == "http" else None
        seen = await what_is_said_of(service("it", kind, server.url, expect=expect))
    assert seen.state is state
    assert re.search(words, seen.reason), seen.reason
    assert seen.fault is not None
    assert seen.fault.text == seen.reason


async def test_a_server_that_resets_the_connection_instead_of_answering() -> None:
    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.read_request(reader)
        reset(writer)

    async with RawServer(behave) as server:
        seen = await what_is_said_of(service("it", "http", server.url))
    assert (seen.state, seen.reason) == (DOWN, "connection reset")


def reset(writer: asyncio.StreamWriter) -> None:
    """Ends a connection as a crash does."""
    connection: socket.socket = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def test_nobody_listens() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        seen = await what_is_said_of(service("it", "ollama", f"http://127.0.0.1:{reserved.getsockname()[1]}"))
    assert (seen.state, seen.reason) == (DOWN, "connection refused")


@pytest.mark.parametrize("host", ["no-such-machine.invalid", "koala..example", "k" * 70 + ".example"])
async def test_a_name_that_nobody_has(host: str) -> None:
    seen = await what_is_said_of(service("it", "http", f"http://{host}:8080", timeout=5.0))
    assert (seen.state, seen.reason) == (DOWN, f"no such name: {host}")


# -- time


async def test_silence_after_the_connection() -> None:
    async with says(b"", then_hangs=True) as server:
        seen = await what_is_said_of(service("it", "http", server.url, timeout=0.2))
    assert (seen.state, seen.reason) == (DOWN, "timed out after 0.2 s")


@contextlib.asynccontextmanager
async def full_listener() -> AsyncIterator[str]:
    """A port whose queue of connections is full, so that the system drops further ones as a firewall does."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            queued = stack.enter_context(socket.socket())
            queued.setblocking(False)
            queued.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


async def test_a_machine_that_drops_packets() -> None:
    async with full_listener() as url:
        seen = await what_is_said_of(service("it", "http", url, timeout=0.2))
    assert (seen.state, seen.reason) == (DOWN, "timed out after 0.2 s")


@pytest.mark.parametrize(
    "piece",
    [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n"],
    ids=["interim answers without end", "a body without end"],
)
async def test_an_answer_that_comes_drop_by_drop_is_given_no_more_time(piece: bytes) -> None:
    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.read_request(reader)
        writer.write(piece)
        while True:
            writer.write(piece if b"100" in piece else b"1\r\nx\r\n")
            await writer.drain()
            await asyncio.sleep(0.02)

    async with RawServer(behave) as server:
        seen = await what_is_said_of(service("it", "http", server.url, timeout=0.3))
    assert (seen.state, seen.reason) == (DOWN, "timed out after 0.3 s")


# -- TLS


async def test_a_certificate_that_nobody_vouches_for() -> None:
    async with says(http_answer(b"pong"), tls=True) as server:
        seen = await what_is_said_of(service("it", "http", server.url))
        assert seen.state is DOWN
        assert "certificate is not trusted (self-signed certificate); verify_tls = false accepts it" in seen.reason
        assert not server.requests, "nothing was asked of a server that is not trusted"


async def test_a_certificate_that_the_person_accepts() -> None:
    async with says(http_answer(b"pong"), tls=True) as server:
        it = service("it", "http", server.url, expect="pong", verify_tls=False)
        async with watching(config_of(it)) as monitor:
            await state_comes(monitor, "it", UP)


async def test_https_to_a_server_of_plain_http() -> None:
    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(http_answer(status="400 Bad Request"))
        with contextlib.suppress(ConnectionError):
            await writer.drain()
        writer.transport.abort()

    async with RawServer(behave) as server:
        seen = await what_is_said_of(service("it", "http", server.url.replace("http:", "https:")))
    assert seen.state is DOWN
    assert re.fullmatch(r"TLS: .*; does it speak plain http\?", seen.reason)


async def test_plain_http_to_a_server_of_https() -> None:
    async with says(http_answer(b"pong"), tls=True) as server:
        seen = await what_is_said_of(service("it", "http", server.url.replace("https:", "http:")))
    assert seen.state is DOWN
    assert re.search("closed the connection|not HTTP|reset", seen.reason), seen.reason


# -- keys


async def test_a_key_that_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY_OF_A_TEST", "sk-wrong-wrong-wrong")
    async with says(http_answer(b'{"error":"Invalid API key"}', "401 Unauthorized")) as server:
        seen = await what_is_said_of(service("it", "openai", server.url, key=KeySource(env="KEY_OF_A_TEST")))
    assert (seen.state, seen.reason) == (BUSY, "key refused (401): Invalid API key")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (KeySource(env="NO_SUCH_VARIABLE_7C1F"), "no key: the environment variable NO_SUCH_VARIABLE_7C1F is not set"),
        (KeySource(file="/nowhere/at/all"), "no key: /nowhere/at/all cannot be read: no such file or directory"),
        (KeySource(command=("false",)), "no key: false failed with exit code 1"),
        (KeySource(command=("no-such-program-7c1f",)), "no key: no-such-program-7c1f cannot be run"),
    ],
    ids=["env", "file", "command", "program"],
)
async def test_a_key_that_cannot_be_had(source: KeySource, words: str) -> None:
    async with says(http_answer(b'{"data":[]}')) as server:
        seen = await what_is_said_of(service("it", "openai", server.url, key=source))
        assert not server.requests, "without its key a question is not asked"
    assert seen.state is BUSY
    assert seen.reason.startswith(words)
