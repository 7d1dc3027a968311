"""The collector's lines, as values. ``collector.py`` documents them."""

from __future__ import annotations

import msgspec


class Hello(msgspec.Struct, frozen=True, tag="hello"):
    protocol: int
    python: str
    system: str
    hostname: str
    linger: bool


class Need(msgspec.Struct, frozen=True, tag="need"):
    what: str


class MemoryInfo(msgspec.Struct, frozen=True):
    """Bytes. ``reserved`` comes with version 2 of the call alone."""

    total: int
    used: int
    reserved: int | None = None


class Utilization(msgspec.Struct, frozen=True):
    gpu: int
    memory: int


class Holder(msgspec.Struct, frozen=True):
    pid: int
    name: str
    parent: int
    command: list[str]
    cgroup: str
    bytes: int | None
    kinds: list[str]


class GpuSample(msgspec.Struct, frozen=True):
    """In NVML's units: bytes, percent, °C, mW."""

    index: int
    code: int | None = None
    errors: dict[str, int] = msgspec.field(default_factory=dict)
    name: str | None = None
    uuid: str | None = None
    memory: MemoryInfo | None = None
    utilization: Utilization | None = None
    temperature: int | None = None
    power: int | None = None
    power_limit: int | None = None
    throttle: int | None = None
    fan: int | None = None
    processes: list[Holder] | None = None


class Gpus(msgspec.Struct, frozen=True, tag="gpu"):
    driver: str | None
    gpus: list[GpuSample]


class GpuError(msgspec.Struct, frozen=True, tag="gpuerr"):
    code: int | None = None
    text: str = ""
    seconds: float | None = None


class Host(msgspec.Struct, frozen=True, tag="host"):
    total: int | None
    available: int | None
    cpu: float
    cpu_idle: float


class UnitShown(msgspec.Struct, frozen=True, tag="unit"):
    unit: str
    scope: str
    clock: float
    status: int | None
    out: str
    error: str


class Done(msgspec.Struct, frozen=True, tag="done"):
    request: int
    status: int | None
    error: str


class JournalFields(msgspec.Struct, frozen=True, rename={"cursor": "__CURSOR", "at": "__REALTIME_TIMESTAMP"}):
    """journalctl's own field names. A field that a program sent twice is a list; bytes that are no text are numbers."""

    cursor: str
    at: str
    MESSAGE: object = None
    PRIORITY: object = None
    SYSLOG_IDENTIFIER: object = None
    _PID: object = None


class Log(msgspec.Struct, frozen=True, tag="log"):
    request: int
    entry: JournalFields


class LogEnd(msgspec.Struct, frozen=True, tag="log_end"):
    request: int
    status: int
    text: str


class Pong(msgspec.Struct, frozen=True, tag="pong"):
    request: int


Message = Hello | Need | Gpus | GpuError | Host | UnitShown | Done | Log | LogEnd | Pong

_decoder: msgspec.json.Decoder[Message] = msgspec.json.Decoder(Message)


def decode(line: bytes) -> Message:
    """
    Raises:
        msgspec.DecodeError: the line is none of the collector's.
    """
    return _decoder.decode(line)
