"""A lane's figures in words, each in a few cells. What is not known is "–"."""

from __future__ import annotations

from tui.app.widgets.reply_words import seconds_words
from tui.chat.race import Lane
from tui.chat.race_figures import RaceFigure, value_of
from tui.fleet.wording import NOT_KNOWN, size_words

SHORT_NAMES = {
    RaceFigure.TOTAL: "total",
    RaceFigure.FIRST_TOKEN: "first",
    RaceFigure.LOAD: "load",
    RaceFigure.PREFILL: "prefill",
    RaceFigure.TOKENS_PER_SECOND: "tok/s",
    RaceFigure.TOKENS: "tokens",
    RaceFigure.COST: "cost",
    RaceFigure.GPU_MEMORY: "GPU",
}
LONG_NAMES = {
    RaceFigure.TOTAL: "total time",
    RaceFigure.FIRST_TOKEN: "time to first token",
    RaceFigure.LOAD: "time to load",
    RaceFigure.PREFILL: "time to read the prompt",
    RaceFigure.TOKENS_PER_SECOND: "tokens per second",
    RaceFigure.TOKENS: "tokens",
    RaceFigure.COST: "cost",
    RaceFigure.GPU_MEMORY: "GPU memory",
}


def race_figure_words(lane: Lane, figure: RaceFigure) -> str:
    """ "412 ms", "83", "$0.0012", "17.8 GiB"; "+17.8 GiB" where the model was loaded for this prompt."""
    value = value_of(lane, figure)
    if value is None:
        return NOT_KNOWN
    match figure:
        case RaceFigure.TOKENS_PER_SECOND:
            return f"{value:.0f}"
        case RaceFigure.TOKENS:
            return f"{value:,.0f}"
        case RaceFigure.COST:
            return "free" if value == 0 else f"${value:.6f}" if value < 0.001 else f"${value:.4f}"
        case RaceFigure.GPU_MEMORY:
            return ("+" if lane.memory_before == 0 else "") + size_words(int(value))
        case _:
            return seconds_words(value)
