"""Everything that a person can do, in one table.

Key bindings, footer, palette, help and ``fleetdeck keys`` are all made from it. Nothing of Textual is imported here, so
that the command line can list the keys without starting a panel.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping

from tui.app.action import Action as Action
from tui.app.action import Scope as Scope
from tui.app.agent_actions import AGENT_ACTIONS
from tui.app.history_actions import HISTORY_ACTIONS
from tui.app.ledger_actions import LEDGER_ACTIONS
from tui.app.playground_actions import PLAYGROUND_ACTIONS
from tui.app.race_actions import RACE_ACTIONS
from tui.app.route_actions import ROUTE_ACTIONS

ACTIONS: tuple[Action, ...] = (
    Action(
        id="fleet.open", keys="1,f2", title="Fleet", scope=Scope.APP, method="app.switch_mode('fleet')",
        about="Show the health of every machine, service and model.",
    ),
    Action(
        id="routes.open", keys="2,f3", title="Routes", scope=Scope.APP, method="app.switch_mode('routes')",
        about="Show where a prompt would go for every tier and task, and why.",
    ),
    Action(
        id="playground.open", keys="3,f4", title="Playground", scope=Scope.APP, method="app.switch_mode('playground')",
        about="Try a prompt on any model, tier or task, and watch the answer come.",
    ),
    Action(
        id="ledger.open", keys="4,f5", title="Ledger", scope=Scope.APP, method="app.switch_mode('ledger')",
        about="Show what was asked of which model, how fast and at what cost, and what was done.",
    ),
    Action(
        id="logs.open", keys="5,f6", title="Logs", scope=Scope.APP, method="app.switch_mode('logs')",
        about="Show what the units and llama-swap itself log, live.",
    ),
    Action(
        id="mode.external", keys="e,f7", title="External", scope=Scope.APP, method="app.flip('external')",
        disturbs=True, about="Flip external mode, for every program that follows it: other models instead of Claude.",
    ),
    Action(
        id="mode.private", keys="p,f8", title="Private", scope=Scope.APP, method="app.flip('private')",
        disturbs=True, about="Flip private mode: prompts stay on your own machines, or are refused.",
    ),
    Action(
        id="panel.help", keys="f1,question_mark", title="Help", scope=Scope.APP, method="app.help", footer=True,
        about="Explain what has the focus, and list the keys that work here.",
    ),
    Action(
        id="panel.palette", keys="ctrl+p,colon", title="Commands", scope=Scope.APP, method="app.command_palette",
        footer=True, palette=False, about="Find any action by its name.",
    ),
    Action(
        id="panel.jump", keys="apostrophe,ctrl+space,ctrl+@", title="Jump", scope=Scope.APP, method="screen.jump",
        palette=False, about="Show a letter over each place that can have the focus; pressing it goes there.",
    ),
    Action(
        id="panel.problems", keys="exclamation_mark", title="Problems", scope=Scope.APP, method="app.problems",
        about="List every problem, with since when.",
    ),
    Action(
        id="panel.look", keys="ctrl+l", title="Look now", scope=Scope.APP, method="app.look_now",
        about="Ask every service at once, without waiting for its turn.",
    ),
    Action(
        id="panel.theme", keys="ctrl+t", title="Theme", scope=Scope.APP, method="app.change_theme",
        about="Choose other colours; yours are kept in themes/ beside your configuration.",
    ),
    Action(
        id="panel.suspend", keys="ctrl+z", title="Suspend", scope=Scope.APP, method="app.suspend_process",
        about="Go back to the shell; `fg` returns.",
    ),
    Action(
        id="panel.quit", keys="q", title="Quit", scope=Scope.APP, method="app.quit", footer=True,
        about="Leave the panel. Nothing that runs is stopped.",
    ),
    Action(
        id="fleet.filter", keys="slash", title="Filter", scope=Scope.FLEET, method="filter", footer=True,
        about="Show only rows that hold these words; escape shows all again.",
    ),
    Action(
        id="fleet.details", keys="enter", title="Details", scope=Scope.FLEET, method="details", footer=True,
        about="Show the raw facts, the last error, where they come from and how old they are.",
    ),
    Action(
        id="fleet.copy", keys="y", title="Copy", scope=Scope.FLEET, method="copy",
        about="Copy the model's id or the service's URL.",
    ),
    Action(
        id="model.load", keys="L", title="Load", scope=Scope.FLEET, method="load", footer=True, disturbs=True,
        about="Load the model under the cursor, after saying what it may displace.",
    ),
    Action(
        id="model.unload", keys="u", title="Unload", scope=Scope.FLEET, method="unload", footer=True,
        disturbs=True, about="Unload the model under the cursor, or all models of the service, after asking.",
    ),
    Action(
        id="unit.stop", keys="s", title="Stop", scope=Scope.FLEET, method="screen.unit('stop')", footer=True,
        disturbs=True, about="Stop the service's systemd unit, after saying whom that disturbs.",
    ),
    Action(
        id="unit.start", keys="t", title="Start", scope=Scope.FLEET, method="screen.unit('start')", footer=True,
        disturbs=True, about="Start the service's systemd unit, and see whether it stays up.",
    ),
    Action(
        id="unit.restart", keys="r", title="Restart", scope=Scope.FLEET, method="screen.unit('restart')", footer=True,
        disturbs=True, about="Restart the service's systemd unit, after saying whom that disturbs.",
    ),
    Action(
        id="gpu.hold", keys="g", title="Lend GPU", scope=Scope.FLEET, method="screen.hold", footer=True, disturbs=True,
        about="Free the machine's GPU for something else, and keep prompts off it; once more takes it back.",
    ),
    Action(
        id="unit.logs", keys="l", title="Logs", scope=Scope.FLEET, method="screen.logs", footer=True,
        about="Read the log of the service's unit.",
    ),
    *ROUTE_ACTIONS,
    *PLAYGROUND_ACTIONS,
    *AGENT_ACTIONS,
    *RACE_ACTIONS,
    *HISTORY_ACTIONS,
    *LEDGER_ACTIONS,
    Action(
        id="logs.follow", keys="space", title="Follow", scope=Scope.LOGS, method="follow", footer=True,
        about="Let the log stand still while you read; again, and it follows what is written.",
    ),
    Action(
        id="logs.filter", keys="slash", title="Filter", scope=Scope.LOGS, method="filter", footer=True,
        about="Show only lines that hold these words; escape shows all again.",
    ),
    Action(
        id="logs.next", keys="right_square_bracket", title="Next log", scope=Scope.LOGS, method="next_source(1)",
        footer=True, about="Show the next log: of another service, or the service's own.",
    ),
    Action(
        id="logs.previous", keys="left_square_bracket", title="Previous log", scope=Scope.LOGS,
        method="next_source(-1)", about="Show the log before this one.",
    ),
    Action(
        id="logs.wrap", keys="w", title="Wrap", scope=Scope.LOGS, method="wrap", footer=True,
        about="Break long lines, or let them run out on the right.",
    ),
    Action(
        id="logs.copy", keys="y", title="Copy", scope=Scope.LOGS, method="copy", footer=True,
        about="Copy the lines that are on the screen.",
    ),
    Action(
        id="logs.save", keys="S", title="Save", scope=Scope.LOGS, method="save", footer=True,
        about="Write all lines that the filter shows into a file, and tell where it is.",
    ),
    Action(
        id="logs.up", keys="up,k", title="Up", scope=Scope.LOGS, method="scroll_rows(-1)", palette=False,
        about="Scroll up by a line; the log then stands still.",
    ),
    Action(
        id="logs.down", keys="down,j", title="Down", scope=Scope.LOGS, method="scroll_rows(1)", palette=False,
        about="Scroll down by a line.",
    ),
    Action(
        id="logs.page-up", keys="pageup,ctrl+b", title="Page up", scope=Scope.LOGS, method="scroll_screens(-1)",
        palette=False, about="Scroll up by a screenful.",
    ),
    Action(
        id="logs.page-down", keys="pagedown,ctrl+f", title="Page down", scope=Scope.LOGS, method="scroll_screens(1)",
        palette=False, about="Scroll down by a screenful.",
    ),
    Action(
        id="logs.first", keys="home", title="First", scope=Scope.LOGS, method="scroll_rows(-10000000)", palette=False,
        about="Go to the oldest line that is kept.",
    ),
    Action(
        id="logs.last", keys="end", title="Last", scope=Scope.LOGS, method="scroll_rows(10000000)", palette=False,
        about="Go to the newest line, and follow.",
    ),
    Action(
        id="logs.left", keys="left,h", title="Left", scope=Scope.LOGS, method="scroll_sideways(-1)", palette=False,
        about="Show what is further left of long lines.",
    ),
    Action(
        id="logs.right", keys="right,l", title="Right", scope=Scope.LOGS, method="scroll_sideways(1)", palette=False,
        about="Show what is further right of long lines.",
    ),
    Action(
        id="table.up", keys="up,k", title="Up", scope=Scope.TABLE, method="move_cursor(-1)", palette=False,
        about="Move the cursor up.",
    ),
    Action(
        id="table.down", keys="down,j", title="Down", scope=Scope.TABLE, method="move_cursor(1)", palette=False,
        about="Move the cursor down.",
    ),
    Action(
        id="table.page-up", keys="pageup,ctrl+b", title="Page up", scope=Scope.TABLE, method="page_cursor(-1)",
        palette=False, about="Move the cursor up by a screenful.",
    ),
    Action(
        id="table.page-down", keys="pagedown,ctrl+f", title="Page down", scope=Scope.TABLE, method="page_cursor(1)",
        palette=False, about="Move the cursor down by a screenful.",
    ),
    Action(
        id="table.first", keys="home", title="First", scope=Scope.TABLE, method="move_cursor(-10000000)",
        palette=False, about="Move the cursor to the first row.",
    ),
    Action(
        id="table.last", keys="end", title="Last", scope=Scope.TABLE, method="move_cursor(10000000)", palette=False,
        about="Move the cursor to the last row.",
    ),
    Action(
        id="dialog.close", keys="escape,q", title="Close", scope=Scope.DIALOG, method="close", footer=True,
        palette=False, about="Close what is open on top.",
    ),
    Action(
        id="dialog.copy", keys="y", title="Copy all", scope=Scope.DIALOG, method="copy", footer=True,
        palette=False, about="Copy the whole text.",
    ),
)  # fmt: skip

BY_ID: Mapping[str, Action] = {action.id: action for action in ACTIONS}


def actions_of(scope: Scope, *, readonly: bool = False) -> Iterator[Action]:
    """The actions of one scope, in the order of the table, without those that ``readonly`` takes away."""
    return (action for action in ACTIONS if action.scope is scope and not (readonly and action.disturbs))


def keys_in_force(changed: Mapping[str, str]) -> dict[str, str]:
    """Action id → its keys, with the person's own in place of the defaults."""
    return {action.id: changed.get(action.id, action.keys) for action in ACTIONS}


