"""What workers tell the panel. Only handlers of these change widgets."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from textual.message import Message

from tui.app.themes import Themes
from tui.config.schema import Config
from tui.fleet.snapshot import FleetSnapshot, ModelSnapshot, ServiceSnapshot
from tui.routing.modes import Modes

if TYPE_CHECKING:
    from textual.screen import Screen

    from tui.app.panel_state import PanelState
    from tui.config.edit import Edit


class FleetSeen(Message):
    """A newer snapshot of the fleet. One that nobody has looked at yet gives way to it."""

    def __init__(self, snapshot: FleetSnapshot) -> None:
        super().__init__()
        self.snapshot = snapshot

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, FleetSeen)


class ModesRead(Message):
    """The mode files, as they are now."""

    def __init__(self, modes: Modes) -> None:
        super().__init__()
        self.modes = modes

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, ModesRead)


class ConfigRead(Message):
    """The configuration file changed: what it holds now, or what is wrong with it."""

    def __init__(self, config: Config | None, problem: str = "") -> None:
        super().__init__()
        self.config = config
        self.problem = problem


class ThemesRead(Message):
    """The theme files changed."""

    def __init__(self, themes: Themes) -> None:
        super().__init__()
        self.themes = themes


class ActionEnded(Message):
    """Something that the person asked for is done, or could not be."""

    def __init__(self, text: str, *, failed: bool = False) -> None:
        super().__init__()
        self.text = text
        self.failed = failed


class CopyAsked(Message):
    """The person wants ``text`` on their clipboard."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text


class LoadAsked(Message):
    """The person wants a model in memory."""

    def __init__(self, service: ServiceSnapshot, model: ModelSnapshot) -> None:
        super().__init__()
        self.service = service
        self.model = model


class UnloadAsked(Message):
    """The person wants a model (None: all models of the service) out of memory."""

    def __init__(self, service: ServiceSnapshot, model: ModelSnapshot | None) -> None:
        super().__init__()
        self.service = service
        self.model = model


class DemoAsked(Message):
    """The person wants to look around in the simulated fleet."""


class EditWanted(Message):
    """The person wants their configuration changed; nothing is written before they have seen the diff."""

    def __init__(self, question: str, edit: Edit) -> None:
        super().__init__()
        self.question = question
        self.edit = edit


class ScreenAsked(Message):
    """The person wants to see more of something; ``open_with`` makes the screen that shows it."""

    def __init__(self, open_with: Callable[[PanelState], Screen[None]]) -> None:
        super().__init__()
        self.open_with = open_with
