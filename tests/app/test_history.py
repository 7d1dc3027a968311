"""The conversations of other times: found, opened, renamed, exported and deleted, by keys alone."""

from __future__ import annotations

import json
from pathlib import Path

from textual.widgets import Input

from tests.app.panel import Panel, open_panel
from tests.app.test_playground import screen
from tests.ledger.kept import DAY, NOON, keep
from tests.waiting import until
from tui.app.screens.history import HistoryScreen
from tui.app.screens.playground import PlaygroundScreen
from tui.demo.fleet import DemoFleet
from tui.ledger.conversations import Conversations, conversations_now
from tui.ledger.transcript import exports_home


async def go_to_history(panel: Panel) -> HistoryScreen:
    await panel.press("3")
    await until(lambda: isinstance(panel.app.screen, PlaygroundScreen), "the playground is open")
    await panel.press("f11")
    await until(lambda: isinstance(panel.app.screen, HistoryScreen), "the history is open")
    found = panel.app.screen
    assert isinstance(found, HistoryScreen)
    return found


async def fill(panel: Panel, text: str) -> None:
    """Replaces what is in the field that has the focus, and enters it."""
    assert isinstance(panel.app.focused, Input)
    panel.app.focused.value = text
    await panel.press("enter")


async def test_a_word_of_an_answer_finds_it_and_enter_goes_on_with_it(fleet: DemoFleet) -> None:
    keep(("What is WAL?", "A write-ahead [/red] log.\x1b[2J"), ("And fsync?", "A wait."), at=NOON - DAY)
    keep(("Kingfishers of koala?", "None."))
    async with open_panel(fleet) as panel:
        await go_to_history(panel)
        await panel.sees("Kingfishers of koala?")
        lines = [panel.painted.find(words) for words in ("Kingfishers of koala?", "What is WAL?")]
        assert lines == sorted(lines), "the newest comes first"
        assert "yesterday 12:00" in panel.line_with("What is WAL?")
        assert "llama-swap/qwen3" in panel.line_with("What is WAL?")
        await panel.press("slash", *"AHEAD")
        await panel.sees_no("Kingfishers of koala?")
        await panel.press("enter", "enter")
        await panel.sees("2 turns go along")
        await panel.sees("A write-ahead [/red] log.")
        assert "\x1b[2J" not in panel.painted
        assert "✓ llama-swap/qwen3  local · yesterday 12:00 · 83 tok/s · 40 tokens · 1.5 s" in panel.painted
        await panel.press("f11", "slash", *"nothing like it")
        await panel.sees("no conversation holds these words")
        await panel.press("escape")
        await panel.sees("Kingfishers of koala?")


async def test_rename_export_and_delete(fleet: DemoFleet, tmp_path: Path) -> None:
    number = keep(("What is WAL?", "A log."))
    keep(("other?", "yes"))
    async with open_panel(fleet) as panel:
        await go_to_history(panel)
        await panel.sees("What is WAL?")
        await panel.press("end", "r")
        await fill(panel, "[b]Durability[/b]")
        await panel.is_told("it is called [b]Durability[/b] now")
        await panel.sees("[b]Durability[/b]")
        await panel.press("x")
        await panel.sees("a mere name goes into")
        await panel.press("enter")
        markdown = exports_home() / "b-Durability-b.md"
        await panel.is_told(f"exported to {markdown}")
        assert (
            "## You\n\nWhat is WAL?\n\n## llama-swap/qwen3 (local, 2026-11-20 12:00)\n\nA log.\n"
            in markdown.read_text()
        )
        assert markdown.stat().st_mode & 0o777 == 0o600
        await panel.press("x", "enter")
        await panel.is_told(f"{markdown} exists already; name another file")
        await panel.press("x")
        await fill(panel, str(tmp_path / "deep" / "talk.json"))
        await panel.is_told("talk.json")
        document = json.loads((tmp_path / "deep" / "talk.json").read_text())
        assert (document["schema"], document["title"], document["id"]) == (1, "[b]Durability[/b]", number)
        assert document["turns"][0]["prompt"] == "What is WAL?"
        await panel.press("d")
        await panel.sees("for good?")
        await panel.press("n", "d")
        await panel.sees("for good?")
        await panel.press("y")
        await panel.is_told("the conversation and its text are deleted")
        await until(lambda: "Durability" not in panel.line_with("llama-swap/qwen3"), "it is off the list")
    assert [one.name for one in conversations_now().conversations] == ["other?"]


async def test_read_only_neither_renames_nor_deletes(fleet: DemoFleet) -> None:
    keep(("What is WAL?", "A log."))
    async with open_panel(fleet, readonly=True) as panel:
        await go_to_history(panel)
        await panel.sees("What is WAL?")
        assert "Export" in panel.footer
        assert "Delete" not in panel.footer
        await panel.press("d", "r")
        assert isinstance(panel.app.screen, HistoryScreen)
        assert not isinstance(panel.app.focused, Input)


async def test_what_another_program_deletes_meanwhile_is_said(fleet: DemoFleet) -> None:
    number = keep(("What is WAL?", "A log."))
    async with open_panel(fleet) as panel:
        await go_to_history(panel)
        await panel.sees("What is WAL?")
        with Conversations() as kept:
            kept.delete(number)
        await panel.press("enter")
        await panel.is_told(f"there is no conversation {number}; it may have been deleted")


async def test_a_long_conversation_opens_at_its_end_and_scrolls(fleet: DemoFleet) -> None:
    turns = 300
    answer = "\n\n".join(f"Paragraph {number} with `code` and **words**." for number in range(20))
    keep(*((f"question {number}?", answer) for number in range(turns)))
    async with open_panel(fleet) as panel:
        await go_to_history(panel)
        await panel.sees("question 0?")
        await panel.press("enter")
        await until(lambda: isinstance(panel.app.screen, PlaygroundScreen), "it is open")
        view = screen(panel).pane.view
        await until(lambda: not view.parts.behind, "all of it is laid out", timeout=30)
        await panel.sees(f"{turns} turns go along")
        assert view.scroll_offset.y == view.max_scroll_y
        settled = view.parts._settled
        assert settled >= len(view.parts.parts) - 1, "what is laid out is not looked at again"
        await panel.press("escape", "left_square_bracket", *["left_square_bracket"] * 5)
        await panel.sees(f"▌ question {turns - 6}?")
