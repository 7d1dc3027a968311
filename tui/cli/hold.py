"""``fleetdeck hold``: lends the GPUs of a machine, and takes them back."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import click

from tui.cli.asking import ask_person, person_is_there, refuse_readonly
from tui.cli.completing import complete_machines
from tui.cli.document import SCHEMA, Json
from tui.cli.looking import modes_of, narrowed, requests_known
from tui.cli.main import CommandFailed, Invocation
from tui.cli.modes import mode_words
from tui.cli.remembering import Change, in_ledger
from tui.config.schema import Config, MachineSettings
from tui.control.gpu_hold import Freed, HoldFailed, Returned, end_hold, free_gpu
from tui.control.lending import disturbed_by_hold, recall, servers_named
from tui.control.states import hold_state
from tui.fleet.gpu_snapshot import GpuHolder
from tui.fleet.monitor import Monitor, running_monitor
from tui.fleet.printable import printable
from tui.routing.modes import Mode

FIRST_LOOK = 10.0
"""Seconds within which the machine and its services have to say what they hold."""


@click.command()
@click.argument("machine", shell_complete=complete_machines)
@click.argument("action", type=click.Choice(("on", "off", "status")), default="status")
@click.option("--reason", metavar="TEXT", help="Why; it is shown wherever the hold is.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask, whatever is disturbed.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.pass_obj
def hold(invocation: Invocation, machine: str, action: str, reason: str | None, yes: bool, as_json: bool) -> None:
    """Lend the GPU of MACHINE to something else: unload what is on it, and send nothing there until it is back.

    "off" loads and starts again what ran before.
    """
    if reason is not None and action != "on":
        raise click.UsageError("--reason goes with on")
    config = invocation.read_config()
    settings = config.machines.get(machine) if config is not None else None
    if config is None or settings is None:
        known = ", ".join(config.machines) if config is not None and config.machines else "none"
        raise click.UsageError(f"there is no machine {printable(machine, 60)}; there are {known}")
    if action == "status":
        _status(config, settings, as_json)
        return
    refuse_readonly(invocation)
    if action == "off":
        with in_ledger("gpu.hold", "off", machine) as change:
            _report(asyncio.run(_take_back(config, settings, change)), as_json)
        return
    if not yes and person_is_there():
        disturbed = asyncio.run(_disturbed(config, settings))
        if disturbed:
            ask_person(f"Lend the GPU of {settings.name}?", disturbed)
    with in_ledger("gpu.hold", "on", machine) as change:
        _report(asyncio.run(_lend(config, settings, reason, change)), as_json)


@asynccontextmanager
async def _watched(config: Config, machine: MachineSettings) -> AsyncIterator[Monitor]:
    """The machine, and what may hold memory of its GPUs, looked at."""
    async with running_monitor(narrowed(config, machine, servers_named(config, machine))) as monitor:
        await monitor.first_look(FIRST_LOOK)
        yield monitor


async def _disturbed(config: Config, machine: MachineSettings) -> tuple[str, ...]:
    async with _watched(config, machine) as monitor:
        return disturbed_by_hold(await requests_known(monitor), config, machine)


async def _lend(config: Config, machine: MachineSettings, reason: str | None, change: Change) -> Freed:
    async with _watched(config, machine) as monitor:
        try:
            with change.seen(lambda: hold_state(monitor.snapshot, config, machine.name)):
                return await free_gpu(monitor, config, machine.name, reason, tell=_tell)
        except HoldFailed as error:
            raise CommandFailed(str(error)) from None


async def _take_back(config: Config, machine: MachineSettings, change: Change) -> Returned:
    async with _watched(config, machine) as monitor:
        try:
            with change.seen(lambda: hold_state(monitor.snapshot, config, machine.name)):
                return await end_hold(monitor, config, machine.name, tell=_tell)
        except HoldFailed as error:
            raise CommandFailed(str(error)) from None


def _tell(words: str) -> None:
    click.echo(words, err=True)


def _status(config: Config, machine: MachineSettings, as_json: bool) -> None:
    modes = modes_of(config)
    if modes.others_problem:
        raise CommandFailed(f"{modes.others_problem}; whether the GPU of {machine.name} is lent is not known")
    mode = modes.hold.get(machine.name, Mode())
    try:
        ran = recall(machine.name) if mode.enabled else None
    except OSError:
        ran = None
    if as_json:
        comes_back = [] if ran is None else [*ran.services, *ran.models]
        _print_json({**_mode_document(machine.name, mode), "comes_back": comes_back})
        return
    click.echo(f"the hold on {machine.name} is {mode_words(mode)}")
    if ran is not None and (ran.services or ran.models):
        click.echo(f"afterwards {printable(', '.join((*ran.services, *ran.models)), 200)} will run again")


def _report(outcome: Freed | Returned, as_json: bool) -> None:
    if as_json:
        _print_json(_document(outcome))
    if not outcome.worked:
        raise CommandFailed(outcome.words)
    if not as_json:
        click.echo(outcome.words)


def _document(outcome: Freed | Returned) -> Json:
    match outcome:
        case Freed():
            return {
                **_mode_document(outcome.machine, outcome.mode),
                "unloaded": list(outcome.unloaded),
                "stopped": list(outcome.stopped),
                "memory": {"total": outcome.total, "free": outcome.free},
                "proved": not outcome.unproved,
                "unproved_reason": outcome.unproved,
                "still": [_holder(holder) for holder in outcome.still],
                "holders": [_holder(holder) for holder in outcome.holders],
                "failures": list(outcome.failures),
            }
        case Returned():
            return {
                **_mode_document(outcome.machine, Mode()),
                "was_lent": outcome.was_lent,
                "started": list(outcome.started),
                "loaded": list(outcome.loaded),
                "failures": list(outcome.failures),
            }


def _mode_document(machine: str, mode: Mode) -> Json:
    return {
        "schema": SCHEMA,
        "machine": machine,
        "enabled": mode.enabled,
        "activated_at": mode.activated_at,
        "reason": mode.reason,
    }


def _holder(holder: GpuHolder) -> Json:
    return {"who": holder.who, "pid": holder.pid, "bytes": holder.bytes}


def _print_json(document: Json) -> None:
    sys.stdout.write(json.dumps(document, indent=1) + "\n")
