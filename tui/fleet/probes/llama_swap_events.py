"""The messages of llama-swap's event stream, of all of its generations, as values."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import msgspec

from tui.fleet.asking import MOST_BYTES
from tui.fleet.failures import LookFailed
from tui.fleet.probes.shapes import count
from tui.fleet.snapshot import ServiceState

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")


class StatusEntry(msgspec.Struct):
    """One model of ``modelStatus``. Peers stand at its end, without a state."""

    id: object = None
    state: object = None
    peer_id: object = msgspec.field(default=None, name="peerID")
    name: object = None
    description: object = None


class ActivityRow(msgspec.Struct):
    """A finished request, of ``/api/metrics/activity`` and of the ``metrics`` message before v236."""

    id: object = None
    model: object = None
    error_msg: object = None


@dataclass(frozen=True, slots=True)
class ModelsChanged:
    """``modelStatus``: every model, whenever the state of one changed."""

    entries: tuple[StatusEntry, ...]


@dataclass(frozen=True, slots=True)
class LogWritten:
    """``logData``: raw text, not aligned to lines; the whole history when the stream opens."""

    source: str
    text: str


@dataclass(frozen=True, slots=True)
class InFlightAll:
    """``inflight``: all requests being answered, id to model (v240's snapshot; every message of v235 to v239)."""

    requests: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class InFlightBegun:
    """``inflight``, v240 and later: one request began, or went on."""

    id: str
    model: str


@dataclass(frozen=True, slots=True)
class InFlightEnded:
    """``inflight``, v240 and later."""

    id: str


@dataclass(frozen=True, slots=True)
class InFlightTotal:
    """``inflight``, v192 to v234: how many, not whose."""

    total: int


@dataclass(frozen=True, slots=True)
class ProfileChanged:
    """``profileChanged``, v241 and later."""

    active: str | None


@dataclass(frozen=True, slots=True)
class RequestsFinished:
    """``activity`` (v236 and later: the first row's id alone) or ``metrics`` (before: the rows themselves)."""

    first_id: int | None
    rows: tuple[ActivityRow, ...] = ()


Event = (
    ModelsChanged
    | LogWritten
    | InFlightAll
    | InFlightBegun
    | InFlightEnded
    | InFlightTotal
    | ProfileChanged
    | RequestsFinished
)


class _Envelope(msgspec.Struct):
    type: str
    data: object = None


class _Log(msgspec.Struct):
    data: str
    source: str = ""


class _Request(msgspec.Struct):
    id: str
    model: str = ""


class _InFlight(msgspec.Struct):
    operation: str | None = None
    requests: list[_Request] | None = None
    request: _Request | None = None
    id: str | None = None
    total: int | None = None


class _Profile(msgspec.Struct):
    active: str | None = None


class _Activity(msgspec.Struct):
    id: object = None


class UnreadableEvent(Exception):
    """A message that is not what its type says."""


def read_event(text: str) -> Event | None:
    """One message; None for those that tell us nothing: types of forks and of versions to come, the page's settings.

    Raises:
        UnreadableEvent: it is broken.
    """
    envelope = _decode(text, _Envelope)
    match envelope.type:
        case "modelStatus":
            return ModelsChanged(tuple(_inner(envelope, list[StatusEntry] | None) or ()))  # type: ignore[arg-type]
        case "logData":
            log = _inner(envelope, _Log)
            return LogWritten(log.source, log.data)
        case "inflight":
            return _in_flight(_inner(envelope, _InFlight))
        case "profileChanged":
            return ProfileChanged(_inner(envelope, _Profile).active or None)
        case "activity":
            return RequestsFinished(count(_inner(envelope, _Activity).id))
        case "metrics":
            return RequestsFinished(None, tuple(_inner(envelope, list[ActivityRow] | None) or ()))  # type: ignore[arg-type]
        case _:
            return None


def _in_flight(told: _InFlight) -> Event | None:
    match told.operation:
        case "upsert" if told.request is not None:
            return InFlightBegun(told.request.id, told.request.model)
        case "remove" if told.id is not None:
            return InFlightEnded(told.id)
        case "snapshot" | None if told.total is None:
            return InFlightAll({request.id: request.model for request in told.requests or ()})
        case None if told.total is not None:
            return InFlightTotal(max(0, told.total))
        case _:
            return None


def _inner(envelope: _Envelope, shape: type[T]) -> T:
    """A message's data is JSON within a JSON string."""
    if not isinstance(envelope.data, str):
        raise UnreadableEvent
    return _decode(envelope.data, shape)


def _decode(text: str, shape: type[T]) -> T:
    try:
        return msgspec.json.decode(text, type=shape, strict=False)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        raise UnreadableEvent from None


async def messages(response: httpx.Response) -> AsyncIterator[str]:
    """The data of each event, until the stream ends.

    Raises:
        LookFailed: it is no event stream, or holds an event of more than 8 MB (a usual one has 200 KB of log at most).
    """
    import httpx
    from httpx_sse import EventSource

    content_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != "text/event-stream":
        raise LookFailed(ServiceState.BUSY, "its /api/events is no event stream: is a proxy in front of it?")
    since_last = 0

    async def bounded() -> AsyncIterator[bytes]:
        nonlocal since_last
        async for chunk in response.aiter_bytes():
            since_last += len(chunk)
            if since_last > MOST_BYTES:
                raise LookFailed(ServiceState.BUSY, f"sent an event of more than {MOST_BYTES // 1024**2} MB")
            yield chunk

    # httpx-sse keeps an event of any size in memory, so it reads from a response that counts.
    counted = httpx.Response(200, headers={"content-type": "text/event-stream"}, content=bounded())
    async with aclosing(EventSource(counted).aiter_sse()) as events:
        async for event in events:
            since_last = 0
            if event.data:
                yield event.data
