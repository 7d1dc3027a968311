"""Keeps one service's snapshot true, by asking and by listening."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from tui.config.schema import ServiceSettings
from tui.fleet.asking import Asker
from tui.fleet.beat import seconds_to_beat, seconds_to_later_beat
from tui.fleet.failures import LookFailed
from tui.fleet.probes.probe import ListeningProbe, Look, Probe
from tui.fleet.snapshot import (
    Fault,
    ModelSnapshot,
    ModelState,
    Seen,
    ServiceSnapshot,
    ServiceState,
)

log = logging.getLogger(__name__)

FIRST_RETRY = 0.5
"""Seconds after a look's first failure; each further one doubles it, up to the look's own period."""
LONGEST_RETRY = 10.0
"""Seconds, of a look other than the liveness."""
LONGEST_RETRY_OF_LISTENERS = 1.0
"""A server that pushes is expected back on screen within 2 s, and its liveness question costs it nothing."""
STREAM_RETRIES = (0.1, 0.5, 1.0, 2.0, 5.0)
STREAM_IS_STABLE = 5.0
"""Seconds after which a stream that ends is opened again at once."""
BEING_ASKED = math.inf
"""When a look is due whose answer is under way."""
ALIVE = frozenset({ServiceState.UP, ServiceState.BUSY})


class ServiceWatch:
    """Watches one service: its liveness always, the rest only while it is alive.

    ``changed`` is called after every change of :attr:`snapshot`. ``slot`` is its number among all services.
    """

    def __init__(
        self,
        settings: ServiceSettings,
        probe: Probe,
        *,
        machine: str | None,
        slot: int = 0,
        changed: Callable[[], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.settings = settings
        self.looked_once = asyncio.Event()
        """Set when the first round of looks is over, whatever came of it."""
        self._probe = probe
        self._slot = slot
        self._changed = changed
        self._clock = clock
        self._asker = Asker(settings, clock=clock)
        self._due = dict.fromkeys((look.name for look in probe.looks), 0.0)
        self._failures: dict[str, LookFailed] = {}
        self._failed_in_a_row: Counter[str] = Counter()
        self._wake = asyncio.Event()
        self._alive = asyncio.Event()
        self._revived = asyncio.Event()
        """Set each time the service becomes alive."""
        self._stream: asyncio.Task[None] | None = None
        self.snapshot = ServiceSnapshot(
            name=settings.name,
            kind=settings.kind,
            url=settings.url,
            machine=machine,
            seen=Seen(period=self._liveness.period),
            models_seen=Seen(period=self._models_period),
        )

    async def run(self) -> None:
        """Watches until it is cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                if isinstance(self._probe, ListeningProbe):
                    group.create_task(self._listen(self._probe), name=f"listen to {self.settings.name}")
                group.create_task(self._look_again_and_again(), name=f"look at {self.settings.name}")
        finally:
            await self._asker.close()

    def look_now(self) -> None:
        """Asks everything at once: something hints that the service has changed."""
        self._due = dict.fromkeys(self._due, 0.0)
        self._wake.set()

    @property
    def _liveness(self) -> Look:
        return self._probe.looks[0]

    @property
    def _models_period(self) -> float:
        return min((look.period for look in self._probe.looks if look.tells_models and look.period), default=60.0)

    async def _look_again_and_again(self) -> None:
        while True:
            self._wake.clear()
            await self._round()
            self.looked_once.set()
            due = min(self._due.values()) if self._alive.is_set() else self._due[self._liveness.name]
            pause = due - asyncio.get_running_loop().time()
            if pause > 0:
                try:
                    async with asyncio.timeout(pause):
                        await self._wake.wait()
                except TimeoutError:
                    pass

    async def _round(self) -> None:
        """Asks what is due. Nothing but the liveness is asked of a service that is not alive."""
        was_alive = self._alive.is_set()
        if self._is_due(self._liveness):
            failure = await self._ask(self._liveness)
            if failure is not None:
                self._not_alive(failure)
                return
            self._schedule(self._liveness, seconds_to_beat(self._slot, self._liveness.period, time.time()))
            if not was_alive:
                self._due |= {look.name: 0.0 for look in self._probe.looks[1:]}
                self._revived.set()
            self._alive.set()
            self._show_alive()
        if not self._alive.is_set():
            return
        for look in self._probe.looks[1:]:
            if self._is_due(look):
                failure = await self._ask(look)
                period = look.period or math.inf
                retry = self._retry(look.name, min(period, LONGEST_RETRY))
                self._schedule(look, retry if failure else seconds_to_later_beat(self._slot, period, time.time()))
                if failure is not None and not failure.connected:
                    self._due[self._liveness.name] = 0.0
                    return
                self._show_alive(look)

    async def _ask(self, look: Look) -> LookFailed | None:
        self._due[look.name] = BEING_ASKED
        try:
            await look.ask(self._asker)
        except LookFailed as failure:
            return self._failed(look, failure)
        except Exception as error:
            # An answer that no server should give must not take the other services' rows with it.
            log.exception("%s: the answer to %r could not be read", self.settings.name, look.name)
            reason = f"gave an answer that could not be read ({type(error).__name__})"
            return self._failed(look, LookFailed(ServiceState.BUSY, reason))
        self._failures.pop(look.name, None)
        del self._failed_in_a_row[look.name]
        return None

    def _failed(self, look: Look, failure: LookFailed) -> LookFailed:
        self._failures[look.name] = failure
        self._failed_in_a_row[look.name] += 1
        return failure

    def _retry(self, look: str, longest: float) -> float:
        """Seconds until a look that failed is tried again: soon, since most failures pass, then less and less often."""
        return min(FIRST_RETRY * 2.0 ** min(self._failed_in_a_row[look] - 1, 16), longest)

    def _is_due(self, look: Look) -> bool:
        return self._due[look.name] <= asyncio.get_running_loop().time()

    def _schedule(self, look: Look, seconds: float) -> None:
        if self._due[look.name] != BEING_ASKED:
            return  # A hint came meanwhile, and this answer may be older: the look is due again.
        self._due[look.name] = asyncio.get_running_loop().time() + seconds

    def _not_alive(self, failure: LookFailed) -> None:
        misses = self._failed_in_a_row[self._liveness.name]
        was = self.snapshot.state
        state, reason = failure.state, failure.reason
        if failure.timed_out and failure.connected and misses == 1 and was in ALIVE:
            # One silence of a server that answered a moment ago is slowness; two in a row are an outage.
            state, reason = ServiceState.BUSY, f"no answer within {self.settings.timeout:g} s"
        longest = LONGEST_RETRY_OF_LISTENERS if isinstance(self._probe, ListeningProbe) else math.inf
        retry = min(self._retry(self._liveness.name, self._liveness.period), longest)
        self._schedule(self._liveness, retry)
        if state is not ServiceState.BUSY:
            self._alive.clear()
            if self._stream is not None:
                self._stream.cancel()
        models = self.snapshot.models
        if state not in ALIVE:
            models = tuple(_unknown(model, f"{self.settings.name} is {state}") for model in models)
        self._show(
            state, reason, Seen(self._clock(), max(retry, self.settings.timeout)), self.snapshot.models_seen, models
        )

    def _show_alive(self, look: Look | None = None) -> None:
        """Shows what the probe knows now; ``look`` is the one that has just been asked."""
        now = self._clock()
        if look is not None and look.name not in self._failures and look.tells_models:
            models_seen = Seen(now, self._models_period)
        else:
            models_seen = self.snapshot.models_seen
        failure = next(iter(self._failures.values()), None)
        state = ServiceState.BUSY if failure else ServiceState.UP
        seen = self.snapshot.seen if look is not None else Seen(now, self._liveness.period)
        self._show(state, failure.reason if failure else "", seen, models_seen, None)

    def _show(
        self,
        state: ServiceState,
        reason: str,
        seen: Seen,
        models_seen: Seen,
        models: tuple[ModelSnapshot, ...] | None,
    ) -> None:
        before = self.snapshot
        facts = self._probe.facts()
        alive = state in ALIVE
        fault = before.fault
        if reason:
            fault = fault if fault and fault.text == reason else Fault(reason, self._clock())
        self.snapshot = replace(
            before,
            state=state,
            reason=reason,
            since=before.since if state == before.state and before.since is not None else self._clock(),
            seen=seen,
            latency=self._asker.latency if alive else None,
            version=facts.version,
            remarks=facts.remarks if alive else (),
            models=facts.models if models is None else models,
            models_seen=models_seen,
            in_flight=facts.in_flight if alive else None,
            fault=fault,
            answers=self._asker.answers,
        )
        self._changed()

    async def _listen(self, probe: ListeningProbe) -> None:
        """Holds the server's stream open while the service is alive; its end is a hint to look at once."""
        failed_in_a_row = 0
        loop = asyncio.get_running_loop()
        while True:
            await self._alive.wait()
            opened = loop.time()
            self._stream = loop.create_task(probe.listen(self._asker, self._heard))
            try:
                await self._stream
            except asyncio.CancelledError:
                current = asyncio.current_task()
                if current is not None and current.cancelling():
                    self._stream.cancel()
                    raise
            except LookFailed as failure:
                if failure.status in (404, 405, 501):
                    return  # An older server that has no stream: asking has to do.
                log.info("%s: its event stream ended: %s", self.settings.name, failure)
            except Exception:
                log.exception("%s: its event stream could not be read", self.settings.name)
            finally:
                self._stream = None
            failed_in_a_row = 0 if loop.time() - opened > STREAM_IS_STABLE else failed_in_a_row + 1
            self._revived.clear()
            self.look_now()
            try:
                async with asyncio.timeout(STREAM_RETRIES[min(failed_in_a_row, len(STREAM_RETRIES) - 1)]):
                    await self._revived.wait()
                # It died and came back: a new process owes nothing for the short streams of the old one.
                failed_in_a_row = 0
            except TimeoutError:
                pass

    def _heard(self) -> None:
        if self._alive.is_set():
            now = self._clock()
            failure = next(iter(self._failures.values()), None)
            self._show(
                ServiceState.BUSY if failure else ServiceState.UP,
                failure.reason if failure else "",
                Seen(now, self._liveness.period),
                Seen(now, self._models_period),
                None,
            )


def _unknown(model: ModelSnapshot, reason: str) -> ModelSnapshot:
    if model.state is ModelState.UNKNOWN and model.reason == reason:
        return model
    return replace(model, state=ModelState.UNKNOWN, reason=reason, vram=None, until=None)
