"""A real systemd of a user of its own, with a real journald, in namespaces that leave nothing behind."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil  # type: ignore[import-untyped,unused-ignore]

from tests.live.checks import Skipped
from tests.waiting import until

SCRIPT = Path(__file__).with_suffix(".sh")
USER = "koala"
UID = 4242
"""journald keeps no journal of their own for uids below 1000 and those that systemd gives out itself."""
SLICE = "fleetdeck-live.slice"
NEEDED = ("unshare", "nsenter", "setpriv", "systemctl", "journalctl")


class UserSystemd:
    """Runs while its context lasts. ``units`` maps names of unit files to their text; "" masks one."""

    def __init__(self, folder: Path, units: dict[str, str]) -> None:
        self.folder = folder
        self._keeper: subprocess.Popen[bytes] | None = None
        files = folder / "home" / ".config" / "systemd" / "user"
        files.mkdir(parents=True)
        for name, text in units.items():
            if text:
                (files / name).write_text(text, encoding="utf-8")
            else:
                (files / name).symlink_to("/dev/null")
        for each in (folder, *folder.parents[:-2]):
            # The user has to reach its home.
            each.chmod(each.stat().st_mode | 0o011)

    async def __aenter__(self) -> Self:
        """
        Raises:
            Skipped: it cannot be run here.
        """
        missing = [program for program in NEEDED if shutil.which(program) is None]
        if os.getuid() != 0 or missing:
            lacking = f"{', '.join(missing)} missing" if missing else "not root"
            raise Skipped(f"needs root, util-linux and systemd to run another user's systemd ({lacking})")
        command = ["unshare", "-m", "-p", "-f", "--mount-proc", "--propagation", "private", "--kill-child"]
        with (self.folder / "setup.log").open("wb") as log:
            self._keeper = subprocess.Popen(
                [*command, "sh", str(SCRIPT), str(self.folder), str(UID)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
            )
        keeper = self._keeper
        ready = self.folder / "ready"
        await until(lambda: ready.exists() or keeper.poll() is not None, "systemd is up", timeout=20)
        if not ready.exists():
            said = (self.folder / "setup.log").read_text(encoding="utf-8", errors="replace").strip()
            raise Skipped(
                f"another user's systemd cannot be run here: {said.splitlines()[-1] if said else 'no reason'}"
            )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._keeper is not None:
            self._keeper.kill()
            await asyncio.to_thread(self._keeper.wait)
            assert self._keeper.stdin is not None
            self._keeper.stdin.close()
        await until(_forget_groups, "its control groups are gone", timeout=10)

    @property
    def inside(self) -> tuple[str, ...]:
        """Put before a command, it runs there."""
        assert self._keeper is not None
        (first,) = psutil.Process(self._keeper.pid).children()
        return ("nsenter", "-t", str(first.pid), "-m", "-p")

    def managers(self) -> list[psutil.Process]:
        assert self._keeper is not None
        family = psutil.Process(self._keeper.pid).children(recursive=True)
        return [process for process in family if process.cmdline()[1:] == ["--user"]]

    def systemctl(self, *words: str) -> None:
        """As that user."""
        person = ("setpriv", "--reuid", str(UID), "--regid", str(UID), "--init-groups")
        environment = ("env", "-i", f"XDG_RUNTIME_DIR=/run/user/{UID}", "PATH=/usr/bin:/bin")
        subprocess.run([*self.inside, *person, *environment, "systemctl", "--user", *words], check=True)


def _forget_groups() -> bool:
    """Removes the control groups, innermost first. False while a process is still in one."""
    gone = True
    for tree in (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/systemd"), Path("/sys/fs/cgroup/unified")):
        for folder, _, _ in os.walk(tree / SLICE, topdown=False):
            with suppress(OSError):
                Path(folder).rmdir()
        gone = gone and not (tree / SLICE).exists()
    return gone
