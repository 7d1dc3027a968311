"""What a person can do about Claude Code's agents."""

from __future__ import annotations

from tui.app.action import Action, Scope

AGENT_ACTIONS: tuple[Action, ...] = (
    Action(
        id="agents.open", keys="A", title="Agents", scope=Scope.APP, method="app.agents",
        about="Show Claude Code's agents with their models, and what is used of its subscription.",
    ),
    Action(
        id="agents.haiku", keys="h", title="Haiku", scope=Scope.AGENTS, method="screen.set_model('haiku')", footer=True,
        disturbs=True, palette=False, about="Have this agent run on haiku; that line of its file alone changes.",
    ),
    Action(
        id="agents.sonnet", keys="s", title="Sonnet", scope=Scope.AGENTS, method="screen.set_model('sonnet')",
        footer=True, disturbs=True, palette=False, about="Have this agent run on sonnet.",
    ),
    Action(
        id="agents.opus", keys="o", title="Opus", scope=Scope.AGENTS, method="screen.set_model('opus')", footer=True,
        disturbs=True, palette=False, about="Have this agent run on opus.",
    ),
    Action(
        id="agents.inherit", keys="i", title="Inherit", scope=Scope.AGENTS, method="screen.set_model('inherit')",
        footer=True, disturbs=True, palette=False, about="Have this agent run on the model of its session.",
    ),
    Action(
        id="agents.copy", keys="y", title="Copy", scope=Scope.AGENTS, method="screen.copy", palette=False,
        about="Copy the path of this agent's file.",
    ),
    Action(
        id="agents.close", keys="escape,q", title="Close", scope=Scope.AGENTS, method="screen.close", footer=True,
        palette=False, about="Go back to the screen below.",
    ),
)  # fmt: skip
