"""``fleetdeck litellm-config``: LiteLLM's configuration for the local models, printed or merged into its file."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tui.cli.completing import complete_services
from tui.cli.looking import config_or_discovered
from tui.cli.main import CommandFailed, Invocation
from tui.fleet.printable import printable, printable_lines

if TYPE_CHECKING:
    from tui.bridges.litellm_file import Merged


@click.command("litellm-config")
@click.option(
    "--write",
    "file",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Merge into this file, and show the difference; its comments and everything else stay.",
)
@click.option("--dry-run", is_flag=True, help="With --write: show the difference, and write nothing.")
@click.option(
    "--for",
    "proxy_name",
    metavar="SERVICE",
    shell_complete=complete_services,
    help="Which LiteLLM; the first by default.",
)
@click.option(
    "--api-base",
    "api_bases",
    metavar="SERVICE=URL",
    multiple=True,
    help="Where LiteLLM reaches a service, if not at its own URL; may be given again.",
)
@click.option("--timeout", type=click.FloatRange(min=0.05), default=3.0, show_default=True, help="Seconds to wait.")
@click.pass_obj
def litellm_config(
    invocation: Invocation,
    file: Path | None,
    dry_run: bool,
    proxy_name: str | None,
    api_bases: tuple[str, ...],
    timeout: float,
) -> None:
    """A group for each local model and tier, with the fallbacks that the tasks imply, for LiteLLM's configuration.

    No group of your own machines falls back to one elsewhere. Keys stand in it as os.environ/NAME alone.
    """
    if dry_run and file is None:
        raise click.UsageError("--dry-run goes with --write FILE; without it nothing is written")
    if invocation.readonly and file is not None and not dry_run:
        raise click.UsageError("--readonly and a command that changes something do not go together; try --dry-run")
    from tui.bridges.litellm_config import NoLiteLlm
    from tui.config.errors import ConfigChanged
    from tui.config.kept_file import FileEdit, bytes_now, versions
    from tui.config.source import decode_config

    before = bytes_now(file) if file is not None else None
    try:
        text = decode_config(before, file) if before is not None and file is not None else ""
        result = asyncio.run(_merged(invocation, text, proxy_name, _by_service(api_bases), timeout))
    except NoLiteLlm as error:
        start = f"{file}: " if file is not None else ""
        raise CommandFailed(f"{start}{error}; nothing was written") from None
    for note in result.notes:
        click.echo(f"fleetdeck: {printable(note, 300)}", err=True)
    if file is None:
        click.echo(printable_lines(result.text))
        return
    edit = FileEdit(file, before, result.text.encode())
    click.echo(printable_lines(edit.diff()), nl=False)
    if edit.after == edit.before:
        click.echo(f"{file} says all of it already", err=True)
    elif not dry_run:
        try:
            edit.save()
        except ConfigChanged as error:
            raise CommandFailed(str(error)) from None
        kept = f"; what it was is kept as {versions(file)[0].name}" if before is not None else ""
        click.echo(f"{file} is written{kept}; LiteLLM reads it when it is started again", err=True)


def _by_service(api_bases: tuple[str, ...]) -> dict[str, str]:
    from tui.config.checks import check_url

    found = {}
    for given in api_bases:
        name, sign, url = given.partition("=")
        problem = next((words for _, words in check_url(url)), "") if sign else "should be SERVICE=URL"
        if problem:
            raise click.UsageError(f"--api-base {printable(name, 60)} {problem}")
        found[name] = url.rstrip("/")
    return found


async def _merged(
    invocation: Invocation, text: str, proxy_name: str | None, api_bases: dict[str, str], timeout: float
) -> Merged:
    from dataclasses import replace

    from tui.bridges.litellm_config import KINDS, litellm_groups, litellm_service
    from tui.bridges.litellm_file import merged
    from tui.fleet.monitor import running_monitor

    config = await config_or_discovered(invocation)
    unknown = api_bases.keys() - config.services.keys()
    if unknown:
        raise click.UsageError(f"--api-base names {printable(min(unknown), 60)}, which is no service")
    proxy = litellm_service(config, proxy_name)
    asked = [name for name, service in config.services.items() if service.kind in KINDS]
    async with running_monitor(config, asked) as monitor:
        snapshot = await monitor.first_look(timeout)
    wanted = litellm_groups(config, snapshot, proxy, api_bases)
    result = merged(text, wanted, config, snapshot, proxy)
    return replace(result, notes=(*wanted.notes, *result.notes))