def key_problems(changed: Mapping[str, str]) -> tuple[str, ...]:
    """What is wrong with the person's ``[keys]``: actions that do not exist, and keys that now mean two things."""
    problems = [_unknown_action(name) for name in changed if name not in BY_ID]
    keys = keys_in_force(changed)
    for name in changed:
        if (action := BY_ID.get(name)) is None:
            continue
        for other in ACTIONS:
            if other.id != name and _meet(action.scope, other.scope):
                both = _key_set(keys[name]) & _key_set(keys[other.id])
                if both:
                    problems.append(f"[keys] {name} = {'/'.join(sorted(both))!r} is already the key of {other.id}")
    return tuple(problems)


def _unknown_action(name: str) -> str:
    near = difflib.get_close_matches(name, BY_ID, n=1)
    hint = f'; did you mean "{near[0]}"?' if near else "; `fleetdeck keys` lists them"
    return f"[keys] {name}: there is no such action{hint}"


def _meet(one: Scope, other: Scope) -> bool:
    """True where keys of both scopes can work at the same time."""
    if one is other:
        return True
    if {one, other} in _NEVER_TOGETHER:
        return False
    ones, others = _PARTS.get(one, frozenset({one})), _PARTS.get(other, frozenset({other}))
    if (ones | others) & _ON_TOP:
        return Scope.TABLE in (one, other)
    return bool(ones & others) or not (ones | others) <= _SCREENS


_ON_TOP = frozenset({Scope.DIALOG, Scope.ROUTE, Scope.DRILL, Scope.DRILL_ANSWERS, Scope.AGENTS, Scope.HISTORY})
_SCREENS = frozenset({Scope.FLEET, Scope.ROUTES, Scope.PLAYGROUND, Scope.RACE, Scope.LEDGER, Scope.LOGS})
_ANSWERING = frozenset({Scope.PLAYGROUND, Scope.RACE})
_PARTS = {Scope.PROMPT: _ANSWERING, Scope.ANSWER: _ANSWERING}
_NEVER_TOGETHER: tuple[set[Scope], ...] = (
    {Scope.PROMPT, Scope.ANSWER},
    *({Scope.TABLE, scope} for scope in (Scope.LOGS, Scope.PLAYGROUND, Scope.PROMPT, Scope.ANSWER)),
)


def _key_set(keys: str) -> set[str]:
    return {key.strip() for key in keys.split(",") if key.strip()}
