"""Where prompts are written: lines, history, large pastes, and the person's own editor."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from textual import events
from textual.app import App, ComposeResult

from tests.processor import without_collecting
from tui.app.own_editor import EditorFailed, edit_in_own_editor
from tui.app.widgets.prompt_editor import PromptEditor


class Writing(App[None]):
    def __init__(self) -> None:
        super().__init__()
        self.sent: list[str] = []

    def compose(self) -> ComposeResult:
        yield PromptEditor(id="prompt")

    def on_prompt_editor_sent(self, message: PromptEditor.Sent) -> None:
        self.sent.append(message.written.words)


async def test_enter_sends_and_two_other_keys_begin_a_new_line() -> None:
    app = Writing()
    async with app.run_test() as pilot:
        await pilot.press(*"one", "ctrl+j", *"two", "shift+enter", *"three", "enter")
        await pilot.pause()
        assert app.sent == ["one\ntwo\nthree"]
        assert app.query_one(PromptEditor).text == ""


async def test_letters_typed_right_after_enter_belong_to_the_next_prompt() -> None:
    app = Writing()
    async with app.run_test() as pilot:
        editor = app.query_one(PromptEditor)
        for key in ("a", "enter", "b", "c", "enter", "d"):
            editor.post_message(events.Key(key, key if len(key) == 1 else None))
        await pilot.pause()
        assert app.sent == ["a", "bc"]


async def test_up_and_down_at_the_edges_walk_through_what_was_sent() -> None:
    app = Writing()
    async with app.run_test() as pilot:
        editor = app.query_one(PromptEditor)
        await pilot.press(*"first", "enter", *"a", "ctrl+j", *"b", "enter", *"draft")
        await pilot.press("up")
        assert editor.text == "a\nb"
        await pilot.press("up")
        assert editor.text == "a\nb", "the cursor was in the last line, and is in the first now"
        await pilot.press("up")
        assert editor.text == "first"
        await pilot.press("up")
        assert editor.text == "first"
        await pilot.press("down", "down", "down")
        assert editor.text == "draft"


async def test_a_pasted_megabyte_takes_no_time_and_is_sent_whole() -> None:
    app = Writing()
    pasted = "x" * 500_000 + "\n" + "lorem ipsum\n" * 40_000
    async with app.run_test() as pilot:
        editor = app.query_one(PromptEditor)
        await pilot.press(*"see ")
        with without_collecting():
            began = time.process_time()
            editor.post_message(events.Paste(pasted))
            await pilot.pause()
            assert time.process_time() - began < 0.25
        assert editor.text == "see [pasted text 1: 980,001 characters, 40,002 lines]"
        await pilot.press("enter")
        await pilot.pause()
        assert app.sent == [f"see {pasted}"]
        await pilot.press("up", "enter")
        await pilot.pause()
        assert app.sent[1] == app.sent[0], "called back, it is as whole as before"


async def test_what_a_terminal_would_act_upon_is_kept_but_not_shown() -> None:
    app = Writing()
    async with app.run_test() as pilot:
        app.query_one(PromptEditor).post_message(events.Paste("a\x1b[2Jb"))
        await pilot.pause()
        assert app.query_one(PromptEditor).text == "[pasted text 1: 6 characters]"
        await pilot.press("enter")
        await pilot.pause()
        assert app.sent == ["a\x1b[2Jb"]


async def test_a_small_paste_is_text_like_any_other() -> None:
    app = Writing()
    async with app.run_test() as pilot:
        app.query_one(PromptEditor).post_message(events.Paste("def f():\r\n    return 1"))
        await pilot.pause()
        assert app.query_one(PromptEditor).text == "def f():\n    return 1"


async def test_a_terminal_that_cannot_be_lent_is_said_to_be_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    app = Writing()
    async with app.run_test():
        with pytest.raises(EditorFailed, match="cannot be lent"):
            edit_in_own_editor(app, "text")
    assert not list(tmp_path.glob("fleetdeck-prompt-*")), "no prompt is left behind"
