"""The drill's second half: every candidate is really asked, after it was said what that costs."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Sequence
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Footer, Static
from textual.worker import Worker, WorkerState

from tui.app.actions import Scope
from tui.app.bindings import bindings_of
from tui.app.faults import broken_worker_words
from tui.app.widgets.columns import Column
from tui.app.widgets.row_painter import Cell
from tui.app.widgets.row_table import RowTable
from tui.chat.drill import MOST_TOKENS, QUESTION, DrillCost, Drilled, Stage, drill, drill_cost
from tui.config.paths import modes_file
from tui.config.schema import Config
from tui.fleet.printable import printable
from tui.fleet.wording import latency_words
from tui.ledger.wording import rate_words
from tui.routing.modes import Modes, read_modes
from tui.routing.plan import Candidate

FACE = "panel"
COLUMNS = (
    Column("model", "candidate", least=20, most=48),
    Column("where", "where", least=5, most=5, rank=4),
    Column("stage", "", least=11, most=11),
    Column("first", "1st word", least=8, most=8, rank=1, align="right"),
    Column("rate", "tok/s", least=5, most=6, rank=3, align="right"),
    Column("cost", "cost", least=9, most=9, rank=2, align="right"),
    Column("words", "", least=10, most=200, rank=1, stretch=True),
)
_SYMBOLS = {
    Stage.WAITING: ("·", "dim"),
    Stage.ASKING: ("◐", "starting"),
    Stage.LOADING: ("◐", "starting"),
    Stage.ANSWERING: ("◐", "busy"),
    Stage.ANSWERED: ("●", "up"),
    Stage.FAILED: ("×", "down"),
    Stage.SKIPPED: ("–", "idle"),
}


class DrillHeard(Message):
    """One candidate has come further."""

    def __init__(self, drilled: Drilled) -> None:
        super().__init__()
        self.drilled = drilled


class DrillTable(RowTable[Drilled]):
    """All candidates, in the order in which they are asked."""

    HELP_TITLE = "Drill"
    HELP = "Who answers, how fast and at what cost. Each is asked by the rules that hold at that moment."


class DrillAnswersScreen(ModalScreen[None]):
    """Asks nobody before the person has said so."""

    CSS_PATH = "dialogs.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of(Scope.DRILL_ANSWERS)]

    def __init__(self, candidates: Sequence[Candidate], config: Config) -> None:
        super().__init__()
        self._candidates = tuple(candidates)
        self._config = config
        self._known = {one.model: Drilled(model=one.model, where=str(one.where)) for one in candidates}
        self._asking: Worker[None] | None = None
        self._table = DrillTable(
            COLUMNS, key_of=lambda row: row.model, cells_of=_cells, ages=lambda row: False, id="candidates"
        )

    def compose(self) -> ComposeResult:
        with Vertical(id="route-box") as box:
            box.border_title = Content("Drill: really ask")
            yield Static(Content("\n".join(cost_lines(drill_cost(self._candidates, self._config), self._known))))
            yield self._table
        yield Footer(show_command_palette=False, compact=True)

    def on_mount(self) -> None:
        self._table.empty_text = "no plan has a candidate now"
        self._table.focus()
        self._show()

    def _show(self) -> None:
        self._table.show_records(list(self._known.values()))
        answered = sum(drilled.stage is Stage.ANSWERED for drilled in self._known.values())
        spent = sum(drilled.cost or 0.0 for drilled in self._known.values())
        words = f"{answered} of {len(self._known)} answered" + (f" · {_dollars(spent)}" if spent else "")
        self.query_one("#route-box").border_subtitle = Content(words if self._asking is not None else "")
        self.refresh_bindings()

    @property
    def _is_asking(self) -> bool:
        return self._asking is not None and not self._asking.is_finished

    def action_ask(self) -> None:
        if self._is_asking or not self._candidates:
            return
        self._known = {one.model: Drilled(model=one.model, where=str(one.where)) for one in self._candidates}
        self._asking = self._ask()
        self._show()

    @work(group="drill", exclusive=True, exit_on_error=False, description="ask every candidate")
    async def _ask(self) -> None:
        answers = drill(self._candidates, self._config, self._modes, FACE)
        async with contextlib.aclosing(answers):
            async for drilled in answers:
                self.post_message(DrillHeard(drilled))

    def _modes(self) -> Modes:
        return read_modes(self._config.panel.external_mode_path, modes_file())

    @on(DrillHeard)
    def take(self, message: DrillHeard) -> None:
        self._known[message.drilled.model] = message.drilled
        self._show()

    @on(Worker.StateChanged)
    def take_end(self, event: Worker.StateChanged) -> None:
        """However it ended: what was not heard to its end is not shown as if it were still being asked."""
        if event.worker is not self._asking or not event.worker.is_finished:
            return
        event.stop()
        reason = "it was stopped"
        if event.state is WorkerState.ERROR:
            reason = broken_worker_words(event.worker)
        for model, drilled in self._known.items():
            if drilled.stage in (Stage.ASKING, Stage.LOADING, Stage.ANSWERING):
                self._known[model] = Drilled(model=model, where=drilled.where, stage=Stage.FAILED, words=reason)
        self._show()

    def action_leave(self) -> None:
        """The first time it ends the asking, where there is one; what was heard stays to be read."""
        if self._is_asking and self._asking is not None:
            self._asking.cancel()
        elif self.is_current:
            self.dismiss()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "ask":
            return None if self._is_asking or not self._candidates else True
        return True


def cost_lines(cost: DrillCost, models: Collection[str]) -> list[str]:
    """What it costs to ask, one sentence a line."""
    lines = [
        f"Asks {_count(len(models), 'model')} “{QUESTION}”, one after the other, each for {MOST_TOKENS} tokens at most."
    ]
    if cost.usd:
        lines.append(f"· At most {_dollars(cost.usd)} by the prices in your configuration.")
    if cost.unpriced:
        lines.append(f"· A price that is not known for {_names(cost.unpriced)}.")
    if cost.programs:
        lines.append(f"· Counts towards your subscriptions: {_names(cost.programs)}; these say as much as they like.")
    if cost.loads:
        lines.append(f"· Loads {_names(cost.loads)}, which may push other models out of memory.")
    if len(lines) == 1 and models:
        lines.append("· Costs nothing: all of them are at home and loaded.")
    return lines


def _cells(row: Drilled) -> tuple[Cell, ...]:
    symbol, style = _SYMBOLS[row.stage]
    first = "" if row.first_token is None else latency_words(row.first_token)
    rate = "" if row.tokens_per_second is None else rate_words(row.tokens_per_second)
    return (
        Cell(printable(row.model, 80)),
        Cell(row.where, "dim" if row.where == "local" else "accent"),
        Cell(f"{symbol} {row.stage}", style),
        Cell(first),
        Cell(rate),
        Cell("" if row.cost is None else _dollars(row.cost)),
        Cell(printable(row.words, 300), "down" if row.stage is Stage.FAILED else "dim"),
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")


def _names(models: Sequence[str]) -> str:
    shown = ", ".join(printable(model, 60) for model in models[:3])
    return shown + (f" and {len(models) - 3} more" if len(models) > 3 else "")


def _dollars(usd: float) -> str:
    return f"${usd:.6f}" if usd < 0.01 else f"${usd:.2f}"
