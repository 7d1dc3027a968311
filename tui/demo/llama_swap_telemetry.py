"""llama-swap's figures: finished requests and their statistics, samples of the machine, Prometheus text (v250)."""

from __future__ import annotations

import math
import time
from collections import deque
from dataclasses import dataclass

from tui.demo.clock import now_rfc3339, parse_rfc3339, rfc3339, whole_seconds_rfc3339

MIB = 1024 * 1024
ROWS_IN_MEMORY = 1000
SAMPLE_SECONDS = 5.0
SAMPLES_IN_HOUR = 720
FIRST_SAMPLES = 60
CORES = 16
MEMORY_MB = 65_536
GPU_NAME = "NVIDIA GeForce RTX 4090"
GPU_UUID = "GPU-5f7c1a52-9a0e-4d7b-8f0c-6a1d3e2b4c5d"
GPU_MEMORY_MB = 24_564
DESKTOP_MB = 412
SORTABLE = ("id", "time", "model", "req_path", "resp_status_code", "duration")


@dataclass(frozen=True, slots=True)
class ActivityRow:
    """One finished request. Token counts and speeds are -1 where the upstream did not report them."""

    id: int
    timestamp: str
    model: str
    path: str
    content_type: str
    status: int
    input_tokens: int = -1
    output_tokens: int = -1
    prompt_per_second: float = -1
    tokens_per_second: float = -1
    duration_ms: int = 0
    error: str = ""
    selector: str = ""

    def as_json(self) -> dict[str, object]:
        row: dict[str, object] = {
            "id": self.id,
            "timestamp": self.timestamp,
            "model": self.model,
            "req_path": self.path,
            "resp_content_type": self.content_type,
            "resp_status_code": self.status,
            "tokens": {
                "cache_tokens": -1 if self.input_tokens < 0 else 0,
                "draft_tokens": -1,
                "draft_acc_tokens": -1,
                "input_tokens": self.input_tokens,
                "output_tokens": self.output_tokens,
                "prompt_per_second": self.prompt_per_second,
                "tokens_per_second": self.tokens_per_second,
            },
            "duration_ms": self.duration_ms,
            "has_capture": False,
        }
        if self.error:
            row["error_msg"] = self.error
        # A request for which no model was found never reaches the queue that notes its priority.
        if self.status != 404:
            row["metadata"] = {"fifo_priority": "0"} | ({"selector": self.selector} if self.selector else {})
        return row


class BadQuery(ValueError):
    """A query parameter that llama-swap answers with 400."""


class Activity:
    """The newest thousand finished requests."""

    def __init__(self) -> None:
        self.rows: deque[ActivityRow] = deque(maxlen=ROWS_IN_MEMORY)
        self._next = 1

    def next_id(self) -> int:
        self._next += 1
        return self._next - 1

    def clear(self) -> None:
        self.rows.clear()
        self._next = 1

    def page(self, query: dict[str, tuple[str, ...]]) -> dict[str, object]:
        """One page, newest first unless asked otherwise. Raises BadQuery."""
        limit, page = _number(query, "limit", 25), _number(query, "page", 1)
        if not 0 < limit < 1000:
            raise BadQuery("limit must be between 1 and 999")
        if page < 1:
            raise BadQuery("page must be >= 1")
        low, high = _number(query, "min_id", 0), _number(query, "max_id", 2**53)
        if low > high:
            raise BadQuery("min_id must be <= max_id")
        models = {name.strip() for name in query.get("model", ()) if name.strip()}
        sort = query.get("sort", ("id",))[0] or "id"
        if sort not in SORTABLE:
            raise BadQuery("invalid sort column")
        order = (query.get("order", ("desc",))[0] or "desc").lower()
        if order not in ("asc", "desc"):
            raise BadQuery("order must be asc or desc")
        start, end = _time(query, "start", 0.0), _time(query, "end", math.inf)
        rows = [
            row
            for row in self.rows
            if low <= row.id <= high
            and (not models or row.model in models)
            and start <= parse_rfc3339(row.timestamp) <= end
        ]
        keys = {"model": "model", "req_path": "path", "resp_status_code": "status", "duration": "duration_ms"}
        rows.sort(key=lambda row: (getattr(row, keys.get(sort, "id")), row.id), reverse=order == "desc")
        return {
            "data": [row.as_json() for row in rows[(page - 1) * limit : page * limit]],
            "page": page,
            "limit": limit,
            "total": len(rows),
            "total_pages": math.ceil(len(rows) / limit),
        }

    def statistics(self, model: str | None) -> dict[str, object]:
        rows = [row for row in self.rows if not model or row.model == model]
        return {
            "total_requests": len(rows),
            "total_input_tokens": sum(max(0, row.input_tokens) for row in rows),
            "total_output_tokens": sum(max(0, row.output_tokens) for row in rows),
            "total_cache_tokens": 0,
            "prompt_histogram": histogram([row.prompt_per_second for row in rows if row.prompt_per_second > 0]),
            "gen_histogram": histogram([row.tokens_per_second for row in rows if row.tokens_per_second > 0]),
        }


