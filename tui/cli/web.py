"""``fleetdeck web``: the panel in a browser on this machine."""

from __future__ import annotations

import asyncio
import importlib.util
import sys

import click

from tui.cli.main import CommandFailed, Invocation
from tui.cli.until_signal import until_signal
from tui.config.paths import reason_of

USUAL_PORT = 8642


@click.command("web")
@click.option("--port", type=click.IntRange(0, 65_535), default=USUAL_PORT, show_default=True, help="0: a free one.")
@click.option("--allow-changes", is_flag=True, help="Not only look: flip modes, load models, send prompts.")
@click.pass_obj
def web_command(invocation: Invocation, port: int, allow_changes: bool) -> int:
    """The panel in a browser on this machine, until ctrl+c. Prints the address, with a token that this start alone has.

    Nobody else gets in: it listens on 127.0.0.1 only. From another machine come by a tunnel to the same port, such as
    `ssh -L 8642:127.0.0.1:8642 flamingo`.
    """
    if allow_changes and invocation.readonly:
        raise click.UsageError("--readonly and --allow-changes do not go together")
    if importlib.util.find_spec("textual_serve") is None:
        raise CommandFailed("the panel in a browser needs an extra; `pip install 'fleetdeck[web]'` adds it")
    invocation.read_config()
    return asyncio.run(until_signal(_serve(panel_command(invocation, allow_changes=allow_changes), port)))


def panel_command(invocation: Invocation, *, allow_changes: bool) -> list[str]:
    """The command that is a panel with the same configuration."""
    # Not with what a folder of that name in the working directory holds.
    command = [sys.executable, "-P", "-m", "tui"]
    if invocation.config_path is not None:
        command += ["--config", str(invocation.config_path.absolute())]
    if invocation.screen is not None:
        command += ["--screen", invocation.screen]
    return command if allow_changes else [*command, "--readonly"]


async def _serve(command: list[str], port: int) -> int:
    from tui.cli.web_server import HOST, serving

    try:
        async with serving(command, port) as server:
            click.echo(server.address)
            sys.stdout.flush()
            click.echo("Open it in a browser on this machine; ctrl+c ends it.", err=True)
            await asyncio.Event().wait()
    except OSError as error:
        taken = f"port {port} of {HOST} cannot be used: {reason_of(error)}"
        raise CommandFailed(f"{taken}; `fleetdeck web --port 0` takes a free one") from None
    return 0
