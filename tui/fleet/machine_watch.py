"""Keeps one machine's snapshot true, and acts on its units."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import Literal, assert_never

from tui.config.schema import MachineSettings
from tui.fleet.machine_channel import Channel, WatchedUnit
from tui.fleet.machine_journal import JournalEntry, Journals, JournalUnavailable
from tui.fleet.machine_picture import MachinePicture
from tui.fleet.machine_smi import smi_samples
from tui.fleet.machine_trouble import ConnectionFailed, Trouble
from tui.fleet.machine_units import action_trouble
from tui.fleet.machine_wire import Done, GpuError, Gpus, Hello, Host, Log, LogEnd, Message, Need, Pong, UnitShown
from tui.fleet.snapshot import MachineSnapshot, MachineState

UnitVerb = Literal["start", "stop", "restart"]

HEARTBEAT = 3.0
"""Seconds between signs of life; the far side ends itself after 20 without one."""
FIRST_RETRY, LONGEST_RETRY = 0.5, 10.0
RETRY_OF_PERMANENT = 60.0
STABLE_AFTER = 10.0
"""Seconds after which a connection that breaks is made anew as soon as a first one."""
WITHOUT_PYTHON = 300.0
"""Seconds for which nvidia-smi has to do before python3 is looked for again."""
ANSWER_WITHIN = 40.0
"""Seconds for an action: the far side gives each of its three calls of systemctl 15, and they take 0.01 each."""


class UnitActionFailed(Exception):
    """A unit could not be started, stopped or restarted. ``str()`` says why."""


class MachineWatch:
    """Watches one machine through its collector: a local one as a child process, any other over ssh.

    ``changed`` is called after every change of :attr:`snapshot`.
    """

    def __init__(
        self,
        settings: MachineSettings,
        units: Sequence[WatchedUnit] = (),
        *,
        refresh: float = 1.0,
        changed: Callable[[], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``refresh``: seconds between two samples."""
        self.settings = settings
        self.units = tuple(units)
        self.looked_once = asyncio.Event()
        """Set once everything that there is to know has come, or cannot be had now."""
        self._refresh = refresh
        self._changed = changed
        self._picture = MachinePicture(settings, units, refresh, clock)
        self._journals = Journals(settings.name, self._send)
        self._channel: Channel | None = None
        self._wake = asyncio.Event()
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Done]] = {}
        self._pinged = (0, 0.0)

    @property
    def snapshot(self) -> MachineSnapshot:
        return self._picture.snapshot

    async def run(self) -> None:
        """Watches until it is cancelled."""
        loop = asyncio.get_running_loop()
        failures = 0
        while True:
            self._wake.clear()
            began = loop.time()
            trouble = await self._watch_through_collector()
            if trouble.lacks_python and self.settings.ssh is not None:
                trouble = await self._watch_without_python(self.settings.ssh, trouble)
            self._lost(trouble)
            failures = 0 if loop.time() - began > STABLE_AFTER else min(failures + 1, 10)
            retry = min(LONGEST_RETRY, FIRST_RETRY * 2 ** max(0, failures - 1)) * random.uniform(0.8, 1.2)  # noqa: S311
            try:
                async with asyncio.timeout(RETRY_OF_PERMANENT if trouble.permanent else retry):
                    await self._wake.wait()
            except TimeoutError:
                pass

    def look_now(self) -> None:
        """Connects at once where there is no connection. A collector that is there tells of changes by itself."""
        self._wake.set()

    async def request(self, verb: UnitVerb, unit: str) -> None:
        """Hands an action to systemd and returns once it is in its hands. What comes of it, the unit's state tells.

        Raises:
            UnitActionFailed: it was refused, or systemd could not be asked.
        """
        machine = self.settings.name
        if not self._knows(unit):
            raise UnitActionFailed(f"cannot {verb} {unit}: no service on {machine} is configured with that unit")
        if self._channel is None:
            raise UnitActionFailed(f"cannot {verb} {unit}: {self.snapshot.reason or f'{machine} is not connected'}")
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        self._send(do="unit", request=number, verb=verb, unit=unit)
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                done = await answer
        except TimeoutError:
            raise UnitActionFailed(f"{machine} did not answer within {ANSWER_WITHIN:g} s") from None
        except ConnectionFailed as error:
            raise UnitActionFailed(f"the connection was lost while {unit} was told to {verb}: {error}") from None
        finally:
            self._answers.pop(number, None)
        if done.status != 0:
            raise UnitActionFailed(action_trouble(verb, unit, done.status, done.error, machine))

    async def follow(self, unit: str, *, lines: int = 200, after: str | None = None) -> AsyncGenerator[JournalEntry]:
        """The last ``lines`` entries of a unit, or all behind the cursor ``after``, and then each one that comes.

        Goes on without gap or duplicate when a connection breaks and another is made. Use it within ``aclosing``.

        Raises:
            JournalUnavailable: the journal cannot be read there.
        """
        if not self._knows(unit):
            raise JournalUnavailable(f"no service on {self.settings.name} is configured with the unit {unit}")
        async with aclosing(self._journals.follow(unit, lines, after)) as entries:
            async for entry in entries:
                yield entry

    def _knows(self, unit: str) -> bool:
        return any(watched.name == unit for watched in self.units)

    async def _watch_through_collector(self) -> Trouble:
        """Watches until there is no connection any more, and says why."""
        trouble = Trouble("it ended")
        try:
            async with Channel(self.settings, self.units, self._refresh) as channel:
                hello = await channel.hello(self._wait_for_person)
                self._channel = channel
                self._picture.greeted(hello, "ssh" if channel.is_remote else "local")
                self._changed()
                self._journals.connected()
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._give_signs_of_life(), name=f"heartbeat of {self.settings.name}")
                    while True:
                        await self._heed(channel, await channel.receive())
        except* ConnectionFailed as errors:
            failed: BaseException = errors
            while isinstance(failed, BaseExceptionGroup):
                failed = failed.exceptions[0]
            if isinstance(failed, ConnectionFailed):
                trouble = failed.trouble
        finally:
            self._channel = None
            self._journals.disconnected()
        return trouble

    async def _watch_without_python(self, host: str, trouble: Trouble) -> Trouble:
        reason = f"{trouble.reason}: only its GPUs can be seen, through nvidia-smi"
        samples = smi_samples(host, self.settings.name, self._refresh)
        try:
            async with asyncio.timeout(WITHOUT_PYTHON), aclosing(samples):
                async for sample in samples:
                    self._picture.smi(sample, reason)
                    self.looked_once.set()
                    self._changed()
        except TimeoutError:
            return Trouble(reason, MachineState.UP)
        except ConnectionFailed as error:
            return error.trouble
        return trouble

    async def _give_signs_of_life(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._pinged = (next(self._numbers), loop.time())
            self._send(do="ping", request=self._pinged[0])
            await asyncio.sleep(HEARTBEAT)

    def _send(self, **command: object) -> None:
        if self._channel is not None:
            self._channel.send(**command)

    def _wait_for_person(self, what: str) -> None:
        self._picture.waits_for_person(what)
        self.looked_once.set()
        self._changed()

    def _lost(self, trouble: Trouble) -> None:
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(ConnectionFailed(trouble))
        self._picture.lost(trouble)
        self.looked_once.set()
        self._changed()

    async def _heed(self, channel: Channel, message: Message) -> None:
        match message:
            case Host():
                self._picture.host(message)
            case Gpus():
                self._picture.gpus(message)
            case GpuError():
                self._picture.gpus_failed(message)
            case UnitShown():
                self._picture.unit(message)
            case Done():
                answer = self._answers.get(message.request)
                if answer is not None and not answer.done():
                    answer.set_result(message)
                return
            case Log():
                self._journals.came(message)
                return
            case LogEnd():
                self._journals.ended(message)
                return
            case Pong():
                number, at = self._pinged
                if message.request == number:
                    self._picture.answered(asyncio.get_running_loop().time() - at)
            case Need():
                await channel.send_pynvml()
                return
            case Hello():
                return
            case _:
                assert_never(message)
        if self._picture.complete:
            self.looked_once.set()
        self._changed()
