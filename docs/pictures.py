"""Makes the pictures of the documentation from the running panel on the simulated fleet: ``make pictures``."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from html import unescape
from pathlib import Path

import httpx
from textual.pilot import Pilot
from textual.widgets import TextArea

from tui.app.app import FleetApp, Parting
from tui.config.load import load_config
from tui.demo.fleet import DemoFleet
from tui.fleet.snapshot import FleetSnapshot, ModelState, ServiceState

FOLDER = Path(__file__).parent / "pictures"
SIZE = (118, 34)
PATIENCE = 20.0
"""Seconds within which the panel has to show what a picture is of."""
PROMPT = "Should a cache live on the GPU?"
LOADED = {"llama-swap/qwen3", "ollama/llama3.2:latest"}
CLAUDE = '\n[clis.claude]\nkind = "claude"\n'
EXTERNAL_ON = '{"enabled": true, "activated_at": "2026-11-20T13:05:00Z", "reason": "out of quota"}\n'


@dataclass(frozen=True, slots=True)
class Stage:
    """An open panel on a simulated fleet that somebody uses."""

    fleet: DemoFleet
    app: FleetApp
    pilot: Pilot[Parting]

    @property
    def painted(self) -> str:
        """The text that is on the terminal now."""
        return "\n".join(strip.text for strip in self.app.screen._compositor.render_strips())

    async def shows(self, *words: str) -> None:
        """Waits until all of these words are painted.

        Raises:
            TimeoutError: they still were not after 20 s; it says which.
        """
        try:
            async with asyncio.timeout(PATIENCE):
                while not all(one in self.painted for one in words):
                    await self.pilot.pause(0.02)
        except TimeoutError:
            missing = ", ".join(one for one in words if one not in self.painted)
            raise TimeoutError(f"the panel does not show {missing}:\n{self.painted}") from None


async def fleet_screen(stage: Stage) -> None:
    """A GPU that two models hold, a database that is down, the cursor on a model."""
    await stage.fleet.qdrant.scene("down")
    stage.app.monitor.look_now()
    await stage.shows("connection refused", "RTX 4090")
    await stage.pilot.press("tab")


async def routes_screen(stage: Stage) -> None:
    """Every tier and task while external mode is on."""
    (stage.fleet.folder / "external-mode.json").write_text(EXTERNAL_ON, encoding="utf-8")
    await stage.pilot.press("2")
    await stage.shows("EXTERNAL", "task default", "out of quota")


async def playground_screen(stage: Stage) -> None:
    """An answer that has come, with its figures."""
    await stage.pilot.press("3")
    await stage.shows("task default")
    stage.app.screen.query_one(TextArea).insert(PROMPT)
    await stage.pilot.press("enter")
    await stage.shows("✓ llama-swap/qwen3", "tok/s")


PICTURES: Mapping[str, tuple[str, Callable[[Stage], Awaitable[None]]]] = {
    # Name → its theme, and the way to what it shows.
    "fleet": ("fleet-dark", fleet_screen),
    "routes": ("fleet-dark", routes_screen),
    "playground": ("fleet-light", playground_screen),
}


async def taken() -> AsyncIterator[tuple[str, str]]:
    """Each picture's name and SVG, made anew."""
    async with simulated_fleet() as fleet:
        for name, (theme, go) in PICTURES.items():
            async with open_panel(fleet, theme) as stage:
                await go(stage)
                await stage.pilot.pause()
                yield name, _without_ports(stage.app.export_screenshot(title="fleetdeck"))
            await fleet.qdrant.scene("normal")
            (fleet.folder / "external-mode.json").unlink(missing_ok=True)


@asynccontextmanager
async def simulated_fleet() -> AsyncIterator[DemoFleet]:
    """A fleet with two models loaded, and a home of its own for what the panel writes."""
    before = dict(os.environ)
    with tempfile.TemporaryDirectory() as home:
        try:
            async with DemoFleet(speed=20, machine=True) as fleet:
                os.environ.update(fleet.env)
                os.environ.update(HOME=home, TZ="UTC")
                time.tzset()
                async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE) as client:
                    await client.get(f"{fleet.llama_swap.url}/upstream/qwen3/")
                    body = {"model": "llama3.2:latest", "stream": False}
                    await client.post(f"{fleet.ollama.url}/api/generate", json=body)
                yield fleet
        finally:
            os.environ.clear()
            os.environ.update(before)
            time.tzset()


@asynccontextmanager
async def open_panel(fleet: DemoFleet, theme: str) -> AsyncIterator[Stage]:
    """A panel that has seen everything of the fleet."""
    path = fleet.folder / "config.toml"
    path.write_text(fleet.config_toml() + CLAUDE, encoding="utf-8")
    app = FleetApp(load_config(path))
    app.animation_level = "none"
    async with app.run_test(size=SIZE) as pilot:
        app.theme = theme
        async with asyncio.timeout(PATIENCE):
            while not _has_seen_all(app.state.snapshot):
                await pilot.pause(0.02)
        yield Stage(fleet, app, pilot)


def _has_seen_all(snapshot: FleetSnapshot | None) -> bool:
    if snapshot is None or any(service.state is not ServiceState.UP for service in snapshot.services):
        return False
    ready = {f"{service.name}/{model.name}" for service, model in snapshot.models() if model.state is ModelState.READY}
    return ready >= LOADED and all(machine.gpus for machine in snapshot.machines)


def _without_ports(picture: str) -> str:
    # Ports are others each time, and say nothing to a reader.
    return re.sub(r"127\.0\.0\.1:\d+", "koala:8080", picture)


def words_of(picture: str) -> list[str]:
    """What a picture says, in order, without what is another each time: figures, bars, ages, and the width that they
    leave to the text beside them."""
    words = " ".join(unescape(text) for text in re.findall(r"<text [^>]*>([^<]*)</text>", picture)).split()
    return [word for word in words if re.fullmatch(r"[^\d▁-█░▐▌]*[A-Za-z]{4,}[^\d▁-█░▐▌]*", word)]


async def take_all() -> dict[str, str]:
    """Picture by name."""
    return {name: picture async for name, picture in taken()}


def main(folder: Path = FOLDER) -> None:
    """Writes all pictures into ``folder``."""
    folder.mkdir(exist_ok=True)
    for name, picture in asyncio.run(take_all()).items():
        (folder / f"{name}.svg").write_text(picture, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
