"""Styles by name, made from the theme's variables when something is painted in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from rich.style import Style as RichStyle
from textual.style import Style
from textual.widget import Widget

STATE_LOOKS: Mapping[str, str] = {
    "up": "$state-up",
    "busy": "$state-busy",
    "starting": "$state-starting",
    "down": "$state-down",
    "unknown": "$state-unknown",
    "idle": "$state-idle",
    "dim": "$state-idle",
    "accent": "$primary",
}
"""What every face of the panel has in common: a state's colour, what stands back, what stands out."""


class Themed(Widget):
    """Paints with ``LOOKS``: name → a style as in Textual's markup (``"bold $foreground on $panel"``).

    Component classes would do the same as nodes of their own, which Textual (8.2.8) makes anew whenever a focus moves:
    0.3 ms for each name of each widget, a fifth of the time in which the playground opens.
    """

    LOOKS: ClassVar[Mapping[str, str]] = {}
    _painted_with: Mapping[str, str] | None = None

    def look(self, name: str) -> Style:
        """The style of a name, as the theme has it now."""
        return self.app.stylesheet.parse_style(self.LOOKS[name])

    def rich_look(self, name: str) -> RichStyle:
        """The same for strips."""
        look = self.look(name)
        ground, ink = look.background, look.foreground
        if ground is not None and ground.is_transparent:
            # As in the terminal's own theme, which has no shades of its background.
            ground = self.app.stylesheet.parse_style("on $background").background
        if ink is not None and ground is not None:
            ink = ground + ink
        return RichStyle(
            color=None if ink is None else ink.rich_color,
            bgcolor=None if ground is None else ground.rich_color,
            bold=look.bold,
            italic=look.italic,
            underline=look.underline,
            strike=look.strike,
        )

    def forget_looks(self) -> None:
        """The theme is another one: what was kept of its styles is no longer so."""

    def notify_style_update(self) -> None:
        super().notify_style_update()
        if self._painted_with is not self.app.theme_variables:
            self._painted_with = self.app.theme_variables
            self.forget_looks()
            self.refresh()
