"""What a simulated server was asked, for tests and the demo's control page to read."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tui.demo.http_server import Request

LARGEST_LOG = 10_000


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """One request as it arrived. `at` is time.monotonic() in seconds; `closed_early` means the client hung up first."""

    at: float
    method: str
    path: str
    query: Mapping[str, tuple[str, ...]]
    headers: Mapping[str, str]
    body: bytes
    closed_early: bool = False

    @classmethod
    def of(cls, request: Request) -> RequestRecord:
        return cls(time.monotonic(), request.method, request.path, request.query, request.headers, request.body)

    def json(self) -> object:
        """The body as JSON; raises ValueError where it is none."""
        return json.loads(self.body)


class RequestLog:
    """The newest 10 000 requests, oldest first."""

    def __init__(self) -> None:
        self._records: dict[int, RequestRecord] = {}
        self._next = 0

    def add(self, record: RequestRecord) -> int:
        number = self._next
        self._next += 1
        self._records[number] = record
        if len(self._records) > LARGEST_LOG:
            del self._records[next(iter(self._records))]
        return number

    def mark_closed_early(self, number: int) -> None:
        record = self._records.get(number)
        if record is not None:
            self._records[number] = dataclasses.replace(record, closed_early=True)

    def clear(self) -> None:
        self._records.clear()

    def to(self, path: str, method: str | None = None) -> list[RequestRecord]:
        """The requests to one path, oldest first."""
        return [r for r in self._records.values() if r.path == path and (method is None or r.method == method)]

    def __iter__(self) -> Iterator[RequestRecord]:
        return iter(list(self._records.values()))

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, index: int) -> RequestRecord:
        return list(self._records.values())[index]
