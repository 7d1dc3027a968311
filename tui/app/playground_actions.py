"""What a person can do in the playground: a part of the table of all actions."""

from __future__ import annotations

from tui.app.action import Action, Scope

PLAYGROUND_ACTIONS: tuple[Action, ...] = (
    Action(
        id="playground.write", keys="i", title="Write", scope=Scope.PLAYGROUND, method="write", footer=True,
        about="Go to the prompt and write; escape leaves it.",
    ),
    Action(
        id="playground.choose", keys="m,ctrl+o", title="Model", scope=Scope.PLAYGROUND, method="choose", footer=True,
        about="Choose whom to ask: a tier, a task, or any model of the fleet.",
    ),
    Action(
        id="playground.stop", keys="escape", title="Stop", scope=Scope.PLAYGROUND, method="stop", footer=True,
        about="End the answer that is coming, at its server too; where none is, leave the prompt.",
    ),
    Action(
        id="playground.copy", keys="y", title="Copy", scope=Scope.PLAYGROUND, method="copy", footer=True,
        about="Copy the block of code that is chosen, else the whole answer.",
    ),
    Action(
        id="race.open", keys="ctrl+r", title="Race", scope=Scope.PLAYGROUND, method="race",
        footer=True, about="Send one prompt to up to six models at once, and compare their answers side by side.",
    ),
    Action(
        id="playground.history", keys="h,f11", title="History", scope=Scope.PLAYGROUND, method="history",
        footer=True, about="Conversations of other times: search, open, rename, export and delete them.",
    ),
    Action(
        id="playground.code", keys="c", title="Code", scope=Scope.PLAYGROUND, method="next_block", footer=True,
        about="Choose the next block of code in the answer, for copying.",
    ),
    Action(
        id="playground.settings", keys="s,ctrl+s", title="Settings", scope=Scope.PLAYGROUND, method="settings",
        footer=True, about="System prompt, temperature, length of the answer, thinking on or off.",
    ),
    Action(
        id="playground.thinking", keys="t", title="Thinking", scope=Scope.PLAYGROUND, method="fold", footer=True,
        about="Show what the model thought before it answered, or fold it up.",
    ),
    Action(
        id="playground.attach", keys="a,ctrl+g", title="Attach", scope=Scope.PLAYGROUND, method="attach", footer=True,
        about="Send a file along with the prompt: text, or an image for a model that takes images.",
    ),
    Action(
        id="playground.prompts", keys="o,f10", title="Prompts", scope=Scope.PLAYGROUND, method="prompts",
        footer=True, about="Write a saved prompt into the editor, save the present one, or delete one.",
    ),
    Action(
        id="playground.detach", keys="d", title="Detach", scope=Scope.PLAYGROUND, method="detach",
        about="Take the file that was attached last away from the prompt.",
    ),
    Action(
        id="playground.private", keys="v,f9", title="Private here", scope=Scope.PLAYGROUND,
        method="toggle_private",
        about="Keep the prompts that you send from here on your own machines, whatever the mode is.",
    ),
    Action(
        id="playground.external", keys="x,f12", title="External once", scope=Scope.PLAYGROUND,
        method="toggle_external",
        about="Ask other models instead of Claude for the next prompt, whatever the mode is.",
    ),
    Action(
        id="playground.new", keys="n,ctrl+n", title="New", scope=Scope.PLAYGROUND, method="begin_anew",
        about="Begin a new conversation; the one that is open stays among the kept ones.",
    ),
    Action(
        id="playground.turn-before", keys="left_square_bracket", title="Turn before", scope=Scope.PLAYGROUND,
        method="choose_turn(-1)", about="Choose an earlier turn of the conversation; first the newest one.",
    ),
    Action(
        id="playground.turn-after", keys="right_square_bracket", title="Turn after", scope=Scope.PLAYGROUND,
        method="choose_turn(1)", about="Choose the turn after the chosen one.",
    ),
    Action(
        id="playground.anew", keys="b", title="Branch", scope=Scope.PLAYGROUND, method="write_anew",
        about="Write the chosen turn anew, else the newest; sending it begins a branch, and the other one stays.",
    ),
    Action(
        id="playground.leave-out", keys="w", title="Leave out", scope=Scope.PLAYGROUND, method="leave_out",
        about="Leave the chosen turn out of what is sent, or take it back; without one, all that must stay at home.",
    ),
    Action(
        id="prompt.send", keys="enter", title="Send", scope=Scope.PROMPT, method="send", footer=True, disturbs=True,
        palette=False, about="Send the prompt to whom the line above it names.",
    ),
    Action(
        id="prompt.newline", keys="ctrl+j,shift+enter", title="New line", scope=Scope.PROMPT, method="new_line",
        footer=True, palette=False, about="Begin a new line. Every terminal has ctrl+j; not all know shift+enter.",
    ),
    Action(
        id="prompt.editor", keys="ctrl+e", title="Editor", scope=Scope.PROMPT, method="open_editor", footer=True,
        about="Write the prompt in your own editor ($VISUAL or $EDITOR).",
    ),
    Action(
        id="prompt.earlier", keys="up", title="Earlier", scope=Scope.PROMPT, method="earlier", palette=False,
        about="A line up; in the first line: the prompt before this one.",
    ),
    Action(
        id="prompt.later", keys="down", title="Later", scope=Scope.PROMPT, method="later", palette=False,
        about="A line down; in the last line: the prompt after this one.",
    ),
    Action(
        id="answer.up", keys="up,k", title="Up", scope=Scope.ANSWER, method="scroll_rows(-1)", palette=False,
        about="Scroll up by a line; the view then stays where it is.",
    ),
    Action(
        id="answer.down", keys="down,j", title="Down", scope=Scope.ANSWER, method="scroll_rows(1)", palette=False,
        about="Scroll down by a line.",
    ),
    Action(
        id="answer.page-up", keys="pageup,ctrl+b", title="Page up", scope=Scope.ANSWER, method="scroll_screens(-1)",
        palette=False, about="Scroll up by a screenful.",
    ),
    Action(
        id="answer.page-down", keys="pagedown,ctrl+f,space", title="Page down", scope=Scope.ANSWER,
        method="scroll_screens(1)", palette=False, about="Scroll down by a screenful.",
    ),
    Action(
        id="answer.first", keys="home,g", title="First", scope=Scope.ANSWER, method="scroll_rows(-10000000)",
        palette=False, about="Go to the beginning.",
    ),
    Action(
        id="answer.last", keys="end,G", title="Last", scope=Scope.ANSWER, method="scroll_rows(10000000)",
        palette=False, about="Go to the end, and follow what comes.",
    ),
)  # fmt: skip
