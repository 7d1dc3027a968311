"""Sends a prompt where its plan says, and has the ledger know of it from before it is sent."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from tui.chat.dispatch import Dispatcher
from tui.chat.prompt import Prompt
from tui.chat.remembering import Remembered
from tui.chat.reply import ReplyEvent
from tui.config.schema import Config
from tui.ledger.file import LedgerError
from tui.ledger.records import NewRequest
from tui.ledger.store import Ledger
from tui.routing.decide import Decision
from tui.routing.plan import is_private
from tui.routing.policy import Request

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A prompt whose plan has a candidate at least."""

    request: Request
    decision: Decision
    prompt: Prompt
    said: str
    """All that the models are told, as the person gave it: the ledger's hash is of these bytes."""

    @property
    def is_private(self) -> bool:
        """Whether nothing of it may be remembered."""
        return is_private(self.decision.plan, self.request)


class Sender:
    """Sends for one face ("cli", "panel"), and keeps connections and ledger for the next prompt.

    Use it as an async context manager.
    """

    def __init__(self, config: Config, face: str, *, dispatcher: Dispatcher | None = None) -> None:
        self.problem = ""
        """Why not everything could be remembered; empty: all was. An answer is worth more than its record."""
        self._config = config
        self._face = face
        self._dispatcher = dispatcher or Dispatcher(config)
        self._ledger: Ledger | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._dispatcher.close()
        finally:
            if self._ledger is not None:
                self._ledger.close()

    async def send(
        self, outgoing: Outgoing, *, timeout: float | None = None, noted: Callable[[int], None] = lambda number: None
    ) -> AsyncGenerator[ReplyEvent, None]:
        """The events of the reply; see :meth:`Dispatcher.ask`, also for ``timeout`` and for how to end it early.

        ``noted`` is told the request's number in the ledger, if it could be written there, before anything is sent.

        Raises:
            NotPrivate: the request has to stay at home, and a candidate is not known to be there.
        """
        plan = outgoing.decision.plan
        witness = self._witness(outgoing)
        if witness is not None:
            noted(witness.number)
        events = self._dispatcher.ask(
            plan.candidates, outgoing.prompt, private=bool(plan.private), timeout=timeout, witness=witness
        )
        try:
            async with contextlib.aclosing(events):
                async for event in events:
                    yield event
        finally:
            if witness is not None and witness.problem:
                self._note(witness.problem)

    def _witness(self, outgoing: Outgoing) -> Remembered | None:
        decision = outgoing.decision
        asked = decision.plan.asked
        assert asked is not None
        request = NewRequest(
            at=time.time(),
            face=self._face,
            asked_kind=asked.kind,
            asked_name=asked.name,
            external=outgoing.request.external or decision.modes.external.enabled,
            private=outgoing.is_private,
            plan=tuple(candidate.model for candidate in decision.plan.candidates),
            prompt=outgoing.said,
        )
        try:
            if self._ledger is None:
                self._ledger = Ledger()
            return Remembered(self._ledger, request, self._config.ledger.keep_text, prompt=outgoing.prompt)
        except LedgerError as error:
            self._note(str(error))
            return None

    def _note(self, problem: str) -> None:
        self.problem = problem
        log.warning("a request is not remembered: %s", problem)
