"""Everything that can go wrong between a question and its answer, in words that a person can act on."""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Iterator, Mapping
from typing import TypeVar

import msgspec

from tui.config.schema import ServiceSettings
from tui.fleet.printable import printable
from tui.fleet.redact import redact
from tui.fleet.snapshot import ServiceState

T = TypeVar("T")


class LookFailed(Exception):
    """A question got no useful answer.

    ``state`` is what that says of a service whose liveness was asked; ``str()`` is the reason, fit for a row.
    """

    def __init__(
        self,
        state: ServiceState,
        reason: str,
        *,
        status: int | None = None,
        connected: bool = True,
        timed_out: bool = False,
    ) -> None:
        super().__init__(reason)
        self.state = state
        self.reason = reason
        self.status = status
        self.connected = connected
        """False where not even a connection was made, so that no other question can succeed."""
        self.timed_out = timed_out


class KeyMissing(LookFailed):
    """The question was never sent: its key is not where the configuration says."""


def decode_json(body: bytes | str, shape: type[T], what: str) -> T:
    """``body`` as ``shape``.

    Raises:
        LookFailed: it is no JSON, or other JSON than was to be expected.
    """
    try:
        return msgspec.json.decode(body, type=shape, strict=False)
    except msgspec.ValidationError as error:
        reason = f"{what} answered with other JSON than expected: {printable(str(error), 120)}"
        raise LookFailed(ServiceState.DOWN, reason) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise LookFailed(ServiceState.DOWN, f"{what} answered with something that is not JSON") from None
    except RecursionError:
        raise LookFailed(ServiceState.DOWN, f"{what} answered with JSON nested beyond reason") from None


class _ErrorBody(msgspec.Struct):
    """The shapes in which servers say what is wrong: OpenAI's object, llama-swap's and Ollama's string, FastAPI's
    ``detail`` (string, object or list), Qdrant's ``status.error``."""

    error: object = None
    detail: object = None
    message: object = None
    status: object = None
    reason: object = None


def error_message(body: bytes, limit: int = 160, *, key: str = "") -> str:
    """What an error's body says, on one harmless line; empty where it says nothing that a person can read.

    ``key`` is what the question was sent with: servers say it back, and a person's own may look like any word.
    """
    try:
        parsed = msgspec.json.decode(body, type=_ErrorBody)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        text = body[:2000].decode("utf-8", errors="replace").strip()
        if not text or text.startswith("<") or "�" in text:
            return ""
        return printable(redact(text.partition("\n")[0], key), limit)
    for value in (parsed.error, parsed.detail, parsed.message, parsed.reason, parsed.status):
        if text := _first_text(value):
            return printable(redact(text.partition("\n")[0], key), limit)
    return ""


def _first_text(value: object, levels: int = 5) -> str:
    """The text in an error, at most so many levels deep: no server nests one deeper, but anybody may."""
    if isinstance(value, str):
        return value.strip()
    if levels and isinstance(value, Mapping):
        inner = (_first_text(value.get(key), levels - 1) for key in ("message", "error", "msg"))
        return next((text for text in inner if text), "")
    if levels and isinstance(value, list) and value:
        return _first_text(value[0], levels - 1)
    return ""


class in_plain_words:  # noqa: N801  (reads as the statement that it is)
    """Turns what httpx and the operating system raise into :class:`LookFailed`."""

    def __init__(self, service: ServiceSettings, seconds: float) -> None:
        self._service = service
        self._seconds = seconds

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        import httpx

        if isinstance(error, TimeoutError | httpx.TimeoutException):
            connected = not isinstance(error, httpx.ConnectTimeout)
            reason = f"timed out after {self._seconds:g} s"
            raise LookFailed(ServiceState.DOWN, reason, connected=connected, timed_out=True) from None
        if isinstance(error, httpx.HTTPError | httpx.InvalidURL | OSError | UnicodeError):
            raise _connection_failure(self._service, error) from None


def _connection_failure(service: ServiceSettings, error: BaseException) -> LookFailed:
    import httpx

    connected = not isinstance(error, httpx.ConnectError)
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            reason = f"TLS: its certificate is not trusted ({cause.verify_message}); verify_tls = false accepts it"
            return LookFailed(ServiceState.DOWN, reason, connected=False)
        if isinstance(cause, ssl.SSLError):
            said = (cause.reason or "handshake failed").lower().replace("_", " ")
            hint = "; does it speak plain http?" if "wrong version" in said or "record layer" in said else ""
            return LookFailed(ServiceState.DOWN, f"TLS: {said}{hint}", connected=False)
        if isinstance(cause, socket.gaierror | UnicodeError):
            # Python refuses to look up a name with an empty or overlong part: UnicodeError.
            return LookFailed(ServiceState.DOWN, f"no such name: {service.host}", connected=False)
        if isinstance(cause, OSError) and (words := _OS_WORDS.get(cause.errno or 0)):
            return LookFailed(ServiceState.DOWN, words, connected=connected)
    if isinstance(error, httpx.RemoteProtocolError):
        if "complete message body" in str(error) or "incomplete chunked read" in str(error):
            return LookFailed(ServiceState.DOWN, "broke off in the middle of its answer")
        if "disconnected" in str(error):
            return LookFailed(ServiceState.DOWN, "closed the connection without an answer")
        return LookFailed(ServiceState.DOWN, "answered with something that is not HTTP")
    if isinstance(error, httpx.DecodingError):
        return LookFailed(ServiceState.DOWN, "answered with a body that cannot be decompressed")
    return LookFailed(ServiceState.DOWN, printable(str(error), 120) or type(error).__name__, connected=connected)


_OS_WORDS = {
    errno.ECONNREFUSED: "connection refused",
    errno.ECONNRESET: "connection reset",
    errno.EPIPE: "connection reset",
    errno.EHOSTUNREACH: "no route to its machine",
    errno.ENETUNREACH: "network unreachable",
    errno.EHOSTDOWN: "its machine is down",
    errno.EMFILE: "this program has too many files open",
}


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and all that led to it: anyio gathers one failed connection per address in a group."""
    seen: list[BaseException] = [error]
    for current in seen:
        if isinstance(current, BaseExceptionGroup):
            seen.extend(current.exceptions)
        if (cause := current.__cause__ or current.__context__) is not None and cause not in seen:
            seen.append(cause)
    return iter(seen)
