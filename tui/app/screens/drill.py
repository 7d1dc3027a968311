"""The drill's question: which services and programs are to be thought away?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Footer, SelectionList, Static
from textual.widgets.selection_list import Selection

from tui.fleet.printable import printable


@dataclass(frozen=True, slots=True)
class DrillChoice:
    """What the person wants of the drill."""

    down: frozenset[str]
    """The services and programs that count as down."""
    ask: bool
    """Whether the candidates that are left are really to be asked."""


class DrillScreen(ModalScreen[DrillChoice | None]):
    """Ends with what is to be drilled, or None where nothing is to change."""

    CSS_PATH = "dialogs.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "begin", "Begin the drill", id="drill.begin", priority=True),
        Binding("a", "ask", "Really ask", id="drill.really-ask"),
        Binding("escape,q", "leave", "Leave", id="drill.leave"),
    ]

    def __init__(self, names: Sequence[str], down: frozenset[str], *, may_ask: bool) -> None:
        """``may_ask`` False: nothing may be done that loads a model or costs money."""
        super().__init__()
        self._may_ask = may_ask
        self._names = tuple(names)
        self._down = down

    def compose(self) -> ComposeResult:
        with Vertical(id="first-run") as box:
            box.border_title = Content("Drill")
            words = "Who would answer if these were down? Space marks one, enter begins."
            really = "\na really asks every candidate with a tiny prompt, after saying what it costs."
            yield Static(Content(words + (really if self._may_ask else "")))
            yield SelectionList[str](
                *(Selection(Content(printable(name, 60)), name, name in self._down) for name in self._names),
                compact=True,
            )
        yield Footer(show_command_palette=False, compact=True)

    def on_mount(self) -> None:
        self.query_one(SelectionList).focus()

    def action_begin(self) -> None:
        if self.is_current:
            self.dismiss(DrillChoice(self._selected(), ask=False))

    def action_ask(self) -> None:
        if self.is_current:
            self.dismiss(DrillChoice(self._selected(), ask=True))

    def _selected(self) -> frozenset[str]:
        return frozenset(self.query_one(SelectionList).selected)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return self._may_ask or action != "ask"

    def action_leave(self) -> None:
        if self.is_current:
            self.dismiss(None)
