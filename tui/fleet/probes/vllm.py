"""vLLM: one engine, what it serves, and how many requests it works on."""

from __future__ import annotations

import re
from dataclasses import replace

import msgspec

from tui.config.schema import ServiceSettings
from tui.fleet.asking import Asker
from tui.fleet.failures import LookFailed
from tui.fleet.probes.openai import listed_model
from tui.fleet.probes.probe import Look, ServiceFacts
from tui.fleet.probes.shapes import LONGEST_VERSION, OpenAiModel, OpenAiModels, count, line, liveness_period
from tui.fleet.snapshot import ModelSnapshot, ModelState, ServiceState

_REQUESTS = re.compile(
    r"^vllm:num_requests_(?:running|waiting)(?:\{[^\n]*\})?[ \t]+([0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]{1,3})?)",
    re.MULTILINE | re.IGNORECASE,
)
"""One line for each engine of the server (Prometheus text format 0.0.4)."""


class _Version(msgspec.Struct):
    version: object = None


class VllmProbe:
    """Read for vLLM 0.33. It has its models in memory for as long as it is healthy; while it loads them its port does
    not answer at all."""

    def __init__(self, service: ServiceSettings) -> None:
        self._healthy = False
        self._version: str | None = None
        self._listed: dict[str, OpenAiModel] = {}
        self._in_flight: int | None = None
        self._facts: ServiceFacts | None = None
        self.looks: tuple[Look, ...] = (
            Look("health", liveness_period(service, 10.0), self._look_at_health),
            Look("models", 60.0, self._look_at_models, tells_models=True),
            Look("requests", 10.0, self._look_at_metrics),
            Look("version", 0.0, self._look_at_version),
        )

    def facts(self) -> ServiceFacts:
        if self._facts is None:
            models = tuple(self._model(name, model) for name, model in self._listed.items())
            self._facts = ServiceFacts(version=self._version, models=models, in_flight=self._in_flight)
        return self._facts

    async def _look_at_health(self, asker: Asker) -> None:
        was = self._healthy
        self._healthy = False
        try:
            await asker.get("/health", with_key=False)
            self._healthy = True
        except LookFailed as failure:
            if failure.status == 503:
                raise LookFailed(ServiceState.DOWN, "its engine is dead (503): restart it", status=503) from None
            raise
        finally:
            if was is not self._healthy:
                self._facts = None

    async def _look_at_models(self, asker: Asker) -> None:
        self._listed = (await asker.get_json("/v1/models", OpenAiModels)).by_name()
        self._facts = None

    async def _look_at_metrics(self, asker: Asker) -> None:
        try:
            answer = await asker.get("/metrics", with_key=False)
        except LookFailed as failure:
            if failure.status is None or not failure.connected:
                raise
            # A server that keeps its figures to itself is none the worse for it.
            self._in_flight, self._facts = None, None
            return
        found = [count(float(number)) for number in _REQUESTS.findall(answer.text)]
        in_flight = sum(number or 0 for number in found) if found else None
        if in_flight != self._in_flight:
            self._in_flight, self._facts = in_flight, None

    async def _look_at_version(self, asker: Asker) -> None:
        answer = await asker.get_json("/version", _Version, with_key=False)
        self._version = line(answer.version, LONGEST_VERSION) or None
        self._facts = None

    def _model(self, name: str, model: OpenAiModel) -> ModelSnapshot:
        adapted = line(model.parent, 80)
        return replace(
            listed_model(name, model),
            state=ModelState.READY if self._healthy else ModelState.UNKNOWN,
            about=f"adapter of {adapted}" if adapted else "",
        )
