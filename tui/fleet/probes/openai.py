"""Any service that speaks OpenAI's API, in the cloud or at home: what it lists."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from tui.config.schema import ServiceSettings
from tui.fleet.asking import Asker
from tui.fleet.probes.probe import Look, ServiceFacts
from tui.fleet.probes.shapes import OpenAiModel, OpenAiModels, liveness_period
from tui.fleet.snapshot import ModelSnapshot, ModelState

AT_HOME = 60.0
ELSEWHERE = 300.0
"""Seconds. A provider's list changes by the week and may take half a megabyte (OpenRouter's does): asked every minute
it would be the panel's largest traffic by far, and failing requests tell of an outage sooner than any list."""
HOME_SUFFIXES = (".local", ".lan", ".home", ".internal", ".home.arpa", ".ts.net", ".localhost")


class OpenAiProbe:
    """One question, which is liveness and list at once: there is no cheaper one that every such service answers."""

    def __init__(self, service: ServiceSettings) -> None:
        self._path = api_path(service.url, "/models")
        self._facts = ServiceFacts()
        self.looks: tuple[Look, ...] = (Look("models", list_period(service), self._look_at_models, tells_models=True),)

    def facts(self) -> ServiceFacts:
        return self._facts

    async def _look_at_models(self, asker: Asker) -> None:
        answer = await asker.get_json(self._path, OpenAiModels)
        self._facts = ServiceFacts(models=tuple(listed_model(name, model) for name, model in answer.by_name().items()))


def listed_model(name: str, model: OpenAiModel) -> ModelSnapshot:
    """A model of which no more is known than that it is listed: whether it is in memory, its service does not say."""
    return ModelSnapshot(
        name=name,
        state=ModelState.UNKNOWN,
        about=model.about,
        context=model.context,
        takes_images=model.takes_images,
    )


def api_path(url: str, path: str) -> str:
    """``path`` of the API below ``url``.

    A URL that has a path of its own is the API's base, as for OpenAI's own clients (``https://api.openai.com/v1``,
    ``https://host/v1beta/openai``). One without is a server's, whose API stands below ``/v1``.
    """
    return path if urlsplit(url).path.strip("/") else f"/v1{path}"


def list_period(service: ServiceSettings) -> float:
    """Seconds between two looks at a list that is liveness too."""
    return liveness_period(service, AT_HOME if _is_at_home(service.host) else ELSEWHERE)


def _is_at_home(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return "." not in host or host.rstrip(".").endswith(HOME_SUFFIXES)
