"""llama-swap's model processes: one at a time on the GPU, each with a time to live."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NoReturn

from tui.demo.llama_swap_events import LogMonitor
from tui.demo.models import SimulatedModel
from tui.demo.pids import next_pid

ProcessState = Literal["stopped", "starting", "ready", "stopping", "shutdown"]
STOP_SECONDS = 0.3
FIRST_PORT = 5800


class StartFailed(RuntimeError):
    """The model's process did not become ready; the text is what llama-swap says about it."""


@dataclass(frozen=True, slots=True)
class ModelSetup:
    """What llama-swap's configuration says of one model. `ttl` is in seconds, 0 means never."""

    model: SimulatedModel
    title: str = ""
    aliases: tuple[str, ...] = ()
    ttl: float = 0.0
    unlisted: bool = False
    tools: bool = False
    vision: bool = False
    secret: str = ""

    def command(self, port: int) -> str:
        words = f"/opt/llama.cpp/llama-server --port {port} -m /models/{self.model.name}.gguf -c {self.model.context}"
        return f"{words} -ngl 99 --jinja" + (f" --api-key {self.secret}" if self.secret else "")


class Process:
    """One model's process. `busy` counts the requests it works on."""

    def __init__(self, setup: ModelSetup, port: int) -> None:
        self.setup = setup
        self.port = port
        self.state: ProcessState = "stopped"
        self.pid = 0
        self.loading_since = 0.0
        self.busy = 0
        self.ttl = setup.ttl
        self.fails = setup.model.fails
        self.log = LogMonitor()
        self.starting: asyncio.Task[None] | None = None
        self.stopped = asyncio.Event()
        self.idle = asyncio.Event()
        self.idle.set()
        self.expiry: asyncio.TimerHandle | None = None

    @property
    def name(self) -> str:
        return self.setup.model.name

    @property
    def running(self) -> bool:
        return self.state not in ("stopped", "shutdown")

    def vram(self, speed: float) -> int:
        """Bytes of the GPU's memory that it holds now: weights come in one after the other while it starts."""
        if not self.running:
            return 0
        whole = self.setup.model.vram
        seconds = self.setup.model.load_seconds / speed
        if self.state != "starting" or seconds <= 0:
            return whole
        return int(whole * min(1.0, (time.monotonic() - self.loading_since) / seconds))


