"""llama-swap's push channel: log rings, the event stream, and the table of requests in flight (as v250 has them)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from tui.demo.clock import now_rfc3339
from tui.demo.http_server import Request, json_bytes

LOG_RING = 100 * 1024
EVENT_BUFFER = 1024
INFLIGHT_INTERVAL = 0.25
SECRET_HEADERS = {"authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key"}


class LogMonitor:
    """The newest 100 KiB of one log, and those who follow it."""

    def __init__(self) -> None:
        self._text = b""
        self._followers: set[Callable[[str], None]] = set()

    def write(self, text: str) -> None:
        self._text = (self._text + text.encode("utf-8", "surrogatepass"))[-LOG_RING:]
        for follower in list(self._followers):
            follower(text)

    @property
    def history(self) -> str:
        return self._text.decode("utf-8", "ignore")

    def clear(self) -> None:
        self._text = b""

    def follow(self, follower: Callable[[str], None]) -> Callable[[], None]:
        """Calls `follower` with each piece of text; the result ends that."""
        self._followers.add(follower)
        return lambda: self._followers.discard(follower)

    async def stream(self, *, with_history: bool) -> AsyncIterator[bytes]:
        """The history, then what is written from now on."""
        written: asyncio.Queue[str] = asyncio.Queue(EVENT_BUFFER)

        def keep(text: str) -> None:
            if not written.full():
                written.put_nowait(text)

        unfollow = self.follow(keep)
        try:
            if with_history and self._text:
                yield self._text
            while True:
                yield (await written.get()).encode("utf-8", "surrogatepass")
        finally:
            unfollow()


def event_frame(kind: str, inner: object) -> bytes:
    """One server-sent event: no space after the colons, and the payload is JSON inside a JSON string."""
    envelope = json_bytes({"type": kind, "data": json_bytes(inner).decode("utf-8", "surrogatepass")})
    return b"event:message\ndata:" + envelope + b"\n\n"


class EventHub:
    """Everyone who listens to /api/events. A listener that does not read loses messages after 1024, as with v250."""

    def __init__(self) -> None:
        self._listeners: set[asyncio.Queue[bytes | None]] = set()

    @property
    def listeners(self) -> int:
        return len(self._listeners)

    def publish(self, kind: str, inner: object) -> None:
        if not self._listeners:
            return
        frame = event_frame(kind, inner)
        for queue in self._listeners:
            if not queue.full():
                queue.put_nowait(frame)

    def end_streams(self) -> None:
        """Ends every stream in good order, as a reload of the configuration does."""
        for queue in self._listeners:
            while queue.full():
                queue.get_nowait()
            queue.put_nowait(None)

    async def stream(self, initial: Callable[[], list[bytes]]) -> AsyncIterator[bytes]:
        queue: asyncio.Queue[bytes | None] = asyncio.Queue(EVENT_BUFFER)
        self._listeners.add(queue)
        try:
            for frame in initial():
                yield frame
            while (next_frame := await queue.get()) is not None:
                yield next_frame
        finally:
            self._listeners.discard(queue)


@dataclass(slots=True)
class InflightRequest:
    """One request that a model works on now."""

    id: str
    timestamp: str
    began: float
    model: str
    path: str
    method: str
    headers: dict[str, str]
    task: asyncio.Task[object] | None
    response_headers: dict[str, str] = field(default_factory=dict)
    response_bytes: int = 0
    last_told: float = 0.0

    def as_json(self) -> dict[str, object]:
        return {
            "id": self.id,
            "timestamp": self.timestamp,
            "model": self.model,
            "req_path": self.path,
            "method": self.method,
            "req_headers": self.headers,
            "remote_ip": "127.0.0.1",
            "resp_headers": self.response_headers,
            "resp_bytes": self.response_bytes,
            "elapsed_ms": int((time.monotonic() - self.began) * 1000),
        }


class InflightTable:
    """The requests in flight, told to the event stream as they come, grow and go."""

    def __init__(self, hub: EventHub, *, told: bool = True) -> None:
        self._hub = hub
        self._told = told
        self._next = 1
        self._requests: dict[str, InflightRequest] = {}

    def __len__(self) -> int:
        return len(self._requests)

    def snapshot(self) -> dict[str, object]:
        """What a stream opens with. The list is left out where nothing is in flight."""
        told: dict[str, object] = {"operation": "snapshot"}
        if self._requests:
            told["requests"] = [entry.as_json() for entry in self._requests.values()]
        return told

    def begin(self, request: Request, model: str) -> InflightRequest:
        headers = {
            "-".join(part.capitalize() for part in name.split("-")): "[REDACTED]" if name in SECRET_HEADERS else value
            for name, value in request.headers.items()
        }
        entry = InflightRequest(
            id=str(self._next),
            timestamp=now_rfc3339(),
            began=time.monotonic(),
            model=model,
            path=request.path,
            method=request.method,
            headers=headers,
            task=asyncio.current_task(),
        )
        self._next += 1
        self._requests[entry.id] = entry
        self._tell(entry)
        return entry

    def headers_sent(self, entry: InflightRequest, content_type: str) -> None:
        entry.response_headers = {"Content-Type": content_type}
        self._tell(entry)

    def grew(self, entry: InflightRequest, size: int) -> None:
        entry.response_bytes += size
        if time.monotonic() - entry.last_told >= INFLIGHT_INTERVAL:
            self._tell(entry)

    def end(self, entry: InflightRequest) -> None:
        if self._requests.pop(entry.id, None) is not None and self._told:
            self._hub.publish("inflight", {"operation": "remove", "id": entry.id})

    def cancel(self, number: str) -> bool:
        """Breaks off one request; False where none has that number."""
        entry = self._requests.get(number)
        if entry is None or entry.task is None:
            return False
        entry.task.cancel()
        return True

    def clear(self) -> None:
        self._requests.clear()
        self._next = 1

    def _tell(self, entry: InflightRequest) -> None:
        entry.last_told = time.monotonic()
        if self._told:
            self._hub.publish("inflight", {"operation": "upsert", "request": entry.as_json()})
