"""What a person can do with routes and in the drill: a part of the table of all actions."""

from __future__ import annotations

from tui.app.action import Action, Scope

ROUTE_ACTIONS: tuple[Action, ...] = (
    Action(
        id="routes.explain", keys="enter", title="Explain", scope=Scope.ROUTES, method="screen.explain", footer=True,
        about="Explain the plan step by step, and change its candidates.",
    ),
    Action(
        id="routes.drill", keys="f", title="Drill", scope=Scope.ROUTES, method="screen.drill", footer=True,
        about="Pretend that services are down, and see who would answer.",
    ),
    Action(
        id="routes.copy", keys="y", title="Copy", scope=Scope.ROUTES, method="screen.copy",
        about="Copy the id of the model that would be asked first.",
    ),
    Action(
        id="route.earlier", keys="K,shift+up", title="Earlier", scope=Scope.ROUTE, method="screen.move(-1)",
        footer=True, disturbs=True, palette=False, about="Ask this candidate earlier.",
    ),
    Action(
        id="route.later", keys="J,shift+down", title="Later", scope=Scope.ROUTE, method="screen.move(1)", footer=True,
        disturbs=True, palette=False, about="Ask this candidate later.",
    ),
    Action(
        id="route.add", keys="a", title="Add", scope=Scope.ROUTE, method="screen.add", footer=True, disturbs=True,
        palette=False, about="Add a candidate at the end.",
    ),
    Action(
        id="route.external", keys="E", title="External", scope=Scope.ROUTE, method="screen.external", footer=True,
        disturbs=True, palette=False, about="Say who answers in Claude's stead while external mode is on.",
    ),
    Action(
        id="route.remove", keys="x,delete", title="Remove", scope=Scope.ROUTE, method="screen.remove", footer=True,
        disturbs=True, palette=False, about="Take this candidate out.",
    ),
    Action(
        id="route.save", keys="s", title="Save", scope=Scope.ROUTE, method="screen.save", footer=True, disturbs=True,
        palette=False, about="Write the candidates to your configuration, after showing the diff.",
    ),
    Action(
        id="route.undo", keys="U", title="Undo", scope=Scope.ROUTE, method="screen.undo", footer=True, disturbs=True,
        palette=False, about="Take back what is not saved, else the last change that was.",
    ),
    Action(
        id="route.close", keys="escape,q", title="Close", scope=Scope.ROUTE, method="screen.close", footer=True,
        palette=False, about="Go back to all routes.",
    ),
    Action(
        id="drill.mark", keys="space", title="Mark", scope=Scope.DRILL, method="screen.mark", footer=True,
        palette=False, about="Let this service or program count as down, or as it is.",
    ),
    Action(
        id="drill.begin", keys="enter", title="Begin", scope=Scope.DRILL, method="screen.begin", footer=True,
        palette=False, about="Show where prompts would go if what is marked were down.",
    ),
    Action(
        id="drill.candidates", keys="a", title="Really ask", scope=Scope.DRILL, method="screen.ask", footer=True,
        disturbs=True, palette=False, about="Say what it costs to really ask every candidate with a tiny prompt.",
    ),
    Action(
        id="drill.leave", keys="escape,q", title="Leave", scope=Scope.DRILL, method="screen.leave", footer=True,
        palette=False, about="Leave the drill as it was.",
    ),
    Action(
        id="drill.ask", keys="enter", title="Ask them all", scope=Scope.DRILL_ANSWERS, method="screen.ask",
        footer=True, disturbs=True, palette=False, about="Really ask every candidate, one after the other.",
    ),
    Action(
        id="drill.stop", keys="escape,q", title="Stop, or leave", scope=Scope.DRILL_ANSWERS, method="screen.leave",
        footer=True, palette=False, about="End the asking; where nobody is asked, leave.",
    ),
)  # fmt: skip
