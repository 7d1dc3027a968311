"""``opencode`` (1.18) through its own server, since ``opencode run`` prints an answer only when it is whole.

The server also says what ``run`` hides: that it tries again and why, and which model it does not have. It is started
for one prompt, on loopback, behind a password, and its session is deleted before it ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import secrets
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any

import msgspec

from tui.chat.http_stream import in_short, kind_of_words
from tui.chat.lines import LONGEST_FROM_PROGRAM, LineSplitter, LineTooLong
from tui.chat.opencode_events import OpencodeReader
from tui.chat.program import Child, Invocation, ProgramLimits, environment_with, running
from tui.chat.prompt import Prompt
from tui.chat.reply import FailureKind, Piece, Reasoning, ReplyFailed, Text
from tui.config.schema import CliSettings

if TYPE_CHECKING:
    import httpx

LAST_EVENTS_WITHIN = 2.0
"""Seconds in which the events of an answer that is whole have to have come."""
DELETE_WITHIN = 1.0
_LISTENING = re.compile(rb"listening on (http://127\.0\.0\.1:\d{1,5})")


class _Session(msgspec.Struct):
    id: str


def opencode_invocation(provider: str, model: str, password: str) -> Invocation:
    """The server, with one provider, one model and an agent without tools.

    Without a login and a model opencode sends prompts to free models that it hosts itself: ``enabled_providers`` and
    ``model`` leave it no such choice. The titles of sessions, which cost a second call, are ours.
    """
    config = {
        "autoupdate": False,
        "share": "disabled",
        "enabled_providers": [provider],
        "model": f"{provider}/{model}",
        "small_model": f"{provider}/{model}",
        "agent": {
            "plain": {
                "mode": "primary",
                "description": "An answer without tools",
                "prompt": "You are a helpful assistant.",
                "tools": {"*": False},
                "permission": {"*": "deny"},
            }
        },
    }
    key_prefix = re.sub(r"[^A-Z0-9]", "_", provider.upper())
    more = {"OPENCODE_CONFIG_CONTENT": json.dumps(config), "OPENCODE_SERVER_PASSWORD": password}
    return Invocation(
        command=("opencode", "serve", "--hostname", "127.0.0.1", "--port", "0"),
        environment=environment_with(prefixes=("OPENCODE_", f"{key_prefix}_"), more=more),
    )


async def stream_opencode(
    program: CliSettings, model: str, prompt: Prompt, limits: ProgramLimits
) -> AsyncGenerator[Piece, None]:
    """One answer of opencode.

    Raises:
        ReplyFailed: there is none, or it is not complete.
    """
    import httpx

    provider, _, name = f"{program.provider}/{model}".partition("/") if program.provider else model.partition("/")
    if not name:
        raise ReplyFailed(FailureKind.REFUSED, f"{program.name}: opencode needs a provider; set provider for it")
    password = secrets.token_urlsafe(24)
    until = asyncio.get_running_loop().time() + limits.first_word
    async with running(opencode_invocation(provider, name, password), limits.grace) as child:
        url = await _listening(child, until)
        # Plain HTTP on loopback: reading certificate authorities would cost 15 ms, and a proxy would see the prompt.
        async with httpx.AsyncClient(
            base_url=url,
            auth=("opencode", password),
            verify=False,  # noqa: S501
            trust_env=False,
            timeout=httpx.Timeout(10.0, read=None),
        ) as client:
            conversation = _Conversation(client, OpencodeReader(), until, limits)
            try:
                async with contextlib.aclosing(conversation.answer(provider, name, prompt)) as pieces:
                    async for piece in pieces:
                        yield piece
            except (httpx.HTTPError, LineTooLong) as error:
                words = in_short(child.last_words()) or in_short(str(error)) or type(error).__name__
                raise ReplyFailed(FailureKind.BROKEN, f"opencode broke off: {words}") from None
            finally:
                await conversation.forget()


async def _listening(child: Child, until: float) -> str:
    """Where the server listens, once it does."""
    said = b""
    while asyncio.get_running_loop().time() < until:
        data = await child.read()
        if data is None:
            words = in_short(child.last_words()) or f"exit code {child.exit_code}"
            raise ReplyFailed(kind_of_words(words), f"opencode did not start: {words}")
        said = (said + data)[-4096:]
        if found := _LISTENING.search(said):
            return found.group(1).decode()
    raise ReplyFailed(FailureKind.TIMED_OUT, "opencode did not start in time")


class _Conversation:
    """One session of the server, for one prompt."""

    def __init__(self, client: httpx.AsyncClient, reader: OpencodeReader, until: float, limits: ProgramLimits) -> None:
        self._client = client
        self._reader = reader
        self._until = until
        self._limits = limits
        self._session: str | None = None

    async def answer(self, provider: str, model: str, prompt: Prompt) -> AsyncGenerator[Piece, None]:
        """The pieces of the answer, from the server's events as they come."""
        async with self._in_time():
            events = await self._client.send(self._client.build_request("GET", "/event"), stream=True)
        asking: asyncio.Task[httpx.Response] | None = None
        reads = _EventReads(events)
        try:
            async with self._in_time():
                created = await self._client.post("/session", json={"title": "fleetdeck"})
            self._session = self._reader.session = _session_id(created.content)
            body = {
                "agent": "plain",
                "model": {"providerID": provider, "modelID": model},
                "parts": [{"type": "text", "text": prompt.as_text()}],
            }
            asking = asyncio.ensure_future(self._client.post(f"/session/{self._session}/message", json=body))
            async for lines in self._until_idle(reads, asking):
                failure = self._reader.read(lines)
                for piece in self._reader.pieces.take():
                    if isinstance(piece, Text | Reasoning):
                        self._until = asyncio.get_running_loop().time() + self._limits.silence
                    yield piece
                if failure is not None:
                    raise failure
            ended = self._reader.end((await asking).content)
            for piece in self._reader.pieces.take():
                yield piece
            yield ended
        finally:
            await reads.close()
            if asking is not None and not asking.done():
                asking.cancel()
                await asyncio.wait({asking})

    async def _until_idle(
        self, reads: _EventReads, asking: asyncio.Task[httpx.Response]
    ) -> AsyncGenerator[list[bytes], None]:
        """The lines of the event stream, until the session is idle again; bounded in time all along."""
        now = asyncio.get_running_loop().time
        answered_at: float | None = None
        while not (asking.done() and self._reader.idle):
            until = self._until if answered_at is None else min(self._until, answered_at + LAST_EVENTS_WITHIN)
            if now() >= until:
                if answered_at is not None:
                    return
                raise ReplyFailed(FailureKind.TIMED_OUT, "opencode said nothing for too long")
            waited: set[asyncio.Future[Any]] = {reads.next} if asking.done() else {reads.next, asking}
            await asyncio.wait(waited, timeout=until - now(), return_when=asyncio.FIRST_COMPLETED)
            if asking.done() and answered_at is None:
                answered_at = now()
            if reads.next.done():
                lines = reads.take()
                if lines is None:
                    return
                yield lines

    async def forget(self) -> None:
        """Deletes the session: opencode keeps what was said in it for ever."""
        import httpx

        if self._session is None:
            return
        with contextlib.suppress(httpx.HTTPError, TimeoutError):
            async with asyncio.timeout(DELETE_WITHIN):
                await self._client.delete(f"/session/{self._session}")

    @contextlib.asynccontextmanager
    async def _in_time(self) -> AsyncGenerator[None, None]:
        try:
            async with asyncio.timeout_at(self._until):
                yield
        except TimeoutError:
            raise ReplyFailed(FailureKind.TIMED_OUT, "opencode did not start in time") from None


class _EventReads:
    """Reads of the event stream, one under way at any time: cancelling one would lose what it had got."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        self._chunks = response.aiter_bytes()
        self._splitter = LineSplitter(LONGEST_FROM_PROGRAM)
        self.next = self._begin()

    def _begin(self) -> asyncio.Future[bytes | None]:
        return asyncio.ensure_future(anext(self._chunks, None))

    def take(self) -> list[bytes] | None:
        """The lines of the read that is done; None at the stream's end."""
        data = self.next.result()
        if data is None:
            return None
        self.next = self._begin()
        return self._splitter.split(data)

    async def close(self) -> None:
        if not self.next.done():
            self.next.cancel()
            await asyncio.wait({self.next})
        elif not self.next.cancelled():
            # Its failure, if any, comes after the answer was decided.
            self.next.exception()
        await self._response.aclose()


def _session_id(body: bytes) -> str:
    try:
        return msgspec.json.decode(body, type=_Session).id
    except msgspec.DecodeError:
        raise ReplyFailed(FailureKind.BAD_ANSWER, "opencode's server began no session") from None
