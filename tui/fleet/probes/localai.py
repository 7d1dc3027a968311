"""LocalAI: which of its configured models are in memory."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from tui.config.schema import ServiceSettings
from tui.fleet.asking import Asker
from tui.fleet.failures import LookFailed, error_message
from tui.fleet.probes.openai import listed_model
from tui.fleet.probes.probe import Look, ServiceFacts
from tui.fleet.probes.shapes import LONGEST_VERSION, OpenAiModel, OpenAiModels, line, liveness_period
from tui.fleet.snapshot import ModelSnapshot, ModelState, ServiceState

NOT_TOLD = "whether it is loaded is not told to this key"


class _Version(msgspec.Struct):
    version: object = None


class _LoadedModel(msgspec.Struct):
    id: object = None


class _System(msgspec.Struct):
    loaded_models: list[_LoadedModel] | None = None


class LocalAiProbe:
    """Read for LocalAI 4.9. Older versions call themselves ready from the start."""

    def __init__(self, service: ServiceSettings) -> None:
        self._version: str | None = None
        self._listed: dict[str, OpenAiModel] = {}
        self._loaded: frozenset[str] | None = None
        self._told = True
        self._facts: ServiceFacts | None = None
        self.looks: tuple[Look, ...] = (
            Look("readiness", liveness_period(service, 10.0), self._look_at_readiness),
            Look("loaded models", 10.0, self._look_at_loaded),
            Look("models", 60.0, self._look_at_models, tells_models=True),
            Look("version", 0.0, self._look_at_version),
        )

    def facts(self) -> ServiceFacts:
        if self._facts is None:
            listed = [self._model(name, model) for name, model in self._listed.items()]
            others = sorted((self._loaded or frozenset()) - self._listed.keys())
            loaded = [ModelSnapshot(name=name, state=ModelState.READY) for name in others]
            self._facts = ServiceFacts(version=self._version, models=tuple(listed + loaded))
        return self._facts

    async def _look_at_readiness(self, asker: Asker) -> None:
        answer = await asker.send(
            "GET", "/readyz", with_key=False, accepts=lambda status: status == 503 or 200 <= status < 300
        )
        if answer.status == 503:
            raise LookFailed(ServiceState.STARTING, error_message(answer.body) or "is starting", status=503)

    async def _look_at_loaded(self, asker: Asker) -> None:
        try:
            answer = await asker.get_json("/system", _System)
        except LookFailed as failure:
            if failure.status not in (401, 403, 404):
                raise
            # It is for administrators; the rest of the panel works with any user's key.
            self._loaded, self._told, self._facts = None, False, None
            return
        loaded = frozenset(model.id for model in answer.loaded_models or () if isinstance(model.id, str) and model.id)
        if loaded != self._loaded:
            self._loaded, self._told, self._facts = loaded, True, None

    async def _look_at_models(self, asker: Asker) -> None:
        self._listed = (await asker.get_json("/v1/models", OpenAiModels)).by_name()
        self._facts = None

    async def _look_at_version(self, asker: Asker) -> None:
        try:
            answer = await asker.get_json("/version", _Version)
        except LookFailed as failure:
            if failure.status is None:
                raise
            return
        self._version = line(answer.version, LONGEST_VERSION) or None
        self._facts = None

    def _model(self, name: str, model: OpenAiModel) -> ModelSnapshot:
        row = listed_model(name, model)
        if self._loaded is None:
            return row if self._told else replace(row, reason=NOT_TOLD)
        return replace(row, state=ModelState.READY if name in self._loaded else ModelState.IDLE)
