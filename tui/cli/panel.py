"""Opens the panel."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from tui.cli.main import Invocation
from tui.cli.terminal import has_few_colors, locale_problem

if TYPE_CHECKING:
    from tui.app.app import FleetApp, Parting


COLLECT_AFTER = 1.0
"""Seconds: by then the panel has been painted, and what is imported after that is in."""
COLLECT_EVERY = (10_000, 10, 50)
"""Objects made since the last time, and how many times the younger ones are looked through before the older ones are.
With Python's own figures (700, 10, 10) a third of the time that a fast answer takes went into looking through its
rows, up to 100 ms at once and the more of it the longer the answer was."""


def open_panel(invocation: Invocation) -> None:
    """Runs the panel until the person leaves it, and once more where they leave it for the demo.

    Raises:
        ConfigError: the configuration cannot be used.
        click.exceptions.Exit: the panel was ended by a signal (128 and its number), or by a fault of its own (1).
    """
    # A twentieth of the time to the first paint would go into looking for garbage among what is kept anyway.
    gc.disable()
    from tui.app.app import FleetApp, Parting
    from tui.cli.log import write_log
    from tui.config.schema import Config

    config = invocation.read_config()
    write_log()
    if not os.environ.get("NO_COLOR"):
        # Textual takes an empty one for a wish (8.2.8), which it is not to be (no-color.org).
        os.environ.pop("NO_COLOR", None)
    app = FleetApp(
        config or Config(),
        discover=config is None,
        readonly=invocation.readonly,
        screen=invocation.screen,
        terminal_problem=locale_problem(os.environ),
        few_colors=has_few_colors(os.environ),
    )
    parting = asyncio.run(_until_left(app))
    if app.return_code:
        raise click.exceptions.Exit(app.return_code)
    if parting is Parting.DEMO:
        from tui.cli.demo import simulated_fleet

        with simulated_fleet() as path:
            open_panel(replace(invocation, config_path=path, demo=True))


async def _until_left(app: FleetApp) -> Parting | None:
    """Runs the panel. Signals end it as ``q`` does: killed outright, it would leave the terminal without echo."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, app.exit, None, 128 + number)
    loop.call_later(COLLECT_AFTER, _collect_garbage_again)
    return await app.run_async()


def _collect_garbage_again() -> None:
    """What the start has made stays to the end: it need not be looked through each time."""
    gc.freeze()
    gc.set_threshold(*COLLECT_EVERY)
    gc.enable()
