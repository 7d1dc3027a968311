"""``fleetdeck mcp``: the fleet as an MCP server, for agents of other programs."""

from __future__ import annotations

import asyncio
import functools
import importlib.util
import sys

import click

from tui.cli.log import write_log
from tui.cli.looking import config_or_discovered
from tui.cli.main import CommandFailed, Invocation


@click.command("mcp")
@click.pass_obj
def mcp_command(invocation: Invocation) -> None:
    """Serve agents over MCP, on standard input and output, until they hang up.

    Programs start this themselves once they know of it: `claude mcp add -s user fleetdeck -- fleetdeck mcp`.
    """
    if importlib.util.find_spec("mcp") is None:
        raise CommandFailed("the MCP server needs an extra; `pip install 'fleetdeck[mcp]'` adds it")
    from tui.bridges.mcp_server import serve

    write_log()
    if sys.stdin.isatty():
        click.echo(
            "fleetdeck: an MCP server waits here for a program that speaks its protocol; ctrl+c ends it", err=True
        )
    asyncio.run(serve(functools.partial(config_or_discovered, invocation)))
