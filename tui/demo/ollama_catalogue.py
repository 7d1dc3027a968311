"""The models of the simulated Ollama, and how 0.32 lists them."""

from __future__ import annotations

import asyncio
import hashlib
import re
from dataclasses import dataclass, field

from tui.demo.clock import now_rfc3339
from tui.demo.models import GIB, SimulatedModel
from tui.demo.pids import next_pid

DEFAULT_KEEP_ALIVE = 300.0
# What Ollama adds to now for "forever": about 292 years, the longest time a Go duration holds.
FOREVER_SECONDS = 9_223_372_036.0
QUEUE_FULL = "server busy, please try again.  maximum pending requests exceeded"
GO_DURATION = re.compile(r"(-?\d+(?:\.\d+)?)(ms|h|m|s)")
UNIT_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
MODIFIED_AT = "2026-11-02T19:21:07.118265349Z"


@dataclass(frozen=True, slots=True)
class OllamaModel:
    """One entry of `ollama list`. `remote_host` marks a model that runs in Ollama's cloud."""

    model: SimulatedModel
    capabilities: tuple[str, ...] = ("completion",)
    remote_host: str = ""
    remote_model: str = ""
    fails_after: int | None = None

    @property
    def name(self) -> str:
        return self.model.name

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.name.encode()).hexdigest()


DEFAULT_MODELS = (
    OllamaModel(
        SimulatedModel(
            "llama3.2:latest", load_seconds=1.2, tokens_per_second=95, vram=3_972_362_240, size=3_972_362_240
        ),
        ("completion", "tools"),
    ),
    OllamaModel(
        SimulatedModel(
            "qwen3:8b",
            load_seconds=1.8,
            tokens_per_second=52,
            vram=6_871_947_674,
            size=6_871_947_674,
            thinking=True,
            family="qwen3",
            parameters="8.2B",
            context=40_960,
        ),
        ("completion", "tools", "thinking"),
    ),
    OllamaModel(
        # Larger than what the GPU has left: part of it runs on the CPU.
        SimulatedModel(
            "mixtral:8x7b",
            load_seconds=3.0,
            tokens_per_second=11,
            vram=14 * GIB,
            size=27 * GIB,
            parameters="46.7B",
            quantization="Q4_0",
        ),
        ("completion", "tools"),
    ),
    OllamaModel(
        SimulatedModel(
            "nomic-embed-text:latest",
            load_seconds=0.4,
            vram=600_000_000,
            size=600_000_000,
            family="nomic-bert",
            parameters="137M",
            quantization="F16",
            context=2048,
        ),
        ("embedding",),
    ),
    OllamaModel(
        SimulatedModel(
            "gpt-oss:120b-cloud",
            load_seconds=0,
            tokens_per_second=150,
            vram=0,
            size=384,
            thinking=True,
            family="gptoss",
            parameters="116.8B",
            quantization="MXFP4",
            context=131_072,
        ),
        ("completion", "tools", "thinking"),
        remote_host="https://ollama.com:443",
        remote_model="gpt-oss:120b",
    ),
    OllamaModel(
        SimulatedModel("broken:latest", load_seconds=0.3, vram=GIB, size=GIB, tokens_per_second=60), fails_after=5
    ),
)


class Overloaded(RuntimeError):
    """The queue of pending requests is full."""


@dataclass(slots=True)
class Loaded:
    """A model in memory. `expires_at` is in seconds of the event loop's clock."""

    model: OllamaModel
    expires_at: float
    busy: int = 0
    timer: asyncio.TimerHandle | None = None
    leaving: bool = False
    pid: int = field(default_factory=next_pid)


def details(model: OllamaModel) -> dict[str, object]:
    family = model.model.family
    return {
        "parent_model": "",
        "format": "" if model.remote_host else "gguf",
        "family": family,
        "families": [family],
        "parameter_size": model.model.parameters,
        "quantization_level": model.model.quantization,
    }


def tag_row(model: OllamaModel) -> dict[str, object]:
    """One entry of /api/tags."""

    tag: dict[str, object] = {
        "name": model.name,
        "model": model.name,
        "modified_at": MODIFIED_AT,
        "size": model.model.size,
        "digest": model.digest,
        "details": details(model)
        | {
            "context_length": model.model.context,
            "embedding_length": 768 if "embedding" in model.capabilities else 4096,
        },
        "capabilities": list(model.capabilities),
    }
    if model.remote_host:
        tag |= {"remote_model": model.remote_model, "remote_host": model.remote_host}
    return tag


def ps_row(model: OllamaModel, seconds: float, vram: int) -> dict[str, object]:
    """One entry of /api/ps, for a model that expires in so many seconds and has so many bytes on the GPU."""
    return {
        "name": model.name,
        "model": model.name,
        "size": model.model.size,
        "digest": model.digest,
        "details": details(model),
        "expires_at": now_rfc3339(seconds),
        "size_vram": vram,
        "context_length": model.model.context,
    }


def keep_alive_seconds(value: object, default: float = DEFAULT_KEEP_ALIVE) -> float:
    """keep_alive as Ollama reads it: a number of seconds, or a Go duration; negative is forever."""
    if isinstance(value, bool) or value is None:
        return default
    if isinstance(value, int | float):
        return float(value)
    parts = GO_DURATION.findall(str(value))
    if not parts:
        return default
    return sum(float(number) * UNIT_SECONDS[unit] for number, unit in parts)
