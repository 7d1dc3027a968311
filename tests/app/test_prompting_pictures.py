"""What files and saved prompts look like. How these pictures are renewed stands in ``test_pictures``."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot

from tests.app.still_fleet import StillApp, all_up
from tests.app.test_pictures import SIZES, Compare
from tests.waiting import until
from tui.app.screens.playground import PlaygroundScreen
from tui.app.widgets.choices import Choice
from tui.app.widgets.prompt_editor import PromptEditor
from tui.chat.attachments import Attachment
from tui.chat.prompt import Image
from tui.config.saved_prompts import SavedPrompt, save_prompt

ATTACHED = (
    Attachment("minutes-of-the-meeting.md", 2_148, 1_310, text="--- …"),
    Attachment("whiteboard.jpg", 348_211, 1_600, image=Image("whiteboard.jpg", "image/jpeg", "")),
)
PROMPTS = (
    SavedPrompt("review", "What can break here?\n\nName the line, and say how you would test it.", "what can break"),
    SavedPrompt("summary", "Summarize this for somebody who was not there, in five sentences."),
    SavedPrompt("translate to German", "Translate into German. Keep names and numbers as they are."),
)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder with some files, in which the panel was started."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / ".config"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "letters").mkdir()
    (tmp_path / "minutes.md").write_text("x" * 2_148)
    (tmp_path / "whiteboard.jpg").write_bytes(b"\xff\xd8\xff" + b"x" * 348_208)
    return tmp_path


async def open_playground(pilot: Pilot[object]) -> PlaygroundScreen:
    await pilot.press("3")
    await pilot.pause()
    screen = pilot.app.screen
    assert isinstance(screen, PlaygroundScreen)
    screen.query_one(PromptEditor).cursor_blink = False
    screen.choice = Choice("model", "llama-swap/qwen3")
    return screen


async def find(pilot: Pilot[object], key: str, words: str, rows: int) -> None:
    """Opens a finder and types into it."""
    await pilot.press(key)
    field = pilot.app.screen.query_one("#find")
    field.cursor_blink = False  # type: ignore[attr-defined]
    await pilot.press(*words)
    table = pilot.app.screen.table  # type: ignore[attr-defined]
    await until(lambda: len(table.records) == rows, "what there is has been read")
    await pilot.pause()


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_files_that_go_along(snap_compare: Compare, home: Path, size: tuple[int, int]) -> None:
    async def attach(pilot: Pilot[object]) -> None:
        editor = (await open_playground(pilot)).query_one(PromptEditor)
        editor.show_prompt("What was decided, and who does what?")
        editor.attachments = ATTACHED
        await pilot.pause()

    assert snap_compare(StillApp(all_up()), terminal_size=size, run_before=attach)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_file_finder(snap_compare: Compare, home: Path, size: tuple[int, int]) -> None:
    async def look(pilot: Pilot[object]) -> None:
        await open_playground(pilot)
        await find(pilot, "ctrl+g", "", 3)
        await pilot.press("down", "down")
        await pilot.pause()

    assert snap_compare(StillApp(all_up()), terminal_size=size, run_before=look)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_saved_prompts(snap_compare: Compare, home: Path, size: tuple[int, int]) -> None:
    for prompt in PROMPTS:
        save_prompt(prompt)

    async def look(pilot: Pilot[object]) -> None:
        await open_playground(pilot)
        await find(pilot, "f10", "", 3)

    assert snap_compare(StillApp(all_up()), terminal_size=size, run_before=look)
