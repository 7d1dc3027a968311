"""What a shell offers where a command wants a name: models, tiers, tasks, services, machines.

Whatever goes wrong here offers fewer names and says nothing: the person is in the middle of a line.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

import click

from tui.cli.main import Invocation

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from tui.config.schema import Config
    from tui.control.known_models import Listed

LONGEST_LOOK = 0.3
"""Seconds for which a shell that waits for names is kept waiting by servers."""
LOOKED_AT_AGAIN_AFTER = 600.0
"""Seconds for which the names that a service listed last will do."""
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]*")
"""Names that no shell takes for anything else: a server may call a model whatever it likes, also ``$(…)``."""


def complete_models(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Ids of models: those that services listed last, and those that the configuration names."""
    config = _config(context)
    abouts = dict(_configured_models(config)) if config is not None else {}
    listed = (f"{service}/{name}" for service, known in _known(config).items() for name in known.models)
    return _items({**dict.fromkeys(listed, ""), **abouts}, incomplete)


def complete_tiers(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from typing import get_args

    from tui.config.schema import TierName

    return _items(dict.fromkeys(get_args(TierName), ""), incomplete)


def complete_tasks(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    config = _config(context)
    tasks = config.tasks.items() if config is not None else ()
    return _items({name: ", ".join(task.models) for name, task in tasks}, incomplete)


def complete_services(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    config = _config(context)
    services = config.services.items() if config is not None else ()
    return _items({name: f"{service.kind} at {service.url}" for name, service in services}, incomplete)


def complete_services_with_units(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    config = _config(context)
    services = config.services.items() if config is not None else ()
    return _items({name: service.unit for name, service in services if service.unit is not None}, incomplete)


def complete_machines(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    config = _config(context)
    machines = config.machines.items() if config is not None else ()
    return _items({name: machine.about for name, machine in machines}, incomplete)


def _items(abouts: Mapping[str, str], incomplete: str) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    from tui.fleet.printable import printable

    return [
        CompletionItem(name, help=printable(about, 60) or None)
        for name, about in abouts.items()
        if name.startswith(incomplete) and _SAFE.fullmatch(name)
    ]


def _config(context: click.Context) -> Config | None:
    """The configuration that the line so far names; None where there is none, or none that can be used."""
    from tui.config.errors import ConfigError

    said = context.find_root().params
    if said.get("demo"):
        return None
    try:
        return Invocation(config_path=said.get("config_path")).read_config()
    except ConfigError:
        return None


def _configured_models(config: Config) -> Iterator[tuple[str, str]]:
    """Each model that the configuration names, and what it says of it."""
    for model_id in _named_models(config):
        settings = config.models.get(model_id)
        yield model_id, settings.about if settings is not None else ""


def _named_models(config: Config) -> Iterator[str]:
    yield from config.models
    for program in config.clis.values():
        yield from (f"{program.name}/{name}" for name in program.models)
    for tier in config.tiers.values():
        yield from (*((tier.external,) if tier.external else ()), *tier.fallback)
    for task in config.tasks.values():
        yield from task.models


def _known(config: Config | None) -> Mapping[str, Listed]:
    """What services listed last, asked anew where that is long ago; without a configuration as it was kept."""
    from tui.control.known_models import known_models

    known = known_models()
    if config is None:
        return known
    old = [name for name in config.services if name not in known or _is_old(known[name])]
    if asked := _may_be_asked(config, old):
        _look(config, asked)
        known = known_models()
    return {name: listed for name, listed in known.items() if name in config.services}


def _is_old(listed: Listed) -> bool:
    return not 0 <= time.time() - listed.at <= LOOKED_AT_AGAIN_AFTER


def _may_be_asked(config: Config, names: Iterable[str]) -> frozenset[str]:
    """Those of ``names`` that list models, and for which no program has to be run: one that keeps keys may ask for a
    passphrase, in the middle of a line."""
    from tui.routing.policy import NO_PROMPTS

    services = (config.services[name] for name in names)
    return frozenset(
        service.name
        for service in services
        if service.kind not in NO_PROMPTS and (service.key is None or service.key.command is None)
    )


def _look(config: Config, services: frozenset[str]) -> None:
    """Asks ``services`` and keeps what they list."""
    import asyncio

    from tui.control.known_models import remember_models
    from tui.fleet.monitor import running_monitor
    from tui.routing.decide import prepare_to_look

    async def look() -> None:
        prepare_to_look()
        async with running_monitor(config, services) as monitor:
            remember_models(await monitor.first_look(LONGEST_LOOK))

    asyncio.run(look())
