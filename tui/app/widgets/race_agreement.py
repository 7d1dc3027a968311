"""Who gives the same answer, in words."""

from __future__ import annotations

from textual.content import Content

from tui.chat.consensus import Consensus
from tui.chat.race import Lane
from tui.fleet.printable import printable

LETTERS = "ABCDEF"
SHOWN = 240
"""Characters of an answer that are repeated; all of it stands in its lane."""


def agreement_content(found: Consensus, lanes: tuple[Lane, ...]) -> Content:
    """The verdict first, then each answer with those who give it, then those who gave none."""
    agreed = found.agreed is not None
    verdict = ("✓ they agree", "$state-up") if agreed else ("× they do not agree", "$state-busy")
    largest = len(found.groups[0].models) if found.groups else 0
    share = f": {largest} of {found.asked} ({found.share:.0%}) say the same, {found.threshold:.0%} wanted"
    judged = f" · judged by {printable(found.judge.model, 80)}" if found.judge and not found.remark else ""
    lines = [Content.assemble(verdict, share, (judged, "$foreground 60%"))]
    if found.remark:
        lines.append(Content.styled(f"  {printable(found.remark, 400)}", "$state-busy"))
    for letter, group in zip(LETTERS, found.groups, strict=False):
        names = ", ".join(printable(name, 80) for name in group.models)
        lines.append(Content.assemble((f"{letter}  ", "bold $primary"), (names, "bold")))
        lines.append(Content(f"   {answer_in_brief(group.answer)}"))
    answered = {name for group in found.groups for name in group.models}
    for lane in lanes:
        if lane.name not in answered:
            why = printable(lane.words, 200) or "an empty answer"
            lines.append(Content.styled(f"–  {printable(lane.name, 80)}: no answer ({why})", "$state-idle"))
    return Content("\n").join(lines)


def place_words(found: Consensus, lane: Lane) -> str:
    """What a lane's answer is among the others: "A, as llama-swap/gemma", "A, as 3 others", "B, alone"; empty: it has
    none."""
    for letter, group in zip(LETTERS, found.groups, strict=False):
        if lane.name in group.models:
            others = [printable(name, 40) for name in group.models if name != lane.name]
            if not others:
                return f"{letter}, alone"
            return f"{letter}, as {others[0] if len(others) == 1 else f'{len(others)} others'}"
    return ""


def answer_in_brief(answer: str) -> str:
    """The beginning of an answer, in one line."""
    words = printable(" ".join(answer[: 4 * SHOWN].split()))
    return words if len(words) <= SHOWN else words[:SHOWN].rstrip() + "…"
