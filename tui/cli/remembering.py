"""Writes into the ledger what a command did to a machine, a service, a model or a mode."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tui.cli.main import CommandFailed


@dataclass(slots=True)
class Change:
    """What the target of an action was before it, and is afterwards. None: nobody looked, or nobody could tell."""

    before: str | None = None
    after: str | None = None

    @contextlib.contextmanager
    def seen(self, state: Callable[[], str | None]) -> Iterator[None]:
        """Asks for the target's ``state`` before the block and after it, also where the block fails."""
        self.before = state()
        try:
            yield
        finally:
            self.after = state()


@contextlib.contextmanager
def in_ledger(name: str, target: str, machine: str | None = None) -> Iterator[Change]:
    """Remembers the block as the action ``name`` ("unit.stop"), whether it worked, and the change that it saw. A ledger
    that cannot be written stands in nobody's way."""
    change = Change()
    try:
        yield change
    except CommandFailed as failure:
        _remember(name, target, machine, change, worked=False, detail=failure.message)
        raise
    _remember(name, target, machine, change, worked=True)


def _remember(name: str, target: str, machine: str | None, change: Change, *, worked: bool, detail: str = "") -> None:
    from tui.ledger.records import Action
    from tui.ledger.store import note_action

    note_action(
        Action(
            at=time.time(),
            face="cli",
            name=name,
            target=target,
            machine=machine,
            worked=worked,
            detail=detail,
            before=change.before,
            after=change.after,
        )
    )
