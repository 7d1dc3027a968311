"""What the panel does on a person's behalf, and the words in which it ends."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime
from pathlib import Path
from typing import Literal

from tui.app.clipboard import copy_locally
from tui.app.messages import ActionEnded
from tui.config.atomic import replace_file
from tui.config.edit import Edit
from tui.config.errors import ConfigChanged, ConfigError
from tui.config.paths import modes_file, path_words, private_folder, reason_of, state_home
from tui.config.schema import Config
from tui.control.gpu_hold import HoldFailed, end_hold, free_gpu
from tui.control.loading import LoadingFailed, load_model, unload_model, unload_service
from tui.control.units import act_on_unit
from tui.fleet.machine_watch import UnitActionFailed, UnitVerb
from tui.fleet.monitor import Monitor
from tui.fleet.printable import printable
from tui.ledger.records import Action
from tui.ledger.store import note_action
from tui.routing.modes import read_modes

ModeName = Literal["external", "private"]


async def load(monitor: Monitor, config: Config, model_id: str) -> ActionEnded:
    try:
        await load_model(monitor, config, model_id)
    except LoadingFailed as error:
        return ActionEnded(str(error), failed=True)
    return ActionEnded(f"{printable(model_id, 60)} is ready")


async def unload(monitor: Monitor, config: Config, service: str, model_id: str | None) -> ActionEnded:
    """``model_id`` None: all models of ``service``."""
    try:
        if model_id is None:
            await unload_service(monitor, config, service)
        else:
            await unload_model(monitor, config, model_id)
    except LoadingFailed as error:
        return ActionEnded(str(error), failed=True)
    return ActionEnded(f"{printable(model_id or service, 60)} is unloaded")


async def unit(monitor: Monitor, config: Config, service: str, verb: UnitVerb) -> ActionEnded:
    try:
        outcome = await act_on_unit(monitor, config, service, verb)
    except UnitActionFailed as error:
        return ActionEnded(str(error), failed=True)
    return ActionEnded(outcome.words)


async def hold(monitor: Monitor, config: Config, machine: str, *, lend: bool) -> ActionEnded:
    """Lends the GPUs of ``machine`` to something else, or takes them back."""
    try:
        outcome = await (free_gpu if lend else end_hold)(monitor, config, machine)
    except HoldFailed as error:
        return ActionEnded(str(error), failed=True)
    return ActionEnded(outcome.words, failed=not outcome.worked)


async def remembered(
    act: Coroutine[None, None, ActionEnded],
    name: str,
    target: str,
    machine: str | None,
    state: Callable[[], str | None] = lambda: None,
) -> ActionEnded:
    """Does ``act``, and writes into the ledger what was done to what, and how it ended. ``state`` tells what the target
    is just now; it is asked before and afterwards."""
    before = state()
    ended = await act
    action = Action(
        at=time.time(),
        face="panel",
        name=name,
        target=target,
        machine=machine,
        worked=not ended.failed,
        detail=ended.text,
        before=before,
        after=state(),
    )
    await asyncio.to_thread(note_action, action)
    return ended


async def copy(text: str) -> ActionEnded:
    """Copies on this machine; the terminal has been asked already, and never says whether it did."""
    taken = await copy_locally(text)
    where = f"{' and '.join((*taken, 'the terminal'))}" if taken else "the terminal, where it takes OSC 52"
    return ActionEnded(f"copied {printable(text, 60)} ({where})")


async def save(edit: Edit, words: str) -> ActionEnded:
    """Writes a change of the configuration, which ends in ``words``; the panel takes it up like anybody else's."""
    try:
        await asyncio.to_thread(edit.save)
    except (ConfigError, ConfigChanged) as error:
        return ActionEnded(str(error), failed=True)
    return ActionEnded(words)


async def save_log(name: str, lines: Sequence[str], now: float) -> ActionEnded:
    """Writes lines of a log into a file of their own, for the person alone."""
    at = datetime.fromtimestamp(now).astimezone().strftime("%Y-%m-%d-%H%M%S")
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip(".-") or "log"
    path = state_home() / "saved-logs" / f"{stem}-{at}.log"
    try:
        await asyncio.to_thread(_write_private, path, "".join(f"{line}\n" for line in lines))
    except OSError as error:
        return ActionEnded(f"the log could not be saved as {path_words(path)}: {reason_of(error)}", failed=True)
    return ActionEnded(f"saved {len(lines):,} line{'' if len(lines) == 1 else 's'} in {path_words(path)}")


def _write_private(path: Path, text: str) -> None:
    private_folder(path.parent)
    replace_file(path, text.encode(errors="replace"))


def mode_state(config: Config, mode: ModeName) -> str:
    """Whether a mode is on, as its file says."""
    modes = read_modes(config.panel.external_mode_path, modes_file())
    return (modes.external if mode == "external" else modes.private).state


async def flip(config: Config, mode: ModeName) -> ActionEnded:
    """Flips a mode for every program that follows its file; the strip then shows what the file says."""
    from tui.routing.mode_files import Flip, FlipRefused, flip_external, flip_private

    try:
        if mode == "external":
            flipped = await asyncio.to_thread(flip_external, config.panel.external_mode_path, Flip.TOGGLE)
        else:
            flipped = await asyncio.to_thread(flip_private, modes_file(), Flip.TOGGLE)
    except FlipRefused as error:
        return ActionEnded(str(error), failed=True)
    return ActionEnded(f"{mode} mode is {'on' if flipped.mode.enabled else 'off'}")
