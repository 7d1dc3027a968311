"""What goes along with a prompt, and what is known before it is sent."""

from __future__ import annotations

import base64
import math
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Input

from tests.app.panel import Panel
from tests.app.test_playground import CHAT, ask, editor, find, phase, playground, screen, write
from tests.chat.stand_ins import CAPTURES, StandIns, until_gone
from tests.ledger.earlier import answered
from tests.waiting import until
from tui.app.screens.file_finder import FileFinder
from tui.app.screens.playground import PlaygroundScreen
from tui.app.screens.prompt_screen import PromptScreen
from tui.app.widgets.answer_pane import Phase
from tui.app.widgets.choices import Choice
from tui.chat.reply import Restarted, Text
from tui.config.saved_prompts import prompts_folder
from tui.demo.fleet import DemoFleet
from tui.ledger.file import ledger_path
from tui.ledger.store import Ledger

LONGEST_END = 2.0
"""Seconds in which a program and its children have to be gone: one of grace, then they are killed."""
PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAAB")


def last_turns(fleet: DemoFleet) -> list[dict[str, Any]]:
    """The messages of the newest chat that llama-swap was asked for."""
    body = fleet.llama_swap.requests.to(CHAT)[-1].json()
    assert isinstance(body, dict)
    messages: list[dict[str, Any]] = body["messages"]
    return messages


def remember(model: str, rate: float, load: float) -> None:
    """An answer of an earlier day."""
    with Ledger() as ledger:
        answered(ledger, model, 1.0, rate, load=load)


async def test_how_quick_a_model_was_stands_in_the_finder_and_how_long_it_loaded_before_the_prompt_is_sent(
    fleet: DemoFleet,
) -> None:
    remember("llama-swap/gemma", 139.6, 14.2)
    fleet.llama_swap.processes.speed = 0.5
    async with playground(fleet, "llama-swap/gemma", size=(140, 40)) as panel:
        await panel.sees("llama-swap/gemma is loaded first (it took 14.2 s before)")
        await find(panel, "gemma")
        await panel.sees("last tok/s")
        line = panel.line_with("llama-swap/gemma")
        assert "140" in line
        assert "○ idle" in line
        await panel.press("enter")
        await write(panel, "why?")
        await panel.sees("gemma is being loaded ·")
        await panel.sees("· it took 14.2 s before")
        fleet.llama_swap.processes.speed = math.inf


async def attach(panel: Panel, path: Path) -> None:
    """Finds a file by its whole path and takes it along."""
    await panel.press("ctrl+g")
    await panel.sees("a file to go along")
    panel.app.screen.query_one("#find", Input).value = str(path)
    await until(lambda: [row.path for row in finder(panel).table.records] == [path], "the file is found")
    await panel.press("enter")
    await until(lambda: isinstance(panel.app.screen, PromptScreen), "the file is read")


def finder(panel: Panel) -> FileFinder:
    assert isinstance(panel.app.screen, FileFinder)
    return panel.app.screen


async def test_files_stand_as_chips_above_the_prompt_go_along_and_come_back_where_it_was_not_answered(
    fleet: DemoFleet, tmp_path: Path
) -> None:
    notes, picture = tmp_path / "notes.md", tmp_path / "dot[bold].png"
    notes.write_text("whales sing\n")
    picture.write_bytes(PNG)
    await fleet.llama_swap.load("gemma")
    async with playground(fleet, "llama-swap/gemma") as panel:
        await attach(panel, notes)
        await attach(panel, picture)
        await panel.sees("with  ≡ notes.md 12 B ×  ▣ dot[bold].png 24 B ×")
        await ask(panel, "What sings?")
        assert editor(panel).attachments == ()
        await panel.sees_no("with  ≡")
        assert "[notes.md]" in panel.painted
        (turn,) = last_turns(fleet)
        text, image = turn["content"]
        assert text["text"] == "What sings?\n\n--- notes.md ---\nwhales sing\n--- end of notes.md ---"
        assert image["image_url"]["url"].startswith("data:image/png;base64,iVBOR")
        await fleet.llama_swap.scene("error")
        await attach(panel, notes)
        await ask(panel, "And now?", Phase.FAILED)
        await panel.sees("with  ≡ notes.md")
        assert editor(panel).prompt == "And now?"
    with sqlite3.connect(ledger_path()) as ledger:
        (prompt,) = ledger.execute("SELECT prompt FROM requests ORDER BY id LIMIT 1").fetchone()
    ledger.close()
    assert prompt.endswith("[image dot[bold].png]"), "the ledger keeps the name of an image, not the image"


async def test_a_model_that_takes_no_images_is_named_before_anything_is_sent(fleet: DemoFleet, tmp_path: Path) -> None:
    picture = tmp_path / "dot.png"
    picture.write_bytes(PNG)
    await fleet.llama_swap.load("qwen3")
    async with playground(fleet, "llama-swap/qwen3", size=(160, 40)) as panel:
        await attach(panel, picture)
        await panel.sees("llama-swap/qwen3: it takes no images, llama-swap says")
        await find(panel, "llama-swap/coder")
        await panel.sees("× nothing may take this request: llama-swap/coder: it takes no images")
        await panel.press("escape")
        await write(panel, "What is it?")
        await panel.sees("nothing was sent")
        screen(panel).choice = Choice("model", "llama-swap/reasoning")
        await panel.press("enter")
        await panel.sees("Whether llama-swap/reasoning takes images, its service does not")
        await panel.press("n")
        await until(lambda: not screen(panel).busy, "it was left")
        await panel.press("escape", "d")
        await panel.sees_no("with  ▣")
    assert not fleet.llama_swap.requests.to(CHAT)


