"""``fleetdeck status``: the fleet as a script or a person without a panel sees it."""

from __future__ import annotations

import asyncio
import sys

import click
import msgspec

from tui.cli.document import status_document
from tui.cli.lines import Line, print_lines
from tui.cli.looking import config_or_discovered, modes_of
from tui.cli.main import Invocation
from tui.config.schema import Config
from tui.fleet.monitor import Monitor, running_monitor
from tui.fleet.printable import printable
from tui.fleet.snapshot import FleetSnapshot, Freshness, ServiceSnapshot
from tui.fleet.wording import SERVICE_SYMBOLS, latency_words, service_words, version_words
from tui.routing.modes import Mode, Modes

COLORS = {"up": "green", "busy": "yellow", "starting": "cyan", "down": "red", "unknown": "magenta", "stale": "magenta"}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.option("--watch", is_flag=True, help="Go on, and say what changes; with --json a snapshot a line.")
@click.option("--timeout", type=click.FloatRange(min=0.05), default=3.0, show_default=True, help="Seconds to wait.")
@click.pass_obj
def status(invocation: Invocation, as_json: bool = False, watch: bool = False, timeout: float = 3.0) -> None:
    """One look at everything."""
    asyncio.run(_status(invocation, as_json, watch, timeout))


async def _status(invocation: Invocation, as_json: bool, watch: bool, timeout: float) -> None:
    config = await config_or_discovered(invocation)
    async with running_monitor(config) as monitor:
        snapshot = await monitor.first_look(timeout)
        _print(snapshot, config, as_json, watch)
        if watch:
            await _follow(monitor, config, snapshot, as_json)


async def _follow(monitor: Monitor, config: Config, printed: FleetSnapshot, as_json: bool) -> None:
    """Prints each snapshot in which more has changed than ages and answer times."""
    said = (modes_of(config), printed.substance)
    async for snapshot in monitor.subscribe():
        now_said = (modes_of(config), snapshot.substance)
        if now_said != said:
            said = now_said
            _print(snapshot, config, as_json, watch=True)


def _print(snapshot: FleetSnapshot, config: Config, as_json: bool, watch: bool) -> None:
    modes = modes_of(config)
    if as_json:
        document = msgspec.json.encode(status_document(snapshot, modes, config))
        if not watch:
            document = msgspec.json.format(document, indent=1)
        # In UTF-8 whatever the locale is (RFC 8259).
        sys.stdout.buffer.write(document + b"\n")
        sys.stdout.flush()
        return
    if watch:
        click.echo()
    print_lines(_lines(snapshot, modes))
    if not snapshot.services:
        click.echo("No services: name them in a configuration, or try `fleetdeck --demo status`.", err=True)


def _lines(snapshot: FleetSnapshot, modes: Modes) -> list[Line]:
    lines = [Line((_modes_words(modes),))]
    for service in snapshot.services:
        lines.append(_service_line(service, snapshot.at))
    return lines


def _service_line(service: ServiceSnapshot, now: float) -> Line:
    stale = service.seen.freshness(now) is Freshness.STALE
    state = "stale" if stale else str(service.state)
    return Line(
        (
            f"{SERVICE_SYMBOLS[service.state]} {printable(service.name, 40)}",
            state,
            latency_words(service.latency),
            printable(version_words(service.version), 20),
            service.machine or "elsewhere",
            printable(service_words(service, now), 160),
        ),
        color=COLORS[state],
    )


def _modes_words(modes: Modes) -> str:
    words = [_mode_words("external", modes.external), _mode_words("private", modes.private)]
    words += [_mode_words(f"hold {printable(machine, 30)}", hold) for machine, hold in modes.hold.items()]
    return " · ".join(words)


def _mode_words(name: str, mode: Mode) -> str:
    since = f" since {mode.since:%Y-%m-%d %H:%M}" if mode.enabled and mode.since else ""
    reason = f" ({printable(mode.reason, 60)})" if mode.enabled and mode.reason else ""
    return f"{name} {'on' if mode.enabled else 'off'}{since}{reason}"
