"""The panel."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import replace
from enum import StrEnum
from functools import cached_property, partial
from typing import TYPE_CHECKING, ClassVar, Protocol, runtime_checkable

from textual import on, work
from textual.app import App, SystemCommand
from textual.binding import BindingType
from textual.screen import Screen
from textual.worker import Worker, WorkerState

from tui.app import feeds
from tui.app.actions import Scope, key_problems
from tui.app.bindings import bindings_of
from tui.app.faults import broken_worker_words, crash_text
from tui.app.messages import (
    ActAsked,
    ActionEnded,
    ConfigRead,
    CopyAsked,
    DemoAsked,
    FleetSeen,
    Learned,
    LogsAsked,
    LogSaveAsked,
    ScreenAsked,
    ThemesRead,
)
from tui.app.palette import ActionProvider
from tui.app.panel_screens import SCREENS, agents_screen, help_screen, problems_screen
from tui.app.panel_state import PanelState, ShowsState
from tui.app.themes import PLAIN_VARIABLES, Themes, read_themes
from tui.app.view_state import first_screen
from tui.config.paths import config_home, shipped
from tui.config.schema import Config

if TYPE_CHECKING:
    from textual.driver import Driver

    from tui.app.acts import ModeName
    from tui.fleet.monitor import Monitor


class Parting(StrEnum):
    """Why the panel was left, for whoever started it."""

    DEMO = "demo"
    """The person wants to look around in the simulated fleet."""


@runtime_checkable
class FirstRun(Protocol):
    """The screen for a person without a configuration, which is imported only for them."""

    def show_found(self, config: Config) -> None: ...


@runtime_checkable
class ShowsLogs(Protocol):
    """The screen of logs, which is imported only when somebody wants to read one."""

    def show_service(self, name: str) -> None: ...


class FleetApp(App[Parting]):
    """Shows what the feeds post, and asks the core to act."""

    TITLE = "fleetdeck"
    CSS_PATH = "app.tcss"
    MODES = SCREENS
    DEFAULT_MODE = "fleet"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of(Scope.APP)]
    COMMANDS = {ActionProvider}  # noqa: RUF012  (typed by Textual)

    def __init__(
        self,
        config: Config,
        *,
        discover: bool = False,
        readonly: bool = False,
        screen: str | None = None,
        terminal_problem: str = "",
        few_colors: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``discover``: the person has no configuration, so servers are looked for on this machine. ``screen``: the one
        that opens first; None: as the configuration says. ``terminal_problem``: what is wrong with where it is drawn,
        in a sentence. ``few_colors``: it has sixteen, of which no more than the terminal's own theme can be made.
        """
        super().__init__()
        if self.no_color:
            from tui.app.without_color import WithoutColor

            self._filters = [WithoutColor()]
        self._first_screen = screen or first_screen(config.panel.screen)
        self._clock = clock
        self._discover = discover
        self._few_colors = few_colors
        self._theme_folders = (shipped("themes"), config_home() / "themes")
        problems = key_problems(config.keys)
        self.state = PanelState(
            config=config, now=clock(), readonly=readonly, key_problems=problems, terminal_problem=terminal_problem
        )
        self._use_themes(read_themes(self._theme_folders))

    @cached_property
    def monitor(self) -> Monitor:
        """What watches the fleet; nobody needs it, nor any probe, before the first paint."""
        from tui.fleet.monitor import Monitor

        return Monitor(self.state.config, clock=self._clock)

    @property
    def changed_keys(self) -> Mapping[str, str]:
        """Action id → key, as the person's configuration has it."""
        return self.state.config.keys

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return PLAIN_VARIABLES

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        return ()  # The action registry has them, with our words and the person's keys.

    def on_mount(self) -> None:
        # The shell has had the terminal meanwhile, and Textual draws only what it believes to have changed (8.2.8).
        self.app_resume_signal.subscribe(self, lambda _: self.refresh(layout=True))
        self.set_keymap(dict(self.changed_keys))
        if self._first_screen in self.MODES and self._first_screen != self.DEFAULT_MODE:
            self.switch_mode(self._first_screen)
        # Whole seconds, in step with the clock that is shown.
        self.set_timer(1.0 - self._clock() % 1.0, self._start_ticking)
        self.call_after_refresh(self._start_feeds)

    def _start_ticking(self) -> None:
        self._tick()
        self.set_interval(1.0, self._tick)

    def _tick(self) -> None:
        self._show(replace(self.state, now=self._clock()))

    def _start_feeds(self) -> None:
        for what, feed in feeds.feeds_of(self, self.state.config, lambda: self.monitor, self._clock):
            self._follow(feed, what)
        self._follow(feeds.follow_themes(self, self._theme_folders, self._themes), "the theme files")
        if self._discover:
            from tui.app.screens.first_run import FirstRunScreen

            self.push_screen(FirstRunScreen())

    def _follow(self, feed: Coroutine[None, None, None], what: str) -> None:
        """Runs a feed in place of the former one for the same thing."""
        self.run_worker(feed, group=what, exclusive=True, exit_on_error=False, description=f"follow {what}")

    @on(Worker.StateChanged)
    def tell_of_broken_worker(self, event: Worker.StateChanged) -> None:
        """A worker that broke is a fault of ours: it is said, since what it fed is stale from now on."""
        if event.state is WorkerState.ERROR:
            words = broken_worker_words(event.worker)
            self.notify(words, title="A fault in fleetdeck", severity="error", markup=False)

    def get_driver_class(self) -> type[Driver]:
        found = super().get_driver_class()
        if found.__name__ != "LinuxDriver":  # a browser's, or one that is being developed
            return found
        from tui.app.terminal_driver import TerminalDriver

        return TerminalDriver

    def _fatal_error(self) -> None:
        self.bell()
        error = sys.exc_info()[1] or self._exception
        if error is not None:
            self._exit_renderables.append(crash_text(error))
        self._close_messages_no_wait()

    @on(FleetSeen)
    def take_snapshot(self, message: FleetSeen) -> None:
        """Shows what is new at once; that services answered once more shows with the next tick, for all of them."""
        before = self.state.snapshot
        state = replace(self.state, snapshot=message.snapshot, now=self._clock())
        if before is not None and before.substance == message.snapshot.substance:
            self.state = state
        else:
            self._show(state)

    @on(Learned)
    def take_in(self, message: Learned) -> None:
        self._show(message.into(self.state))

    @on(ConfigRead)
    def take_config(self, message: ConfigRead) -> None:
        """Takes up a changed file. What is wrong with a broken one is shown, and the last good one stays in force."""
        if message.config is None:
            self._show(replace(self.state, config_problem=message.problem))
            return
        config = message.config
        before = self.state.config
        keys = key_problems(config.keys)
        self._show(replace(self.state, config=config, config_problem="", key_problems=keys))
        self.set_keymap(dict(config.keys))
        self.monitor.take_up(config)
        if config.panel.theme != before.panel.theme:
            self._choose_theme()
        for what, feed in feeds.feeds_of(self, config, lambda: self.monitor, self._clock, changed_from=before):
            self._follow(feed, what)
        if self._discover and config.path is None:
            for screen in self.screen_stack:
                if isinstance(screen, FirstRun):
                    screen.show_found(config)
        elif before.path is not None:
            self.notify("configuration taken up", markup=False)

    @on(ThemesRead)
    def take_themes(self, message: ThemesRead) -> None:
        self._use_themes(message.themes)
        self.refresh_css(animate=False)

    @on(ScreenAsked)
    def open_screen(self, message: ScreenAsked) -> None:
        self.push_screen(message.open_with(self.state))

    @on(LogsAsked)
    async def open_logs(self, message: LogsAsked) -> None:
        await self.switch_mode("logs")
        if isinstance(self.screen, ShowsLogs):
            self.screen.show_service(message.service)

    @on(LogSaveAsked)
    def save_log(self, message: LogSaveAsked) -> None:
        from tui.app import acts

        self._carry_out(acts.save_log(message.name, message.lines, self._clock()))

    @on(CopyAsked)
    def copy(self, message: CopyAsked) -> None:
        from tui.app import acts

        self.copy_to_clipboard(message.text)
        self._carry_out(acts.copy(message.text))

    @on(ActAsked)
    def ask_to_act(self, message: ActAsked) -> None:
        """Does what is asked for, after asking where that disturbs others or writes something down."""
        if self.state.readonly:
            return
        if not message.question.needs_asking:
            self._carry_out(message.act(self.monitor, self.state.config))
            return
        from tui.app.screens.dialogs import ConfirmScreen

        def answered(yes: bool | None) -> None:
            if yes:
                self._carry_out(message.act(self.monitor, self.state.config))

        self.push_screen(ConfirmScreen(message.question), answered)

    @work(group="acts", exit_on_error=False, description="do what was asked for")
    async def _carry_out(self, act: Coroutine[None, None, ActionEnded]) -> None:
        self.post_message(await act)

    def action_flip(self, mode: ModeName) -> None:
        from tui.app import acts

        if not self.state.readonly:
            flip = acts.flip(self.state.config, mode)
            state = partial(acts.mode_state, self.state.config, mode)
            self._carry_out(acts.remembered(flip, f"mode.{mode}", "toggle", None, state))

    @on(ActionEnded)
    def tell(self, message: ActionEnded) -> None:
        if message.failed:
            self.notify(message.text, severity="error", timeout=12, markup=False)
        else:
            self.notify(message.text, timeout=4, markup=False)

    def action_help(self) -> None:
        self.push_screen(help_screen(self.state, self.focused))

    def action_agents(self) -> None:
        self.push_screen(agents_screen(self.state))

    def action_problems(self) -> None:
        self.push_screen(problems_screen(self.state))

    def action_look_now(self) -> None:
        self.monitor.look_now()
        self.notify("asking every service", markup=False, timeout=2)

    @on(DemoAsked)
    def leave_for_demo(self) -> None:
        self.exit(Parting.DEMO)

    def _use_themes(self, themes: Themes) -> None:
        for theme in themes.themes.values():
            self.register_theme(theme)
        self._themes = themes
        self._choose_theme()

    def _choose_theme(self) -> None:
        wanted = self.state.config.panel.theme
        if wanted in self.available_themes:
            own = "terminal" in self.available_themes and not self.available_themes[wanted].ansi
            self.theme = "terminal" if self._few_colors and own else wanted
        problem = self._themes.problem_with(wanted, self.available_themes)
        self._show(replace(self.state, theme_problem=problem))

    def _show(self, state: PanelState) -> None:
        """Makes ``state`` the one in force and hands it to what is on screen; hidden screens cost nothing."""
        self.state = state
        for screen in [*self._screen_stack] if self.is_running else ():
            # One that is only being made does not have all its widgets yet, and begins with the state that is then.
            if isinstance(screen, ShowsState) and screen.is_mounted and screen.is_running:
                screen.show_state(state)
