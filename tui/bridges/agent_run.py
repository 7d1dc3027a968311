"""Runs agents in a process of their own, and answers what they ask.

That process runs code that models wrote, so it is given no key: its environment holds a handful of ordinary variables,
its home folder is an empty one, and its one way to a model is through us. It ends with us, and all that it started too.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping
from pathlib import Path

import msgspec

import tui
from tui.bridges.agent_answers import AgentAnswers
from tui.bridges.agent_wire import (
    DESCRIPTOR,
    LONGEST_LINE,
    Answer,
    FromAgents,
    NoAnswer,
    Probe,
    ProbeTask,
    Question,
    Result,
    Step,
    Task,
    Trouble,
    from_agents,
    line_of,
)
from tui.fleet.printable import printable
from tui.fleet.redact import redact

MISSING = "agents need smolagents, which is not installed: pip install 'fleetdeck[agents]'"
INHERITED = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "SYSTEMROOT")
"""The variables that are passed on; everything else may be a key, or lead to one."""
MOST_QUESTIONS = 120
"""Of one task: agents that go round in circles cost money, or heat a room."""
ERRORS = "errors.txt"
"""In its home folder: what the agents' process writes to standard error."""
END_WITHIN = 2.0
"""Seconds from asking a process to end to ending it."""


class AgentsFailed(Exception):
    """The agents could not do what they were to do; one sentence."""


def installed() -> bool:
    """Whether the library that runs agents is there. Does not import it."""
    return importlib.util.find_spec("smolagents") is not None


async def run_agents(
    task: Task | ProbeTask, answers: AgentAnswers, *, timeout: float
) -> AsyncGenerator[Step | Result | Probe, None]:
    """What the agents do, as they do it; the last is a ``Result`` or a ``Probe``.

    ``timeout`` is seconds for all of it. Closing the generator (``contextlib.aclosing``), or cancelling, ends the
    agents' process and the question under way.

    Raises:
        AgentsFailed: they could not be run, gave up or took too long.
    """
    models = {task.model} if isinstance(task, ProbeTask) else {task.manager, task.worker}
    deadline = asyncio.get_running_loop().time() + timeout
    with tempfile.TemporaryDirectory(prefix="fleetdeck-agents-") as home:
        async with _started(Path(home)) as child:
            await child.send(line_of(task))
            while True:
                try:
                    async with asyncio.timeout_at(deadline):
                        message = await _next(child, answers, models)
                except TimeoutError:
                    raise AgentsFailed(f"the agents were not done after {timeout:.0f} s, and were ended") from None
                if isinstance(message, Trouble):
                    raise AgentsFailed(printable(redact(message.reason), 400))
                yield message
                if not isinstance(message, Step):
                    return


async def _next(child: _Child, answers: AgentAnswers, models: Collection[str]) -> Step | Result | Probe | Trouble:
    """The next thing that is no question; questions are answered meanwhile."""
    while True:
        line = await child.receive()
        try:
            message: FromAgents = from_agents.decode(line)
        except msgspec.DecodeError:
            raise AgentsFailed("the agents' process said something that is no message of theirs") from None
        if not isinstance(message, Question):
            return message
        child.questions += 1
        if message.model not in models:
            # The code that models wrote could ask here as well; it gets what its agents may have, and nothing else.
            answer: Answer | NoAnswer = NoAnswer("this model is none of the task's")
        elif child.questions > MOST_QUESTIONS:
            raise AgentsFailed(f"the agents asked more than {MOST_QUESTIONS} times without coming to an end")
        else:
            answer = await answers.answer(message)
        await child.send(line_of(answer))


class _Child:
    """The agents' process, and the wire to it."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        errors: Path,
    ) -> None:
        """``errors`` is the file that holds its standard error."""
        self.questions = 0
        self._errors = errors
        self._process = process
        self._reader = reader
        self._writer = writer

    async def send(self, line: bytes) -> None:
        self._writer.write(line)
        with contextlib.suppress(ConnectionError):
            # Why it is gone is found out by reading.
            await self._writer.drain()

    async def receive(self) -> bytes:
        try:
            line = await self._reader.readline()
        except (ValueError, ConnectionError):
            line = b""
        if line.endswith(b"\n"):
            return line
        words = self._errors.read_text(errors="replace").strip().splitlines()
        last = f": {printable(redact(words[-1]), 300)}" if words else ""
        raise AgentsFailed(f"the agents' process ended without a result{last}")

    async def end(self) -> None:
        """Ends the process and everything that it started."""
        self._writer.close()
        # Its group, since what it started may have outlived it.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)
        try:
            async with asyncio.timeout(END_WITHIN):
                await self._process.wait()
        except TimeoutError:
            pass
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            await self._process.wait()


@contextlib.asynccontextmanager
async def _started(home: Path) -> AsyncIterator[_Child]:
    ours, theirs = socket.socketpair()
    with theirs:
        reader, writer = await asyncio.open_connection(sock=ours, limit=LONGEST_LINE)
        try:
            process = await _start(home, theirs.fileno())
        except BaseException:
            writer.close()
            raise
        # From here on there is no waiting before the block whose end ends the process.
        child = _Child(process, reader, writer, home / ERRORS)
        theirs.close()
        try:
            yield child
        finally:
            await asyncio.shield(child.end())


async def _start(home: Path, channel: int) -> asyncio.subprocess.Process:
    with (home / ERRORS).open("wb") as errors:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tui.bridges.agent_child"),
            cwd=home,
            env={**_environment(home), DESCRIPTOR: str(channel)},
            pass_fds=(channel,),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=errors,
            start_new_session=True,
        )


def _environment(home: Path) -> Mapping[str, str]:
    inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
    package = Path(tui.__file__).resolve().parent.parent
    return {
        **inherited,
        "HOME": str(home),
        "TMPDIR": str(home),
        "PYTHONPATH": str(package),
        "PYTHONDONTWRITEBYTECODE": "1",
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "DO_NOT_TRACK": "1",
    }
