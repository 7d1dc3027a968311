"""The LiteLLM proxy: its groups, where each may send a request, and what it falls back to.

Read for LiteLLM 1.83 to 1.109. All of it is configuration: no question here tells whether a deployment works, since
``/health`` would, by sending a real completion to every one of them.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec

from tui.config.schema import ServiceSettings
from tui.fleet.asking import Asker
from tui.fleet.failures import LookFailed, decode_json, error_message
from tui.fleet.probes.probe import Look, ServiceFacts
from tui.fleet.probes.shapes import (
    LONGEST_VERSION,
    OpenAiModel,
    OpenAiModels,
    all_take_images,
    count,
    field,
    line,
    liveness_period,
    names,
    not_as_expected,
)
from tui.fleet.snapshot import Deployment, ModelRole, ModelSnapshot, ServiceState

T = TypeVar("T")

MODELS = "/v1/models?include_metadata=true&fallback_type="
OTHER_FALLBACKS = ("context_window", "content_policy")
"""Besides "general": a prompt that is too long, or that a filter refuses, may leave by these doors."""
NO_DATABASE = "Not connected"
LONGEST_DETAILS = 40


class _Readiness(msgspec.Struct):
    status: object = None
    db: object = None
    litellm_version: object = None
    """Before 1.89; later versions tell it to those who have a key."""


class _Details(msgspec.Struct):
    litellm_version: object = None


class _DeploymentEntry(msgspec.Struct):
    model_name: object = None
    litellm_params: object = None
    model_info: object = None


class _ModelInfo(msgspec.Struct):
    data: list[_DeploymentEntry] | None


class LiteLlmProbe:
    """Watches one proxy. Every group's state is unknown: to be listed is not to be alive."""

    def __init__(self, service: ServiceSettings) -> None:
        self._has_key = service.key is not None
        self._version: str | None = None
        self._database: str | None = None
        self._groups: dict[str, OpenAiModel] = {}
        self._other_fallbacks: dict[str, tuple[str, ...] | None] = {}
        self._deployments: dict[str, list[Deployment]] | None = None
        self._contexts: dict[str, int] = {}
        self._take_images: dict[str, bool | None] = {}
        self._facts: ServiceFacts | None = None
        self.looks: tuple[Look, ...] = (
            Look("liveliness", liveness_period(service, 10.0), self._look_at_liveliness),
            Look("readiness", 30.0, self._look_at_readiness),
            Look("models", 60.0, self._look_at_groups, tells_models=True),
            Look("deployments", 300.0, self._look_at_deployments),
            Look("version", 0.0, self._look_at_version),
        )

    def facts(self) -> ServiceFacts:
        if self._facts is None:
            models = tuple(self._model(name, group) for name, group in self._groups.items())
            remarks = (f"db {self._database}",) if self._database else ()
            self._facts = ServiceFacts(version=self._version, models=models, remarks=remarks)
        return self._facts

    async def _look_at_liveliness(self, asker: Asker) -> None:
        answer = await asker.get("/health/liveliness", with_key=False)
        if "alive" not in answer.text[:200]:
            raise not_as_expected("LiteLLM", answer.text)

    async def _look_at_readiness(self, asker: Asker) -> None:
        answer = await asker.send(
            "GET", "/health/readiness", with_key=False, accepts=lambda status: status == 503 or 200 <= status < 300
        )
        try:
            readiness = decode_json(answer.body, _Readiness, "readiness")
        except LookFailed:
            if answer.status == 503:
                raise _not_ready(error_message(answer.body)) from None
            raise
        database = line(readiness.db, 30)
        # "connected" goes without saying; "none" is what a person calls a database that was never configured.
        self._database = {"": None, "connected": None, NO_DATABASE: "none"}.get(database, database)
        self._version = line(readiness.litellm_version, LONGEST_VERSION) or self._version
        self._facts = None
        if answer.status == 503:
            raise _not_ready(f"its database is {database}" if database else error_message(answer.body))

    async def _look_at_groups(self, asker: Asker) -> None:
        self._groups = (await self._ask(asker, MODELS + "general", OpenAiModels)).by_name()
        self._facts = None

    async def _look_at_deployments(self, asker: Asker) -> None:
        """The other fallbacks come first: as long as the deployments are not known, no group counts as local."""
        fallbacks: dict[str, tuple[str, ...] | None] = {}
        for kind in OTHER_FALLBACKS:
            for name, group in (await self._ask(asker, MODELS + kind, OpenAiModels)).by_name().items():
                fallbacks[name] = _both(fallbacks.get(name, ()), _fallbacks(group))
        info = await self._ask(asker, "/model/info", _ModelInfo)
        deployments: dict[str, list[Deployment]] = {}
        contexts: dict[str, int] = {}
        vision: dict[str, list[bool | None]] = {}
        for entry in info.data or ():
            group_name, model = entry.model_name, field(entry.litellm_params, "model")
            if not isinstance(group_name, str):
                continue
            base = field(entry.litellm_params, "api_base")
            deployments.setdefault(group_name, []).append(
                Deployment(model if isinstance(model, str) else "", base if isinstance(base, str) and base else None)
            )
            if context := count(field(entry.model_info, "max_input_tokens")):
                contexts[group_name] = min(context, contexts.get(group_name, context))
            told = field(entry.model_info, "supports_vision")
            vision.setdefault(group_name, []).append(told if isinstance(told, bool) else None)
        self._take_images = {name: all_take_images(told) for name, told in vision.items()}
        self._other_fallbacks, self._deployments, self._contexts = fallbacks, deployments, contexts
        self._facts = None

    async def _look_at_version(self, asker: Asker) -> None:
        try:
            details = await asker.get_json("/health/readiness/details", _Details)
        except LookFailed as failure:
            # Older versions tell it in the readiness; keys of users who are no admins may not ask.
            if failure.status is None:
                raise
            return
        self._version = line(details.litellm_version, LONGEST_VERSION) or self._version
        self._facts = None

    async def _ask(self, asker: Asker, path: str, shape: type[T]) -> T:
        try:
            return await asker.get_json(path, shape)
        except LookFailed as failure:
            if failure.status == 500 and not self._has_key:
                # A plain install lacks the module that its authentication imports to say 401.
                reason = "needs a key (LiteLLM answers 500 to a question without one)"
                raise LookFailed(ServiceState.BUSY, reason, status=500) from None
            raise

    def _model(self, name: str, group: OpenAiModel) -> ModelSnapshot:
        mode = line(group.mode, LONGEST_DETAILS)
        deployments = None if self._deployments is None else self._deployments.get(name)
        return ModelSnapshot(
            name=name,
            role=ModelRole.GROUP,
            about="" if mode == "chat" else mode,
            context=self._contexts.get(name) or group.context,
            takes_images=self._take_images.get(name),
            targets=_both(_fallbacks(group), self._other_fallbacks.get(name, ())),
            deployments=None if deployments is None else tuple(deployments),
        )


def _fallbacks(group: OpenAiModel) -> tuple[str, ...] | None:
    """The groups that may answer in its place; None where that is not told, as before the list had metadata.

    A fallback may be written as a table of parameters, whose ``model`` is the group.
    """
    told = field(group.metadata, "fallbacks")
    if not isinstance(told, list):
        return None
    groups = [item if isinstance(item, str) else field(item, "model") for item in told]
    found = names(groups)
    return found if all(group in found for group in groups) else None


def _both(some: tuple[str, ...] | None, others: tuple[str, ...] | None) -> tuple[str, ...] | None:
    return None if some is None or others is None else tuple(dict.fromkeys(some + others))


def _not_ready(why: str) -> LookFailed:
    return LookFailed(ServiceState.BUSY, f"is not ready (503){': ' + why if why else ''}", status=503)
