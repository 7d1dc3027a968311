"""The screens that can be opened from everywhere. What only one of them needs is imported when it is first shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from textual.screen import Screen
from textual.widget import Widget

from tui.app.panel_state import PanelState
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


def help_screen(state: PanelState, focused: Widget | None) -> Screen[None]:
    from tui.app.actions import keys_in_force
    from tui.app.screens.help import HelpScreen

    return HelpScreen(focused, keys_in_force(state.config.keys), readonly=state.readonly)


def agents_screen(state: PanelState) -> Screen[None]:
    from tui.app.screens.agents import AgentsScreen

    return AgentsScreen(state)


def problems_screen(state: PanelState) -> Screen[None]:
    from tui.app.screens.details import ProblemsScreen

    return ProblemsScreen(state)


SCREENS: dict[str, str | Callable[[], Screen[Any]]] = {
    "fleet": FleetScreen,
    "routes": routes_screen,
    "playground": playground_screen,
    "ledger": ledger_screen,
    "logs": logs_screen,
}
