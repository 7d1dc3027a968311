"""The panel."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol, runtime_checkable

from textual import on, work
from textual.app import App, SystemCommand
from textual.binding import BindingType
from textual.screen import Screen
from textual.worker import Worker, WorkerState

from tui.app import feeds
from tui.app.actions import Scope, key_problems, keys_in_force
from tui.app.bindings import bindings_of
from tui.app.faults import broken_worker_words, crash_text
from tui.app.messages import (
    ActionEnded,
    ConfigRead,
    CopyAsked,
    DemoAsked,
    DetailsAsked,
    FleetSeen,
    LoadAsked,
    ModesRead,
    ThemesRead,
    UnloadAsked,
)
from tui.app.palette import ActionProvider
from tui.app.panel_state import PanelState, ShowsState
from tui.app.screens.fleet import FleetScreen
from tui.app.themes import Themes, read_themes
from tui.config.paths import config_home, shipped, state_home
from tui.config.schema import Config
from tui.fleet.printable import printable

if TYPE_CHECKING:
    from tui.fleet.monitor import Monitor

PLAIN_VARIABLES = {
    "state-up": "ansi_green",
    "state-busy": "ansi_yellow",
    "state-starting": "ansi_cyan",
    "state-down": "ansi_red",
    "state-unknown": "ansi_magenta",
    "state-idle": "ansi_bright_black",
    "cursor-background": "ansi_blue",
    "cursor-foreground": "ansi_bright_white",
}
"""What our styles use and a theme may leave out: Textual's own themes know nothing of states."""


class Parting(StrEnum):
    """Why the panel was left, for whoever started it."""

    QUIT = "quit"
    DEMO = "demo"
    """The person wants to look around in the simulated fleet."""


@runtime_checkable
class FirstRun(Protocol):
    """The screen for a person without a configuration, which is imported only for them."""

    def show_found(self, config: Config) -> None: ...


