"""Anthropic's API with a key of its own: what it lists."""

from __future__ import annotations

from urllib.parse import quote

from tui.config.schema import ServiceSettings
from tui.fleet.asking import Asker
from tui.fleet.probes.openai import api_path, list_period, listed_model
from tui.fleet.probes.probe import Look, ServiceFacts
from tui.fleet.probes.shapes import OpenAiModel, OpenAiModels

PAGE = 1000
"""The most that the API gives at a time."""
MOST_PAGES = 10


class AnthropicProbe:
    """One question, liveness and list at once; the list comes in pages, each told where the one before ended."""

    def __init__(self, service: ServiceSettings) -> None:
        self._path = f"{api_path(service.url, '/models')}?limit={PAGE}"
        self._facts = ServiceFacts()
        self.looks: tuple[Look, ...] = (Look("models", list_period(service), self._look_at_models, tells_models=True),)

    def facts(self) -> ServiceFacts:
        return self._facts

    async def _look_at_models(self, asker: Asker) -> None:
        found: dict[str, OpenAiModel] = {}
        path = self._path
        for _ in range(MOST_PAGES):
            answer = await asker.get_json(path, OpenAiModels)
            found |= {name: model for name, model in answer.by_name().items() if name not in found}
            if answer.has_more is not True or not isinstance(answer.last_id, str):
                break
            path = f"{self._path}&after_id={quote(answer.last_id, safe='')}"
        self._facts = ServiceFacts(models=tuple(listed_model(name, model) for name, model in found.items()))
