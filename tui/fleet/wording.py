"""Facts in the words that every face uses. What is not known is "–", never 0."""

from __future__ import annotations

import math
from collections import Counter
from datetime import UTC, datetime

from tui.fleet.snapshot import (
    MachineSnapshot,
    ModelRole,
    ModelSnapshot,
    ModelState,
    ServiceSnapshot,
    ServiceState,
    UnitSnapshot,
)

NOT_KNOWN = "–"

SERVICE_SYMBOLS = {
    ServiceState.UP: "●",
    ServiceState.BUSY: "◐",
    ServiceState.STARTING: "◔",
    ServiceState.DOWN: "×",
    ServiceState.UNKNOWN: "?",
}
MODEL_SYMBOLS = {
    ModelState.READY: "●",
    ModelState.STARTING: "◔",
    ModelState.STOPPING: "◑",
    ModelState.IDLE: "○",
    ModelState.UNKNOWN: "?",
}


def size_words(size: int | None) -> str:
    """Bytes as people compare them with a GPU's memory: "17.8 GiB", "640 MiB"."""
    if size is None:
        return NOT_KNOWN
    if size >= 1024**3:
        return f"{size / 1024**3:.1f} GiB"
    return f"{size / 1024**2:.0f} MiB"


def file_size_words(size: int) -> str:
    """Bytes as file managers count them: "812 B", "2.1 kB", "3.4 MB"."""
    if size < 1000:
        return f"{size} B"
    return f"{size / 1000:.1f} kB" if size < 1_000_000 else f"{size / 1_000_000:.1f} MB"


def duration_words(seconds: float | None) -> str:
    """A length of time in its largest unit: "41 s", "12 min", "3 h", "5 d"."""
    if seconds is None:
        return NOT_KNOWN
    if seconds == math.inf:
        return "forever"
    seconds = max(0.0, seconds)
    for size, unit, until in ((1, "s", 100), (60, "min", 5400), (3600, "h", 172_800)):
        if seconds < until:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / 86_400:.0f} d"


def age_words(seconds: float | None) -> str:
    """How long ago: "now", "12 s ago", "never"."""
    if seconds is None:
        return "never"
    return "now" if seconds < 1 else f"{duration_words(seconds)} ago"


def latency_words(seconds: float | None) -> str:
    """A round trip: "0.4 ms", "2 ms", "1.3 s"."""
    if seconds is None:
        return NOT_KNOWN
    if seconds >= 0.9995:
        return f"{seconds:.1f} s"
    milliseconds = seconds * 1000
    return f"{milliseconds:.0f} ms" if milliseconds >= 0.95 else f"{milliseconds:.1f} ms"


def time_words(at: float | None) -> str:
    """A moment as local wall-clock time."""
    return NOT_KNOWN if at is None else datetime.fromtimestamp(at).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def utc_words(at: float | None) -> str | None:
    """A moment for programs: RFC 3339 in UTC with milliseconds."""
    if at is None:
        return None
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def version_words(version: str | None) -> str:
    return version or NOT_KNOWN


def unit_words(unit: UnitSnapshot, now: float) -> str:
    """A unit's state and for how long: "unit active 3 d", "unit failed: its binary is missing"."""
    lasted = f" {duration_words(now - unit.since)}" if unit.since is not None else ""
    return f"unit {unit.state}{': ' + unit.reason if unit.reason else lasted}"


def host_words(machine: MachineSnapshot) -> str:
    """What a machine itself is busy with: "cpu 12% · ram 21/64 GiB"; empty where it is not looked at from inside."""
    words = []
    if machine.cpu_percent is not None:
        words.append(f"cpu {machine.cpu_percent:.0f}%")
    if machine.memory is not None:
        words.append(f"ram {machine.memory.used / 1024**3:.0f}/{machine.memory.total / 1024**3:.0f} GiB")
    return " · ".join(words)


def models_words(service: ServiceSnapshot) -> str:
    """How many models a service has, by state: "1 ready · 5 idle"; "112 models" where states are not known."""
    models = [model for model in service.models if model.role in (ModelRole.MODEL, ModelRole.GROUP, ModelRole.PEER)]
    if not models:
        return ""
    states = Counter(model.state for model in models)
    if states[ModelState.UNKNOWN] == len(models):
        return f"{len(models)} model{'' if len(models) == 1 else 's'}"
    order = (ModelState.READY, ModelState.STARTING, ModelState.STOPPING, ModelState.IDLE, ModelState.UNKNOWN)
    return " · ".join(f"{states[state]} {state}" for state in order if states[state])


def service_words(service: ServiceSnapshot, now: float) -> str:
    """What is worth saying beside a service's state: its reason and for how long, else what it holds."""
    if service.reason:
        lasted = f", {duration_words(now - service.since)}" if service.since is not None else ""
        return service.reason + lasted
    in_flight = f"{service.in_flight} in flight" if service.in_flight else ""
    return " · ".join(part for part in (models_words(service), *service.remarks, in_flight) if part)


def until_words(model: ModelSnapshot, now: float) -> str:
    """When a loaded model will be unloaded: "in 4 min", "ttl 240 s" where only the rule is known, "forever"."""
    if model.until == math.inf:
        return "forever"
    if model.until is not None:
        return f"in {duration_words(model.until - now)}" if model.until > now else "now"
    if model.ttl and model.state is not ModelState.IDLE:
        return f"ttl {duration_words(model.ttl)}"
    return ""


def processor_words(model: ModelSnapshot) -> str:
    """Where a loaded model's memory is, where its service says it: "100% GPU", "62% GPU", "CPU"."""
    share = model.gpu_share
    if share is None:
        return ""
    return "CPU" if share == 0 else f"{share * 100:.0f}% GPU"
