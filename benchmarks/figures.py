"""Measured figures beside what is wanted of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured figure."""

    name: str
    unit: Literal["ms", "%", "MB", "rows", "s"]
    measured: float
    floor: float | None = None
    """The same of the simplest program that could do it, measured in the same run."""
    wanted: float | None = None
    """The most that it should be (for rows: the least); None: it only informs."""
    wanted_words: str = ""
    """Where the wanted figure follows from another: how."""

    @property
    def ok(self) -> bool | None:
        if self.wanted is None:
            return None
        return self.measured >= self.wanted if self.unit == "rows" else self.measured <= self.wanted

    @property
    def ratio(self) -> float | None:
        """To the floor."""
        return self.measured / self.floor if self.floor else None


def table(title: str, floor: str, figures: Sequence[Figure]) -> str:
    """``figures`` in columns; ``floor`` says what they are compared with."""
    rows = [("", "measured", floor, "ratio", "wanted", "")]
    for figure in figures:
        sign = "≥" if figure.unit == "rows" else "≤"
        wanted = "" if figure.wanted is None else figure.wanted_words or f"{sign} {_number(figure.wanted, figure.unit)}"
        rows.append(
            (
                figure.name,
                _number(figure.measured, figure.unit),
                "" if figure.floor is None else _number(figure.floor, figure.unit),
                "" if figure.ratio is None else f"{figure.ratio:.2f} ×",
                wanted,
                {True: "ok", False: "over" if figure.unit != "rows" else "short", None: ""}[figure.ok],
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [f"{title}"]
    for row in rows:
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        lines.append("  " + "  ".join(cells).rstrip())
    return "\n".join(lines)


def percentile(values: Sequence[float], share: float) -> float:
    """The value that ``share`` of ``values`` do not exceed (nearest rank).

    Raises:
        ValueError: there are none.
    """
    if not values:
        raise ValueError("no values were measured")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, round(share * len(ordered) + 0.5) - 1))]


def _number(value: float, unit: str) -> str:
    match unit:
        case "rows":
            return f"{value:.0f}"
        case "%":
            return f"{value:.2f} %"
        case "ms" if value < 100:
            return f"{value:.1f} ms"
        case _:
            return f"{value:.0f} {unit}"