def _number(query: dict[str, tuple[str, ...]], name: str, default: int) -> int:
    raw = query.get(name, ("",))[0].strip()
    if not raw:
        return default
    try:
        return int(raw)
    except ValueError:
        raise BadQuery(f"invalid {name}") from None


def _time(query: dict[str, tuple[str, ...]], name: str, default: float) -> float:
    raw = query.get(name, ("",))[0].strip()
    if not raw:
        return default
    try:
        return parse_rfc3339(raw)
    except ValueError:
        raise BadQuery(f"invalid '{name}' timestamp, use RFC3339 format") from None


def histogram(values: list[float]) -> dict[str, object] | None:
    """llama-swap's histogram of speeds: 5 to 20 bins by Sturges' rule, with percentiles; None without values."""
    if not values:
        return None
    ordered = sorted(values)
    low, high = ordered[0], ordered[-1]
    count = min(20, max(5, math.ceil(math.log2(len(values))) + 1)) if high > low else 1
    width = (high - low) / count if high > low else 0.0
    bins = [0] * count
    for value in values:
        bins[min(int((value - low) / width), count - 1) if width else 0] += 1
    at = {p: ordered[min(len(ordered) - 1, int(len(ordered) * p / 100))] for p in (50, 95, 99)}
    return {"bins": bins, "min": low, "max": high, "binSize": width, "p50": at[50], "p95": at[95], "p99": at[99]}


@dataclass(frozen=True, slots=True)
class MachineSample:
    """The machine at one moment, the seconds since the epoch in `at`."""

    at: float
    gpu_used_mb: int
    gpu_busy: bool

    def wave(self, period: float, phase: float = 0.0) -> float:
        return 0.5 + 0.5 * math.sin(2 * math.pi * self.at / period + phase)

    def system(self) -> dict[str, object]:
        used = 14_000 + int(2000 * self.wave(600))
        return {
            "timestamp": rfc3339(self.at),
            "cpu_util_per_core": [round(4 + 22 * self.wave(90 + 7 * core, core), 2) for core in range(CORES)],
            "mem_total_mb": MEMORY_MB,
            "mem_used_mb": used,
            "mem_free_mb": MEMORY_MB - used,
            "swap_total_mb": 8191,
            "swap_used_mb": 12,
            "load_avg_1": round(0.4 + self.wave(300), 2),
            "load_avg_5": round(0.5 + self.wave(900), 2),
            "load_avg_15": round(0.6 + self.wave(1800), 2),
            "net_io": [
                {"name": "eth0", "bytes_recv": int(self.at * 1000) % 10**12, "bytes_sent": int(self.at * 700) % 10**12},
                {"name": "tailscale0", "bytes_recv": int(self.at * 90) % 10**12, "bytes_sent": int(self.at * 80)},
            ],
        }

    def gpu(self) -> dict[str, object]:
        return {
            "timestamp": rfc3339(self.at),
            "id": 0,
            "name": GPU_NAME,
            "uuid": GPU_UUID,
            "temp_c": int(41 + (30 if self.gpu_busy else 3) * self.wave(40)),
            "vram_temp_c": 0,
            "gpu_util_pct": round(88 + 10 * self.wave(20)) if self.gpu_busy else 0,
            "mem_util_pct": round(self.gpu_used_mb / GPU_MEMORY_MB * 100, 2),
            "mem_used_mb": self.gpu_used_mb,
            "mem_total_mb": GPU_MEMORY_MB,
            "fan_speed_pct": 55 if self.gpu_busy else 30,
            "power_draw_w": round((300 + 40 * self.wave(15)) if self.gpu_busy else 24.1, 2),
        }


