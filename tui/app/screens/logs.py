"""Screen 5: what the units and llama-swap itself have logged, live."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Protocol, runtime_checkable

from textual import on, work
from textual.binding import BindingType
from textual.content import Content
from textual.reactive import var
from textual.widget import Widget
from textual.widgets import Input, Static

from tui.app.actions import Scope
from tui.app.bindings import bindings_of
from tui.app.log_feeds import REMEMBERED, follow_journal, follow_stream
from tui.app.log_lines import LogLine
from tui.app.log_sources import LogKind, LogSource, sources_of, why_no_journal, why_not_now
from tui.app.messages import CopyAsked, LogCame, LogSaveAsked, LogTroubled
from tui.app.panel_state import PanelState
from tui.app.screens.panel_screen import PanelScreen
from tui.app.widgets.log_view import LogView
from tui.app.widgets.tab_line import TabLine, TabPicked
from tui.config.schema import ServiceSettings
from tui.fleet.printable import printable

if TYPE_CHECKING:
    from tui.fleet.machine_watch import MachineWatch
    from tui.fleet.monitor import Monitor


@runtime_checkable
class WatchesFleet(Protocol):
    """The app, as far as this screen needs it to reach machines."""

    @property
    def monitor(self) -> Monitor: ...


@dataclass(slots=True)
class ReadSoFar:
    """What is known of a log while another one is shown."""

    lines: tuple[LogLine, ...] = ()
    cursor: str | None = None
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Listening:
    """What the worker was started with: when one of these is another, it has to be started anew."""

    source: LogSource
    service: ServiceSettings
    watch: MachineWatch | None = None


class LogsScreen(PanelScreen):
    """One log at a time. Nothing is listened to while the screen is hidden; afterwards it goes on where it was."""

    CSS_PATH = "logs.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of(Scope.LOGS)]
    AUTO_FOCUS = "#log"
    REMEMBERED = ("log-filter",)
    SCOPE = Scope.LOGS

    source: var[LogSource | None] = var(None, init=False)

    def __init__(self) -> None:
        super().__init__()
        self._asked: str | None = None
        self._left_on = ""
        self._read: dict[str, ReadSoFar] = {}
        self._listening: Listening | None = None
        self._subscriptions = 0
        self._told = ""
        self._place_told = ("", "")
        self._tabs = TabLine[LogSource](id="sources")
        self._log = LogView(id="log")
        self._trouble = Static(id="trouble")
        self._filter = Input(placeholder="filter: words that a line must hold", id="log-filter", compact=True)

    def compose_body(self) -> Iterable[Widget]:
        yield self._tabs
        yield self._log
        yield self._trouble
        yield self._filter

    def on_mount(self) -> None:
        self._filter.display = self._trouble.display = False

    def left_parts(self) -> Mapping[str, str]:
        return {"log": self.source.key if self.source else self._left_on, "wrapped": "yes" if self._log.wrapped else ""}

    def take_up(self, parts: Mapping[str, str]) -> None:
        self._left_on = parts.get("log", "")
        self._log.wrapped = bool(parts.get("wrapped"))

    def show_service(self, name: str) -> None:
        """Shows the journal of a service's unit, or says what is missing for that."""
        self._asked = name
        self._offer_sources()
        source = LogSource(LogKind.JOURNAL, name)
        if source in self._tabs.tabs:
            self._choose(source)

    def show_state(self, state: PanelState) -> None:
        super().show_state(state)
        self._offer_sources()
        self._listen()

    def on_screen_suspend(self) -> None:
        self._stop_listening()

    def _offer_sources(self) -> None:
        sources = sources_of(self.config, self._asked)
        self._tabs.tabs = sources
        if self.source not in sources:
            left_on = next((source for source in sources if source.key == self._left_on), None)
            self._choose(left_on or next(iter(sources), None))

    def _choose(self, source: LogSource | None) -> None:
        if source == self.source:
            return
        self._stop_listening()
        if self.source is not None:
            self._so_far(self.source).lines = tuple(self._log.kept)
        self.source = source
        self._tabs.chosen = source
        self._log.show(self._so_far(source).lines if source else (), times=bool(source and self._has_times(source)))
        self._listen()

    def _has_times(self, source: LogSource) -> bool:
        return source.kind is LogKind.JOURNAL

    def _so_far(self, source: LogSource) -> ReadSoFar:
        return self._read.setdefault(source.key, ReadSoFar())

    def _listen(self) -> None:
        """Sees to it that what is shown is listened to, with the settings in force."""
        wanted = self._wanted()
        if wanted != self._listening and self.is_current:
            self._stop_listening()
            if wanted is not None:
                self._so_far(wanted.source).trouble = ""
                self._start_listening(wanted)
        self._tell_trouble()

    def _wanted(self) -> Listening | None:
        service = self.config.services.get(self.source.service) if self.source is not None else None
        if self.source is None or service is None:
            return None
        if self.source.kind is LogKind.OWN:
            return Listening(self.source, service)
        machine = self.config.machine_of(service)
        if machine is None or why_no_journal(self.config, service) or not isinstance(self.app, WatchesFleet):
            return None
        watch = self.app.monitor.machine(machine.name)
        return Listening(self.source, service, watch) if watch is not None else None

    def _start_listening(self, wanted: Listening) -> None:
        self._listening = wanted
        self._subscriptions += 1
        source = wanted.source
        if wanted.watch is not None and wanted.service.unit is not None:
            newest = self._log.newest
            after, day = self._so_far(source).cursor, newest.day if newest is not None else ""
            follow = partial(follow_journal, wanted.watch, wanted.service.unit, after=after, day=day)
        else:
            kept = [line.text for line in self._log.kept][-REMEMBERED:]
            follow = partial(follow_stream, wanted.service, kept)
        self._follow(partial(follow, self, self._subscription))

    @work(group="log", exclusive=True, exit_on_error=False, description="follow a log")
    async def _follow(self, feed: Callable[[], Coroutine[None, None, None]]) -> None:
        await feed()

    @property
    def _subscription(self) -> str:
        """The name of what is listened to now. What an earlier worker still had under way is not taken for it."""
        return f"subscription {self._subscriptions}" if self._listening is not None else ""

    def _stop_listening(self) -> None:
        self._listening = None
        self.workers.cancel_group(self, "log")

    @on(LogCame)
    def take_lines(self, message: LogCame) -> None:
        if self.source is None or message.source != self._subscription:
            return  # it was on its way when another log was chosen, and will be fetched again
        self._so_far(self.source).cursor = message.cursor
        self._log.append(message.lines)
        self._tell_trouble()

    @on(LogTroubled)
    def take_trouble(self, message: LogTroubled) -> None:
        if self.source is not None and message.source == self._subscription:
            self._so_far(self.source).trouble = message.reason
            self._tell_trouble()

    def _trouble_words(self) -> str:
        """Why nothing comes; empty while it does."""
        if self.source is None:
            return "no log to show: no service of your configuration names a unit or is a llama-swap"
        service = self.config.services.get(self.source.service)
        if service is None:
            return f"{printable(self.source.service, 40)} is no longer part of the configuration"
        if self.source.kind is LogKind.OWN:
            return self._so_far(self.source).trouble
        if lacking := why_no_journal(self.config, service):
            return lacking
        machine = self.config.machine_of(service)
        assert machine is not None
        return why_not_now(self.snapshot, machine.name) or self._so_far(self.source).trouble

    def _tell_trouble(self) -> None:
        """In place of the log where there is none, and below it where it holds what came before."""
        words = self._trouble_words()
        service = self.config.services.get(self.source.service) if self.source is not None else None
        why_empty = "nothing matches the filter" if self._log.count else _empty_words(self.source, service)
        self._log.empty_text = words or why_empty
        shown = words if self._log.count else ""
        if shown != self._told:
            self._told = shown
            self._trouble.display = bool(shown)
            self._trouble.update(Content(shown))
        self._tell_place()

    @on(LogView.Moved)
    def _tell_place(self) -> None:
        """Setting a border's text draws the whole log again, so it is set when it is another one."""
        view = self._log
        chosen = f" · filter: {printable(' '.join(view.words), 60)}" if view.words else ""
        title = f"{self.source.title if self.source is not None else 'logs'}{chosen}"
        more = f" · {view.unread} more below" if view.unread else ""
        place = "following" if view.following else f"standing still{more}"
        count = f"{view.count:,} line{'' if view.count == 1 else 's'}"
        place += f" · {count}{' · wrapped' if view.wrapped else ''}"
        if (title, place) != self._place_told:
            self._place_told = (title, place)
            view.border_title, view.border_subtitle = Content(title), Content(place)

    @on(TabPicked)
    def show_picked(self, message: TabPicked) -> None:
        if isinstance(message.tab, LogSource):
            self._choose(message.tab)

    def action_next_source(self, step: int) -> None:
        sources = self._tabs.tabs
        if self.source in sources:
            self._choose(sources[(sources.index(self.source) + step) % len(sources)])

    def action_follow(self) -> None:
        self._log.follow(not self._log.following)

    def action_wrap(self) -> None:
        self._log.wrapped = not self._log.wrapped

    def action_scroll_rows(self, rows: int) -> None:
        self._log.scroll_rows(rows)

    def action_scroll_screens(self, screens: int) -> None:
        self._log.scroll_screens(screens)

    def action_scroll_sideways(self, steps: int) -> None:
        self._log.scroll_sideways(steps)

    def action_copy(self) -> None:
        text = "\n".join(line.saved for line in self._log.on_screen)
        if text:
            self.post_message(CopyAsked(text))

    def action_save(self) -> None:
        lines = [line.saved for line in self._log.matching]
        if self.source is not None and lines:
            self.post_message(LogSaveAsked(f"{self.source.service}-{self.source.kind}", lines))

    def action_filter(self) -> None:
        self._filter.display = True
        self._filter.focus()

    @on(Input.Changed, "#log-filter")
    def filter_as_typed(self, event: Input.Changed) -> None:
        self._log.words = tuple(event.value.lower().split())
        self._tell_trouble()

    @on(Input.Submitted, "#log-filter")
    def keep_filter(self, event: Input.Submitted) -> None:
        event.input.display = bool(event.value)
        self._log.focus()

    def key_escape(self) -> None:
        """Clears the filter and goes back to the log; with nothing to clear it does nothing."""
        if self._filter.display:
            had_focus = self._filter.has_focus
            self._filter.value = ""
            self._filter.display = False
            if had_focus:
                self._log.focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Letters are text while the filter is typed."""
        return not (isinstance(self.focused, Input) and action in OWN_ACTIONS)


OWN_ACTIONS = frozenset(
    ("follow", "wrap", "copy", "save", "filter", "next_source", "scroll_rows", "scroll_screens", "scroll_sideways")
)


def _empty_words(source: LogSource | None, service: ServiceSettings | None) -> str:
    """What stands in place of a log that holds nothing."""
    if source is None or service is None:
        return ""
    if source.kind is LogKind.OWN:
        return f"{printable(service.name, 40)} has logged nothing since it was started"
    return f"nothing in the journal of {printable(service.unit or '', 60)} so far"
