"""The configuration and the files beside it: what is written wrong, and what cannot be written."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tui.cli.doctor.finding import Area, Finding, count_words, fine, problem, warning
from tui.cli.looking import config_or_discovered, modes_of
from tui.cli.main import Invocation
from tui.config.errors import ConfigError, ConfigProblem
from tui.config.paths import config_home, data_home, default_config_path, shipped, state_home
from tui.config.schema import Config, ServiceSettings, is_loopback

HOME_NAMES = (".local", ".lan", ".home", ".internal", ".home.arpa", ".ts.net")
"""Ends of names that only a person's own network has."""
TAILNET = ipaddress.ip_network("100.64.0.0/10")
"""The addresses that Tailscale gives (RFC 6598)."""


@dataclass(frozen=True, slots=True)
class ReadConfiguration:
    """What all other checks go by. A configuration that cannot be used is empty, and ``findings`` say why."""

    config: Config
    findings: tuple[Finding, ...]


async def read_configuration(invocation: Invocation) -> ReadConfiguration:
    """Reads the person's configuration; where they have none, finds the servers on this machine's usual ports."""
    try:
        config = await config_or_discovered(invocation)
    except ConfigError as error:
        return ReadConfiguration(Config(), tuple(map(_wrong, error.problems)))
    if config.path is None:
        found = ", ".join(config.services) or "none answers"
        text = f"you have none, so the servers on this machine's usual ports are looked at: {found}"
        fix = f"`fleetdeck` offers to write one; it goes to {default_config_path()}"
        return ReadConfiguration(config, (warning(Area.CONFIGURATION, "configuration", text, fix),))
    tables = {"machine": config.machines, "service": config.services, "program": config.clis}
    counts = ", ".join(count_words(len(rows), what) for what, rows in tables.items())
    return ReadConfiguration(config, (fine(Area.CONFIGURATION, config.path.name, f"{counts}, in {config.path}"),))


def _wrong(wrong: ConfigProblem) -> Finding:
    place = str(wrong.path) if wrong.line is None else f"{wrong.path}, line {wrong.line}"
    text, _, hint = wrong.text.partition("; ")
    fix = f"{hint} ({place})" if hint else f"mend it in {place}; until then nothing that it names can be checked"
    return problem(Area.CONFIGURATION, wrong.setting or wrong.path.name, text, fix)


async def check_configuration(config: Config) -> tuple[Finding, ...]:
    """What is wrong with settings that each are right, and with the files that this program keeps."""
    return await asyncio.to_thread(lambda: (*_settings(config), *_files(config), *_modes(config)))


def _settings(config: Config) -> Iterator[Finding]:
    from tui.app.actions import key_problems

    for text in key_problems(config.keys):
        yield problem(Area.CONFIGURATION, "keys", text, "`fleetdeck keys` lists the actions and their keys")
    yield from _theme(config)
    for service in config.services.values():
        yield from _place(service, config)
    for machine in config.machines.values():
        others = [name for name in (machine.name, *machine.addresses) if is_loopback(name)]
        if others and machine.ssh is None and not machine.local:
            fix = f"write local = true in [machines.{machine.name}], or ssh = … where a tunnel leads to it"
            yield warning(Area.CONFIGURATION, machine.name, f"{others[0]} means this very machine", fix)


def _theme(config: Config) -> Iterator[Finding]:
    wanted, own = config.panel.theme, config_home() / "themes"
    if (shipped("themes") / f"{wanted}.toml").exists() and not own.is_dir():
        return
    # Reading a theme takes Textual and its 0.2 s, which only a theme of one's own is worth.
    from tui.app.themes import read_themes

    themes = read_themes((shipped("themes"), own))
    for text in themes.problem_with(wanted, themes.usable).splitlines():
        yield problem(Area.CONFIGURATION, "theme", text, f"`fleetdeck themes` lists them; yours are in {own}")


def _place(service: ServiceSettings, config: Config) -> Iterator[Finding]:
    """Whether the machine that a service runs on is known: by that its models are local, and its unit is found."""
    machine = config.machine_of(service)
    unit = f", and its unit {service.unit} cannot be seen" if service.unit else ""
    if machine is None and (unit or is_of_home(service.host)):
        fix = f'add "{service.host}" to the addresses of its [machines.NAME], or machine = "NAME" to it'
        text = f"{service.host} is no machine of yours, so that its models count as cloud{unit}"
        yield (problem if unit else warning)(Area.CONFIGURATION, service.name, text, fix)
    elif machine is not None and unit and machine.ssh is None and not machine.local:
        text = f"{machine.name} has no ssh, so that the unit {service.unit} can be neither seen nor started"
        fix = f'write ssh = "HOST" in [machines.{machine.name}], a host of ~/.ssh/config; or local = true'
        yield warning(Area.CONFIGURATION, service.name, text, fix)


def is_of_home(host: str) -> bool:
    """True for a name or an address that means something in a person's own network alone."""
    if is_loopback(host):
        return False
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "." not in host or host.endswith(HOME_NAMES)
    return address.is_private or address in TAILNET


def _files(config: Config) -> Iterator[Finding]:
    from tui.ledger.file import LedgerError
    from tui.ledger.store import usage_now

    folders = {
        state_home(): "the modes and the log",
        data_home(): "the ledger",
        config.panel.external_mode_path.parent: "external mode",
    }
    for folder, what in folders.items():
        text = cannot_write(folder)
        if text:
            fix = f"without it {what} cannot be kept; make it a folder of your own: {folder}"
            yield problem(Area.CONFIGURATION, folder.name, text, fix)
    try:
        usage_now(time.time())
    except LedgerError as error:
        fix = f"put it aside and a new one is begun: mv {data_home()}/ledger.sqlite3 {data_home()}/ledger.old"
        yield problem(Area.CONFIGURATION, "ledger", str(error), fix)


def cannot_write(folder: Path) -> str:
    """Why nothing can be written into a folder that may not exist yet; empty: it can."""
    for place in (folder, *folder.parents):
        try:
            if not place.exists():
                continue
        except OSError as error:
            return f"{place} cannot be looked at: {(error.strerror or 'error').lower()}"
        if not place.is_dir():
            return f"{place} is no folder"
        return "" if os.access(place, os.W_OK | os.X_OK) else f"{place} cannot be written by you"
    return ""


def _modes(config: Config) -> Iterator[Finding]:
    modes = modes_of(config)
    for command, text in (("external", modes.external_problem), ("private", modes.others_problem)):
        if text:
            fix = f"mend or remove it, or `fleetdeck {command} off --force` writes it anew"
            yield problem(Area.CONFIGURATION, f"{command} mode", text, fix)