class FleetApp(App[Parting]):
    """Shows what the feeds post, and asks the core to act."""

    TITLE = "fleetdeck"
    CSS_PATH = "app.tcss"
    MODES = {"fleet": FleetScreen}  # noqa: RUF012  (typed by Textual)
    DEFAULT_MODE = "fleet"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of(Scope.APP)]
    COMMANDS = {ActionProvider}  # noqa: RUF012  (typed by Textual)
    COMMAND_PALETTE_BINDING = "ctrl+p"
    ENABLE_COMMAND_PALETTE = True

    def __init__(
        self,
        config: Config,
        *,
        discover: bool = False,
        readonly: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``discover``: the person has no configuration, so servers are looked for on this machine."""
        super().__init__()
        self._clock = clock
        self._discover = discover
        self._theme_folders = (shipped("themes"), config_home() / "themes")
        self.state = PanelState(
            config=config,
            now=clock(),
            readonly=readonly,
            key_problems=key_problems(config.keys),
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
        """None of Textual's own: the action registry has them, with our words and the person's keys."""
        return ()

    def on_mount(self) -> None:
        self.set_keymap(dict(self.changed_keys))
        # Whole seconds, in step with the clock that is shown.
        self.set_timer(1.0 - self._clock() % 1.0, self._start_ticking)
        self.call_after_refresh(self._start_feeds)

    def _start_ticking(self) -> None:
        self._tick()
        self.set_interval(1.0, self._tick)

    def _tick(self) -> None:
        self._show(replace(self.state, now=self._clock()))

    def _start_feeds(self) -> None:
        panel = self.state.config.panel
        self._follow_fleet()
        self._follow_modes(Path(panel.external_mode_file).expanduser(), state_home() / "modes.json")
        self._follow_themes()
        if self.state.config.path is not None:
            self._follow_config(self.state.config.path)
        if self._discover:
            from tui.app.screens.first_run import FirstRunScreen

            self.push_screen(FirstRunScreen(), self._after_first_run)

    @work(group="fleet", exclusive=True, exit_on_error=False, description="watch the fleet")
    async def _follow_fleet(self) -> None:
        await feeds.import_after_first_paint()
        await feeds.follow_fleet(self, self.monitor)

    @work(group="modes", exclusive=True, exit_on_error=False, description="follow the mode files")
    async def _follow_modes(self, external_file: Path, modes_file: Path) -> None:
        await feeds.follow_modes(self, external_file, modes_file)

    @work(group="config", exclusive=True, exit_on_error=False, description="follow the configuration")
    async def _follow_config(self, path: Path) -> None:
        await feeds.follow_config(self, path, self.state.config)

    @work(group="themes", exclusive=True, exit_on_error=False, description="follow the theme files")
    async def _follow_themes(self) -> None:
        await feeds.follow_themes(self, self._theme_folders, self._themes)

    @on(Worker.StateChanged)
    def tell_of_broken_worker(self, event: Worker.StateChanged) -> None:
        """A worker that broke is a fault of ours: it is said, since what it fed is stale from now on."""
        if event.state is WorkerState.ERROR:
            words = broken_worker_words(event.worker)
            self.notify(words, title="A fault in fleetdeck", severity="error", markup=False)

    def _fatal_error(self) -> None:
        self.bell()
        self._exit_renderables.append(crash_text())
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

    @on(ModesRead)
    def take_modes(self, message: ModesRead) -> None:
        self._show(replace(self.state, modes=message.modes))

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
        if config.panel.external_mode_file != before.panel.external_mode_file:
            path = Path(config.panel.external_mode_file).expanduser()
            self._follow_modes(path, state_home() / "modes.json")
        if self._discover and config.path is None:
            for screen in self.screen_stack:
                if isinstance(screen, FirstRun):
                    screen.show_found(config)
        else:
            self.notify("configuration taken up", markup=False)

    @on(ThemesRead)
    def take_themes(self, message: ThemesRead) -> None:
        self._use_themes(message.themes)
        self.refresh_css(animate=False)

    @on(DetailsAsked)
    def open_details(self, message: DetailsAsked) -> None:
        from tui.app.screens.details import DetailsScreen

        self.push_screen(DetailsScreen(self.state, message.service, message.model))

    @on(CopyAsked)
    def copy(self, message: CopyAsked) -> None:
        self.copy_to_clipboard(message.text)
        self._copy_locally(message.text)

    @work(group="clipboard", exit_on_error=False, description="copy")
    async def _copy_locally(self, text: str) -> None:
        from tui.app import acts

        self.post_message(await acts.copy(text))

    @on(LoadAsked)
    def ask_to_load(self, message: LoadAsked) -> None:
        from tui.control.loading import disturbed_by_load

        model_id = message.service.model_id(message.model)
        consequences = disturbed_by_load(message.service, message.model)
        self._confirm(f"Load {printable(model_id, 60)}?", consequences, "Load", lambda: self._load(model_id))

    @on(UnloadAsked)
    def ask_to_unload(self, message: UnloadAsked) -> None:
        from tui.control.loading import disturbed_by_unload

        service, model = message.service, message.model
        name = printable(service.model_id(model) if model else f"all models of {service.name}", 60)
        consequences = disturbed_by_unload(service, model) or ("The next request for it has to load it again.",)
        model_id = service.model_id(model) if model else None
        self._confirm(f"Unload {name}?", consequences, "Unload", lambda: self._unload(service.name, model_id))

    def _confirm(self, question: str, consequences: tuple[str, ...], verb: str, act: Callable[[], object]) -> None:
        """Does ``act``, after asking where it disturbs others."""
        if self.state.readonly:
            return
        if not consequences:
            act()
            return
        from tui.app.screens.dialogs import ConfirmScreen

        def answered(yes: bool | None) -> None:
            if yes:
                act()

        self.push_screen(ConfirmScreen(question, consequences, verb), answered)

    @work(group="loading", exit_on_error=False, description="load a model")
    async def _load(self, model_id: str) -> None:
        from tui.app import acts

        self.post_message(await acts.load(self.monitor, self.state.config, model_id))

    @work(group="loading", exit_on_error=False, description="unload a model")
    async def _unload(self, service: str, model_id: str | None) -> None:
        from tui.app import acts

        self.post_message(await acts.unload(self.monitor, self.state.config, service, model_id))

    @on(ActionEnded)
    def tell(self, message: ActionEnded) -> None:
        if message.failed:
            self.notify(message.text, severity="error", timeout=12, markup=False)
        else:
            self.notify(message.text, timeout=4, markup=False)

    def action_help(self) -> None:
        from tui.app.screens.help import HelpScreen

        keys = keys_in_force(self.changed_keys)
        self.push_screen(HelpScreen(self.focused, keys, readonly=self.state.readonly))

    def action_problems(self) -> None:
        from tui.app.screens.details import ProblemsScreen

        self.push_screen(ProblemsScreen(self.state))

    def action_look_now(self) -> None:
        self.monitor.look_now()
        self.notify("asking every service", markup=False, timeout=2)

    async def action_quit(self) -> None:
        self.exit(Parting.QUIT)

    @on(DemoAsked)
    def leave_for_demo(self) -> None:
        self.exit(Parting.DEMO)

    def _after_first_run(self, written: Path | None) -> None:
        if written is not None:
            self._follow_config(written)

    def _use_themes(self, themes: Themes) -> None:
        for theme in themes.themes.values():
            self.register_theme(theme)
        self._themes = themes
        self._choose_theme()

    def _choose_theme(self) -> None:
        wanted = self.state.config.panel.theme
        problem = self._themes.problem
        if wanted in self.available_themes:
            self.theme = wanted
        else:
            usable = ", ".join(self._themes.themes)
            problem = "\n".join(part for part in (problem, f"there is no theme {wanted!r}; there are {usable}") if part)
        self._show(replace(self.state, theme_problem=problem))

    def _show(self, state: PanelState) -> None:
        """Makes ``state`` the one in force and hands it to what is on screen; hidden screens cost nothing."""
        self.state = state
        if not self.is_running or not self._screen_stack:
            return
        for screen in self.screen_stack:
            if isinstance(screen, ShowsState) and screen.is_running:
                screen.show_state(state)
