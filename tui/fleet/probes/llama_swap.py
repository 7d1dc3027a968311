"""llama-swap: which models run, and who waits for them, pushed by its event stream.

Read for v250 and what older versions (from v192) answer. llama-swap logs every question but the liveness's, to its
journal and to all who listen, so the stream tells what it can and the rest is asked once a minute.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from urllib.parse import urlsplit

import msgspec

from tui.config.schema import ServiceSettings, is_loopback
from tui.fleet.asking import Asker
from tui.fleet.failures import LookFailed
from tui.fleet.printable import printable
from tui.fleet.probes.llama_swap_events import (
    ActivityRow,
    Event,
    InFlightAll,
    InFlightBegun,
    InFlightEnded,
    InFlightTotal,
    LogWritten,
    ModelsChanged,
    ProfileChanged,
    RequestsFinished,
    UnreadableEvent,
    messages,
    read_event,
)
from tui.fleet.probes.llama_swap_failures import FailedStarts
from tui.fleet.probes.llama_swap_models import PROCESS_STATES, Observed, Process, Profile, models_of
from tui.fleet.probes.probe import Look, ServiceFacts
from tui.fleet.probes.shapes import (
    LONGEST_VERSION,
    OpenAiModel,
    OpenAiModels,
    count,
    line,
    liveness_period,
    not_as_expected,
)
from tui.fleet.redact import shown_command
from tui.fleet.snapshot import ModelState

RESYNC = 60.0
"""Seconds: the server drops messages when a reader is slow, so what was pushed is checked now and then."""
WITHOUT_STREAM = 5.0
LONGEST_COMMAND = 8000
"""Characters; as much as a machine tells of a process's command line."""
NO_PROFILE = Profile("", {})


class _Running(msgspec.Struct):
    model: object = None
    state: object = None
    cmd: object = None
    """The command line as it is configured, its macros filled in; it may hold keys."""
    proxy: object = None
    """The URL of the model's process. With ``cmd`` and ``ttl`` it is missing up to v185."""
    ttl: object = None
    """Seconds."""
    description: object = None


class _RunningAnswer(msgspec.Struct):
    running: list[_Running] | None


class _ProfileEntry(msgspec.Struct):
    id: object = None
    pins: dict[str, object] | None = None


class _Profiles(msgspec.Struct):
    active: str | None = None
    profiles: list[_ProfileEntry] | None = None


class _Version(msgspec.Struct):
    version: object = None
    commit: object = None


class _Activity(msgspec.Struct):
    data: list[ActivityRow] | None


