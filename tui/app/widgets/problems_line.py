"""The line above the footer: the worst problem, and how many more there are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import RenderResult
from textual.content import Content
from textual.reactive import reactive, var
from textual.widget import Widget

from tui.fleet.printable import printable
from tui.fleet.snapshot import Problem
from tui.fleet.wording import duration_words


class ProblemsLine(Widget):
    """One line that stands on every screen; a click lists all problems."""

    HELP_TITLE = "Problems"
    HELP = "The worst thing that is wrong now, in one sentence, and how many more there are."

    COMPONENT_CLASSES: ClassVar[set[str]] = {"problems-line--calm", "problems-line--problem", "problems-line--more"}

    problems: reactive[tuple[Problem, ...]] = reactive((), layout=False)
    looking: reactive[bool] = reactive(True, layout=False)
    """True until the first answers are there: then silence is no good news."""
    now: var[float] = var(0.0)

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  (Textual's own name for it)
        super().__init__(id=id)
        self._sentence = ""

    def watch_now(self) -> None:
        # Textual looks at all that lies between two changed lines, and the clock in the first changes each second.
        if self.problems and sentence(self.problems[0], self.now) != self._sentence:
            self.refresh()

    def render(self) -> RenderResult:
        if not self.problems:
            text = " … looking at the fleet" if self.looking else " ✓ no problems"
            return Content.styled(text, self.get_visual_style("problems-line--calm"))
        others = len(self.problems) - 1
        more = f"  +{others} more (!) " if others else " "
        self._sentence = first = sentence(self.problems[0], self.now)
        room = max(8, self.size.width - len(more) - 3)
        line = Content.assemble(
            (f" ! {printable(first, room)}", self.get_visual_style("problems-line--problem")),
            (more, self.get_visual_style("problems-line--more")),
        )
        return line.truncate(self.size.width)

    async def on_click(self) -> None:
        await self.run_action("app.problems")


def sentence(problem: Problem, now: float) -> str:
    """A problem and for how long it has been one."""
    return problem.text + (f" ({duration_words(now - problem.since)})" if problem.since is not None else "")


def problems_text(problems: Sequence[Problem], now: float) -> str:
    """All problems, a paragraph each."""
    return "\n\n".join(f"! {sentence(problem, now)}" for problem in problems) or "✓ no problems"
