"""What a person can do in a race: a part of the table of all actions."""

from __future__ import annotations

from tui.app.action import Action, Scope

RACE_ACTIONS: tuple[Action, ...] = (
    Action(
        id="race.choose", keys="m,ctrl+o", title="Models", scope=Scope.RACE, method="choose", footer=True,
        about="Choose who takes part: up to six models, tiers and tasks.",
    ),
    Action(
        id="race.write", keys="i", title="Write", scope=Scope.RACE, method="write", footer=True,
        about="Go to the prompt and write; escape leaves it.",
    ),
    Action(
        id="race.stop", keys="escape", title="Stop", scope=Scope.RACE, method="stop", footer=True,
        about="End all answers that are coming, at their servers too; where none is, leave the prompt, then the race.",
    ),
    Action(
        id="race.vote", keys="b", title="Better", scope=Scope.RACE, method="vote", footer=True, disturbs=True,
        about="Vote for the answer that has the focus as the better one; once more takes the vote back.",
    ),
    Action(
        id="race.agreement", keys="a", title="Agreement", scope=Scope.RACE, method="agreement", footer=True,
        disturbs=True, about="Show who gives the same answer, and whether enough of them do.",
    ),
    Action(
        id="race.chart", keys="c", title="Chart", scope=Scope.RACE, method="chart", footer=True,
        about="Show the figures of all lanes as bars, or give the room back to the answers.",
    ),
    Action(
        id="race.order", keys="o", title="Order", scope=Scope.RACE, method="order(1)", footer=True,
        about="Put the lanes of the chart in order by the next figure.",
    ),
    Action(
        id="race.order-back", keys="O", title="Order back", scope=Scope.RACE, method="order(-1)",
        about="Put the lanes of the chart in order by the figure before.",
    ),
    Action(
        id="race.standings", keys="S", title="Standings", scope=Scope.RACE, method="standings", footer=True,
        about="Show which models have won the votes so far for the race's task, and how quick they were.",
    ),
    Action(
        id="race.task", keys="T", title="Task", scope=Scope.RACE, method="task",
        about="Name the task that the race is for: votes count there.",
    ),
    Action(
        id="race.judge", keys="J", title="Judge", scope=Scope.RACE, method="judge",
        about="Name the model that compares answers which are too long to be compared by their words.",
    ),
    Action(
        id="race.stricter", keys="plus", title="Stricter", scope=Scope.RACE, method="threshold(1)",
        about="More of them have to agree.",
    ),
    Action(
        id="race.laxer", keys="minus", title="Laxer", scope=Scope.RACE, method="threshold(-1)",
        about="Fewer of them have to agree.",
    ),
    Action(
        id="race.previous", keys="left,h", title="Left", scope=Scope.RACE, method="lane(-1)",
        about="Go to the lane on the left.",
    ),
    Action(
        id="race.next", keys="right,l", title="Right", scope=Scope.RACE, method="lane(1)",
        about="Go to the lane on the right.",
    ),
    Action(
        id="race.copy", keys="y", title="Copy", scope=Scope.RACE, method="copy",
        about="Copy the answer that has the focus.",
    ),
    Action(
        id="race.thinking", keys="t", title="Thinking", scope=Scope.RACE, method="fold",
        about="Show what the model thought before it answered, or fold it up.",
    ),
    Action(
        id="race.settings", keys="s,ctrl+s", title="Settings", scope=Scope.RACE, method="settings",
        about="System prompt, temperature, length of the answers, thinking on or off.",
    ),
    Action(
        id="race.attach", keys="ctrl+g", title="Attach", scope=Scope.RACE, method="attach",
        about="Send a file along with the prompt: text, or an image for models that take images.",
    ),
    Action(
        id="race.detach", keys="d", title="Detach", scope=Scope.RACE, method="detach",
        about="Take the file that was attached last away from the prompt.",
    ),
    Action(
        id="race.prompts", keys="f10", title="Prompts", scope=Scope.RACE, method="prompts",
        about="Write a saved prompt into the editor, save the present one, or delete one.",
    ),
    Action(
        id="race.leave-out", keys="w", title="Leave out", scope=Scope.RACE, method="leave_out",
        about="Leave the conversation's earlier turns out of what is sent, or take them along.",
    ),
    Action(
        id="race.private", keys="v,f9", title="Private here", scope=Scope.RACE, method="toggle_private",
        about="Keep the prompts of the race on your own machines, whatever the mode is.",
    ),
    Action(
        id="race.external", keys="x,f12", title="External here", scope=Scope.RACE, method="toggle_external",
        about="Ask other models instead of Claude in the race, whatever the mode is.",
    ),
    Action(
        id="race.close", keys="ctrl+r", title="Back", scope=Scope.RACE, method="close",
        about="Go back to the playground; ctrl+r there shows the race again, as it is.",
    ),
)  # fmt: skip
