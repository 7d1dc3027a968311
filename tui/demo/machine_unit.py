"""The systemd unit of the simulated llama-swap: acting on it acts on the server, and back."""

from __future__ import annotations

import asyncio
import dataclasses
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from tui.demo.clock import machine_monotonic
from tui.demo.llama_swap import LlamaSwap
from tui.demo.machine_journal import NOTICE, WARNING, Journal
from tui.demo.pids import next_pid

UnitVerb = Literal["start", "stop", "restart"]
START_SECONDS = 0.5
STOP_SECONDS = 0.8
FIRST_JOB = 1406


@dataclass(frozen=True, slots=True)
class UnitProperties:
    """What `systemctl show` tells of a unit. `changed_at` is in seconds of the machine's monotonic clock."""

    active: str
    sub: str
    invocation: str
    changed_at: float
    main_pid: int = 0
    result: str = "success"
    code: int = 0
    status: int = 0
    restarts: int = 0
    job: int | None = None

    def lines(self) -> str:
        """As systemd 252 prints them; a job only while there is one."""
        rows: dict[str, object] = {
            "MainPID": self.main_pid,
            "NRestarts": self.restarts,
            "ExecMainCode": self.code,
            "ExecMainStatus": self.status,
            "Result": self.result,
            "LoadState": "loaded",
            "ActiveState": self.active,
            "SubState": self.sub,
            "UnitFileState": "enabled",
            "StateChangeTimestampMonotonic": int(self.changed_at * 1e6),
            "NeedDaemonReload": "no",
            "InvocationID": self.invocation,
        }
        if self.job is not None:
            rows["Job"] = self.job
        return "".join(f"{name}={value}\n" for name, value in rows.items())


class SimulatedUnit:
    """One unit. `missing_program` lets each start fail as systemd does when there is nothing to execute."""

    def __init__(self, name: str, server: LlamaSwap, journal: Journal, *, running_for: float) -> None:
        """`running_for`: how many seconds ago it was started."""
        self.name = name
        self.missing_program = False
        self._server = server
        self._journal = journal
        self._followers: set[Callable[[], None]] = set()
        self._job: asyncio.Task[None] | None = None
        self._jobs = FIRST_JOB
        self._acting = False
        since = machine_monotonic() - running_for
        self.properties = UnitProperties("active", "running", uuid.uuid4().hex, since, main_pid=next_pid())
        server.follow_scenes(self._notice)

    def follow(self, follower: Callable[[], None]) -> Callable[[], None]:
        """Calls `follower` after each change; the result ends that."""
        self._followers.add(follower)
        return lambda: self._followers.discard(follower)

    def act(self, verb: UnitVerb) -> None:
        """Takes a job, in place of the one that may be under way, and carries it out in the background."""
        if self._job is not None:
            self._job.cancel()
        self._jobs += 1
        self._job = asyncio.create_task(self._carry_out(verb, self._jobs))

    async def close(self) -> None:
        """Ends the job that may be under way."""
        if self._job is not None:
            self._job.cancel()
            await asyncio.wait({self._job})

    async def _carry_out(self, verb: UnitVerb, job: int) -> None:
        # Nobody else's doing, so what becomes of the server is no news for the unit.
        self._acting = True
        try:
            ended_by = ("deactivating",) if verb == "start" else ("deactivating", "activating", "active")
            if self.properties.active in ended_by:
                await self._stop(job)
            if verb != "stop" and self.properties.active != "active":
                await self._start(job)
        finally:
            if self.properties.job == job:
                self._change(job=None)
            self._acting = asyncio.current_task() is not self._job

    async def _stop(self, job: int) -> None:
        self._journal.manager_writes(f"Stopping {self.name} - llama-swap...")
        self._server.proxy_log.write("[INFO] Received signal terminated, shutting down...\n")
        self._change(active="deactivating", sub="stop-sigterm", job=job)
        await asyncio.sleep(STOP_SECONDS / self._server.speed)
        await self._server.scene("down")
        self._journal.manager_writes(f"Stopped {self.name} - llama-swap.")
        self._change(active="inactive", sub="dead", main_pid=0, code=1, status=0, result="success")

    async def _start(self, job: int) -> None:
        self._journal.manager_writes(f"Starting {self.name} - llama-swap...")
        fresh = {"invocation": uuid.uuid4().hex, "code": 0, "status": 0, "result": "success", "restarts": 0}
        self._change(active="activating", sub="start", job=job, main_pid=next_pid(), **fresh)
        await asyncio.sleep(START_SECONDS / self._server.speed)
        if self.missing_program:
            program = "/usr/local/bin/llama-swap"
            self._journal.manager_writes(f"{self.name}: Failed to execute {program}: No such file or directory")
            self._fail("exit-code", 1, 203, "exited, status=203/EXEC")
            return
        await self._server.scene("normal")
        self._server.proxy_log.write("[INFO] llama-swap listening on http://0.0.0.0:8080\n")
        self._journal.manager_writes(f"Started {self.name} - llama-swap.")
        self._change(active="active", sub="running")

    def _fail(self, result: str, code: int, status: int, words: str) -> None:
        self._journal.manager_writes(f"{self.name}: Main process exited, code={words}", priority=NOTICE)
        self._journal.manager_writes(f"{self.name}: Failed with result '{result}'.", priority=WARNING)
        self._change(active="failed", sub="failed", main_pid=0, result=result, code=code, status=status)

    def _notice(self) -> None:
        """The server went or came back by another hand: somebody killed the process, or started it."""
        if self._acting:
            return
        if self._server.playing.name in ("down", "restart"):
            if self.properties.active == "active":
                self._fail("signal", 2, 9, "killed, status=9/KILL")
        elif self.properties.active != "active":
            self._journal.manager_writes(f"Started {self.name} - llama-swap.")
            fresh = {"invocation": uuid.uuid4().hex, "code": 0, "status": 0, "result": "success"}
            self._change(active="active", sub="running", main_pid=next_pid(), **fresh)

    def _change(self, **properties: object) -> None:
        before = self.properties
        changed = dataclasses.replace(before, **properties)  # type: ignore[arg-type]
        if (changed.active, changed.sub) != (before.active, before.sub):
            changed = dataclasses.replace(changed, changed_at=machine_monotonic())
        self.properties = changed
        for follower in list(self._followers):
            follower()
