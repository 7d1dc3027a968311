"""A far machine without a network: a program called ssh that runs its command in a shell here, or fails as ssh does."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from tests.waiting import until
from tui.config.schema import MachineSettings
from tui.fleet.machine_channel import WatchedUnit
from tui.fleet.machine_watch import MachineWatch
from tui.fleet.snapshot import MachineSnapshot

SSH = """\
#!/bin/sh
for remote; do :; done
printf '%s\\n' "$*" >> "$FAKE_SSH/calls"
. "$FAKE_SSH/behaviour.sh"
exec /bin/sh -c "$remote"
"""


class FakeSsh:
    """``behave`` says in shell's words what happens before the far command runs; ``exit`` there and it never does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "ssh"
        self.far = folder / "far"
        """The only folder of programs on a far machine without python3."""
        self._programs = folder / "ssh-bin"
        for each in (self.folder, self.far, self._programs):
            each.mkdir()
        self.place(self._programs / "ssh", SSH)
        (self.folder / "calls").touch()
        self.behave("")

    @property
    def environment(self) -> Mapping[str, str]:
        return {"PATH": f"{self._programs}{os.pathsep}{os.environ['PATH']}", "FAKE_SSH": str(self.folder)}

    @property
    def calls(self) -> list[str]:
        return (self.folder / "calls").read_text(encoding="utf-8").splitlines()

    def behave(self, script: str) -> None:
        new = self.folder / "behaviour.new"
        new.write_text(script, encoding="utf-8")
        new.replace(self.folder / "behaviour.sh")

    def has_no_python(self, **programs: str) -> None:
        """The far machine has these programs alone."""
        for name, text in programs.items():
            self.place(self.far / name.replace("_", "-"), text)
        self.behave(f"PATH='{self.far}'; export PATH")

    def place(self, program: Path, text: str) -> None:
        program.write_text(text, encoding="utf-8")
        program.chmod(0o755)


KOALA = MachineSettings(name="koala", about="GPU inference", ssh="koala")
HERE = MachineSettings(name="flamingo", local=True)


@asynccontextmanager
async def watching(
    machine: MachineSettings = KOALA, units: Sequence[WatchedUnit] = (), *, refresh: float = 0.1
) -> AsyncIterator[MachineWatch]:
    """A machine that is watched while the context lasts."""
    watch = MachineWatch(machine, units, refresh=refresh, changed=lambda: None)
    task = asyncio.create_task(watch.run())
    try:
        yield watch
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def shows(
    watch: MachineWatch, predicate: Callable[[MachineSnapshot], object], what: str, within: float = 10
) -> None:
    try:
        await until(lambda: predicate(watch.snapshot), what, timeout=within)
    except AssertionError as error:
        raise AssertionError(f"{error}; instead {watch.snapshot}") from None
