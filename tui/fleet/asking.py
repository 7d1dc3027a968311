"""Asks one service questions over HTTP, within bounds, and puts every failure into plain words."""

from __future__ import annotations

import asyncio
import importlib.util
import ssl
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from tui.config.keys import KeyUnavailable, Secret, read_key
from tui.config.schema import ServiceSettings
from tui.fleet.failures import KeyMissing, LookFailed, decode_json, error_message, in_plain_words
from tui.fleet.printable import printable_lines
from tui.fleet.redact import redact
from tui.fleet.snapshot import RawAnswer, ServiceState

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")

MOST_BYTES = 8 * 1024 * 1024
"""Of one answer. LiteLLM's ``/model/info`` takes 8 KB a deployment, so this is a thousand of them."""
KEPT_CHARACTERS = 20_000
"""Of one answer, for a person to read."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer. ``latency`` is seconds until its first byte."""

    status: int
    body: bytes
    latency: float

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", errors="replace")


KEPT_FOR = 3.0
"""Seconds for which a kept answer is not replaced by one of the same status and length, which differs by a time."""


class Asker:
    """Holds the one connection pool of a service: httpx searches all of a pool for every request."""

    def __init__(self, service: ServiceSettings, *, clock: Callable[[], float] = time.time) -> None:
        self.service = service
        self.latency: float | None = None
        """Seconds until the first byte of the newest answer."""
        self._clock = clock
        self._transport: httpx.AsyncHTTPTransport | None = None
        self._urls: dict[str, httpx.URL] = {}
        self._key: Secret | None = None
        self._answers: dict[str, RawAnswer] = {}
        self._lengths: dict[str, int] = {}

    @property
    def answers(self) -> tuple[RawAnswer, ...]:
        """The newest answer to each request, oldest request first."""
        return tuple(self._answers.values())

    async def close(self) -> None:
        transport, self._transport = self._transport, None
        if transport is not None:
            await transport.aclose()

    def said(self, answer: Answer, limit: int = 160) -> str:
        """What an answer says is wrong, on one harmless line that holds no key; empty where it says nothing."""
        return error_message(answer.body, limit, key=self._sent_key)

    @property
    def _sent_key(self) -> str:
        return self._key.reveal() if self._key is not None else ""

    def forget_key(self) -> None:
        """Fetches the key anew at the next question: it was refused, and may have been changed since."""
        self._key = None

    async def get(self, path: str, *, timeout: float | None = None, with_key: bool = True) -> Answer:
        """One GET, followed by nothing: a redirect is an error, since a key must not follow it.

        Raises:
            LookFailed: anything but a 2xx answer within ``timeout`` seconds (the service's own where None).
        """
        return await self.send("GET", path, timeout=timeout, with_key=with_key)

    async def get_json(self, path: str, shape: type[T], *, timeout: float | None = None, with_key: bool = True) -> T:
        """A GET whose answer is JSON of ``shape``; fields that it does not name are ignored.

        Raises:
            LookFailed: as :meth:`get`; or the answer is no JSON, or not of that shape.
        """
        answer = await self.get(path, timeout=timeout, with_key=with_key)
        return decode_json(answer.body, shape, path)

    async def send(
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        timeout: float | None = None,
        with_key: bool = True,
        accepts: Callable[[int], bool] = lambda status: 200 <= status < 300,
    ) -> Answer:
        """One request and its whole answer.

        Raises:
            LookFailed: no answer, too large an answer, or a status that ``accepts`` refuses.
        """
        seconds = self.service.timeout if timeout is None else timeout
        request = f"{method} {path or urlsplit(self.service.url).path or '/'}"
        try:
            answer = await self._whole_answer(method, path, json, seconds, with_key)
        except LookFailed as failure:
            self._keep(request, failure.status, failure.reason)
            raise
        self.latency = answer.latency
        self._keep(request, answer.status, answer.text[: KEPT_CHARACTERS * 2])
        if not accepts(answer.status):
            raise self._refusal(answer)
        return answer

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        accept: str = "*/*",
        patient: bool = False,
        accepts: Callable[[int], bool] = lambda status: status < 300,
    ) -> AsyncIterator[httpx.Response]:
        """An open answer, without a limit on how long it may be silent. Only reaching it is bounded in time.

        ``patient`` bounds the connecting alone: a server that first loads a model sends not even a status for minutes.

        Raises:
            LookFailed: it could not be opened, has a status that ``accepts`` refuses, or broke while it was read.
        """
        transport = await self._open_transport()
        headers = await self._headers() | {"accept": accept}
        with in_plain_words(self.service, self.service.timeout):
            request = self._request(method, path, json, headers, self.service.timeout, silent_for=None)
            async with asyncio.timeout(None if patient else self.service.timeout):
                response = await transport.handle_async_request(request)
            try:
                if not accepts(response.status_code):
                    async with asyncio.timeout(self.service.timeout):
                        body = await self._body(response)
                    raise self._refusal(Answer(response.status_code, body, 0.0))
                yield response
            finally:
                await response.aclose()

    async def _whole_answer(self, method: str, path: str, json: object, seconds: float, with_key: bool) -> Answer:
        transport = await self._open_transport()
        headers = await self._headers() if with_key else {}
        with in_plain_words(self.service, seconds):
            async with asyncio.timeout(seconds):
                request = self._request(method, path, json, headers, seconds, silent_for=seconds)
                started = time.perf_counter()
                response = await transport.handle_async_request(request)
                try:
                    latency = time.perf_counter() - started
                    return Answer(response.status_code, await self._body(response), latency)
                finally:
                    await response.aclose()

    async def _body(self, response: httpx.Response) -> bytes:
        chunks = bytearray()
        async for chunk in response.aiter_bytes():
            chunks += chunk
            if len(chunks) > MOST_BYTES:
                raise LookFailed(
                    ServiceState.DOWN,
                    f"answered with more than {MOST_BYTES // 1024**2} MB",
                    status=response.status_code,
                )
        return bytes(chunks)

    async def _open_transport(self) -> httpx.AsyncHTTPTransport:
        """What an ``AsyncClient`` sends through. Its cookies and redirects, of which we want none, and its reading of
        the URL anew each time are a fifth of what a request costs (0.8 ms)."""
        if self._transport is None:
            import httpx

            _spare_searches_for_sniffio()
            secure = self.service.url.startswith("https:")
            self._transport = httpx.AsyncHTTPTransport(
                verify=_tls_context(self.service.verify_tls) if secure else False,
                # A proxy from the environment would carry questions about the person's own machines elsewhere.
                trust_env=False,
                limits=httpx.Limits(max_connections=8, max_keepalive_connections=2, keepalive_expiry=120),
            )
        return self._transport

    def _request(
        self,
        method: str,
        path: str,
        json: object,
        headers: dict[str, str],
        seconds: float,
        *,
        silent_for: float | None,
    ) -> httpx.Request:
        """``silent_for``: seconds without a byte after which the answer counts as broken off; None: any time."""
        import httpx

        url = self._urls.get(path)
        if url is None:
            url = self._urls[path] = httpx.URL(self._url(path))
        usual = {"accept": "*/*", "accept-encoding": "gzip, deflate", "user-agent": "fleetdeck"}
        timeouts = httpx.Timeout(seconds, read=silent_for).as_dict()
        return httpx.Request(method, url, json=json, headers=usual | headers, extensions={"timeout": timeouts})

    async def _headers(self) -> dict[str, str]:
        source = self.service.key
        if source is None:
            return {}
        if self._key is None:
            try:
                self._key = await read_key(source)
            except KeyUnavailable as error:
                raise KeyMissing(ServiceState.BUSY, f"no key: {error}") from None
        key = self._key.reveal()
        match self.service.kind:
            case "anthropic":
                return {"x-api-key": key, "anthropic-version": "2023-06-01"}
            case "qdrant":
                return {"api-key": key}
            case _:
                return {"authorization": f"Bearer {key}"}

    def _url(self, path: str) -> str:
        """An empty path means the configured URL to the letter: ``/ping/`` may be another page than ``/ping``."""
        return self.service.url.rstrip("/") + path if path else self.service.url

    def _keep(self, request: str, status: int | None, text: str) -> None:
        now, before = self._clock(), self._answers.get(request)
        alike = before is not None and (before.status, self._lengths.get(request)) == (status, len(text))
        if before is not None and alike and 0 <= now - before.at < KEPT_FOR:
            return  # Taking keys and codes out of an answer costs half as much as the question, and few are ever read.
        self._lengths[request] = len(text)
        shown = printable_lines(redact(text, self._sent_key))[:KEPT_CHARACTERS]
        self._answers[request] = RawAnswer(request, now, status, shown)

    def _refusal(self, answer: Answer) -> LookFailed:
        status = answer.status
        said = self.said(answer)
        told = f": {said}" if said else ""
        without_database = status == 400 and b"no_db_connection" in answer.body
        if status in (401, 403) or without_database:
            self.forget_key()
            # A LiteLLM without a database looks for an unknown key in it, and complains of what it did not find.
            told = "" if without_database else told
            reason = f"key refused ({status})" if self.service.key else f"needs a key ({status})"
            return LookFailed(ServiceState.BUSY, reason + told, status=status)
        if 300 <= status < 400:
            return LookFailed(
                ServiceState.DOWN, f"redirects elsewhere ({status}): set url to where it leads", status=status
            )
        if status == 404:
            reason = f"answered 404: is its kind really {self.service.kind}, and the url without a path too many?"
            return LookFailed(ServiceState.DOWN, reason, status=status)
        return LookFailed(ServiceState.DOWN, f"answered {status}{told}", status=status)


def _spare_searches_for_sniffio() -> None:
    """httpcore 1.0.9 tries to import it four times a request; where it is missing, each search costs 40 µs."""
    if "sniffio" not in sys.modules and importlib.util.find_spec("sniffio") is None:
        # None is what Python's import system reads as known to be missing.
        sys.modules["sniffio"] = None  # type: ignore[assignment]


_trusted_context: ssl.SSLContext | None = None


def _tls_context(verify: bool) -> ssl.SSLContext:
    """One context for all: reading the certificate authorities takes 15 ms each time."""
    global _trusted_context
    if not verify:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    if _trusted_context is None:
        _trusted_context = ssl.create_default_context()
    return _trusted_context
