"""Real programs of agents with a home of their own, in a network namespace that has only loopback.

So nothing can leave this machine, whatever a program makes of its configuration.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.live.checks import Skipped
from tests.live.installing import NotInstallable, install_npm_program

PACKAGES = {
    "opencode": "opencode-ai@1.18.33",
    "gemini": "@google/gemini-cli@0.61.0",
    "copilot": "@github/copilot@1.0.102",
    "claude": "@anthropic-ai/claude-code@2.1.328",
}
"""The versions whose behaviour the product was written for."""
REPOSITORY = Path(__file__).parents[3]


@dataclass(frozen=True, slots=True)
class Ended:
    """A command that has ended in time."""

    code: int
    output: str
    errors: str

    @property
    def last_words(self) -> str:
        words = self.errors.strip().splitlines() or self.output.strip().splitlines()
        return words[-1] if words else "without a word"


@dataclass(frozen=True, slots=True)
class Alone:
    """One program, installed, with an empty home."""

    program: Path
    home: Path
    temporary: Path

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": f"{self.program.parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.home),
            "TMPDIR": str(self.temporary),
            "LANG": "C.UTF-8",
        }

    def command(self, *command: str) -> list[str]:
        """The command, with loopback as its only network."""
        # Positional arguments of sh, so that nothing is pasted into its script.
        script = 'ip link set lo up && exec "$@"'
        return ["unshare", "--net", "--kill-child", "sh", "-c", script, "sh", *command]

    async def run(self, *command: str, within: float) -> Ended:
        """Runs a command beside the program. Raises Skipped where a namespace cannot be had, and TimeoutError."""
        process = await asyncio.create_subprocess_exec(
            *self.command(*command),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=REPOSITORY,
            env=self.environment,
        )
        try:
            async with asyncio.timeout(within):
                output, errors = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if b"Operation not permitted" in errors:
            raise Skipped("This machine lets nobody make a network namespace.")
        assert process.returncode is not None
        return Ended(process.returncode, output.decode(errors="replace"), errors.decode(errors="replace"))


@asynccontextmanager
async def alone(program: str) -> AsyncIterator[Alone]:
    """The program, until the block is left. Raises Skipped where it cannot be had."""
    try:
        installed = await asyncio.to_thread(install_npm_program, program, PACKAGES[program])
    except NotInstallable as error:
        raise Skipped(str(error)) from error
    if shutil.which("unshare") is None or shutil.which("ip") is None or os.geteuid() != 0:
        raise Skipped("A network namespace with only loopback needs root, unshare and ip.")
    with tempfile.TemporaryDirectory(prefix="fleetdeck-live-") as folder:
        home, temporary = Path(folder) / "home", Path(folder) / "temporary"
        home.mkdir()
        temporary.mkdir()
        yield Alone(installed, home, temporary)
