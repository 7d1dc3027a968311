"""The models that each service listed last, for whoever wants names without waiting for an answer."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from tui.config.paths import state_home
from tui.control.own_records import recall, remember
from tui.fleet.snapshot import FleetSnapshot

WRITTEN_ANEW_AFTER = 60.0
"""Seconds for which the same names are not written again."""


class Listed(msgspec.Struct, frozen=True):
    """What one service listed."""

    at: float
    """Unix seconds of the last look, also of one that brought no list."""
    models: tuple[str, ...] = ()
    """By their own names, without the service's."""


def known_models_file() -> Path:
    """Where they are kept. May not exist yet."""
    return state_home() / "models.json"


def known_models() -> dict[str, Listed]:
    """Service → what it listed last; empty where nothing was kept, or it cannot be read."""
    return recall(known_models_file(), dict[str, Listed]) or {}


def remember_models(snapshot: FleetSnapshot) -> None:
    """Keeps what the services of ``snapshot`` list. Where that fails names are merely fewer, so that it is only logged.

    A service that did not answer keeps the names that it had; one that has not been looked at is left as it is.
    """
    before = known_models()
    now = {**before, **_listed(snapshot, before)}
    if any(name not in before or _differs(before[name], listed) for name, listed in now.items()):
        remember(known_models_file(), now)


def _listed(snapshot: FleetSnapshot, before: Mapping[str, Listed]) -> dict[str, Listed]:
    listed = {}
    for service in snapshot.services:
        if service.seen.at is not None:
            has_answered = service.models_seen.at is not None
            names = tuple(model.name for model in service.models)
            kept = before[service.name].models if service.name in before else ()
            listed[service.name] = Listed(service.seen.at, names if has_answered else kept)
    return listed


def _differs(before: Listed, now: Listed) -> bool:
    return before.models != now.models or now.at - before.at > WRITTEN_ANEW_AFTER
