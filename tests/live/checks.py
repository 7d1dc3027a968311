"""What a check is, and the real servers that checks share: each is installed and started when first asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tests.live.installing import (
    NotInstallable,
    find_llama_swap,
    install_gguf_writer,
    install_litellm,
    install_ollama,
)
from tests.live.litellm_server import LiteLLMServer, litellm_process, litellm_server
from tests.live.llama_swap_server import llama_swap_server
from tests.live.ollama_server import OllamaServer, ollama_server
from tests.live.processes import DidNotStart, ServerProcess


class Skipped(Exception):
    """A check cannot be made here. The message says why in one sentence."""


@dataclass(slots=True)
class Stage:
    """The servers of one run, in folders below `folder`; `servers` ends them.

    Each method starts its server once. It raises Skipped where that cannot be installed, DidNotStart where it fails.
    """

    folder: Path
    servers: AsyncExitStack
    _llama_swap: ServerProcess | None = None
    _litellm: LiteLLMServer | None = None
    _ollama: OllamaServer | None = None
    _refused: dict[str, Skipped | DidNotStart] = field(default_factory=dict)

    async def llama_swap(self) -> ServerProcess:
        if self._llama_swap is None:
            program = await self._program(find_llama_swap)
            self._llama_swap = await self._running(llama_swap_server(program, self.folder / "llama-swap"))
        return self._llama_swap

    async def llama_swap_with_keys(self, *keys: str) -> ServerProcess:
        """Another llama-swap, not started: it asks for one of `keys`."""
        return llama_swap_server(await self._program(find_llama_swap), self.folder / "llama-swap-with-keys", keys)

    async def litellm(self) -> LiteLLMServer:
        if self._litellm is None:
            server = litellm_server(await self._program(install_litellm), self.folder / "litellm")
            await self._running(server.upstream)
            await self._running(server.process)
            self._litellm = server
        return self._litellm

    async def litellm_with(self, name: str, configuration: Path, **environment: str) -> ServerProcess:
        """Another proxy, which reads this configuration; running until the end of all checks."""
        program = await self._program(install_litellm)
        return await self._running(litellm_process(name, program, configuration, **environment))

    async def ollama(self) -> OllamaServer:
        """Ollama with the model `tiny`, not loaded."""
        if self._ollama is None:
            program, gguf_python = await self._program(install_ollama), await self._program(install_gguf_writer)
            server = ollama_server(program, gguf_python, self.folder / "ollama")
            await self._running(server.process)
            await server.create_model()
            self._ollama = server
        return self._ollama

    async def _program(self, install: Callable[[], Path]) -> Path:
        # Each check asks again: a failed installation of minutes must not be repeated for every one of them.
        if install.__name__ in self._refused:
            raise self._refused[install.__name__]
        try:
            return await asyncio.to_thread(install)
        except NotInstallable as error:
            self._refused[install.__name__] = Skipped(str(error))
            raise self._refused[install.__name__] from error

    async def _running(self, process: ServerProcess) -> ServerProcess:
        if process.name in self._refused:
            raise self._refused[process.name]
        try:
            return await self.servers.enter_async_context(process)
        except DidNotStart as error:
            self._refused[process.name] = error
            raise


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must be so with real servers. `function` raises AssertionError where it is not."""

    name: str
    function: Callable[[Stage], Awaitable[None]]
