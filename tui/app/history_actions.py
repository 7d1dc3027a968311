"""What a person can do with conversations of other times: a part of the table of all actions."""

from __future__ import annotations

from tui.app.action import Action, Scope

HISTORY_ACTIONS: tuple[Action, ...] = (
    Action(
        id="history.open", keys="enter", title="Open", scope=Scope.HISTORY, method="screen.open", footer=True,
        palette=False, about="Go on with this conversation in the playground.",
    ),
    Action(
        id="history.search", keys="slash", title="Search", scope=Scope.HISTORY, method="screen.search", footer=True,
        palette=False, about="Show only conversations that hold these words, in their title, prompts or answers.",
    ),
    Action(
        id="history.rename", keys="r", title="Rename", scope=Scope.HISTORY, method="screen.rename", footer=True,
        disturbs=True, palette=False, about="Give this conversation another title.",
    ),
    Action(
        id="history.export", keys="x", title="Export", scope=Scope.HISTORY, method="screen.export", footer=True,
        palette=False, about="Write this conversation into a file that you name: Markdown, or JSON where it ends so.",
    ),
    Action(
        id="history.delete", keys="d,delete", title="Delete", scope=Scope.HISTORY, method="screen.delete", footer=True,
        disturbs=True, palette=False, about="Delete this conversation and its text for good, after asking.",
    ),
    Action(
        id="history.close", keys="escape,q", title="Close", scope=Scope.HISTORY, method="screen.close", footer=True,
        palette=False, about="Go back to the playground.",
    ),
)  # fmt: skip
