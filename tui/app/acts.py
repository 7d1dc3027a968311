"""What the panel does on a person's behalf, and the words in which it ends."""

from __future__ import annotations

from tui.app.clipboard import copy_locally
from tui.app.messages import ActionEnded
from tui.config.schema import Config
from tui.control.loading import LoadingFailed, load_model, unload_model, unload_service
from tui.fleet.monitor import Monitor
from tui.fleet.printable import printable


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


async def copy(text: str) -> ActionEnded:
    """Copies on this machine; the terminal has been asked already, and never says whether it did."""
    taken = await copy_locally(text)
    where = f"{' and '.join((*taken, 'the terminal'))}" if taken else "the terminal, where it takes OSC 52"
    return ActionEnded(f"copied {printable(text, 60)} ({where})")
