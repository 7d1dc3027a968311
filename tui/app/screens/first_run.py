"""What a person sees who has no configuration yet: what was found, and the ways on."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Footer, OptionList, Static
from textual.widgets.option_list import Option

from tui.app.messages import ConfigRead, DemoAsked
from tui.app.panel_state import KeepsState
from tui.config.edit import write_first_config
from tui.config.errors import ConfigChanged, ConfigError
from tui.config.load import load_config
from tui.config.paths import default_config_path, default_config_text, path_words
from tui.config.schema import Config
from tui.config.starting import starting_text
from tui.fleet.snapshot import ModelRole


class FirstRunScreen(ModalScreen[Path | None]):
    """Ends with the path of the configuration that was written, or None."""

    CSS_PATH = "dialogs.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("w", "write", "Write a configuration", id="first-run.write"),
        Binding("d", "demo", "Demo", id="first-run.demo"),
        Binding("escape", "look_around", "Go on", id="first-run.go-on"),
    ]

    def compose(self) -> ComposeResult:
        with Vertical(id="first-run") as box:
            box.border_title = Content("Welcome to fleetdeck")
            yield Static(Content("You have no configuration yet. Looking for servers on this machine …"), id="found")
            yield OptionList(
                Option(Content("Go on with what was found  (esc)"), id="look_around"),
                Option(Content(f"Write a configuration to {path_words(default_config_path())}  (w)"), id="write"),
                Option(Content("Look around in a simulated fleet  (d)"), id="demo"),
                id="ways",
                compact=True,
            )
        yield Footer(show_command_palette=False, compact=True)

    def on_mount(self) -> None:
        self.query_one("#ways").focus()
        self._look_for_servers()

    @work(group="discovery", exclusive=True, exit_on_error=False, description="look for servers")
    async def _look_for_servers(self) -> None:
        from tui.fleet.discovery import discover

        self.app.post_message(ConfigRead(await discover()))

    def show_found(self, config: Config) -> None:
        """Says what was found; what the services answer is in the tables behind."""
        if config.services:
            lines = [f"● {service.name} at {service.url}" for service in config.services.values()]
            text = "\n".join(["Found on this machine's usual ports:", *lines])
        else:
            text = (
                "No server was found on this machine's usual ports (llama-swap 8080, Ollama 11434, LiteLLM 4000, "
                "Qdrant 6333, vLLM 8000). Write a configuration to name those on other machines."
            )
        self.query_one("#found", Static).update(Content(text))

    @on(OptionList.OptionSelected)
    async def go_the_way(self, event: OptionList.OptionSelected) -> None:
        await self.run_action(f"screen.{event.option.id}")

    def action_look_around(self) -> None:
        if self.is_current:
            self.dismiss(None)

    def action_demo(self) -> None:
        self.post_message(DemoAsked())

    def _starting_text(self) -> str:
        """The configuration that ships, with what was found in place of its names."""
        state = self.app.state if isinstance(self.app, KeepsState) else None
        if state is None or state.snapshot is None:
            return default_config_text()
        models = [
            (service.model_id(model), model.loaded)
            for service, model in state.snapshot.models()
            if model.role is ModelRole.MODEL and model.remote is None and not model.only_embeds
        ]
        # What is loaded is what the person uses.
        models.sort(key=lambda model: not model[1])
        found = [model_id for model_id, _ in models]
        return starting_text(default_config_text(), state.config, found, lambda kind: shutil.which(kind) is not None)

    def action_write(self) -> None:
        path = default_config_path()
        try:
            write_first_config(path, self._starting_text())
            config = load_config(path)
        except (ConfigError, ConfigChanged) as error:
            self.notify(str(error), severity="error", markup=False)
            return
        self.app.post_message(ConfigRead(config))
        self.notify(f"written: {path_words(path)}. Edit it, and the panel follows.", timeout=10, markup=False)
        self.dismiss(path)
