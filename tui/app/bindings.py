"""The action registry as Textual's bindings."""

from __future__ import annotations

from textual.binding import Binding

from tui.app.actions import Scope, actions_of


def bindings_of(scope: Scope) -> list[Binding]:
    """One binding per action; its id is what ``[keys]`` rebinds.

    Actions that ``--readonly`` takes away stay bound here: ``check_action`` of the app removes them, so that a person's
    own key for one is not reported as unknown.
    """
    return [
        Binding(
            action.keys,
            action.method,
            action.title,
            show=action.footer,
            tooltip=action.about,
            id=action.id,
        )
        for action in actions_of(scope)
    ]
