"""Finds a file that is to go along with a prompt: a path that completes itself."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message

from tui.app.screens.finder import FinderScreen
from tui.app.widgets.columns import Column
from tui.app.widgets.finding import find
from tui.app.widgets.prompt_editor import PromptEditor
from tui.app.widgets.row_painter import Cell
from tui.app.widgets.row_table import RowTable
from tui.chat.attachments import IMAGES_TAKEN, Attachment, NotAttachable, read_attachment
from tui.config.paths import path_words, reason_of
from tui.fleet.printable import printable
from tui.fleet.wording import file_size_words

LARGEST = 8 * 1024 * 1024
"""Bytes of a text file: two million tokens, more than any model of today reads."""
MOST_ENTRIES = 5_000
"""Of a folder; what comes after them is found by typing on."""
COLUMNS = (
    Column("name", "name", least=24, most=90),
    Column("size", "size", least=8, most=10, rank=1, align="right"),
)


@dataclass(frozen=True, slots=True)
class FileRow:
    """A file or folder of the folder that is looked at."""

    path: Path
    is_folder: bool
    size: int

    @property
    def key(self) -> str:
        return str(self.path)

    @property
    def name(self) -> str:
        return self.path.name.lower()[:200]

    @property
    def lower(self) -> str:
        return self.name

    @property
    def warmth(self) -> int:
        return 0 if self.is_folder else 1


class FolderRead(Message):
    """What a folder holds; ``problem``: why that is not known."""

    def __init__(self, folder: Path, rows: Sequence[FileRow], problem: str = "") -> None:
        super().__init__()
        self.folder = folder
        self.rows = rows
        self.problem = problem


class FileRead(Message):
    """A file that was chosen has been read; ``problem``: why it cannot go along."""

    def __init__(self, path: Path, attachment: Attachment | None, problem: str = "") -> None:
        super().__init__()
        self.path = path
        self.attachment = attachment
        self.problem = problem


class FileTable(RowTable[FileRow]):
    """What a folder holds."""

    HELP_TITLE = "Files"
    HELP = "Enter goes into a folder, or takes a file along. Tab completes the name."


class FileFinder(FinderScreen[FileRow, tuple[Attachment, Path]]):
    """Ends with the file, read, and the folder that it is in."""

    TITLE_WORDS = "a file to go along"
    PLACEHOLDER = "path of a text file or an image; tab completes"
    NOTHING_FOUND = "no file is called so"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "complete", "Complete", id="finder.complete", priority=True),
    ]

    def __init__(self, folder: Path) -> None:
        """``folder`` is where the search begins."""
        super().__init__(FileTable(COLUMNS, key_of=lambda row: row.key, cells_of=_cells, id="files"))
        self._start = folder
        self._folder: Path | None = None
        self._rows: Sequence[FileRow] = ()
        self._problem = ""

    def on_mount(self) -> None:
        self.input.value = _as_folder(self._start)
        self.input.cursor_position = len(self.input.value)
        super().on_mount()
        self._look(self._start)

    def watch_typed(self) -> None:
        folder = self._parts()[0]
        if folder != self._folder:
            self._look(folder)
        super().watch_typed()

    def _parts(self) -> tuple[Path, str]:
        """The folder that was typed, and the beginning of a name in it."""
        head, name = os.path.split(_begun_anew(self.typed))
        try:
            folder = Path(head or ".").expanduser()
        except RuntimeError:
            folder = Path(head)
        return folder if folder.is_absolute() else Path.cwd() / folder, name

    def _look(self, folder: Path) -> None:
        self._folder, self._problem = folder, ""
        work = _read_folder(self, folder)
        self.run_worker(work, group="folder", exclusive=True, exit_on_error=False, description="read a folder")

    @on(FolderRead)
    def show_folder(self, message: FolderRead) -> None:
        if message.folder == self._folder:
            self._rows, self._problem = message.rows, message.problem
            self.show_found(first=True)

    def found(self) -> Sequence[FileRow]:
        name = self._parts()[1]
        shown = [row for row in self._rows if name.startswith(".") or not row.path.name.startswith(".")]
        return find(shown, name.replace(" ", ""))

    def show_about(self) -> None:
        if self._problem:
            self.say(Content.styled(self._problem, "$state-down"))
        else:
            super().show_about()

    def about(self, row: FileRow) -> Content:
        if row.is_folder:
            return Content.styled("a folder; enter looks into it", "$foreground 75%")
        return Content.styled(
            f"{printable(path_words(row.path), 300)}\n"
            "Text (UTF-8) stands behind the prompt between lines that name the file; "
            f"an image ({IMAGES_TAKEN}) goes to models that take images.",
            "$foreground 75%",
        )

    def action_complete(self) -> None:
        if (row := self.table.cursor_record) is not None:
            self.input.value = _as_folder(row.path) if row.is_folder else path_words(row.path)
            self.input.cursor_position = len(self.input.value)

    def choose(self, row: FileRow) -> None:
        if row.is_folder:
            self.action_complete()
        else:
            self.say(Content("reading …"))
            work = _read_file(self, row.path)
            self.run_worker(work, group="file", exclusive=True, exit_on_error=False, description="read a file")

    @on(FileRead)
    def take_file(self, message: FileRead) -> None:
        if message.attachment is None:
            self.say(Content.styled(message.problem, "$state-down"))
        elif self.is_current:
            self.dismiss((message.attachment, message.path.parent))


def find_attachment(editor: PromptEditor) -> None:
    """Opens the finder; what is found goes along with the prompt of ``editor``."""

    def attach(found: tuple[Attachment, Path] | None) -> None:
        if found is not None:
            editor.attach(*found)
        editor.focus()

    editor.app.push_screen(FileFinder(editor.files_from), attach)


async def _read_folder(target: FileFinder, folder: Path) -> None:
    try:
        rows, problem = await asyncio.to_thread(_entries, folder), ""
    except OSError as error:
        rows, problem = [], f"{printable(str(folder), 200)} cannot be looked at: {reason_of(error)}"
    target.post_message(FolderRead(folder, rows, problem))


async def _read_file(target: FileFinder, path: Path) -> None:
    try:
        message = FileRead(path, await asyncio.to_thread(read_attachment, path, largest=LARGEST))
    except NotAttachable as refused:
        message = FileRead(path, None, str(refused))
    target.post_message(message)


def _entries(folder: Path) -> list[FileRow]:
    """Folders first, each kind by its names; what vanishes or cannot be looked at meanwhile is left out."""
    rows = []
    with os.scandir(folder) as entries:
        for entry in entries:
            try:
                is_folder = entry.is_dir()
                if is_folder or entry.is_file():
                    rows.append(FileRow(folder / entry.name, is_folder, 0 if is_folder else entry.stat().st_size))
            except OSError:
                continue
            if len(rows) >= MOST_ENTRIES:
                break
    return sorted(rows, key=lambda row: (not row.is_folder, row.name))


def _cells(row: FileRow) -> tuple[Cell, ...]:
    name = printable(row.path.name, 200)
    return (Cell(f"{name}/", "accent"), Cell("")) if row.is_folder else (Cell(name), Cell(file_size_words(row.size)))


def _begun_anew(typed: str) -> str:
    """What stands behind a second beginning: a whole path may be pasted behind the folder that is there already."""
    for beginning in ("//", "/~/"):
        typed = typed[typed.rfind(beginning) + 1 :]
    return typed


def _as_folder(path: Path) -> str:
    return f"{path_words(path).rstrip('/')}/"
