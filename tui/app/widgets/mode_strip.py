"""The top line: the modes, how old each machine's data are, and the time."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import RenderResult
from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from tui.fleet.printable import printable
from tui.fleet.snapshot import FleetSnapshot, Freshness, MachineSnapshot, MachineState
from tui.fleet.wording import age_words
from tui.routing.modes import Mode, Modes

if TYPE_CHECKING:
    from tui.bridges.claude_quota import Quota


class ModeStrip(Widget):
    """One line that stands on every screen. It drops from the middle what a narrow terminal has no room for."""

    HELP_TITLE = "The top line"
    HELP = (
        "Which routing mode is on, since when and why; how long ago each machine was last seen; the time. "
        "Modes belong to everybody: any program may flip one, and this line follows."
    )

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"mode-strip--{name}" for name in ("brand", "calm", "external", "private", "hold", "dim", "stale", "clock")
    }

    snapshot: reactive[FleetSnapshot | None] = reactive(None, layout=False)
    modes: reactive[Modes] = reactive(Modes(), layout=False)
    now: reactive[float] = reactive(0.0, layout=False)
    clock_words: reactive[str] = reactive("", layout=False)
    quota: reactive[Quota | None] = reactive(None, layout=False)
    readonly: reactive[bool] = reactive(False, layout=False)

    def render(self) -> RenderResult:
        width = self.size.width
        modes = self._modes(brief=width < 100)
        clock = self._styled(f"{self.clock_words} ", "clock")
        brand = self._styled(" fleetdeck ", "brand") if width >= 72 else Content(" ")
        if self.readonly:
            brand = Content.assemble(brand, self._styled(" read-only ", "hold"), " ")
        left = Content.assemble(brand, " ", modes)
        room = width - left.cell_length - clock.cell_length - 4
        ages = self._ages(room)
        # Whose allowance runs out matters less than who is there: it takes the room that is left.
        ages = self._with_quota(ages, room)
        gap = " " * max(1, width - left.cell_length - ages.cell_length - clock.cell_length - 3)
        return Content.assemble(left, gap, ages, "   ", clock)

    def _modes(self, *, brief: bool) -> Content:
        external, private, hold = self.modes.external, self.modes.private, self.modes.hold
        if external.enabled:
            chip = self._styled(f"[ EXTERNAL{_since(external, brief)} ]", "external")
        else:
            chip = self._styled("[ CLAUDE ]", "calm")
        if self.modes.private_unknown:
            # Plans take it for on until its file can be read.
            kept = self._styled("PRIVATE ?", "private")
        elif private.enabled:
            kept = self._styled(f"PRIVATE on{_since(private, brief)}", "private")
        else:
            kept = self._styled("private off", "dim")
        if hold:
            lent = self._styled(f"HOLD {', '.join(printable(name, 20) for name in hold)}", "hold")
        else:
            lent = self._styled("hold –", "dim")
        return Content.assemble(chip, "  ", kept, "  ", lent)

    def _ages(self, room: int) -> Content:
        """How long ago each machine was seen, as many machines as there is room for."""
        shown: list[Content] = []
        length = 0
        for machine in self.snapshot.machines if self.snapshot else ():
            if machine.seen.at is None and machine.state is MachineState.UNKNOWN:
                continue
            words = self._age(machine)
            length += words.cell_length + 3
            if length > room:
                break
            shown.append(words)
        return Content(" · ").join(shown)

    def _with_quota(self, ages: Content, room: int) -> Content:
        for words in self.quota.briefs(self.now) if self.quota is not None else ():
            shown = self._styled(words, "dim")
            if shown.cell_length + 3 + ages.cell_length <= room:
                return Content(" · ").join([shown, ages]) if ages.cell_length else shown
        return ages

    def _age(self, machine: MachineSnapshot) -> Content:
        name = printable(machine.name, 24)
        age = age_words(machine.seen.age(self.now))
        if machine.state is not MachineState.UP:
            return self._styled(f"{name} ? {age}", "stale")
        if machine.seen.freshness(self.now) is not Freshness.FRESH:
            return self._styled(f"{name} stale {age}", "stale")
        return self._styled(f"{name} {age}", "dim")

    def _styled(self, text: str, name: str) -> Content:
        return Content.styled(text, self.get_visual_style(f"mode-strip--{name}"))


def _since(mode: Mode, brief: bool) -> str:
    since = mode.since
    words = f" since {since:%H:%M}" if since is not None else ""
    if mode.reason and not brief:
        words += f": {printable(mode.reason, 24)}"
    return words
