"""Watching a server that the test wrote, and looking over every probe's shoulder."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeAlias

import pytest

from tui.config.schema import ServiceKind

from .canned import KEY_VARIABLE, Canned, Watched, assert_only_allowed, settings_for

Watch: TypeAlias = Callable[..., Awaitable[Watched]]


@pytest.fixture
async def watch(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Watch]:
    """Starts a server of a kind and a probe for it; at the end nothing may have been asked that must not be."""
    monkeypatch.setenv(KEY_VARIABLE, "sk-the-right-key")
    all_watched: list[tuple[ServiceKind, Watched]] = []

    async def start(kind: ServiceKind, *, path: str = "", **others: object) -> Watched:
        server = Canned()
        await server.http.open()
        watched = Watched(server, settings_for(kind, server.http.url + path, **others))
        all_watched.append((kind, watched))
        return watched

    yield start
    for kind, watched in all_watched:
        await watched.asker.close()
        watched.server.http.close()
        await watched.server.http.closed()
        assert_only_allowed(kind, watched.server.http)
