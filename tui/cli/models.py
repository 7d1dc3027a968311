"""``fleetdeck models`` and ``ps``."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

import click
import msgspec

from tui.cli.document import models_document
from tui.cli.lines import Line, print_lines
from tui.cli.looking import config_or_discovered
from tui.cli.main import Invocation
from tui.config.schema import Config
from tui.control.known_models import remember_models
from tui.fleet.monitor import running_monitor
from tui.fleet.printable import printable
from tui.fleet.snapshot import FleetSnapshot, ModelSnapshot, ServiceSnapshot
from tui.fleet.wording import MODEL_SYMBOLS, processor_words, size_words, until_words
from tui.routing.locality import locality

if TYPE_CHECKING:
    from tui.ledger.probes import Probed

COLORS = {"ready": "green", "starting": "cyan", "stopping": "yellow", "idle": None, "unknown": "magenta"}


@click.command()
@click.option("--loaded", is_flag=True, help="Only those in memory.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.option("--timeout", type=click.FloatRange(min=0.05), default=3.0, show_default=True, help="Seconds to wait.")
@click.pass_obj
def models(invocation: Invocation, loaded: bool, as_json: bool, timeout: float) -> None:
    """Every model: its id, where it runs, its state, what it is for."""
    asyncio.run(_models(invocation, loaded, as_json, timeout))


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.option("--timeout", type=click.FloatRange(min=0.05), default=3.0, show_default=True, help="Seconds to wait.")
@click.pass_obj
def ps(invocation: Invocation, as_json: bool, timeout: float) -> None:
    """The models that are loaded."""
    asyncio.run(_models(invocation, True, as_json, timeout))


async def _models(invocation: Invocation, loaded: bool, as_json: bool, timeout: float) -> None:
    config = await config_or_discovered(invocation)
    async with running_monitor(config) as monitor:
        snapshot = await monitor.first_look(timeout)
    remember_models(snapshot)
    probes = _probes()
    if as_json:
        document = msgspec.json.encode(models_document(snapshot, config, probes, loaded_only=loaded))
        sys.stdout.buffer.write(msgspec.json.format(document, indent=1) + b"\n")
        return
    shown = [(service, model) for service, model in snapshot.models() if model.loaded or not loaded]
    print_lines([_line(service, model, snapshot, config, probes) for service, model in shown])
    for service in snapshot.services:
        if service.reason:
            click.echo(f"{printable(service.name, 40)}: {printable(service.reason, 160)}", err=True)


def _probes() -> Mapping[str, Probed]:
    from tui.ledger.file import LedgerError
    from tui.ledger.probes import probes_known

    try:
        return probes_known()
    except LedgerError as error:
        click.echo(f"fleetdeck: what models can do for agents is not known: {error}", err=True)
        return {}


def _line(
    service: ServiceSnapshot,
    model: ModelSnapshot,
    snapshot: FleetSnapshot,
    config: Config,
    probes: Mapping[str, Probed],
) -> Line:
    model_id = service.model_id(model)
    settings = config.models.get(model_id)
    about = model.reason or (settings.about if settings else "") or model.about
    return Line(
        (
            f"{MODEL_SYMBOLS[model.state]} {printable(model_id, 80)}",
            str(model.state),
            str(locality(model_id, config, snapshot).where),
            size_words(model.vram),
            processor_words(model),
            until_words(model, snapshot.at),
            printable(about, 80),
            probes[model_id].words if model_id in probes else "",
        ),
        color=COLORS[str(model.state)],
    )
