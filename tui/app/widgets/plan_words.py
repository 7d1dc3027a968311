"""A plan in words: who is asked in which order and why, and who is not; and the marks of what state they are in."""

from __future__ import annotations

from collections.abc import Mapping

from textual.content import Content

from tui.fleet.printable import printable
from tui.fleet.snapshot import ModelState, ServiceState
from tui.fleet.wording import MODEL_SYMBOLS, SERVICE_SYMBOLS
from tui.routing.plan import Plan

SYMBOLS: Mapping[str, str] = {
    **{str(state): symbol for state, symbol in SERVICE_SYMBOLS.items()},
    **{str(state): symbol for state, symbol in MODEL_SYMBOLS.items()},
}
STYLES: Mapping[str, str] = {
    str(ServiceState.UP): "up",
    str(ServiceState.BUSY): "busy",
    str(ServiceState.STARTING): "starting",
    str(ServiceState.DOWN): "down",
    str(ModelState.READY): "up",
    str(ModelState.STOPPING): "busy",
    str(ModelState.IDLE): "idle",
}


def plan_in_brief(plan: Plan) -> Content:
    """A line for each model."""
    lines = []
    if plan.private:
        lines.append(Content.styled(f"stays on your own machines: {printable(plan.private, 200)}", "$state-up"))
    if not plan.candidates:
        lines.append(Content.styled(f"× {printable(plan.error, 600)}", "$state-down"))
    for number, candidate in enumerate(plan.candidates, 1):
        symbol = SYMBOLS.get(candidate.state, "?")
        style = f"$state-{STYLES.get(candidate.state, 'unknown')}"
        lines.append(
            Content.assemble(
                f"{number}. ",
                (f"{symbol} ", style),
                (printable(candidate.model, 100), "bold"),
                (f"  {candidate.where}  ", "$foreground 60%"),
                (printable(candidate.why, 200), "$foreground 75%"),
            )
        )
    for skip in plan.skipped if plan.candidates else ():
        words = f"×  {printable(skip.model, 100)}: {printable(skip.reason, 200)}"
        lines.append(Content.styled(words, "$state-idle"))
    return Content("\n").join(lines)


def plan_step_by_step(plan: Plan) -> Content:
    """A paragraph for each model; of those skipped, which rule says so."""
    lines = []
    if plan.private:
        lines.append(Content(f"It stays on your own machines: {plan.private}."))
    if not plan.candidates:
        lines.append(Content.styled(printable(plan.error, 1000), "$state-down"))
    for number, candidate in enumerate(plan.candidates, 1):
        lead = "first" if number == 1 else "then"
        lines += [
            Content(""),
            Content.assemble((f"{number}. {lead}  ", "$foreground 60%"), (printable(candidate.model, 100), "bold")),
            Content(f"   {candidate.why}"),
            Content(f"   {SYMBOLS.get(candidate.state, '?')} {candidate.state} · {candidate.where}"),
        ]
    for skip in plan.skipped:
        lines += [
            Content(""),
            Content.assemble(("×  skipped  ", "$state-idle"), (printable(skip.model, 100), "bold")),
            Content(f"   {printable(skip.reason, 400)}"),
            Content.styled(f"   rule: {skip.rule} · {skip.where}", "$foreground 60%"),
        ]
    return Content("\n").join(lines)
