"""The tables of the ledger."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tui.app.widgets.ledger_rows import (
    ACTION_COLUMNS,
    REQUEST_COLUMNS,
    SLOWER,
    USAGE_COLUMNS,
    action_cells,
    action_key,
    request_cells,
    request_key,
    usage_cells,
    usage_key,
)
from tui.app.widgets.row_painter import Cell
from tui.app.widgets.row_table import RowTable
from tui.ledger.history import AskedRequest, DoneAction
from tui.ledger.reports import By, UsageReport, UsageRow
from tui.ledger.trends import SLOWDOWN_RULE, Slowdown


class UsageTable(RowTable[UsageRow]):
    """Sums."""

    HELP_TITLE = "Usage"
    HELP = (
        "What was asked in this time, added up: by model, task, day or where it ran (b). Enter lists the requests "
        f"themselves. {SLOWER} marks a model that became slower: {SLOWDOWN_RULE}."
    )

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  (Textual's own name for it)
        super().__init__(USAGE_COLUMNS, key_of=usage_key, cells_of=self._cells, id=id)
        self._by = By.MODEL
        self._slower: frozenset[str] = frozenset()

    def show_usage(self, report: UsageReport, slower: Sequence[Slowdown]) -> None:
        self._by, self._slower = report.by, frozenset(one.model for one in slower)
        self.show_records(report.rows)

    def _cells(self, row: UsageRow) -> tuple[Cell, ...]:
        return usage_cells(row, self._by, self._slower)


class RequestTable(RowTable[AskedRequest]):
    """Requests, the newest first."""

    HELP_TITLE = "Requests"
    HELP = (
        "Every request, the newest first, from whichever face. Enter shows the plan, who was asked, the timings, and "
        "the text where it is kept; of a private request it never is."
    )

    def __init__(self, now: Callable[[], float], *, id: str | None = None) -> None:  # noqa: A002
        """``now``: what day it is, by which times are told."""
        super().__init__(REQUEST_COLUMNS, key_of=request_key, cells_of=lambda row: request_cells(row, now()), id=id)


class ActionTable(RowTable[DoneAction]):
    """Actions, the newest first."""

    HELP_TITLE = "Actions"
    HELP = "What was done to machines, services, models and modes, and what was so before and afterwards."

    def __init__(self, now: Callable[[], float], *, id: str | None = None) -> None:  # noqa: A002
        """``now``: what day it is, by which times are told."""
        super().__init__(ACTION_COLUMNS, key_of=action_key, cells_of=lambda row: action_cells(row, now()), id=id)


LedgerTable = UsageTable | RequestTable | ActionTable
