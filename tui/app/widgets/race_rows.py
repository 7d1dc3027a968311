"""The lanes of a race as rows with bars, and the standings of a task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tui.app.widgets.columns import Column
from tui.app.widgets.race_words import SHORT_NAMES, race_figure_words
from tui.app.widgets.reply_words import seconds_words
from tui.app.widgets.row_painter import Cell
from tui.app.widgets.row_table import RowTable
from tui.chat.race import Lane
from tui.chat.race_figures import RaceFigure, ordered, value_of
from tui.fleet.printable import printable
from tui.fleet.wording import NOT_KNOWN
from tui.ledger.votes import Standing

BAR_CELLS = 14
_EIGHTHS = " ▏▎▍▌▋▊▉"
CHART_COLUMNS = (
    Column("lane", "", least=16, most=44),
    Column("bar", "", least=BAR_CELLS + 9, most=BAR_CELLS + 12),
    Column("total", SHORT_NAMES[RaceFigure.TOTAL], least=7, most=7, rank=2, align="right"),
    Column("first", SHORT_NAMES[RaceFigure.FIRST_TOKEN], least=7, most=7, rank=1, align="right"),
    Column("load", SHORT_NAMES[RaceFigure.LOAD], least=7, most=7, rank=4, align="right"),
    Column("prefill", SHORT_NAMES[RaceFigure.PREFILL], least=7, most=7, rank=5, align="right"),
    Column("rate", SHORT_NAMES[RaceFigure.TOKENS_PER_SECOND], least=5, most=6, rank=1, align="right"),
    Column("tokens", SHORT_NAMES[RaceFigure.TOKENS], least=6, most=7, rank=6, align="right"),
    Column("cost", SHORT_NAMES[RaceFigure.COST], least=7, most=9, rank=3, align="right"),
    Column("memory", SHORT_NAMES[RaceFigure.GPU_MEMORY], least=9, most=10, rank=4, align="right"),
)
_FIGURES = (
    RaceFigure.TOTAL,
    RaceFigure.FIRST_TOKEN,
    RaceFigure.LOAD,
    RaceFigure.PREFILL,
    RaceFigure.TOKENS_PER_SECOND,
    RaceFigure.TOKENS,
    RaceFigure.COST,
    RaceFigure.GPU_MEMORY,
)
"""In the order of the columns."""
STANDING_COLUMNS = (
    Column("model", "model", least=20, most=60),
    Column("wins", "wins", least=5, most=5, align="right"),
    Column("races", "races", least=5, most=5, align="right"),
    Column("share", "", least=BAR_CELLS, most=BAR_CELLS, rank=1),
    Column("rate", "tok/s p50", least=9, most=9, align="right"),
    Column("first", "first p50", least=9, most=9, rank=2, align="right"),
)


@dataclass(frozen=True, slots=True)
class ChartRow:
    """A lane as it stands in the chart."""

    name: str
    model: str
    """Who answered, where that is not what was asked for."""
    better: bool
    figures: tuple[str, ...]
    bar: str
    value: str
    outcome: str
    """Why there is no bar; empty: there is one."""
    failed: bool


class ChartTable(RowTable[ChartRow]):
    """All lanes of the race."""

    HELP_TITLE = "The chart"
    HELP = (
        "Every lane with its figures; the bars show the one by which the lanes are put in order, and o goes to the "
        "next. What the model holds of a GPU has a + where it was loaded for this prompt."
    )


class StandingsTable(RowTable[Standing]):
    """All models of a task's votes."""

    HELP_TITLE = "Standings"
    HELP = "How often each model's answer was found the better one, and how quick it was at the median."


def chart_rows(lanes: Sequence[Lane], figure: RaceFigure, better: str) -> list[ChartRow]:
    """The lanes in their order by ``figure``; ``better`` is the name of the one that was voted for."""
    values = [value for lane in lanes if (value := value_of(lane, figure)) is not None]
    longest = max(values, default=0.0)
    return [_chart_row(lane, figure, longest, better) for lane in ordered(lanes, figure)]


def _chart_row(lane: Lane, figure: RaceFigure, longest: float, better: str) -> ChartRow:
    value = value_of(lane, figure)
    done = lane.finished is not None
    return ChartRow(
        name=lane.name,
        model=lane.model if lane.model != lane.name else "",
        better=lane.name == better,
        figures=tuple(race_figure_words(lane, one) for one in _FIGURES),
        bar=bar_words(value, longest) if value is not None else "",
        value=race_figure_words(lane, figure),
        outcome="" if done else f"{lane.stage}: {printable(lane.words, 200)}" if lane.words else str(lane.stage),
        failed=lane.end is not None and not done,
    )


def chart_cells(row: ChartRow) -> tuple[Cell, ...]:
    bar = Cell(f"{row.bar} {row.value}" if row.bar else row.value, "accent")
    return (_name_cell(row), bar, *(Cell(words, "dim" if words == NOT_KNOWN else "") for words in row.figures))


def chart_line(row: ChartRow, width: int) -> tuple[Cell, ...] | None:
    """A lane without figures says why across all columns; None: it has some."""
    if not row.outcome:
        return None
    symbol, style = ("×", "down") if row.failed else ("–", "idle")
    return (_name_cell(row), Cell(f"  {symbol} {row.outcome}", style))


def _name_cell(row: ChartRow) -> Cell:
    answered_by = f" ({printable(row.model, 60)})" if row.model else ""
    return Cell(f"{'★' if row.better else ' '} {printable(row.name, 60)}{answered_by}", "up" if row.better else "")


def bar_words(value: float, longest: float) -> str:
    """A bar of eighths of a cell; the longest takes all of them, and what is more than nothing an eighth at least."""
    if longest <= 0 or value <= 0:
        return ""
    eighths = max(1, round(value / longest * BAR_CELLS * 8))
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()


def standing_cells(standing: Standing) -> tuple[Cell, ...]:
    rate, first = standing.tokens_per_second, standing.first_token_s
    return (
        Cell(printable(standing.model, 120)),
        Cell(str(standing.wins)),
        Cell(str(standing.races), "dim"),
        Cell(bar_words(standing.wins, standing.races), "accent"),
        Cell(NOT_KNOWN if rate is None else f"{rate:.0f}"),
        Cell(NOT_KNOWN if first is None else seconds_words(first)),
    )
