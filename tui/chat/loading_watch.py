"""Whether a model that has not said a word yet is being loaded, as its own server tells."""

from __future__ import annotations

import msgspec

from tui.fleet.asking import Asker
from tui.fleet.failures import LookFailed
from tui.fleet.printable import printable

LOOK_TIMEOUT = 1.0


class _Process(msgspec.Struct):
    model: str = ""
    name: str = ""
    state: str = ""


class _Running(msgspec.Struct):
    running: list[_Process] | None = None
    """llama-swap."""
    models: list[_Process] | None = None
    """Ollama."""


async def loading_words(asker: Asker, model: str) -> str | None:
    """What a model that was asked waits for, in words; None where nothing says that it is being loaded.

    Asks only what loads nothing: llama-swap's ``/running`` and Ollama's ``/api/ps``. Other kinds load no model on
    demand, or do not tell.
    """
    name = printable(model, 80)
    try:
        match asker.service.kind:
            case "llama-swap":
                answer = await asker.get_json("/running", _Running, timeout=LOOK_TIMEOUT)
                changing = [process for process in answer.running or () if process.state in ("starting", "stopping")]
                for process in changing:
                    other = printable(process.model, 80)
                    if process.state == "starting":
                        # The name that was asked for may be an alias, so that the one that starts has another.
                        return f"{other} is being loaded"
                    return f"{name} waits until {other} is unloaded"
            case "ollama":
                # While a model loads it is absent here; it enters the list when its runner answers (0.32).
                answer = await asker.get_json("/api/ps", _Running, timeout=LOOK_TIMEOUT)
                names = {each for row in answer.models or () for each in (row.name, row.model)}
                if not names & {model, f"{model}:latest"}:
                    return f"{name} is being loaded"
    except LookFailed:
        return None
    return None
