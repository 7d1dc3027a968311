"""What the panel looks like, as pictures that were looked at before they were kept.

A change that is meant to change them is made so: ``python -m pytest tests/app/test_pictures.py --snapshot-update``,
then look at every changed file of ``tests/app/__snapshots__`` in a browser before committing it. A failed comparison
writes both pictures side by side into ``snapshot_report.html``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from textual.pilot import Pilot

from tests.app import still_fleet
from tests.app.panel import NOON
from tests.app.still_fleet import StillApp
from tui.config.schema import Config, ServiceSettings
from tui.fleet.snapshot import FleetSnapshot

Compare = Callable[..., bool]
SIZES = [(80, 24), (120, 40), (200, 50)]
STATES = {
    "loading": still_fleet.loading,
    "empty": lambda: FleetSnapshot(at=NOON),
    "all-up": still_fleet.all_up,
    "gpus": still_fleet.with_gpus,
    "one-down": still_fleet.one_down,
    "all-down": still_fleet.all_down,
    "stale": still_fleet.stale,
}


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("state", STATES)
def test_fleet(snap_compare: Compare, state: str, size: tuple[int, int]) -> None:
    assert snap_compare(StillApp(STATES[state]()), terminal_size=size)


@pytest.mark.parametrize("theme", ["fleet-light", "high-contrast", "terminal"])
def test_theme(snap_compare: Compare, theme: str) -> None:
    assert snap_compare(StillApp(still_fleet.one_down(), theme=theme), terminal_size=(120, 40))


def at_model(name: str, *keys: str) -> Callable[[Pilot[object]], Awaitable[None]]:
    """Goes to a model's row and presses keys there."""

    async def go(pilot: Pilot[object]) -> None:
        await pilot.pause()
        table = pilot.app.screen.query_one("#models")
        table.focus()
        table.cursor_key = name  # type: ignore[attr-defined]
        await pilot.press(*keys)
        await pilot.pause()

    return go


@pytest.mark.parametrize("size", SIZES[:2], ids=lambda size: f"{size[0]}x{size[1]}")
def test_details_of_a_service(snap_compare: Compare, size: tuple[int, int]) -> None:
    app = StillApp(still_fleet.all_up())
    assert snap_compare(app, terminal_size=size, press=("down", "enter"))


def test_details_of_a_model(snap_compare: Compare) -> None:
    app = StillApp(still_fleet.all_up())
    assert snap_compare(app, terminal_size=(120, 40), run_before=at_model("ollama/mixtral:8x7b", "enter"))


@pytest.mark.parametrize("size", SIZES[:2], ids=lambda size: f"{size[0]}x{size[1]}")
def test_details_of_a_machine(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert snap_compare(StillApp(still_fleet.with_gpus()), terminal_size=size, press=("up", "enter"))


def test_gpus_in_light(snap_compare: Compare) -> None:
    assert snap_compare(StillApp(still_fleet.with_gpus(), theme="fleet-light"), terminal_size=(120, 40))


def test_lending_a_gpu_asks(snap_compare: Compare) -> None:
    assert snap_compare(StillApp(still_fleet.with_gpus()), terminal_size=(80, 24), press=("g",))


def test_help(snap_compare: Compare) -> None:
    assert snap_compare(StillApp(still_fleet.all_up()), terminal_size=(80, 24), press=("f1",))


def test_confirm(snap_compare: Compare) -> None:
    app = StillApp(still_fleet.all_up())
    assert snap_compare(app, terminal_size=(80, 24), run_before=at_model("llama-swap/qwen3", "u"))


def test_problems(snap_compare: Compare) -> None:
    assert snap_compare(StillApp(still_fleet.all_down()), terminal_size=(120, 40), press=("exclamation_mark",))


def test_filter(snap_compare: Compare) -> None:
    app = StillApp(still_fleet.all_up())

    async def type_filter(pilot: Pilot[object]) -> None:
        await pilot.press("slash")
        pilot.app.screen.query_one("#filter").cursor_blink = False  # type: ignore[attr-defined]
        await pilot.press(*"oll")
        await pilot.pause()

    assert snap_compare(app, terminal_size=(80, 24), run_before=type_filter)


def test_read_only(snap_compare: Compare) -> None:
    assert snap_compare(StillApp(still_fleet.all_up(), readonly=True), terminal_size=(80, 24))


def test_short(snap_compare: Compare) -> None:
    assert snap_compare(StillApp(still_fleet.one_down()), terminal_size=(60, 12))


def test_first_run(snap_compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    from tui.app.screens import first_run

    async def found(pilot: Pilot[object]) -> None:
        await pilot.pause()
        screen = first_run.FirstRunScreen()
        pilot.app.push_screen(screen)
        await pilot.pause()
        services = {
            name: ServiceSettings(name=name, kind=name, url=f"http://127.0.0.1:{port}")  # type: ignore[arg-type]
            for name, port in (("llama-swap", 8080), ("ollama", 11434))
        }
        screen.show_found(Config(services=services))
        await pilot.pause()

    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setattr(first_run.FirstRunScreen, "_look_for_servers", lambda screen: None)
    assert snap_compare(StillApp(FleetSnapshot(at=NOON)), terminal_size=(120, 40), run_before=found)
