"""Makes the README's pictures from the running panel: ``make pictures``."""

from __future__ import annotations

import asyncio
import os
import re
import tempfile
from pathlib import Path

import httpx

from tui.app.app import FleetApp
from tui.config.load import load_config
from tui.demo.fleet import DemoFleet
from tui.fleet.snapshot import ModelState

FOLDER = Path(__file__).parent / "pictures"
SIZE = (118, 34)
PATIENCE = 20.0
"""Seconds within which the simulated models have to be ready."""


async def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        os.environ |= {f"XDG_{kind}_HOME": home for kind in ("CONFIG", "STATE", "DATA")}
        async with DemoFleet(speed=20, machine=True) as fleet:
            os.environ |= fleet.env
            for theme in ("fleet-dark", "fleet-light"):
                await take_picture(fleet, theme)


async def take_picture(fleet: DemoFleet, theme: str) -> None:
    """The Fleet screen in one theme, with a model of llama-swap and one of Ollama loaded and Qdrant out of reach."""
    path = fleet.folder / "config.toml"
    path.write_text(fleet.config_toml(), encoding="utf-8")
    app = FleetApp(load_config(path))
    async with app.run_test(size=SIZE) as pilot, httpx.AsyncClient(trust_env=False, timeout=PATIENCE) as client:
        await client.get(f"{fleet.llama_swap.url}/upstream/qwen3/")
        await client.post(f"{fleet.ollama.url}/api/generate", json={"model": "llama3.2:latest", "stream": False})
        await fleet.qdrant.scene("down")
        app.monitor.look_now()
        async with asyncio.timeout(PATIENCE):
            while not _ready(app):
                await pilot.pause(0.1)
        await pilot.press("tab")
        app.theme = theme
        await pilot.pause(1.2)
        # Ports are another each time, and say nothing to a reader.
        picture = re.sub(r"127\.0\.0\.1:\d+", "koala:8080", app.export_screenshot(title="fleetdeck"))
        (FOLDER / f"{theme}.svg").write_text(picture, encoding="utf-8")
    await fleet.qdrant.scene("normal")


def _ready(app: FleetApp) -> bool:
    snapshot = app.state.snapshot
    if snapshot is None or not snapshot.problems:
        return False
    return sum(model.loaded and model.state is ModelState.READY for _, model in snapshot.models()) >= 2


if __name__ == "__main__":
    asyncio.run(main())
