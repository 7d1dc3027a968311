"""What the panel follows: the fleet, the mode files, the configuration, the themes.

Each feed is a worker of its own that posts messages and touches no widget.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.app import App
from textual.message_pump import MessagePump

from tui.app.messages import ConfigRead, FleetSeen, MemoryNoted, ModesRead, TailnetRead, ThemesRead
from tui.app.plan_feeds import follow_guards, follow_usage
from tui.app.probe_feeds import follow_probes
from tui.app.themes import Themes, read_themes
from tui.config.errors import ConfigError
from tui.config.load import load_config
from tui.config.paths import modes_file
from tui.config.schema import Config, MachineSettings
from tui.config.watch import watch_files
from tui.routing.modes import read_modes

if TYPE_CHECKING:
    from tui.control.fitting import Taken
    from tui.fleet.monitor import Monitor

log = logging.getLogger(__name__)

WITH_MACHINES = "fleet"
"""The screen that shows machines."""
SPEEDS_READ = 10.0
"""Seconds between looks into the ledger while a model is split."""
SELDOM = 1.0
"""Seconds between looks at files that a person edits by hand: each look wakes the process."""


def feeds_of(
    panel: App[Any],
    config: Config,
    monitor_of: Callable[[], Monitor],
    clock: Callable[[], float],
    *,
    changed_from: Config | None = None,
) -> Iterator[tuple[str, Coroutine[None, None, None]]]:
    """What is followed, in a person's words, and how.

    ``changed_from``: the configuration that was in force; only what has to be followed anew comes then.
    """
    before = changed_from
    if before is None:
        yield "the fleet", follow_fleet(panel, monitor_of)
        yield "what models take", follow_memory(panel, monitor_of)
        yield "what goes down", follow_outages(panel, monitor_of)
        yield "the names of models", follow_names(monitor_of)
        yield "what was used", follow_usage(panel, clock)
        yield "what models can do", follow_probes(panel)
        yield "Claude's quota", follow_claude_quota(panel)
    if before is None or config.clis != before.clis:
        yield "the guards", follow_guards(panel, config)
    if before is None or config.panel.external_mode_file != before.panel.external_mode_file:
        yield "the mode files", follow_modes(panel, config.panel.external_mode_path, modes_file())
    if before is None or config.machines != before.machines:
        yield "the tailnet", follow_tailnet(panel, tuple(config.machines.values()), monitor_of)
    if config.path is not None and (before is None or config.path != before.path):
        yield "the configuration", follow_config(panel, config.path, config)


async def follow_fleet(target: MessagePump, monitor_of: Callable[[], Monitor]) -> None:
    """Runs the monitor and posts each newer snapshot."""
    monitor = await _imported(monitor_of)
    async with asyncio.TaskGroup() as group:
        group.create_task(monitor.run(), name="monitor")
        async for snapshot in monitor.subscribe():
            target.post_message(FleetSeen(snapshot))


async def _imported(monitor_of: Callable[[], Monitor], *more: str) -> Monitor:
    """The monitor. What watching needs takes 130 ms to import: in a thread it holds up neither the first paint nor a
    key."""
    for module in ("httpx", "tui.fleet.monitor", *more):
        await asyncio.to_thread(importlib.import_module, module)
    return monitor_of()


async def follow_outages(panel: App[Any], monitor_of: Callable[[], Monitor]) -> None:
    """Tells a person who looks elsewhere when a service goes down."""
    monitor = await _imported(monitor_of, "tui.app.notifying")
    from tui.app.notifying import tell_of_outages

    await tell_of_outages(panel, monitor.subscribe())


async def follow_names(monitor_of: Callable[[], Monitor]) -> None:
    """Keeps the names of the models that services list, for shells to complete."""
    monitor = await _imported(monitor_of, "tui.control.known_models")
    from tui.control.known_models import remember_models

    names: object = None
    async for snapshot in monitor.subscribe():
        listed = [(service.name, [model.name for model in service.models]) for service in snapshot.services]
        if listed != names:
            names = listed
            await asyncio.to_thread(remember_models, snapshot)


async def follow_modes(target: MessagePump, external_file: Path, private_file: Path) -> None:
    """Posts the modes now, and after each change of their files."""
    changes = watch_files((external_file, private_file))
    target.post_message(ModesRead(read_modes(external_file, private_file)))
    async for _ in changes:
        target.post_message(ModesRead(read_modes(external_file, private_file)))


async def follow_claude_quota(target: MessagePump) -> None:
    """Posts what is used of Claude's subscription; what reads it is imported behind the first paint."""
    await asyncio.to_thread(importlib.import_module, "tui.app.agent_acts")
    from tui.app.agent_acts import follow_quota

    await follow_quota(target)