async def test_a_credential_in_a_file_is_seen_as_one_in_the_prompt(fleet: DemoFleet, tmp_path: Path) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("ghp_" + "a1B2" * 9)
    async with playground(fleet, "litellm/gpt-5.2") as panel:
        await attach(panel, notes)
        await write(panel, "hi")
        await panel.sees("It holds a credential: GitHub token.")
        await panel.press("n")
        await panel.sees("with  ≡ notes.txt")


async def test_the_file_finder_completes_looks_into_folders_and_says_what_cannot_go_along(
    fleet: DemoFleet, tmp_path: Path
) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "to bob.txt").write_text("hi")
    (tmp_path / "letters" / ".hidden").write_text("x")
    (tmp_path / "program.bin").write_bytes(b"\x7fELF\0")
    async with playground(fleet) as panel:
        await panel.press("ctrl+g")
        field = panel.app.screen.query_one("#find", Input)
        field.value = f"{tmp_path}/let"
        await panel.sees("letters/")
        await panel.press("tab")
        await panel.sees("to bob.txt")
        assert field.value == f"{tmp_path}/letters/"
        assert ".hidden" not in panel.painted
        field.value = f"{tmp_path}/prg"
        await panel.sees("program.bin")
        await panel.press("enter")
        await panel.sees("program.bin is neither a text file (UTF-8) nor an image")
        field.value = f"/usr/{tmp_path}/let"
        await panel.sees("letters/")
        field.value = f"{tmp_path}/nowhere/"
        await panel.sees("nowhere cannot be looked at:")
        await panel.press("escape")
        await until(lambda: isinstance(panel.app.screen, PlaygroundScreen), "it is closed")


async def test_prompts_are_saved_found_written_and_deleted(fleet: DemoFleet) -> None:
    prompts_folder().mkdir(parents=True)
    (prompts_folder() / "review.md").write_text("<!-- what can break -->\nWhat can break here?\n\nBe brief.\n")
    async with playground(fleet) as panel:
        await panel.press(*"hello", "f10")
        await panel.sees("what can break")
        await panel.press("ctrl+s")
        await panel.sees("type a name for the prompt first")
        await panel.press(*"greeting", "ctrl+s")
        await panel.sees("saved in ")
        assert (prompts_folder() / "greeting.md").read_text() == "hello\n"
        panel.app.screen.query_one("#find", Input).value = "rvw"
        await panel.sees("Be brief.")
        await panel.press("enter")
        await until(lambda: editor(panel).prompt == "helloWhat can break here?\n\nBe brief.", "it is written")
        await panel.press("escape", "o", *"review", "ctrl+s")
        await panel.sees("Replace review?")
        await panel.press("n", "ctrl+d")
        await panel.sees("Delete review?")
        await panel.press("y")
        await panel.sees("review is deleted")
        assert [file.name for file in prompts_folder().iterdir()] == ["greeting.md"]


async def test_an_answer_that_begins_anew_takes_back_what_had_come(fleet: DemoFleet) -> None:
    async with playground(fleet) as panel:
        pane = screen(panel).pane
        pane.take([Text("half of it"), Restarted("the connection broke"), Text("all of it")])
        await panel.sees("the answer begins anew: the connection broke")
        await panel.sees("all of it")
        assert "half of it" not in panel.painted
        assert pane.view.parts.answer == "all of it"


async def test_finished_code_has_colours_and_finished_tables_stand_in_columns(fleet: DemoFleet) -> None:
    await fleet.llama_swap.load("gemma")
    async with playground(fleet, "llama-swap/gemma") as panel:
        view = screen(panel).pane.view
        view.add_text("```python\ndef sing():\n    return 1\n```\n| a | long |\n|--:|---|\n| words | b |\nafter\n")
        view.end()
        await panel.sees("words │ b")
        assert "    a │ long" in panel.painted

        def styles() -> set[str]:
            rows = [row for part in view.parts.parts for row in part.rows.rows]
            return {span.style for row in rows for span in row.spans if row.text[span.start : span.end] == "def"}

        await until(lambda: styles() == {"code-block+code-keyword"}, "the code has colours")
        await panel.press("escape", "c", "y")
        await until(lambda: panel.app.clipboard == "def sing():\n    return 1", "code is copied as it came")


@pytest.mark.parametrize("name", ["gemini", "copilot"])
async def test_escape_ends_a_program_and_all_that_it_started(
    fleet: DemoFleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / "programs").mkdir()
    programs = StandIns(tmp_path / "programs")
    monkeypatch.setenv("PATH", str(programs.folder))
    answer = (CAPTURES / f"{name}-ok.out").read_text(encoding="utf-8")
    programs.add(name, out=answer[: len(answer) // 2], child=True, ignores_term=True, lingers=60)
    more = f'\n[clis.{name}]\nkind = "{name}"\nmodels = ["m"]\n'
    try:
        async with playground(fleet, f"{name}/m", more=more) as panel:
            await write(panel, "hi")
            await until(lambda: len(programs.pids(name)) == 2, "the program and its child are running")
            await panel.press("escape")
            began = time.monotonic()
            await until_gone(programs, name)
            assert time.monotonic() - began < LONGEST_END
            await until(lambda: phase(panel) is Phase.STOPPED, "it was stopped")
            assert editor(panel).prompt == "hi", "the prompt is where it was"
    finally:
        programs.end_orphans()
