"""Writes into the ledger what a command did to a machine, a service, a model or a mode."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

from tui.cli.main import CommandFailed


@contextlib.contextmanager
def in_ledger(name: str, target: str, machine: str | None = None) -> Iterator[None]:
    """Remembers the block as the action ``name`` ("unit.stop"), and whether it worked. A ledger that cannot be written
    stands in nobody's way."""
    try:
        yield
    except CommandFailed as failure:
        _remember(name, target, machine, worked=False, detail=failure.message)
        raise
    _remember(name, target, machine, worked=True)


def _remember(name: str, target: str, machine: str | None, *, worked: bool, detail: str = "") -> None:
    from tui.ledger.records import Action
    from tui.ledger.store import note_action

    note_action(
        Action(at=time.time(), face="cli", name=name, target=target, machine=machine, worked=worked, detail=detail)
    )