class Performance:
    """A sample every 5 s for an hour; those since the last look are made up when somebody looks."""

    def __init__(self) -> None:
        self.enabled = True
        self.has_gpu = True
        self._samples: deque[MachineSample] = deque(maxlen=SAMPLES_IN_HOUR)

    def clear(self) -> None:
        self._samples.clear()

    def _up_to_now(self, used_bytes: int, busy: bool) -> None:
        now = time.time()
        if not self._samples:
            self._samples.append(MachineSample(now - FIRST_SAMPLES * SAMPLE_SECONDS, DESKTOP_MB, False))
        while self._samples[-1].at + SAMPLE_SECONDS <= now:
            at = self._samples[-1].at + SAMPLE_SECONDS
            self._samples.append(MachineSample(at, DESKTOP_MB + used_bytes // MIB, busy))

    def history(self, after: float | None, used_bytes: int, busy: bool) -> dict[str, object]:
        self._up_to_now(used_bytes, busy)
        # Timestamps are written in milliseconds, so the sample that `after` names is up to one of them later.
        samples = [sample for sample in self._samples if after is None or sample.at > after + 0.001]
        gpu: list[dict[str, object]] | None = [sample.gpu() for sample in samples] if self.has_gpu else []
        # Without a GPU the whole history says null and a filtered one says [], as v250 does.
        if not self.has_gpu and after is None:
            gpu = None
        return {"enabled": True, "sys_stats": [sample.system() for sample in samples], "gpu_stats": gpu}

    def prometheus(self, used_bytes: int, busy: bool) -> str:
        self._up_to_now(used_bytes, busy)
        return prometheus_text(self._samples[-1], self.has_gpu)


def prometheus_text(sample: MachineSample, has_gpu: bool) -> str:
    system = sample.system()
    lines: list[str] = []

    def gauge(name: str, about: str, values: list[tuple[str, object]]) -> None:
        lines.extend((f"# HELP llamaswap_{name} {about}", f"# TYPE llamaswap_{name} gauge"))
        lines.extend(f"llamaswap_{name}{labels} {value}" for labels, value in values)

    cores = system["cpu_util_per_core"]
    assert isinstance(cores, list)
    gauge("cpu_util_percent", "CPU utilization per core (0-100)", [(f'{{core="{i}"}}', v) for i, v in enumerate(cores)])
    for kind in ("total", "used", "free"):
        gauge(f"memory_{kind}_bytes", f"{kind.title()} memory in bytes", [("", _bytes(system[f"mem_{kind}_mb"]))])
    for kind in ("total", "used"):
        gauge(f"swap_{kind}_bytes", f"{kind.title()} swap in bytes", [("", _bytes(system[f"swap_{kind}_mb"]))])
    averages: list[tuple[str, object]] = [(f'{{interval="{m}m"}}', system[f"load_avg_{m}"]) for m in (1, 5, 15)]
    gauge("load_average", "Load average", averages)
    if has_gpu:
        gpu = sample.gpu()
        labels = f'{{id="0",name="{GPU_NAME}",uuid="{GPU_UUID}"}}'
        for name, about, value in (
            ("temperature_celsius", "GPU temperature in Celsius", gpu["temp_c"]),
            ("vram_temperature_celsius", "GPU VRAM temperature in Celsius", gpu["vram_temp_c"]),
            ("util_percent", "GPU utilization percent (0-100)", gpu["gpu_util_pct"]),
            ("memory_util_percent", "GPU memory utilization percent (0-100)", gpu["mem_util_pct"]),
            ("memory_used_bytes", "GPU memory used in bytes", _bytes(gpu["mem_used_mb"])),
            ("memory_total_bytes", "GPU memory total in bytes", _bytes(gpu["mem_total_mb"])),
            ("fan_speed_percent", "GPU fan speed percent (0-100)", gpu["fan_speed_pct"]),
            ("power_draw_watts", "GPU power draw in watts", gpu["power_draw_w"]),
        ):
            gauge(f"gpu_{name}", about, [(labels, value)])
    return "\n".join(lines) + "\n"


def _bytes(megabytes: object) -> int:
    assert isinstance(megabytes, int)
    return megabytes * MIB


def hardware() -> dict[str, object]:
    """The snapshot of /api/hardware (since v247), schema 1."""
    return {
        "schema_version": 1,
        "captured_at": now_rfc3339(),
        "capture": {
            "scope": "inference_host",
            "method": "detected",
            "detector": {"name": "llama-swap", "version": "v250"},
        },
        "architecture": {"name": "x86_64", "raw_name": "amd64"},
        "operating_system": {"family": "linux", "name": "Ubuntu", "version": "24.04", "kernel": "6.8.0-87-generic"},
        "environment": {"kind": "bare_metal", "name": None, "version": None},
        "cpu": {
            "vendor": "AuthenticAMD",
            "model": "AMD Ryzen 9 7950X 16-Core Processor",
            "socket_count": 1,
            "physical_core_count": CORES,
            "logical_thread_count": 2 * CORES,
        },
        "memory": {"capacity_bytes": MEMORY_MB * MIB},
        "accelerators": [
            {
                "index": 0,
                "kind": "gpu",
                "vendor": "NVIDIA",
                "model": GPU_NAME,
                "architecture": "Ada Lovelace",
                "memory": {"kind": "dedicated", "capacity_bytes": GPU_MEMORY_MB * MIB},
                "driver": {"name": "nvidia", "version": "580.95.05"},
                "power_limit_watts": 450.0,
            }
        ],
    }


def finished_row(
    number: int,
    model: str,
    path: str,
    content_type: str,
    status: int,
    began: float,
    *,
    tokens: tuple[int, int] | None = None,
    speeds: tuple[float, float] = (-1, -1),
    error: str = "",
    selector: str = "",
) -> ActivityRow:
    """A row for a request that began at `began` (monotonic seconds) and ends now; `tokens` are input and output."""
    read, written = tokens or (-1, -1)
    duration = int((time.monotonic() - began) * 1000)
    return ActivityRow(
        number,
        whole_seconds_rfc3339(),
        model,
        path,
        content_type,
        status,
        read,
        written,
        *speeds,
        duration,
        error,
        selector,
    )
