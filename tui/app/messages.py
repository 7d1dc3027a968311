"""What workers tell the panel. Only handlers of these change widgets."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from textual.message import Message

from tui.app.themes import Themes
from tui.config.schema import Config
from tui.fleet.snapshot import FleetSnapshot
from tui.routing.modes import Modes

if TYPE_CHECKING:
    from textual.screen import Screen

    from tui.app.log_lines import LogLine
    from tui.app.panel_state import PanelState
    from tui.app.questions import Question
    from tui.bridges.claude_quota import Quota
    from tui.control.fitting import Taken
    from tui.fleet.monitor import Monitor
    from tui.ledger.probes import Probed
    from tui.ledger.records import ModelFigures
    from tui.ledger.usage import Usage
    from tui.routing.guard import Findings


class FleetSeen(Message):
    """A newer snapshot of the fleet. One that nobody has looked at yet gives way to it."""

    def __init__(self, snapshot: FleetSnapshot) -> None:
        super().__init__()
        self.snapshot = snapshot

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, FleetSeen)


class Learned(Message):
    """Something that a feed found out and that only has to be shown."""

    def into(self, state: PanelState) -> PanelState:
        """``state`` with what is known now."""
        raise NotImplementedError

    def can_replace(self, message: Message) -> bool:
        return type(message) is type(self)


class ModesRead(Learned):
    """The mode files, as they are now."""

    def __init__(self, modes: Modes) -> None:
        super().__init__()
        self.modes = modes

    def into(self, state: PanelState) -> PanelState:
        return replace(state, modes=self.modes)


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


class DemoAsked(Message):
    """The person wants to look around in the simulated fleet."""


class ScreenAsked(Message):
    """The person wants to see more of something; ``open_with`` makes the screen that shows it."""

    def __init__(self, open_with: Callable[[PanelState], Screen[None]]) -> None:
        super().__init__()
        self.open_with = open_with


class LogsAsked(Message):
    """The person wants to read the log of a service's unit."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self.service = service


class LogCame(Message):
    """New lines of the log ``source``; ``cursor`` is where the last of them ends, where the log has such a thing."""

    def __init__(self, source: str, lines: Sequence[LogLine], cursor: str | None) -> None:
        super().__init__()
        self.source = source
        self.lines = lines
        self.cursor = cursor


class LogTroubled(Message):
    """Why no more lines of ``source`` come; empty: they do again."""

    def __init__(self, source: str, reason: str) -> None:
        super().__init__()
        self.source = source
        self.reason = reason


class LogSaveAsked(Message):
    """The person wants these lines in a file, whose name begins with ``name``."""

    def __init__(self, name: str, lines: Sequence[str]) -> None:
        super().__init__()
        self.name = name
        self.lines = lines


class ActAsked(Message):
    """The person wants something done; it is done once ``question`` is answered, where there is something to ask."""

    def __init__(
        self, question: Question, act: Callable[[Monitor, Config], Coroutine[None, None, ActionEnded]]
    ) -> None:
        super().__init__()
        self.question = question
        self.act = act


class UsageRead(Learned):
    """What was used so far, by all faces and processes; ``problem``: why the ledger does not tell."""

    def __init__(self, usage: Usage, problem: str = "") -> None:
        super().__init__()
        self.usage = usage
        self.problem = problem

    def into(self, state: PanelState) -> PanelState:
        return replace(state, usage=self.usage, ledger_problem=self.problem)


class GuardsLooked(Learned):
    """What the guards find before there is a prompt."""

    def __init__(self, findings: Findings) -> None:
        super().__init__()
        self.findings = findings

    def into(self, state: PanelState) -> PanelState:
        return replace(state, findings=self.findings)


class FiguresRead(Learned):
    """How quick each model was the last times, as the ledger has it."""

    def __init__(self, figures: Mapping[str, ModelFigures]) -> None:
        super().__init__()
        self.figures = figures

    def into(self, state: PanelState) -> PanelState:
        return replace(state, figures=self.figures)


class TailnetRead(Learned):
    """How Tailscale reaches each machine, in words."""

    def __init__(self, words: Mapping[str, str]) -> None:
        super().__init__()
        self.words = words

    def into(self, state: PanelState) -> PanelState:
        return replace(state, tailnet=self.words)


class MemoryNoted(Learned):
    """What each model took when it was last loaded, as far as anybody has seen it."""

    def __init__(self, taken: Mapping[str, Taken], split_costs: Mapping[str, str]) -> None:
        super().__init__()
        self.taken = taken
        self.split_costs = split_costs

    def into(self, state: PanelState) -> PanelState:
        return replace(state, taken=self.taken, split_costs=self.split_costs)


class QuotaRead(Learned):
    """What is used of Claude's subscription, as its status line was told last."""

    def __init__(self, quota: Quota) -> None:
        super().__init__()
        self.quota = quota

    def into(self, state: PanelState) -> PanelState:
        return replace(state, quota=self.quota)


class ProbesRead(Learned):
    """What each model was found to be able to do for agents."""

    def __init__(self, probes: Mapping[str, Probed]) -> None:
        super().__init__()
        self.probes = probes

    def into(self, state: PanelState) -> PanelState:
        return replace(state, probes=self.probes)
