"""Ollama: what is loaded, what could be, and what is only passed on to its cloud."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec

from tui.config.schema import ServiceSettings
from tui.fleet.asking import Asker
from tui.fleet.failures import LookFailed, decode_json
from tui.fleet.probes.probe import Look, ServiceFacts
from tui.fleet.probes.shapes import LONGEST_VERSION, count, field, first_of_each, line, liveness_period, unix_time
from tui.fleet.snapshot import ModelSnapshot, ModelState, ServiceState

T = TypeVar("T")

FOREVER = 10 * 365.25 * 86_400
"""Seconds: a negative keep_alive makes an expiry 292 years ahead."""
SECONDS_FOR_SIGN_OF_LIFE = 1.0
LOADED_WITHOUT_EXPIRY = "its time is over: it is answering still, or about to go"


class _Version(msgspec.Struct):
    version: object = None


class _Tag(msgspec.Struct):
    """A model on disk, or (with a remote host) one of the cloud's."""

    name: object = None
    details: object = None
    capabilities: object = None
    """"completion", "vision", "tools"…; not in older versions."""
    remote_model: object = None
    remote_host: object = None


class _Tags(msgspec.Struct):
    models: list[_Tag] | None


class _Loaded(msgspec.Struct):
    name: object = None
    size: object = None
    size_vram: object = None
    expires_at: object = None
    context_length: object = None
    details: object = None


class _Ps(msgspec.Struct):
    models: list[_Loaded] | None


class OllamaProbe:
    """Read for Ollama 0.33. No question here loads a model: ``/api/ps`` and ``/api/tags`` answer from tables.

    While a model loads it stands in neither state: ``/api/ps`` lists it once its runner answers, and the MLX runner
    (0.32.4 and later) holds that answer back until then. So silence of ``/api/ps`` alone is no outage.
    """

    def __init__(self, service: ServiceSettings, clock: Callable[[], float] = time.time) -> None:
        self._host = service.host
        self._clock = clock
        self._version: str | None = None
        self._tags: dict[str, _Tag] = {}
        self._loaded: dict[str, _Loaded] | None = None
        self._facts: ServiceFacts | None = None
        self.looks: tuple[Look, ...] = (
            Look("loaded models", liveness_period(service, 4.0), self._look_at_loaded),
            Look("models", 60.0, self._look_at_tags, tells_models=True),
            Look("version", 0.0, self._look_at_version),
        )

    def facts(self) -> ServiceFacts:
        if self._facts is None:
            self._facts = ServiceFacts(version=self._version, models=self._models())
        return self._facts

    async def _look_at_loaded(self, asker: Asker) -> None:
        try:
            answer = await self._ask(asker, "/api/ps", _Ps)
        except LookFailed as failure:
            if failure.timed_out and failure.connected:
                await self._look_for_life(asker, failure)
            raise
        self._loaded = first_of_each((model.name, model) for model in answer.models or ())
        self._facts = None

    async def _look_for_life(self, asker: Asker, silence: LookFailed) -> None:
        try:
            await asker.get("/api/version", timeout=min(SECONDS_FOR_SIGN_OF_LIFE, asker.service.timeout))
        except LookFailed:
            raise silence from None
        reason = "answers, but its list of loaded models does not come (is one loading?)"
        raise LookFailed(ServiceState.BUSY, reason) from None

    async def _look_at_tags(self, asker: Asker) -> None:
        answer = await self._ask(asker, "/api/tags", _Tags)
        self._tags = first_of_each((tag.name, tag) for tag in answer.models or ())
        self._facts = None

    async def _look_at_version(self, asker: Asker) -> None:
        answer = await self._ask(asker, "/api/version", _Version)
        self._version = line(answer.version, LONGEST_VERSION) or None
        self._facts = None

    async def _ask(self, asker: Asker, path: str, shape: type[T]) -> T:
        answer = await asker.send("GET", path, accepts=lambda status: status == 403 or 200 <= status < 300)
        if answer.status == 403:
            if answer.body.strip():
                raise LookFailed(ServiceState.BUSY, f"{path} is forbidden (403)", status=403)
            reason = (
                f"refuses questions to the name {self._host} (403): an Ollama that listens on loopback answers only to "
                "localhost; set OLLAMA_HOST on its machine, or use an address in url"
            )
            raise LookFailed(ServiceState.BUSY, reason, status=403)
        return decode_json(answer.body, shape, path)

    def _models(self) -> tuple[ModelSnapshot, ...]:
        loaded = self._loaded or {}
        listed = [self._model(name, tag, loaded.get(name)) for name, tag in self._tags.items()]
        others = [self._model(name, None, model) for name, model in loaded.items() if name not in self._tags]
        return tuple(listed + others)

    def _model(self, name: str, tag: _Tag | None, loaded: _Loaded | None) -> ModelSnapshot:
        remote = _remote(tag) if tag is not None else None
        details = tag.details if tag is not None else loaded.details if loaded is not None else None
        build = (line(field(details, name), 20) for name in ("parameter_size", "quantization_level"))
        about = " ".join(word for word in build if word not in ("", "unknown"))
        context = count(field(details, "context_length"))
        abilities = tag.capabilities if tag is not None else None
        takes_images = "vision" in abilities if isinstance(abilities, list) and abilities else None
        if loaded is None:
            # A model of the cloud is never in memory here, yet answers at once: neither word would be true.
            unknown = remote is not None or self._loaded is None
            state = ModelState.UNKNOWN if unknown else ModelState.IDLE
            return ModelSnapshot(
                name=name, state=state, about=about, context=context, takes_images=takes_images, remote=remote
            )
        until = self._until(loaded)
        return ModelSnapshot(
            name=name,
            state=ModelState.READY,
            reason="" if until is not None or loaded.expires_at is None else LOADED_WITHOUT_EXPIRY,
            about=about,
            size=count(loaded.size),
            vram=count(loaded.size_vram),
            until=until,
            context=count(loaded.context_length) or context,
            takes_images=takes_images,
            remote=remote,
        )

    def _until(self, loaded: _Loaded) -> float | None:
        """An expiry in the past is none: Ollama moves it only when an answer ends."""
        expiry = unix_time(loaded.expires_at)
        now = self._clock()
        if expiry is None or expiry <= now:
            return None
        return math.inf if expiry - now > FOREVER else expiry


def _remote(tag: _Tag) -> str | None:
    """Where a model of the cloud runs; None for one that is on disk."""
    if not tag.remote_host and not tag.remote_model:
        return None
    host = line(tag.remote_host, 80)
    try:
        return urlsplit(host).hostname or host or f"elsewhere, as {line(tag.remote_model, 80)}"
    except ValueError:
        return host
