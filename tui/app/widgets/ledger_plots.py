"""Requests and speed over time, drawn with letters. Whoever shows this for the first time imports it in a thread."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import plotext  # type: ignore[import-untyped]
from rich.text import Text
from textual.app import RenderResult
from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from tui.fleet.printable import printable
from tui.ledger.trends import Trend

LEAST_WIDTH, LEAST_HEIGHT = 30, 8
TICK_WIDTH = 12
"""Cells for a day and the gap beside it."""
TICKS = 4
"""How many numbers stand beside an axis, above zero."""
Color = tuple[int, int, int]
# By Okabe and Ito, told apart by people who see few colours; lighter ones on dark ground. Symbols tell the same.
ON_DARK: tuple[Color, ...] = ((86, 180, 233), (230, 159, 0), (0, 158, 115), (204, 121, 167))
ON_LIGHT: tuple[Color, ...] = ((0, 114, 178), (213, 94, 0), (0, 122, 90), (150, 75, 120))
BLOCKS = {"local": "█", "cloud": "▒", "": "·"}
PLACES = {"local": "local", "cloud": "cloud", "": "nobody answered"}
MARKS = "●▲■◆"


@dataclass(frozen=True, slots=True)
class Plot:
    """A drawing with what stands above it."""

    title: str
    legend: tuple[tuple[str, str, Color], ...]
    """Symbol, name and colour of each series."""
    drawing: str
    """With ANSI codes, all of them our own."""

    @property
    def content(self) -> Content:
        key = Content("   ").join(
            Content.assemble((mark, f"rgb({','.join(map(str, color))})"), f" {name}")
            for mark, name, color in self.legend
        )
        head = Content.assemble((self.title, "bold"), "   ", key)
        return Content("\n").join((head, Content.from_rich_text(Text.from_ansi(self.drawing))))


class LedgerPlots(Widget, can_focus=True):
    """Both plots, one below the other; beside each other where there is room."""

    HELP_TITLE = "Plots"
    HELP = "Requests by where they were answered, and how fast the models that are used most were, over time."

    trend: reactive[Trend] = reactive(Trend(), layout=False)
    dark: reactive[bool] = reactive(True, layout=False)

    def render(self) -> RenderResult:
        width, height = self.size.width, self.size.height // 2 - 1
        if not self.trend.spans:
            return Content("nothing was asked in this time; t looks back further")
        if width < LEAST_WIDTH or height < LEAST_HEIGHT - 2:
            return Content("there is no room for a plot: make the terminal larger")
        colors = ON_DARK if self.dark else ON_LIGHT
        plots = [requests_plot(self.trend, width, height, colors), rates_plot(self.trend, width, height, colors)]
        return Content("\n").join(plot.content for plot in plots)


def requests_plot(trend: Trend, width: int, height: int, colors: Sequence[Color]) -> Plot:
    """Bars: how many requests each day (or month), one part above the other by where they were answered."""
    _begin(width, height)
    places = range(len(trend.spans))
    legend = [(BLOCKS[place], PLACES[place], colors[list(BLOCKS).index(place)]) for place, _ in trend.requests]
    tops = [tuple(accumulate(counts)) for counts in zip(*(counts for _, counts in trend.requests), strict=True)]
    # The highest first: each of the others covers what is below its own top. A bar of nothing would cover the floor.
    for part, (mark, _, color) in reversed(list(enumerate(legend))):
        heights = [(place, top[part]) for place, top in zip(places, tops, strict=True) if top[part]]
        if heights:
            plotext.bar(*map(list, zip(*heights, strict=True)), color=color, marker=mark, width=0.8)
    plotext.xlim(-0.5, len(tops) - 0.5)
    highest = max(top[-1] for top in tops)
    plotext.ylim(0, highest)
    plotext.yticks(*_whole_numbers(highest))
    _label(trend.spans, width)
    return Plot(f"requests per {_span_word(trend)}", tuple(legend), _end())


def _whole_numbers(highest: int) -> tuple[list[int], list[str]]:
    """For an axis."""
    step = max(1, -(-highest // TICKS))
    ticks = list(range(0, highest + 1, step))
    return ticks, [f"{tick:,}" for tick in ticks]


def rates_plot(trend: Trend, width: int, height: int, colors: Sequence[Color]) -> Plot:
    """Lines: the median of tokens per second of each model."""
    _begin(width, height)
    title = f"tokens/s, median per {_span_word(trend)}"
    # One line is all that the legend has.
    longest_name = max(4, (width - len(title)) // max(1, len(trend.rates)) - 5)
    legend = []
    for (model, rates), mark, color in zip(trend.rates, MARKS, colors, strict=False):
        known = [(at, rate) for at, rate in enumerate(rates) if rate is not None]
        places, values = [at for at, _ in known], [rate for _, rate in known]
        plotext.plot(places, values, color=color, marker="braille")
        plotext.scatter(places, values, color=color, marker=mark)
        name = model if len(model) <= longest_name else model.partition("/")[2]
        legend.append((mark, printable(name, longest_name), color))
    if legend:
        plotext.xlim(-0.5, len(trend.spans) - 0.5)
        highest = max(rate for _, rates in trend.rates for rate in rates if rate is not None)
        plotext.ylim(0, 1.05 * highest)
        plotext.yticks(*_whole_numbers(math.ceil(highest)))
        _label(trend.spans, width)
    return Plot(title, tuple(legend), _end())


def _begin(width: int, height: int) -> None:
    # plotext keeps one figure for the whole program: it is drawn on by the panel's own thread alone.
    plotext.clear_figure()
    plotext.theme("clear")
    # The room that there is, is the widget's: what plotext takes for the terminal's size may be another.
    plotext.limit_size(False, False)
    plotext.plotsize(width, height)


def _end() -> str:
    drawing = plotext.build()
    plotext.clear_figure()
    return str(drawing).rstrip("\n")


def _label(spans: Sequence[str], width: int) -> None:
    """Names as many days as there is room for, the last one always."""
    step = max(1, -(-len(spans) * TICK_WIDTH // width))
    places = list(range(len(spans) - 1, -1, -step))[::-1]
    plotext.xticks(places, [spans[at][-5:] if len(spans[at]) == len("2026-11-20") else spans[at] for at in places])


def _span_word(trend: Trend) -> str:
    return "day" if len(trend.spans[0]) == len("2026-11-20") else "month"
