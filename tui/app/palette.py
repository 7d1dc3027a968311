"""The command palette, made from the action registry."""

from __future__ import annotations

from collections.abc import Iterator

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from tui.app.actions import ACTIONS, Action, keys_in_force


class ActionProvider(Provider):
    """Offers each action that applies now, with the key that does the same."""

    async def discover(self) -> Hits:
        for action, title in self._offered():
            yield DiscoveryHit(Content(title), self._runner(action), text=title, help=action.about)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for action, title in self._offered():
            score = matcher.match(title)
            if not score and query.lower() in action.about.lower():
                score = 0.1
            if score > 0:
                yield Hit(score, matcher.highlight(title), self._runner(action), text=title, help=action.about)

    def _offered(self) -> Iterator[tuple[Action, str]]:
        """The actions whose bindings are active on the screen below the palette, dimmed ones left out."""
        # The help is a dialog: with what dialogs ask about, it is not imported before the first paint.
        from tui.app.screens.help import key_words

        usable = {
            active.binding.id for active in self.screen.active_bindings.values() if active.enabled and active.binding.id
        }
        changed = dict(getattr(self.app, "changed_keys", {}))
        keys = keys_in_force(changed)
        for action in ACTIONS:
            if action.palette and action.id in usable:
                area = action.id.partition(".")[0]
                yield action, f"{area}: {action.title}  ({key_words(keys[action.id])})"

    def _runner(self, action: Action):  # type: ignore[no-untyped-def]
        async def run() -> None:
            await self.app.run_action(action.method, self.screen)

        return run
