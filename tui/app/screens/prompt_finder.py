"""Prompts that are kept: found by a few letters, written into the editor, saved, deleted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message

from tui.app.own_editor import EditorFailed, edit_in_own_editor
from tui.app.questions import Question
from tui.app.screens.finder import FinderScreen
from tui.app.widgets.columns import Column
from tui.app.widgets.finding import find
from tui.app.widgets.prompt_editor import PromptEditor
from tui.app.widgets.row_painter import Cell
from tui.app.widgets.row_table import RowTable
from tui.config.saved_prompts import (
    PromptFileError,
    SavedPrompt,
    delete_prompt,
    name_problem,
    prompts_folder,
    read_saved_prompts,
    save_prompt,
)
from tui.fleet.printable import printable, printable_lines

SHOWN = 2_000
"""Characters of a prompt that stand below the list."""
COLUMNS = (
    Column("name", "name", least=16, most=40),
    Column("about", "about", least=16, most=200, rank=1, stretch=True),
)


@dataclass(frozen=True, slots=True)
class PromptRow:
    """A kept prompt as it is listed and looked for: by its name, then by all of it."""

    prompt: SavedPrompt
    lower: str
    name: str
    warmth: int = 0

    @classmethod
    def of(cls, prompt: SavedPrompt) -> PromptRow:
        name = prompt.name.lower()
        return cls(prompt, f"{name} {prompt.about.lower()} {prompt.text[:SHOWN].lower()}", name)


class PromptsRead(Message):
    """The prompts that are kept; ``told``: what has just been done, or why it could not be."""

    def __init__(self, prompts: Sequence[SavedPrompt], told: str = "", *, failed: bool = False) -> None:
        super().__init__()
        self.prompts = prompts
        self.told = told
        self.failed = failed


class PromptTable(RowTable[PromptRow]):
    """The prompts that are kept."""

    HELP_TITLE = "Saved prompts"
    HELP = "Each is a Markdown file in your configuration's folder; a first line <!-- … --> says what it is for."


class PromptFinder(FinderScreen[PromptRow, str]):
    """Ends with the text of a prompt."""

    TITLE_WORDS = "saved prompts"
    PLACEHOLDER = "letters of a prompt, or a name to save the present one under"
    NOTHING_FOUND = "no prompt is saved under such a name; ctrl+s saves the one that you are writing"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "save", "Save", id="prompts.save", priority=True),
        Binding("ctrl+e", "edit", "Edit", id="prompts.edit", priority=True),
        Binding("ctrl+d", "delete", "Delete", id="prompts.delete", priority=True),
    ]

    def __init__(self, present: str) -> None:
        """``present`` is the prompt that is being written."""
        super().__init__(PromptTable(COLUMNS, key_of=lambda row: row.prompt.name, cells_of=_cells, id="saved"))
        self._present = present
        self._rows: Sequence[PromptRow] = ()
        self._told = Content("")

    def on_mount(self) -> None:
        super().on_mount()
        self._work(lambda: "")

    def _work(self, act: Callable[[], str]) -> None:
        """Does something with the files, and then shows what there is."""
        work = _act_and_read(self, act)
        self.run_worker(work, group="prompts", exclusive=True, exit_on_error=False, description="saved prompts")

    @on(PromptsRead)
    def show_prompts(self, message: PromptsRead) -> None:
        self._rows = [PromptRow.of(prompt) for prompt in message.prompts]
        self._told = Content.styled(message.told, "$state-down" if message.failed else "$state-up")
        self.show_found()

    def found(self) -> Sequence[PromptRow]:
        return find(self._rows, self.typed)

    def watch_typed(self) -> None:
        self._told = Content("")
        super().watch_typed()

    def show_about(self) -> None:
        if self._told:
            self.say(self._told)
        elif self.table.cursor_record is None:
            self.say(Content.styled(f"they are kept in {printable(str(prompts_folder()), 200)}", "$foreground 60%"))
        else:
            super().show_about()

    def about(self, row: PromptRow) -> Content:
        return Content.styled(printable_lines(row.prompt.text[:SHOWN]), "$foreground 75%")

    def choose(self, row: PromptRow) -> None:
        self.dismiss(row.prompt.text)

    def action_save(self) -> None:
        """Saves what is being written under the typed name."""
        name = self.typed.strip()
        problem = name_problem(name) or ("" if self._present.strip() else "there is no prompt yet that could be saved")
        if problem:
            self._tell_failure(problem)
            return
        before = next((row.prompt for row in self._rows if row.prompt.name == name), None)
        prompt = SavedPrompt(name, self._present, before.about if before is not None else "")
        if before is None or before.text == prompt.text:
            self._save(prompt)
        else:
            question = Question(f"Replace {printable(name, 60)}?", ("What it held is lost.",), "Replace")
            self._confirm(question, lambda: self._save(prompt))

    def _save(self, prompt: SavedPrompt) -> None:
        def act() -> str:
            return f"saved in {printable(str(save_prompt(prompt)), 200)}"

        self._work(act)

    def action_delete(self) -> None:
        if (row := self.table.cursor_record) is None:
            return
        name = row.prompt.name

        def act() -> str:
            delete_prompt(name)
            return f"{printable(name, 80)} is deleted"

        self._confirm(
            Question(f"Delete {printable(name, 60)}?", ("Its file is removed.",), "Delete"), lambda: self._work(act)
        )

    def action_edit(self) -> None:
        """Opens the prompt under the cursor in the person's own editor."""
        if (row := self.table.cursor_record) is None:
            return
        try:
            text = edit_in_own_editor(self.app, row.prompt.text)
        except EditorFailed as error:
            self._tell_failure(str(error))
            return
        self._save(SavedPrompt(row.prompt.name, text, row.prompt.about))

    def _confirm(self, question: Question, act: Callable[[], None]) -> None:
        from tui.app.screens.dialogs import ConfirmScreen

        def answered(yes: bool | None) -> None:
            if yes:
                act()

        self.app.push_screen(ConfirmScreen(question), answered)

    def _tell_failure(self, words: str) -> None:
        self._told = Content.styled(words, "$state-down")
        self.show_about()


def find_prompt(editor: PromptEditor) -> None:
    """Opens the finder; what is found is written where the cursor of ``editor`` is."""

    def write(text: str | None) -> None:
        if text is not None:
            editor.insert_prompt(text)
        editor.focus()

    editor.app.push_screen(PromptFinder(editor.prompt), write)


async def _act_and_read(target: PromptFinder, act: Callable[[], str]) -> None:
    try:
        told, failed = await asyncio.to_thread(act), False
    except PromptFileError as error:
        told, failed = str(error), True
    try:
        prompts = await asyncio.to_thread(read_saved_prompts)
    except PromptFileError as error:
        prompts, told, failed = [], str(error), True
    target.post_message(PromptsRead(prompts, told, failed=failed))


def _cells(row: PromptRow) -> tuple[Cell, ...]:
    about = row.prompt.about or row.prompt.text.strip().partition("\n")[0]
    return (Cell(printable(row.prompt.name, 120)), Cell(printable(about, 200), "dim"))
