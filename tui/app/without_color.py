"""What the panel looks like for a person who set NO_COLOR (no-color.org)."""

from __future__ import annotations

from functools import lru_cache

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter

COLORLESS = Style.parse("default on default not dim")


class WithoutColor(LineFilter):
    """Draws in the terminal's own two colours; what has a ground of its own, such as the row under the cursor, has them
    the other way round. Textual's filters (8.2.8) draw greys, which of sixteen colours are black on black, or lose the
    cursor."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [Segment(text, _colorless(style, background), control) for text, style, control in segments]


@lru_cache(4096)
def _colorless(style: Style | None, background: Color) -> Style | None:
    if style is None:
        return None
    ground = style.bgcolor
    own_ground = ground is not None and not ground.is_default and ground != background.rich_color
    return style + COLORLESS + Style(reverse=own_ground != bool(style.reverse))
