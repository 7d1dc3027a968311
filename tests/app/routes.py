"""Screen 2 as a person opens and reads it."""

from __future__ import annotations

from tests.app.panel import Panel
from tests.cli.house import CHAT_PATHS
from tui.app.screens.route import RouteScreen
from tui.app.screens.routes import RoutesScreen
from tui.app.widgets.route_rows import Route
from tui.demo.fleet import DemoFleet


async def open_routes(panel: Panel, key: str = "") -> None:
    """Opens the matrix; with the cursor on the row ``key``, where one is wanted."""
    await panel.press("2")
    await panel.sees("task default")
    if key:
        await panel.go_to(matrix(panel)._routes, key)  # type: ignore[arg-type]


async def open_route(panel: Panel, key: str) -> RouteScreen:
    """Opens the explanation of one row."""
    await open_routes(panel, key)
    await panel.press("enter")
    screen = panel.app.screen
    assert isinstance(screen, RouteScreen)
    return screen


def matrix(panel: Panel) -> RoutesScreen:
    screen = next(screen for screen in panel.app.screen_stack if isinstance(screen, RoutesScreen))
    assert isinstance(screen, RoutesScreen)
    return screen


def shown(panel: Panel) -> dict[str, list[str]]:
    """Row → the models of its plan, in order."""
    records: list[Route] = matrix(panel)._routes.records
    return {route.key: [candidate.model for candidate in route.plan.candidates] for route in records}


def prompted(fleet: DemoFleet) -> dict[str, list[str]]:
    """The models that each server was asked for, in order."""
    found: dict[str, list[str]] = {}
    for name, server in fleet.servers.items():
        for record in server.requests:
            if record.path in CHAT_PATHS:
                body = record.json()
                assert isinstance(body, dict)
                found.setdefault(name, []).append(str(body["model"]))
    return found
