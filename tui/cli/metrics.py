"""``fleetdeck metrics``: the fleet for Prometheus."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tui.cli.looking import config_or_discovered, modes_of
from tui.cli.main import CommandFailed, Invocation
from tui.cli.until_signal import until_signal
from tui.config.errors import ConfigError
from tui.config.load import load_config
from tui.config.paths import reason_of
from tui.config.schema import Config, is_loopback
from tui.config.watch import watch_files
from tui.fleet.monitor import Monitor, running_monitor

if TYPE_CHECKING:
    from tui.bridges.prometheus import Scene

PORT = 9464
"""The port by which OpenTelemetry's exporters for Prometheus are usually found."""
LOOPBACK = "127.0.0.1"
SELDOM = 1.0
"""Seconds between looks at the configuration's file."""


@click.command("metrics")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    is_flag=False,
    flag_value=PORT,
    help=f"Serve scrapes on this port ({PORT} where none is said; 0: a free one). Left out: print one scrape.",
)
@click.option("--listen", metavar="ADDRESS", help=f"Serve on this address instead of {LOOPBACK}.")
@click.option("--timeout", type=click.FloatRange(min=0.05), default=3.0, show_default=True, help="Seconds to wait.")
@click.pass_obj
def metrics_command(invocation: Invocation, port: int | None, listen: str | None, timeout: float) -> int:
    """Services, models, machines, GPUs and requests as metrics, in the text format of Prometheus.

    What is not known is left out. With --port they are served until ctrl+c, and every scrape gets the newest.
    """
    if listen is not None and port is None:
        raise click.UsageError("--listen goes with --port")
    if port is None:
        return asyncio.run(_print_once(invocation, timeout))
    return asyncio.run(until_signal(_serve(invocation, port, listen or LOOPBACK, timeout)))


async def _print_once(invocation: Invocation, timeout: float) -> int:
    from tui.bridges.prometheus import scrape

    config = await config_or_discovered(invocation)
    async with running_monitor(config) as monitor:
        await monitor.first_look(timeout)
    click.echo(scrape(_Watched(config, monitor).look), nl=False)
    return 0


async def _serve(invocation: Invocation, port: int, address: str, timeout: float) -> int:
    from tui.bridges.prometheus import serve_metrics

    config = await config_or_discovered(invocation)
    # From here on, so that no change is lost while the first look takes its time.
    changes = watch_files((config.path,) if config.path is not None else (), period=SELDOM)
    async with running_monitor(config) as monitor:
        # So that the first scrape finds something.
        await monitor.first_look(timeout)
        watched = _Watched(config, monitor)
        try:
            server, _ = serve_metrics(watched.look, address, port)
        except OSError as error:
            raise CommandFailed(f"nothing can be served on {address} port {port}: {reason_of(error)}") from None
        shown = f"[{address}]" if ":" in address else address
        everybody = "" if is_loopback(address) else "; whoever reaches that address can read them"
        click.echo(f"fleetdeck: metrics at http://{shown}:{server.server_port}/metrics{everybody}", err=True)
        try:
            await watched.follow(changes)
        finally:
            await asyncio.to_thread(server.shutdown)
            server.server_close()
    return 0


class _Watched:
    """A monitor with the configuration that it goes by."""

    def __init__(self, config: Config, monitor: Monitor) -> None:
        self._config = config
        self._monitor = monitor

    def look(self) -> Scene:
        """What there is to tell now; from any thread, since all of it is frozen."""
        from tui.bridges.prometheus import Scene

        config = self._config
        return Scene(config, self._monitor.snapshot, modes_of(config), time.time())

    async def follow(self, changes: AsyncIterable[Path]) -> None:
        """Takes up what the person changes in the configuration's file, until it is cancelled."""
        async for path in changes:
            try:
                self._config = load_config(path)
            except ConfigError as error:
                click.echo(f"fleetdeck: an older configuration is in force: {error}", err=True)
            else:
                self._monitor.take_up(self._config)
