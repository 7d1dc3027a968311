"""Programs that stand in for real ones: they print what those were seen to print, and note what they were given."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.chat.asking import Asked, Reply, ask
from tests.waiting import until
from tui.chat.dispatch import Dispatcher
from tui.chat.program import ProgramLimits
from tui.chat.prompt import Prompt
from tui.config.schema import Config

CAPTURES = Path(__file__).parent / "captures"
SCRIPT = Path(__file__).parent / "stand_in.py"
OPENCODE_SCRIPT = Path(__file__).parent / "stand_in_opencode.py"
LIMITS = ProgramLimits(first_word=10, silence=10, grace=0.3)


@dataclass(frozen=True, slots=True)
class Told:
    """What a stand-in was given when it was run."""

    arguments: list[str]
    stdin: str
    environment: dict[str, str]
    folder: str
    pid: int


class StandIns:
    """A folder of programs; it is the only one on the PATH."""

    def __init__(self, base: Path) -> None:
        self.folder = base / "bin"
        self.home = base / "home"
        self.temporary = base / "temporary"
        self._notes = base / "notes"
        for folder in (self.folder, self.home, self.temporary, self._notes):
            folder.mkdir()

    def add(self, name: str, script: Path = SCRIPT, /, **plan: object) -> None:
        """A program of this name that does as the plan says; see ``stand_in.py`` for what it may say."""
        notes = str(self._notes / name)
        program = self.folder / name
        program.write_text(
            f"#!{sys.executable} -IS\nPLAN = {json.loads(json.dumps(plan))!r}\nNOTES = {notes!r}\n"
            f"exec(compile(open({str(script)!r}).read(), {str(script)!r}, 'exec'))\n"
        )
        program.chmod(0o755)

    def add_capture(self, name: str, case: str, exit_code: int = 0, **plan: object) -> None:
        """A program that prints what the real one of that name printed in a case."""
        for stream, suffix in (("out", "out"), ("err", "err")):
            path = CAPTURES / f"{name}-{case}.{suffix}"
            if path.is_file():
                plan.setdefault(stream, path.read_text(encoding="utf-8"))
        self.add(name, exit_code=exit_code, **plan)

    def runs(self, name: str) -> int:
        """How often it was run."""
        return len(list(self._notes.glob(f"{name}.*.json")))

    def told(self, name: str) -> Told:
        """What it was given when it was run last."""
        newest = max(self._notes.glob(f"{name}.*.json"), key=lambda path: path.stat().st_mtime_ns)
        return Told(**json.loads(newest.read_text(encoding="utf-8")))

    def pids(self, name: str) -> list[int]:
        """The processes that were started in its name and whose ids it noted, its children's among them."""
        return [int(path.read_text()) for path in self._notes.glob(f"{name}.*.pid") if path.read_text()]

    def end_orphans(self) -> None:
        for path in self._notes.glob("*.pid"):
            with contextlib.suppress(ProcessLookupError, ValueError):
                os.kill(int(path.read_text()), signal.SIGKILL)


def is_running(pid: int) -> bool:
    """False also for a process that has ended and that nobody has waited for."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in ("Z", "X")


async def answer_of(
    config: Config, prompt: Prompt | str = "say hello", *, timeout: float = 20.0, limits: ProgramLimits = LIMITS
) -> Reply:
    """The whole reply of a configuration's program called ``one``."""
    given = Prompt.of(prompt) if isinstance(prompt, str) else prompt
    async with Dispatcher(config, program_limits=limits) as dispatcher:
        return await ask(dispatcher, candidates=[Asked("one/m", "cloud")], prompt=given, timeout=timeout)


async def until_gone(stand_ins: StandIns, name: str) -> None:
    """Waits until no process is left that was started in a stand-in's name."""
    await until(lambda: not any(is_running(pid) for pid in stand_ins.pids(name)), "all of its processes have ended")
