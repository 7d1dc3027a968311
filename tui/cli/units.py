"""``fleetdeck unit``: the systemd unit of a service, here or over ssh."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Literal

import click

from tui.cli.asking import ask_person, person_is_there, refuse_readonly
from tui.cli.completing import complete_services_with_units
from tui.cli.document import SCHEMA, Json, unit_document
from tui.cli.looking import narrowed, requests_known
from tui.cli.main import CommandFailed, Invocation
from tui.cli.remembering import Change, in_ledger
from tui.config.schema import Config, MachineSettings
from tui.control.states import unit_state
from tui.control.units import (
    CONNECTED_WITHIN,
    ServiceUnit,
    act_on_unit,
    configured_unit,
    disturbed_by_unit,
    find_unit,
    hints_for_unit,
)
from tui.fleet.machine_channel import WatchedUnit
from tui.fleet.machine_journal import JournalEntry, JournalUnavailable
from tui.fleet.machine_watch import MachineWatch, UnitActionFailed, UnitVerb
from tui.fleet.monitor import running_monitor
from tui.fleet.printable import printable
from tui.fleet.snapshot import MachineState, UnitState
from tui.fleet.wording import unit_words

ACTIONS = ("start", "stop", "restart", "status", "logs")
Action = Literal["start", "stop", "restart", "status", "logs"]
FIRST_ENTRY, LAST_ENTRY = 3.0, 0.4
"""Seconds of silence after which a journal holds nothing, or nothing more: it does not say where its past ends."""


@click.command()
@click.argument("action", type=click.Choice(ACTIONS))
@click.argument("service", shell_complete=complete_services_with_units)
@click.option("--yes", "-y", is_flag=True, help="Do not ask, whatever is disturbed.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document; with logs -f one entry a line.")
@click.option("--follow", "-f", is_flag=True, help="logs: go on with what is written from now on.")
@click.option("--lines", "-n", type=click.IntRange(1, 100_000), default=200, show_default=True, help="logs: how many.")
@click.pass_obj
def unit(
    invocation: Invocation, action: Action, service: str, yes: bool, as_json: bool, follow: bool, lines: int
) -> None:
    """Start, stop or restart the systemd unit of SERVICE, look at it, or read its journal."""
    if follow and action != "logs":
        raise click.UsageError("--follow goes with logs")
    if action not in ("status", "logs"):
        refuse_readonly(invocation)
    config = invocation.read_config()
    if config is None:
        raise click.UsageError("there is no configuration, and only that says which unit a service has")
    if service not in config.services:
        raise click.UsageError(f"there is no service {printable(service, 60)}; there are {', '.join(config.services)}")
    match action:
        case "status":
            asyncio.run(_status(config, service, as_json))
        case "logs":
            asyncio.run(_logs(config, service, follow, lines, as_json))
        case _:
            if not yes:
                _ask_first(config, service, action)
            machine = config.machine_of(config.services[service])
            with in_ledger(f"unit.{action}", service, machine.name if machine is not None else None) as change:
                asyncio.run(_act(config, service, action, as_json, change))


@asynccontextmanager
async def _looked_at(config: Config, service: str) -> AsyncIterator[ServiceUnit]:
    """The unit, as its machine shows it. The service itself is not asked: that would only fill the log being read."""
    machine, unit = _configured(config, service)
    watch = MachineWatch(machine, (unit,), changed=lambda: None)
    running = asyncio.create_task(watch.run())
    try:
        # Where it takes longer, what is said of it until then is the reason.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CONNECTED_WITHIN):
                await watch.looked_once.wait()
        yield ServiceUnit(service, unit.name, watch)
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


def _configured(config: Config, service: str) -> tuple[MachineSettings, WatchedUnit]:
    try:
        return configured_unit(config, service)
    except UnitActionFailed as error:
        raise click.UsageError(str(error)) from None


def _ask_first(config: Config, service: str, verb: UnitVerb) -> None:
    """Asks where others are disturbed. Not within the loop, since what waits for a key there cannot be interrupted."""
    disturbed = asyncio.run(_disturbed(config, service, verb)) if verb != "start" else ()
    if not disturbed:
        return
    name = printable(config.services[service].unit or service, 80)
    if not person_is_there():
        raise click.UsageError(f"{' '.join(disturbed)} Say --yes to {verb} {name} all the same.")
    ask_person(f"{verb.capitalize()} {name}?", disturbed)


async def _disturbed(config: Config, service: str, verb: UnitVerb) -> tuple[str, ...]:
    async with running_monitor(narrowed(config, None, (service,))) as monitor:
        await monitor.first_look(CONNECTED_WITHIN)
        seen = (await requests_known(monitor)).service(service)
        return disturbed_by_unit(seen, verb) if seen is not None else ()


async def _act(config: Config, service: str, verb: UnitVerb, as_json: bool, change: Change) -> None:
    machine, _ = _configured(config, service)
    async with running_monitor(narrowed(config, machine, (service,))) as monitor:
        await monitor.first_look(CONNECTED_WITHIN)
        unit = find_unit(monitor, config, service)
        try:
            with change.seen(lambda: unit_state(monitor, config, service)):
                outcome = await act_on_unit(monitor, config, service, verb, tell=_tell)
        except UnitActionFailed as error:
            log = f"; its log may say more: fleetdeck unit logs {service}" if "did not stay up" in str(error) else ""
            raise CommandFailed(f"{error}{log}") from None
        if as_json:
            _print_json(_document(unit, done=verb, text=outcome.words))
        else:
            click.echo(outcome.words)


def _tell(words: str) -> None:
    click.echo(words, err=True)


async def _status(config: Config, service: str, as_json: bool) -> None:
    async with _looked_at(config, service) as unit:
        machine, seen = unit.watch.snapshot, unit.snapshot
        if as_json:
            _print_json(_document(unit))
        elif machine.state is MachineState.UP:
            click.echo(f"{unit.shown}: {unit_words(seen, time.time()).removeprefix('unit ')}")
            if seen.state is UnitState.ACTIVE:
                restarts = f", restarted {seen.restarts} times" if seen.restarts else ""
                click.echo(f"process {seen.main_pid or '–'}{restarts}")
            for hint in hints_for_unit(machine, seen):
                click.echo(hint, err=True)
        if machine.state is not MachineState.UP:
            raise CommandFailed(f"{unit.shown}: not known, since {machine.reason}")
        if seen.state is UnitState.UNKNOWN:
            raise CommandFailed(f"{unit.shown}: {seen.reason}")


async def _logs(config: Config, service: str, follow: bool, lines: int, as_json: bool) -> None:
    entries: list[Json] = []
    async with _looked_at(config, service) as unit:
        if unit.watch.snapshot.state is not MachineState.UP:
            raise CommandFailed(f"the journal of {unit.shown} cannot be read: {unit.watch.snapshot.reason}")
        journal = unit.watch.follow(unit.name, lines=lines)
        try:
            async with aclosing(journal if follow else _past(journal, lines)) as wanted:
                async for entry in wanted:
                    if not as_json:
                        click.echo(_line(entry))
                    elif follow:
                        sys.stdout.write(json.dumps(_entry_document(entry)) + "\n")
                        sys.stdout.flush()
                    else:
                        entries.append(_entry_document(entry))
        except JournalUnavailable as error:
            raise CommandFailed(str(error)) from None
        if as_json and not follow:
            _print_json({**_document(unit), "entries": entries})


async def _past(journal: AsyncGenerator[JournalEntry], lines: int) -> AsyncGenerator[JournalEntry]:
    """The last ``lines`` entries of a journal that goes on."""
    async with aclosing(journal):
        patience = FIRST_ENTRY
        for _ in range(lines):
            try:
                async with asyncio.timeout(patience):
                    entry = await anext(journal)
            except TimeoutError:
                return
            yield entry
            patience = LAST_ENTRY


def _line(entry: JournalEntry) -> str:
    at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(entry.at))
    pid = f"[{entry.pid}]" if entry.pid is not None else ""
    return f"{at} {entry.identifier}{pid}: {entry.text}"


def _entry_document(entry: JournalEntry) -> Json:
    return {
        "at": entry.at,
        "text": entry.text,
        "priority": entry.priority,
        "pid": entry.pid,
        "identifier": entry.identifier,
        "cursor": entry.cursor,
    }


def _document(unit: ServiceUnit, **more: str) -> Json:
    machine, seen = unit.watch.snapshot, unit.snapshot
    return {
        "schema": SCHEMA,
        "service": unit.service,
        "machine": {"name": machine.name, "state": str(machine.state), "reason": machine.reason},
        "unit": unit_document(seen),
        "hints": list(hints_for_unit(machine, seen)),
        **more,
    }


def _print_json(document: Json) -> None:
    sys.stdout.write(json.dumps(document, indent=1) + "\n")
