"""The screens that have a key of their own. What only one of them needs is imported when it is first shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from textual.screen import Screen

from tui.app.screens.fleet import FleetScreen


def routes_screen() -> Screen[None]:
    """The plans and their screen are imported when somebody first wants to see them."""
    from tui.app.screens.routes import RoutesScreen

    return RoutesScreen()


def playground_screen() -> Screen[None]:
    from tui.app.screens.playground import PlaygroundScreen

    return PlaygroundScreen()


def ledger_screen() -> Screen[None]:
    from tui.app.screens.ledger import LedgerScreen

    return LedgerScreen()


def logs_screen() -> Screen[None]:
    from tui.app.screens.logs import LogsScreen

    return LogsScreen()


SCREENS: dict[str, str | Callable[[], Screen[Any]]] = {
    "fleet": FleetScreen,
    "routes": routes_screen,
    "playground": playground_screen,
    "ledger": ledger_screen,
    "logs": logs_screen,
}
