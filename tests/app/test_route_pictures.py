"""What the Routes screen looks like. How these pictures are renewed stands in ``test_pictures``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from tests.app.panel import NOON
from tests.app.still_fleet import StillApp, all_up, one_down
from tests.app.test_pictures import SIZES, Compare
from tui.app.messages import GuardsLooked, ModesRead, UsageRead
from tui.config.schema import CliSettings, Config, TaskSettings, TierSettings
from tui.ledger.usage import Refusal, Usage
from tui.routing.guard import Findings
from tui.routing.modes import Mode, Modes

CODE_MODELS = ("llama-swap/coder", "litellm/local-chat", "openai/gpt-5.2")
ROUTES = Config(
    path=Path("/home/ada/.config/fleetdeck/config.toml"),
    clis={
        "claude": CliSettings(name="claude", kind="claude"),
        "copilot": CliSettings(name="copilot", kind="opencode", provider="github-copilot", models=("gpt-5.2",)),
    },
    tiers={
        "opus": TierSettings(name="opus", external="copilot/gpt-5.2", fallback=("copilot/gpt-5.2", "llama-swap/qwen3")),
        "sonnet": TierSettings(name="sonnet", external="copilot/gpt-5.2", fallback=("llama-swap/qwen3",)),
        "haiku": TierSettings(name="haiku", fallback=("llama-swap/gemma",)),
    },
    tasks={
        "reasoning": TaskSettings(name="reasoning", models=("copilot/gpt-5.2", "llama-swap/qwen3")),
        "code-generation": TaskSettings(name="code-generation", models=CODE_MODELS),
        "quick": TaskSettings(name="quick", models=("llama-swap/gemma", "ollama/llama3.2:latest"), prefer="warm"),
        "private": TaskSettings(name="private", models=("llama-swap/qwen3", "litellm/gpt-5.2"), private=True),
        "vision": TaskSettings(name="vision", models=("qdrant/nothing",)),
        "default": TaskSettings(name="default", models=("llama-swap/qwen3", "ollama/llama3.2:latest")),
    },
)
REFUSED = UsageRead(Usage(refusals={"llama-swap/coder": Refusal(NOON + 42, "llama-swap takes no more requests now")}))
NO_COPILOT = GuardsLooked(Findings(programs={"claude": "", "copilot": "opencode is not installed, or not on the PATH"}))
EXTERNAL = ModesRead(Modes(external=Mode(enabled=True, reason="quota")))


def still(theme: str = "fleet-dark", *, readonly: bool = False) -> StillApp:
    return StillApp(one_down(), theme=theme, routes=ROUTES, readonly=readonly)


def pressed(*keys: str) -> Callable[[Pilot[object]], Awaitable[None]]:
    """Opens the routes under a situation that has everything to show, then presses ``keys``."""

    async def play(pilot: Pilot[object]) -> None:
        await pilot.pause()
        for message in (REFUSED, NO_COPILOT, EXTERNAL):
            pilot.app.post_message(message)
        await pilot.press("2")
        await pilot.pause()
        for key in keys:
            await pilot.press(key)
            for field in pilot.app.screen.query(Input):
                field.cursor_blink = False
        await pilot.pause()

    return play


@pytest.mark.parametrize("theme", ["fleet-dark", "fleet-light"])
@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_routes(snap_compare: Compare, theme: str, size: tuple[int, int]) -> None:
    assert snap_compare(still(theme), terminal_size=size, run_before=pressed("down", "down", "down", "down"))


@pytest.mark.parametrize("theme", ["fleet-dark", "fleet-light"])
@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_route(snap_compare: Compare, theme: str, size: tuple[int, int]) -> None:
    keys = ("down", "down", "down", "down", "enter", "J")
    assert snap_compare(still(theme), terminal_size=size, run_before=pressed(*keys))


def test_adding(snap_compare: Compare) -> None:
    assert snap_compare(still(), terminal_size=(80, 24), run_before=pressed("enter", "a", "o", "l"))


def test_drill(snap_compare: Compare) -> None:
    assert snap_compare(still(), terminal_size=(120, 40), run_before=pressed("f", "space", "enter"))


def test_drill_question(snap_compare: Compare) -> None:
    assert snap_compare(still(), terminal_size=(80, 24), run_before=pressed("f", "down", "space"))


def test_read_only(snap_compare: Compare) -> None:
    assert snap_compare(still(readonly=True), terminal_size=(80, 24), run_before=pressed("enter"))


def test_no_routes(snap_compare: Compare) -> None:
    async def open_routes(pilot: Pilot[object]) -> None:
        await pilot.press("2")
        await pilot.pause()

    assert snap_compare(StillApp(all_up()), terminal_size=(80, 24), run_before=open_routes)
