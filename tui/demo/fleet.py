"""The simulated fleet as a whole: all servers, their steering, and a configuration that describes them."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from tui.demo.fleet_config import KEY_VARIABLE, MASTER_KEY, fleet_config_toml
from tui.demo.litellm import LiteLLM
from tui.demo.llama_swap import LlamaSwap
from tui.demo.llama_swap_catalogue import DEFAULT_CONFIG, LlamaSwapConfig
from tui.demo.machine import SimulatedMachine
from tui.demo.models import SimulatedModel
from tui.demo.ollama import Ollama
from tui.demo.qdrant import Qdrant
from tui.demo.server import DemoServer
from tui.demo.small_servers import Kubernetes, OpenAILike

ServiceName = Literal["llama-swap", "ollama", "litellm", "qdrant", "k3s"]
ALL_SERVICES: tuple[ServiceName, ...] = ("llama-swap", "ollama", "litellm", "qdrant", "k3s")


class DemoFleet:
    """All simulated servers on free loopback ports, from `async with` on.

    `speed` scales loading and talking: 20 loads in 0.1 s and says 1 000 tokens/s and more, math.inf waits for nothing.
    `keys=False` makes LiteLLM ask for no key, `every_key` makes llama-swap and Qdrant ask for one too.
    `extra_services` are small OpenAI-like servers, each with a socket of its own. `life` lets somebody use a model now
    and then. `machine` adds koala itself, with a GPU, llama-swap's unit and a program called ssh that leads there. Only
    the `services` named are started, but all attributes exist.
    """

    def __init__(
        self,
        *,
        speed: float = 1.0,
        services: Iterable[ServiceName] = ALL_SERVICES,
        keys: bool = True,
        every_key: bool = False,
        extra_services: int = 0,
        life: bool = False,
        machine: bool = False,
        llama_swap: LlamaSwapConfig = DEFAULT_CONFIG,
    ) -> None:
        self.speed = speed
        self.services = tuple(services)
        self.keys = keys
        self.every_key = every_key
        self._life = life
        self._folder: Path | None = None
        self._background: set[asyncio.Task[None]] = set()
        if every_key:
            llama_swap = dataclasses.replace(llama_swap, api_keys=(MASTER_KEY,))
        self.llama_swap = LlamaSwap(config=llama_swap, speed=speed)
        self.ollama = Ollama(speed=speed)
        self.litellm = LiteLLM(
            speed=speed,
            master_key=MASTER_KEY if keys else "",
            upstreams={"llama-swap": self.llama_swap, "ollama": self.ollama},
        )
        self.qdrant = Qdrant(api_key=MASTER_KEY if every_key else "")
        self.k3s = Kubernetes("k3s")
        self.extra = tuple(
            OpenAILike(f"extra-{number:03d}", SimulatedModel(f"model-{number:03d}"), speed=speed)
            for number in range(extra_services)
        )
        self._machine = SimulatedMachine(self.llama_swap, self.ollama) if machine else None

    @property
    def has_machine(self) -> bool:
        return self._machine is not None

    @property
    def machine(self) -> SimulatedMachine:
        """The simulated koala; raises RuntimeError where the fleet was made without it."""
        if self._machine is None:
            raise RuntimeError("this simulated fleet was made without a machine")
        return self._machine

    @property
    def servers(self) -> dict[str, DemoServer]:
        """The servers that are started, by service name."""
        known: tuple[DemoServer, ...] = (self.llama_swap, self.ollama, self.litellm, self.qdrant, self.k3s)
        return {server.name: server for server in (*(s for s in known if s.name in self.services), *self.extra)}

    @property
    def env(self) -> dict[str, str]:
        """The key that the configuration refers to, folders of the fleet's own for what a user of it writes, and where
        there is a machine a PATH that leads to it."""
        env = {f"XDG_{kind}_HOME": str(self.folder / kind.lower()) for kind in ("CONFIG", "STATE", "DATA", "CACHE")}
        if self._machine is not None:
            # In front of all that is on PATH: other programs are still found.
            env["PATH"] = f"{self.folder / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        return {KEY_VARIABLE: MASTER_KEY, **env}

    @property
    def folder(self) -> Path:
        """A temporary folder, there while the fleet runs. Raises RuntimeError before."""
        if self._folder is None:
            raise RuntimeError("the simulated fleet has no folder before it is started")
        return self._folder

    def config_toml(self) -> str:
        """A config.toml that describes the servers as they run now."""
        return fleet_config_toml(self)

    async def __aenter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="fleetdeck-demo-"))
        try:
            for server in self.servers.values():
                await server.open()
            if self._machine is not None:
                await self._machine.open(self.folder / "bin")
        except BaseException:
            await self.close()
            raise
        if self._life:
            from tui.demo.life import live

            self._keep(asyncio.create_task(live(self)))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Stops everything; connections are reset, ports are free, nothing runs on."""
        for task in list(self._background):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        if self._machine is not None:
            await self._machine.close()
        for server in self.servers.values():
            await server.close()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._background.add(task)
        task.add_done_callback(self._background.discard)
