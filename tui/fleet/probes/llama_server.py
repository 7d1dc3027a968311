"""llama.cpp's own server: one model, or (as a router, started without one) many.

Read for the server of autumn 2026 and what older ones answer. Two things are never asked: ``/props`` of a router, which
would load a model, and ``/slots`` of a server that may sleep, which would wake it or keep it from sleeping.
"""

from __future__ import annotations

from dataclasses import replace

import msgspec

from tui.config.schema import ServiceSettings
from tui.fleet.asking import Asker
from tui.fleet.failures import LookFailed, error_message
from tui.fleet.probes.openai import listed_model
from tui.fleet.probes.probe import Look, ServiceFacts
from tui.fleet.probes.shapes import (
    LONGEST_VERSION,
    OpenAiModel,
    OpenAiModels,
    count,
    field,
    line,
    liveness_period,
    not_as_expected,
)
from tui.fleet.snapshot import ModelSnapshot, ModelState, ServiceState

ROUTER_STATES = {
    "unloaded": ModelState.IDLE,
    "loading": ModelState.STARTING,
    "downloading": ModelState.STARTING,
    "loaded": ModelState.READY,
    "sleeping": ModelState.IDLE,
}
ASLEEP = "asleep: the next request wakes it"


class _Props(msgspec.Struct):
    default_generation_settings: object = None
    build_info: object = None
    modalities: object = None
    """``{"vision": bool, "audio": bool}``; not in versions of before May 2025."""
    is_sleeping: object = None
    """Missing in versions that cannot sleep (before the end of 2025)."""


class _Slot(msgspec.Struct):
    is_processing: object = None
    state: object = None
    """Before the end of 2024, in the place of ``is_processing``: 0 is idle, 1 is processing."""


class LlamaServerProbe:
    """Watches one llama-server; whether it is a router shows in its list, where models then have a status."""

    def __init__(self, service: ServiceSettings) -> None:
        self._listed: dict[str, OpenAiModel] = {}
        self._is_router = False
        self._props: _Props | None = None
        self._tells_slots = True
        self._in_flight: int | None = None
        self._facts: ServiceFacts | None = None
        self.looks: tuple[Look, ...] = (
            Look("health", liveness_period(service, 10.0), self._look_at_health),
            Look("models", 10.0, self._look_at_models, tells_models=True),
            Look("slots", 10.0, self._look_at_slots),
        )

    def facts(self) -> ServiceFacts:
        if self._facts is None:
            version = line(self._props.build_info, LONGEST_VERSION) if self._props is not None else ""
            models = tuple(self._model(name, model) for name, model in self._listed.items())
            self._facts = ServiceFacts(version=version or None, models=models, in_flight=self._in_flight)
        return self._facts

    async def _look_at_health(self, asker: Asker) -> None:
        try:
            answer = await asker.send(
                "GET", "/health", with_key=False, accepts=lambda status: status == 503 or 200 <= status < 300
            )
        except LookFailed:
            self._forget()
            raise
        if answer.status == 503:
            self._forget()
            said = error_message(answer.body)
            loading = not said or "loading model" in said.lower()
            raise LookFailed(ServiceState.STARTING, "loading its model" if loading else said, status=503)
        if "ok" not in answer.text[:200].lower():
            raise not_as_expected("llama-server", answer.text)

    async def _look_at_models(self, asker: Asker) -> None:
        listed = (await asker.get_json("/v1/models", OpenAiModels)).by_name()
        self._is_router = any(field(model.status, "value") is not None for model in listed.values())
        if not self._is_router and (self._props is None or self._props.is_sleeping is not None):
            self._props = await asker.get_json("/props", _Props)
        self._listed = listed
        self._facts = None

    async def _look_at_slots(self, asker: Asker) -> None:
        known_not_to_sleep = self._props is not None and self._props.is_sleeping is None
        if not self._tells_slots or not known_not_to_sleep or not self._listed or self._is_router:
            return
        try:
            slots = await asker.get_json("/slots", list[_Slot])
        except LookFailed as failure:
            if failure.status is None:
                raise
            # Switched off by its owner, or not for this key.
            self._tells_slots, self._in_flight, self._facts = False, None, None
            return
        busy = sum(slot.is_processing is True or (slot.is_processing is None and slot.state == 1) for slot in slots)
        if busy != self._in_flight:
            self._in_flight, self._facts = busy, None

    def _forget(self) -> None:
        """After it was away it may be another version, with another model."""
        self._props, self._tells_slots, self._in_flight, self._facts = None, True, None, None

    def _model(self, name: str, model: OpenAiModel) -> ModelSnapshot:
        row = listed_model(name, model)
        context = count(field(model.meta, "n_ctx")) or row.context
        if self._is_router:
            state, reason = _router_state(model.status)
            return replace(row, context=context, state=state, reason=reason)
        settings = self._props.default_generation_settings if self._props is not None else None
        vision = field(self._props.modalities, "vision") if self._props is not None else None
        asleep = self._props is not None and self._props.is_sleeping is True
        return replace(
            row,
            state=ModelState.IDLE if asleep else ModelState.READY,
            reason=ASLEEP if asleep else "",
            size=None if asleep else count(field(model.meta, "size")),
            context=count(field(settings, "n_ctx")) or context,
            takes_images=vision if isinstance(vision, bool) else row.takes_images,
        )


def _router_state(status: object) -> tuple[ModelState, str]:
    """The state of one of a router's models, and what else there is to say of it."""
    word = field(status, "value")
    state = ROUTER_STATES.get(word, ModelState.UNKNOWN) if isinstance(word, str) else ModelState.UNKNOWN
    reason = {"sleeping": ASLEEP, "downloading": "being downloaded"}.get(word, "") if isinstance(word, str) else ""
    if field(status, "failed") is True:
        exit_code = field(status, "exit_code")
        told = f" (exit code {exit_code})" if isinstance(exit_code, int) else ""
        reason = f"failed to start{told}"
    return state, reason
