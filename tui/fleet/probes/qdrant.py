"""Qdrant, the vector database: whether its shards are ready, and how many collections it holds."""

from __future__ import annotations

import msgspec

from tui.config.schema import ServiceSettings
from tui.fleet.asking import Asker
from tui.fleet.failures import LookFailed, error_message
from tui.fleet.probes.probe import Look, ServiceFacts
from tui.fleet.probes.shapes import LONGEST_VERSION, line, liveness_period, not_as_expected
from tui.fleet.snapshot import ServiceState


class _About(msgspec.Struct):
    title: object = None
    version: object = None


class _Collections(msgspec.Struct):
    collections: list[object] | None


class _CollectionsAnswer(msgspec.Struct):
    result: _Collections


class QdrantProbe:
    """Read for Qdrant 1.19; versions before 1.5 have no ``/readyz`` and are asked for their title instead."""

    def __init__(self, service: ServiceSettings) -> None:
        self._version: str | None = None
        self._collections: int | None = None
        self._tells_readiness = True
        self.looks: tuple[Look, ...] = (
            Look("readiness", liveness_period(service, 10.0), self._look_at_readiness),
            Look("version", 0.0, self._look_at_version),
            Look("collections", 60.0, self._look_at_collections),
        )

    def facts(self) -> ServiceFacts:
        if self._collections is None:
            return ServiceFacts(version=self._version)
        plural = "" if self._collections == 1 else "s"
        return ServiceFacts(version=self._version, remarks=(f"{self._collections} collection{plural}",))

    async def _look_at_readiness(self, asker: Asker) -> None:
        if not self._tells_readiness:
            await self._look_at_version(asker)
            return
        answer = await asker.send(
            "GET", "/readyz", with_key=False, accepts=lambda status: status in (404, 503) or 200 <= status < 300
        )
        if answer.status == 404:
            await self._look_at_version(asker)
            self._tells_readiness = False
        elif answer.status == 503:
            reason = error_message(answer.body) or "some shards are not ready"
            raise LookFailed(ServiceState.STARTING, reason, status=503)
        elif "ready" not in answer.text[:200]:
            raise not_as_expected("Qdrant", answer.text)

    async def _look_at_version(self, asker: Asker) -> None:
        about = await asker.get_json("/", _About, with_key=False)
        if "qdrant" not in line(about.title).lower():
            raise not_as_expected("Qdrant", line(about.title))
        self._version = line(about.version, LONGEST_VERSION) or None

    async def _look_at_collections(self, asker: Asker) -> None:
        answer = await asker.get_json("/collections", _CollectionsAnswer)
        self._collections = len(answer.result.collections or ())
