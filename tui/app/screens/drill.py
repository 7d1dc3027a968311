"""The drill's question: which services are to be thought away?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Footer, SelectionList, Static
from textual.widgets.selection_list import Selection

from tui.fleet.printable import printable


class DrillScreen(ModalScreen[frozenset[str] | None]):
    """Ends with the names of the services that count as down, or None where nothing is to change."""

    CSS_PATH = "dialogs.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "begin", "Begin the drill", id="drill.begin", priority=True),
        Binding("escape,q", "leave", "Leave", id="drill.leave"),
    ]

    def __init__(self, services: Sequence[str], down: frozenset[str]) -> None:
        super().__init__()
        self._services = tuple(services)
        self._down = down

    def compose(self) -> ComposeResult:
        with Vertical(id="first-run") as box:
            box.border_title = Content("Drill")
            yield Static(Content("Who would answer if these were down? Space marks a service, enter begins."))
            yield SelectionList[str](
                *(Selection(Content(printable(name, 60)), name, name in self._down) for name in self._services),
                compact=True,
            )
        yield Footer(show_command_palette=False, compact=True)

    def on_mount(self) -> None:
        self.query_one(SelectionList).focus()

    def action_begin(self) -> None:
        if self.is_current:
            self.dismiss(frozenset(self.query_one(SelectionList).selected))

    def action_leave(self) -> None:
        if self.is_current:
            self.dismiss(None)
