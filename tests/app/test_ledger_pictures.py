"""What the Ledger screen looks like. How these pictures are renewed stands in ``test_pictures``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from textual.pilot import Pilot

from tests.app.panel import NOON
from tests.app.still_fleet import StillApp, all_up
from tests.app.test_pictures import SIZES, Compare
from tests.ledger.asked import Asked, ask
from tests.waiting import until
from tui.app.screens.ledger import LedgerScreen
from tui.ledger.records import Action, Outcome
from tui.ledger.store import Ledger

DAY = 86_400.0
MODELS = (
    ("llama-swap/qwen3", "local", 83.0, 0.21, None),
    ("llama-swap/gemma", "local", 141.0, 0.09, None),
    ("copilot/gpt-5.2", "cloud", 61.0, 0.94, 0.0041),
    ("copilot/claude-sonnet-4.5", "cloud", 74.0, 1.31, 0.0127),
)
TASKS = (("task", "quick"), ("task", "code-generation"), ("tier", "opus"), ("model", "llama-swap/qwen3"))
ACTIONS = (
    ("panel", "unit.restart", "llama-swap", "koala", "active", "active", True, "llama-swap.service is active again"),
    ("cli", "mode.external", "on", None, "off", "on", True, ""),
    ("panel", "gpu.hold", "on", "koala", "not lent", "lent", True, "the GPU of koala is lent; 23.1 GiB are free"),
    ("cli", "model.load", "llama-swap/too-large", "koala", "idle", "idle", False, "llama-swap: out of memory"),
)


@pytest.fixture
def used() -> None:
    """Two weeks of use, in which one model became slower."""
    with Ledger() as ledger:
        for step in range(160):
            model, where, rate, first, cost = MODELS[step * 7 % 4 if step % 3 else 0]
            kind, name = TASKS[step % 4]
            is_last = model == "llama-swap/qwen3" and step > 130
            failed = step % 41 == 40
            ask(
                ledger,
                Asked(
                    at=NOON - (160 - step) * 13 * DAY / 160 - 600,
                    face=("cli", "panel", "mcp")[step % 3],
                    kind=kind,
                    name=name,
                    external=step % 5 == 4,
                    private=step % 11 == 10,
                    model=None if failed else model,
                    where=None if failed else where,
                    outcome=Outcome.FAILED if failed else Outcome.FINISHED,
                    input_tokens=200 + step * 13,
                    output_tokens=90 + step,
                    rate=None if failed else (rate * 0.4 if is_last else rate) + step % 5,
                    first_token=None if failed else first + step % 7 / 50,
                    cost=cost,
                    answer="Because air scatters short waves of light more than long ones.",
                ),
            )
        for step, (face, name, target, machine, before, after, worked, detail) in enumerate(ACTIONS):
            action = Action(at=NOON - 4000 + step * 900, face=face, name=name, target=target, machine=machine,
                            before=before, after=after, worked=worked, detail=detail)  # fmt: skip
            ledger.act(action)


def pressed(*keys: str) -> Callable[[Pilot[object]], Awaitable[None]]:
    """Opens the ledger and presses keys, each after what the one before asked for is shown."""

    async def play(pilot: Pilot[object]) -> None:
        for key in ("4", *keys):
            await pilot.press(key)
            await until(lambda: is_answered(pilot), f"what {key} asked for is shown")
        await pilot.pause()

    return play


def is_answered(pilot: Pilot[object]) -> bool:
    screen = next((one for one in reversed(pilot.app.screen_stack) if isinstance(one, LedgerScreen)), None)
    answer = screen._answer if screen is not None else None
    working = any(one.group == "opened request" and not one.is_finished for one in pilot.app.workers)
    return screen is not None and answer is not None and answer.question == screen.question and not working


LOOKS = [*((size, "fleet-dark") for size in SIZES), *((size, "fleet-light") for size in SIZES[:2])]
KEYS = {
    "usage": (),
    "plots": ("t", "right_square_bracket"),
    "requests": ("right_square_bracket", "right_square_bracket"),
    "actions": ("left_square_bracket",),
}


@pytest.mark.parametrize(("size", "theme"), LOOKS, ids=lambda value: str(value).replace(", ", "x").strip("()"))
@pytest.mark.parametrize("part", KEYS)
def test_ledger(snap_compare: Compare, used: None, part: str, size: tuple[int, int], theme: str) -> None:
    app = StillApp(all_up(), theme=theme)
    assert snap_compare(app, terminal_size=size, run_before=pressed(*KEYS[part]))


def test_request(snap_compare: Compare, used: None) -> None:
    keys = ("left_square_bracket", "left_square_bracket", "down", "enter")
    assert snap_compare(StillApp(all_up()), terminal_size=(80, 24), run_before=pressed(*keys))


def test_short(snap_compare: Compare, used: None) -> None:
    assert snap_compare(StillApp(all_up()), terminal_size=(60, 12), run_before=pressed("t"))


def test_empty(snap_compare: Compare) -> None:
    assert snap_compare(StillApp(all_up()), terminal_size=(80, 24), run_before=pressed())
