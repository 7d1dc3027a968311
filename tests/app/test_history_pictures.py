"""What conversations and their history look like. How these pictures are renewed stands in ``test_pictures``."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot

from tests.app.still_fleet import StillApp, all_up
from tests.app.test_pictures import SIZES, Compare
from tests.ledger.kept import DAY, NOON, keep
from tests.waiting import until
from tui.app.screens.history import HistoryScreen
from tui.app.screens.playground import PlaygroundScreen
from tui.app.widgets.prompt_editor import PromptEditor

LOG = "A commit is durable once its **log record** is on disk; the pages may follow later.\n\n- `fsync` is the wait."


def three_conversations() -> None:
    first = keep(("How does a write-ahead log make a commit durable?", LOG), at=NOON - 3 * DAY)
    keep(("Name three kingfishers, and where each of them lives, in one line", "Alcedo atthis."), at=NOON - DAY)
    keep(
        ("How does a write-ahead log make a commit durable?", LOG),
        (
            "And what does a checkpoint do?",
            "It writes the dirty pages, so that the log can begin anew.\n\n## When\n\n1. Now.",
        ),
        ("Is that also so in SQLite?", LOG),
        at=NOON - 600,
        branch_of=first,
    )


async def open_history(pilot: Pilot[object]) -> None:
    three_conversations()
    await pilot.press("3", "f11")
    await until(lambda: isinstance(pilot.app.screen, HistoryScreen), "the history is open")
    await until(lambda: len(pilot.app.screen.query_one("#kept").records) == 3, "all are listed")  # type: ignore[attr-defined]
    for field in pilot.app.screen.query("Input"):
        field.cursor_blink = False  # type: ignore[attr-defined]
    await pilot.pause()


async def open_newest(pilot: Pilot[object]) -> None:
    await open_history(pilot)
    await pilot.press("enter")
    await until(lambda: isinstance(pilot.app.screen, PlaygroundScreen), "the conversation is open")
    pilot.app.screen.query_one(PromptEditor).cursor_blink = False
    await pilot.press("escape", "left_square_bracket")
    await pilot.pause()


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_history(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert snap_compare(StillApp(all_up()), terminal_size=size, run_before=open_history)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_conversation(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert snap_compare(StillApp(all_up()), terminal_size=size, run_before=open_newest)


def test_light(snap_compare: Compare) -> None:
    app = StillApp(all_up(), theme="fleet-light")
    assert snap_compare(app, terminal_size=(120, 40), run_before=open_newest)


def test_exporting(snap_compare: Compare) -> None:
    async def export(pilot: Pilot[object]) -> None:
        await open_history(pilot)
        await pilot.press("x")
        pilot.app.screen.query_one("#asked-for").update("file (.md or .json; …)")  # type: ignore[attr-defined]
        await pilot.pause()

    assert snap_compare(StillApp(all_up()), terminal_size=(80, 24), run_before=export)
