"""Opens the panel."""

from __future__ import annotations

from dataclasses import replace

from tui.cli.main import Invocation


def open_panel(invocation: Invocation) -> None:
    """Runs the panel until the person leaves it, and once more where they leave it for the demo.

    Raises:
        ConfigError: the configuration cannot be used.
    """
    from tui.app.app import FleetApp, Parting
    from tui.cli.log import write_log
    from tui.config.schema import Config

    config = invocation.read_config()
    write_log()
    app = FleetApp(config or Config(), discover=config is None, readonly=invocation.readonly)
    if app.run() is Parting.DEMO:
        from tui.cli.demo import simulated_fleet

        with simulated_fleet() as path:
            open_panel(replace(invocation, config_path=path, demo=True))