async def follow_config(target: MessagePump, path: Path, in_force: Config) -> None:
    """Posts the configuration where it is not ``in_force`` (again), and after each change of its file."""
    changes = watch_files((path,), period=SELDOM)
    # It was read before the first paint, and may have been edited since.
    now = _read_config(path)
    if now.config != in_force:
        target.post_message(now)
    async for _ in changes:
        target.post_message(_read_config(path))


async def follow_themes(target: MessagePump, folders: Sequence[Path], in_force: Themes) -> None:
    """Posts the themes where they are not those ``in_force`` (again), and after each change in their folders."""
    changes = watch_files(folders, period=SELDOM)
    now = read_themes(folders)
    if now != in_force:
        target.post_message(ThemesRead(now))
    async for _ in changes:
        target.post_message(ThemesRead(read_themes(folders)))


def _read_config(path: Path) -> ConfigRead:
    """A broken file leaves the last good configuration in force."""
    try:
        return ConfigRead(load_config(path))
    except ConfigError as error:
        return ConfigRead(None, str(error))


async def follow_memory(target: MessagePump, monitor_of: Callable[[], Monitor]) -> None:
    """Keeps the book of what each model takes, and posts it at the start and whenever a model has been loaded; what a
    split costs also while there is one, since each answer tells more of it."""
    monitor = await _imported(monitor_of, "tui.control.fitting")
    from tui.control.fitting import MemoryBook, keep_book, split_words

    def failed(error: OSError) -> None:
        log.warning("what models take is not kept: %s", error)

    async def tell() -> None:
        target.post_message(MemoryNoted(dict(book.taken), await asyncio.to_thread(_split_costs, dict(book.taken))))

    async def tell_of_speeds() -> None:
        while True:
            await asyncio.sleep(SPEEDS_READ)
            if any(split_words(model) for _, model in monitor.snapshot.models()):
                await tell()

    book = await asyncio.to_thread(MemoryBook)
    await tell()
    async with asyncio.TaskGroup() as group:
        group.create_task(tell_of_speeds(), name="speeds")
        async for _ in keep_book(monitor, book, failed):
            await tell()


def _split_costs(taken: Mapping[str, Taken]) -> dict[str, str]:
    """Model id → what it costs that a part of it is on the processor, as far as both speeds were ever measured."""
    from tui.control.fitting import split_cost
    from tui.ledger.file import LedgerError
    from tui.ledger.store import Ledger

    try:
        with Ledger.existing() or nullcontext() as ledger:
            if ledger is None:
                return {}
            costs = {model_id: split_cost(one, ledger.speeds(model_id)) for model_id, one in taken.items()}
    except LedgerError:
        return {}
    return {model_id: cost.words for model_id, cost in costs.items() if cost is not None}


async def follow_tailnet(
    panel: App[Any], machines: Sequence[MachineSettings], monitor_of: Callable[[], Monitor]
) -> None:
    """Posts how Tailscale reaches the machines, asked only while they are shown; ends where it is not installed."""
    await asyncio.to_thread(importlib.import_module, "tui.fleet.tailnet")
    from tui.fleet.tailnet import TailnetWatch

    def tell() -> None:
        now = time.time()
        words = {name: peer.words(now) for name, peer in watch.peers.items()}
        if watch.trouble:
            words = {machine.name: f"not known: {watch.trouble}" for machine in machines if not machine.local}
        panel.post_message(TailnetRead(words))

    def connect(machine: str) -> None:
        found = monitor_of().machine(machine)
        if found is not None:
            found.look_now()

    watch = TailnetWatch(machines, changed=tell, came_online=connect)
    watch.show(panel.current_mode == WITH_MACHINES)
    panel.mode_change_signal.subscribe(panel, lambda mode: watch.show(mode == WITH_MACHINES), immediate=True)
    try:
        await watch.run()
    finally:
        panel.mode_change_signal.unsubscribe(panel)