class Processes:
    """All processes, and the rule that only one of them holds the GPU (llama-swap's default group router)."""

    def __init__(
        self,
        setups: tuple[ModelSetup, ...],
        speed: float,
        proxy_log: LogMonitor,
        upstream_log: LogMonitor,
        changed: Callable[[], None],
    ) -> None:
        self.by_name = {setup.model.name: Process(setup, FIRST_PORT + number) for number, setup in enumerate(setups)}
        self.speed = speed
        self._proxy_log = proxy_log
        self._upstream_log = upstream_log
        self._changed = changed
        self._turn = asyncio.Lock()
        self._background: set[asyncio.Task[None]] = set()

    def running(self) -> list[Process]:
        return [process for process in self.by_name.values() if process.running]

    async def use(self, process: Process) -> None:
        """Waits until the model is ready, evicting another one if need be, and counts a request on it.

        Raises StartFailed. Whoever called must call `release` later. A start goes on although the one who asked for
        it went away, as with the real server.
        """
        async with self._turn:
            if process.starting is None and process.state != "ready":
                for other in self.running():
                    await self._evict(other)
                self._begin_start(process)
            if process.starting is not None:
                await self._started(process.starting)
            if process.state != "ready":
                raise StartFailed(f"[{process.name}] stopped")
            process.busy += 1
            process.idle.clear()
            if process.expiry is not None:
                process.expiry.cancel()
                process.expiry = None

    def release(self, process: Process) -> None:
        # A request may end after its process was forgotten with the whole server.
        process.busy = max(0, process.busy - 1)
        if process.busy == 0:
            process.idle.set()
            self._let_expire(process)

    async def unload(self, process: Process) -> None:
        """Stops one model, or aborts its start; returns when it is stopped. Streams that it feeds break off."""
        if process.starting is not None:
            process.starting.cancel()
            with contextlib.suppress(asyncio.CancelledError, StartFailed):
                await process.starting
        if process.state == "stopping":
            await process.stopped.wait()
        elif process.running:
            process.stopped.clear()
            try:
                self._set(process, "stopping")
                await asyncio.sleep(STOP_SECONDS / self.speed)
            finally:
                self._set(process, "stopped")
                process.stopped.set()

    async def unload_all(self) -> None:
        await asyncio.gather(*(self.unload(process) for process in self.running()))

    def set_ttl(self, name: str, seconds: float) -> None:
        process = self.by_name[name]
        process.ttl = seconds
        if process.state == "ready" and process.busy == 0:
            self._let_expire(process)

    def forget(self) -> None:
        """All processes are gone at once, as when llama-swap was killed."""
        for task in self._background:
            task.cancel()
        for process in self.by_name.values():
            if process.starting is not None:
                process.starting.cancel()
                process.starting = None
            if process.expiry is not None:
                process.expiry.cancel()
                process.expiry = None
            process.state = "stopped"
            process.busy = 0
            process.idle.set()
            process.log.clear()
        self._turn = asyncio.Lock()

    def _begin_start(self, process: Process) -> None:
        starting = asyncio.create_task(self._start(process))

        def over(task: asyncio.Task[None]) -> None:
            if process.starting is task:
                process.starting = None
            # Nobody may be left to ask for the result; the logs tell of a failure then.
            if not task.cancelled():
                task.exception()

        starting.add_done_callback(over)
        process.starting = starting

    async def _started(self, starting: asyncio.Task[None]) -> None:
        try:
            await asyncio.shield(starting)
        except asyncio.CancelledError:
            if starting.cancelled():
                raise StartFailed("group: model unloaded") from None
            raise

    async def _evict(self, other: Process) -> None:
        if other.starting is not None:
            with contextlib.suppress(StartFailed):
                await self._started(other.starting)
        if other.state == "ready":
            await other.idle.wait()
        await self.unload(other)

    async def _start(self, process: Process) -> None:
        began = process.loading_since = time.monotonic()
        process.pid = next_pid()
        model = process.setup.model
        try:
            self._set(process, "starting")
            self._say(process, f"srv    load_model: loading model '/models/{model.name}.gguf'\n")
            await asyncio.sleep(model.load_seconds / self.speed)
            if process.fails:
                self._give_up(process)
            self._say(process, f"main: server is listening on http://127.0.0.1:{process.port}\n")
            self._proxy_log.write(f"[INFO] <{model.name}> Health check passed on {self.address(process)}/health\n")
            self._say(process, f"main: model loaded in {time.monotonic() - began:.2f} s\n")
            self._set(process, "ready")
            self._let_expire(process)
        except (StartFailed, asyncio.CancelledError):
            self._set(process, "stopped")
            raise

    def _give_up(self, process: Process) -> NoReturn:
        self._say(process, "ggml_backend_cuda_buffer_type_alloc_buffer: cudaMalloc failed: out of memory\n")
        self._say(process, f"llama_model_load: error loading model: unable to allocate {process.setup.model.vram} B\n")
        self._proxy_log.write(f"[WARN] group: starting {process.name} failed: upstream command exited prematurely\n")
        raise StartFailed("upstream command exited prematurely")

    def address(self, process: Process) -> str:
        return f"http://localhost:{process.port}"

    def _let_expire(self, process: Process) -> None:
        if process.expiry is not None:
            process.expiry.cancel()
            process.expiry = None
        if process.ttl > 0:
            process.expiry = asyncio.get_running_loop().call_later(process.ttl, self._expire, process)

    def _expire(self, process: Process) -> None:
        process.expiry = None
        if process.state == "ready" and process.busy == 0:
            self._proxy_log.write(f"[INFO] <{process.name}> Unloading model, TTL of {process.ttl:.0f}s reached\n")
            task = asyncio.create_task(self.unload(process))
            self._background.add(task)
            task.add_done_callback(self._background.discard)

    def _set(self, process: Process, state: ProcessState) -> None:
        if process.state != state:
            process.state = state
            self._changed()

    def _say(self, process: Process, line: str) -> None:
        process.log.write(line)
        self._upstream_log.write(line)