class LlamaSwapProbe:
    """Watches one llama-swap. Nothing here loads a model, so nothing here swaps one out."""

    def __init__(self, service: ServiceSettings, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._health_path = "/wol-health"
        self._version: str | None = None
        self._listed: dict[str, OpenAiModel] = {}
        self._processes: dict[str, Process] | None = None
        self._profiles: dict[str, Profile] | None = None
        self._active_profile: str | None = None
        self._streaming = False
        self._pushed = 0
        """How often the stream has told the state of all models."""
        self._asked_running: float | None = None
        self._requests: dict[str, str] | None = None
        self._total: int | None = None
        self._last_ends: dict[str, float] = {}
        self._failed = FailedStarts(clock)
        self._unreadable = 0
        self._facts: ServiceFacts | None = None
        self._changes = 0
        self.looks: tuple[Look, ...] = (
            Look("liveness", liveness_period(service, 10.0), self._look_at_liveness),
            Look("running models", WITHOUT_STREAM, self._look_at_running),
            Look("models", 60.0, self._look_at_models, tells_models=True),
            Look("profiles", 60.0, self._look_at_profiles),
            Look("version", 0.0, self._look_at_version),
        )

    def facts(self) -> ServiceFacts:
        if self._facts is None:
            self._facts = ServiceFacts(
                version=self._version,
                models=models_of(self._observed()),
                remarks=self._remarks(),
                in_flight=self._total,
            )
        return self._facts

    async def listen(self, asker: Asker, changed: Callable[[], None]) -> None:
        """Reads ``/api/events`` until it ends. Every new stream begins with the state of everything.

        Raises:
            LookFailed: the stream could not be opened, is none, or broke.
        """
        try:
            async with asker.stream("GET", "/api/events", accept="text/event-stream") as response:
                self._forget_what_was_pushed()
                async for text in messages(response):
                    before = self._changes
                    await self._take(text, asker)
                    if self._changes != before:
                        changed()
        finally:
            self._streaming = False
            self._forget_what_was_pushed()
            changed()

    # -- looks

    async def _look_at_liveness(self, asker: Asker) -> None:
        try:
            answer = await asker.get(self._health_path, with_key=False)
        except LookFailed as failure:
            if failure.status != 404 or self._health_path == "/health":
                raise
            # Only newer versions have the path that is not logged.
            answer = await asker.get("/health", with_key=False)
            self._health_path = "/health"
        if "ok" not in answer.text[:100].lower():
            raise not_as_expected("llama-swap", answer.text)

    async def _look_at_models(self, asker: Asker) -> None:
        self._listed = (await asker.get_json("/v1/models", OpenAiModels)).by_name()
        self._outdated()

    async def _look_at_running(self, asker: Asker) -> None:
        now = self._clock()
        if self._streaming and self._asked_running is not None and 0 <= now - self._asked_running < RESYNC:
            return
        pushed = self._pushed
        answer = await asker.get_json("/running", _RunningAnswer)
        self._asked_running = now
        # What was pushed while the answer was under way is newer than the answer.
        overtaken = pushed != self._pushed
        self._processes_are(_resynced(self._processes or {}, answer.running or [], states=not overtaken))

    async def _look_at_profiles(self, asker: Asker) -> None:
        try:
            answer = await asker.get_json("/api/profiles", _Profiles)
        except LookFailed as failure:
            if failure.status != 404:
                raise
            # Before v241 there were none.
            self._profiles, self._active_profile = None, None
            self._outdated()
            return
        self._profiles = {
            entry.id: Profile(entry.id, _pins(entry.pins or {}))
            for entry in answer.profiles or ()
            if isinstance(entry.id, str)
        }
        self._active_profile = answer.active or None
        self._outdated()

    async def _look_at_version(self, asker: Asker) -> None:
        try:
            answer = await asker.get_json("/api/version", _Version)
        except LookFailed as failure:
            if failure.status != 404:
                raise
            return
        # A build from source calls itself version 0; its commit says more.
        version = line(answer.version, LONGEST_VERSION)
        self._version = (line(answer.commit, LONGEST_VERSION) if version in ("", "0") else "") or version or None
        self._outdated()

    # -- what is pushed

    async def _take(self, text: str, asker: Asker) -> None:
        try:
            event = read_event(text)
        except UnreadableEvent:
            self._unreadable += 1
            self._outdated()
            return
        if isinstance(event, RequestsFinished):
            await self._requests_finished(event, asker)
        elif event is not None:
            self._note(event)

    def _note(self, event: Event) -> None:
        match event:
            case ModelsChanged():
                self._models_changed(event)
            case LogWritten():
                if self._failed.log_written(event.source, event.text, live=self._streaming):
                    self._outdated()
            case InFlightAll():
                self._requests_are(dict(event.requests))
            case InFlightBegun():
                # A request under way says so up to four times a second; only its first word is news.
                if event.id not in (self._requests or {}):
                    self._requests_are({**(self._requests or {}), event.id: event.model})
            case InFlightEnded():
                self._requests_are({id_: model for id_, model in (self._requests or {}).items() if id_ != event.id})
            case InFlightTotal():
                self._total = event.total
                self._outdated()
            case ProfileChanged():
                self._active_profile = event.active
                self._outdated()
            case RequestsFinished():
                pass

    def _models_changed(self, event: ModelsChanged) -> None:
        self._streaming = True
        self._pushed += 1
        before = self._processes or {}
        now: dict[str, Process] = {}
        for entry in event.entries:
            if not isinstance(entry.id, str) or not entry.id or entry.peer_id or not entry.state:
                continue
            known = before.get(entry.id, Process(ModelState.IDLE))
            about = line(entry.description) or line(entry.name)
            now[entry.id] = replace(known, state=_process_state(entry.state), about=about)
        if any(process.state is ModelState.READY and process.ttl is None for process in now.values()):
            # Only /running tells after how long a model goes, and where its process is: ask it soon.
            self._asked_running = None
        self._processes_are(now)

    async def _requests_finished(self, event: RequestsFinished, asker: Asker) -> None:
        """Looks up what was answered to a request whose model has just failed to start: nowhere else is that told."""
        rows = event.rows
        if not self._failed.wants_words:
            return
        if event.first_id is not None:
            try:
                path = f"/api/metrics/activity?min_id={event.first_id}&limit=25"
                rows = tuple((await asker.get_json(path, _Activity)).data or ())
            except LookFailed:
                return
        for row in rows:
            if isinstance(row.model, str) and self._failed.answered(row.model, line(row.error_msg)):
                self._outdated()

    def _forget_what_was_pushed(self) -> None:
        self._requests, self._total, self._unreadable = None, None, 0
        # It may have read another configuration: what it told of those that do not run may no longer be so.
        self._processes = self._processes and {
            name: Process(ModelState.IDLE, about=process.about) if process.state is ModelState.IDLE else process
            for name, process in self._processes.items()
        }
        self._failed.connection_ended()
        self._outdated()

    def _outdated(self) -> None:
        self._facts = None
        self._changes += 1

    # -- what follows from it

    def _processes_are(self, processes: dict[str, Process]) -> None:
        before, now = self._processes or {}, self._clock()
        for name, process in processes.items():
            was = before[name].state if name in before else None
            # Between two questions much may have happened; only the stream shows every step.
            self._failed.state_changed(name, was if self._streaming else None, process.state)
            if was is not process.state and was is not None:
                self._last_ends.pop(name, None)
                if process.state is ModelState.READY and self._requests is not None:
                    # Its time begins now at the earliest; the request that loaded it, if any, will end later.
                    self._last_ends[name] = now
        self._processes = processes
        self._outdated()

    def _requests_are(self, requests: dict[str, str]) -> None:
        before = self._requests or {}
        for model in {before[id_] for id_ in before.keys() - requests.keys()}:
            if model not in requests.values():
                self._last_ends[model] = self._clock()
        self._requests, self._total = requests, len(requests)
        self._outdated()

    def _observed(self) -> Observed:
        profile: Profile | None = None
        if self._profiles is not None:
            profile = self._profiles.get(self._active_profile) if self._active_profile else NO_PROFILE
        return Observed(
            listed=self._listed,
            processes=self._processes,
            profile=profile,
            failures=self._failed.reasons,
            busy=frozenset((self._requests or {}).values()),
            last_ends=self._last_ends,
        )

    def _remarks(self) -> tuple[str, ...]:
        remarks = []
        if self._active_profile:
            remarks.append(f"profile {printable(self._active_profile, 40)}")
        if self._unreadable:
            remarks.append(f"{self._unreadable} unreadable event{'s' if self._unreadable > 1 else ''}")
        return tuple(remarks)


def _process_state(word: object) -> ModelState:
    return PROCESS_STATES.get(word, ModelState.UNKNOWN) if isinstance(word, str) else ModelState.UNKNOWN


def _resynced(before: Mapping[str, Process], running: list[_Running], *, states: bool) -> dict[str, Process]:
    """The processes as ``/running`` tells them, which leaves out those that are stopped; without ``states`` their TTLs
    alone are taken over."""
    now = {name: replace(process, state=ModelState.IDLE) if states else process for name, process in before.items()}
    for entry in running:
        if isinstance(entry.model, str) and entry.model:
            known = now.get(entry.model, Process(ModelState.IDLE, about=line(entry.description)))
            ttl = count(entry.ttl)
            now[entry.model] = replace(
                known,
                state=_process_state(entry.state) if states else known.state,
                ttl=known.ttl if ttl is None else float(ttl),
                port=_port_here(entry.proxy) or known.port,
                command=_words(entry.cmd) or known.command,
            )
    return now


def _port_here(proxy: object) -> int | None:
    """The port in the URL of a model's process; None where that is not on llama-swap's own machine."""
    try:
        url = urlsplit(proxy) if isinstance(proxy, str) else urlsplit("")
        return url.port if is_loopback((url.hostname or "").lower()) else None
    except ValueError:
        return None


def _words(command: object) -> tuple[str, ...]:
    """A command's words without keys, read as llama-swap reads it: with comments, and line ends behind backslashes."""
    if not isinstance(command, str):
        return ()
    lines = (text for text in command[:LONGEST_COMMAND].splitlines() if not text.lstrip().startswith("#"))
    try:
        return shown_command(tuple(shlex.split("\n".join(lines).replace("\\\n", " "))))
    except ValueError:
        return ()


def _pins(pins: Mapping[str, object]) -> dict[str, str]:
    """A pin to null or "" takes its name away."""
    return {name: target if isinstance(target, str) else "" for name, target in pins.items() if name}
