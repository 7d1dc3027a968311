"""What a person can do on the Ledger screen."""

from __future__ import annotations

from tui.app.action import Action, Scope

LEDGER_ACTIONS: tuple[Action, ...] = (
    Action(
        id="ledger.details", keys="enter", title="Open", scope=Scope.LEDGER, method="screen.open", footer=True,
        about="Open the row: the requests that it adds up, or all that is kept of one request or action.",
    ),
    Action(
        id="ledger.next", keys="right_square_bracket", title="Next", scope=Scope.LEDGER,
        method="screen.next_section(1)", footer=True, about="Show the next part: usage, plots, requests, actions.",
    ),
    Action(
        id="ledger.previous", keys="left_square_bracket", title="Previous", scope=Scope.LEDGER,
        method="screen.next_section(-1)", about="Show the part before this one.",
    ),
    Action(
        id="ledger.by", keys="b", title="By", scope=Scope.LEDGER, method="screen.next_by", footer=True,
        about="Add up by model, by task, by day, or by where it ran.",
    ),
    Action(
        id="ledger.period", keys="t", title="Period", scope=Scope.LEDGER, method="screen.next_period", footer=True,
        about="Look back over 24 hours, 7 days, 30 days, or all the time.",
    ),
    Action(
        id="ledger.filter", keys="slash", title="Filter", scope=Scope.LEDGER, method="screen.filter", footer=True,
        about="Show only what holds these words; a day such as 2026-11-20 is when it was; escape shows all again.",
    ),
    Action(
        id="ledger.copy", keys="y", title="Copy", scope=Scope.LEDGER, method="screen.copy",
        about="Copy the model, task or day of the row, the hash of the prompt, or the target of the action.",
    ),
    Action(
        id="ledger.save-csv", keys="S", title="CSV", scope=Scope.LEDGER, method="screen.save('csv')", footer=True,
        about="Write all rows, not only those that fit here, into a file for spreadsheets; of prompts only the hash.",
    ),
    Action(
        id="ledger.save-json", keys="J", title="JSON", scope=Scope.LEDGER, method="screen.save('json')",
        about="Write all rows into a file for scripts; of prompts only the hash.",
    ),
)  # fmt: skip
