"""``fleetdeck load`` and ``unload``."""

from __future__ import annotations

import asyncio

import click

from tui.cli.asking import refuse_readonly
from tui.cli.completing import complete_models
from tui.cli.looking import config_or_discovered
from tui.cli.main import CommandFailed, Invocation
from tui.cli.remembering import Change, in_ledger
from tui.config.schema import Config
from tui.control.loading import LOAD_TIMEOUT, UNLOAD_TIMEOUT, LoadingFailed, load_model, unload_model, unload_service
from tui.control.states import loaded_models, model_state
from tui.fleet.monitor import running_monitor
from tui.fleet.printable import printable

FIRST_LOOK = 5.0
"""Seconds within which the service has to say what it has."""


@click.command()
@click.argument("model", shell_complete=complete_models)
@click.option("--timeout", type=click.FloatRange(min=1), default=LOAD_TIMEOUT, show_default=True, help="Seconds.")
@click.pass_obj
def load(invocation: Invocation, model: str, timeout: float) -> None:
    """Load MODEL (service/name), and wait until its service shows it ready."""
    refuse_readonly(invocation)
    with in_ledger("model.load", model) as change:
        asyncio.run(_load(invocation, model, timeout, change))
    click.echo(f"{printable(model, 80)} is ready")


@click.command()
@click.argument("model", required=False, shell_complete=complete_models)
@click.option("--all", "everything", is_flag=True, help="All models: of SERVICE where one is named, else of the fleet.")
@click.option("--timeout", type=click.FloatRange(min=1), default=UNLOAD_TIMEOUT, show_default=True, help="Seconds.")
@click.pass_obj
def unload(invocation: Invocation, model: str | None, everything: bool, timeout: float) -> None:
    """Unload MODEL (service/name), or with --all every model [of SERVICE], and wait until it is so."""
    if not everything and model is None:
        raise click.UsageError("name a model, or say --all")
    refuse_readonly(invocation)
    if everything:
        with in_ledger("model.unload", model or "all") as change:
            unloaded = asyncio.run(_unload_all(invocation, model, timeout, change))
        for line in unloaded or ["nothing was loaded"]:
            click.echo(line)
    elif model is not None:
        with in_ledger("model.unload", model) as change:
            asyncio.run(_unload(invocation, model, timeout, change))
        click.echo(f"{printable(model, 80)} is unloaded")


async def _load(invocation: Invocation, model: str, timeout: float, change: Change) -> None:
    config = await config_or_discovered(invocation)
    async with running_monitor(config, (_service_of(model, config),)) as monitor:
        await monitor.first_look(FIRST_LOOK)
        try:
            with change.seen(lambda: model_state(monitor.snapshot, model)):
                await load_model(monitor, config, model, timeout=timeout)
        except LoadingFailed as error:
            raise CommandFailed(str(error)) from None


async def _unload(invocation: Invocation, model: str, timeout: float, change: Change) -> None:
    config = await config_or_discovered(invocation)
    async with running_monitor(config, (_service_of(model, config),)) as monitor:
        await monitor.first_look(FIRST_LOOK)
        try:
            with change.seen(lambda: model_state(monitor.snapshot, model)):
                await unload_model(monitor, config, model, timeout=timeout)
        except LoadingFailed as error:
            raise CommandFailed(str(error)) from None


async def _unload_all(invocation: Invocation, service: str | None, timeout: float, change: Change) -> list[str]:
    config = await config_or_discovered(invocation)
    if service is not None and service not in config.services:
        raise click.UsageError(f"there is no service {printable(service, 60)}; there are {', '.join(config.services)}")
    names = (service,) if service is not None else tuple(config.services)
    done: list[str] = []
    async with running_monitor(config, names) as monitor:
        await monitor.first_look(FIRST_LOOK)
        with change.seen(lambda: loaded_models(monitor.snapshot, names)):
            for name in names:
                try:
                    ids = await unload_service(monitor, config, name, timeout=timeout)
                except LoadingFailed as error:
                    raise CommandFailed(str(error)) from None
                done += [f"{printable(model_id, 80)} is unloaded" for model_id in ids]
    return done


def _service_of(model: str, config: Config) -> str:
    name = model.partition("/")[0]
    if name not in config.services or "/" not in model:
        known = ", ".join(config.services)
        raise click.UsageError(f"{printable(model, 80)} names no model: say service/name, with one of {known}")
    return name
