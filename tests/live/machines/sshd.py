"""A real sshd on loopback with keys of its own, and the system's ssh that knows it as koala."""

from __future__ import annotations

import asyncio
import getpass
import os
import shutil
import socket
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil  # type: ignore[import-untyped,unused-ignore]

from tests.live.checks import Skipped
from tests.live.processes import free_port
from tests.waiting import until

PRIVILEGE_SEPARATION = Path("/run/sshd")


class Sshd:
    """Runs while its context lasts. ``extra`` goes into its configuration, ``far`` into the environment of logins."""

    def __init__(
        self,
        folder: Path,
        *extra: str,
        far: Mapping[str, str] | None = None,
        inside: Sequence[str] = (),
        user: str | None = None,
    ) -> None:
        """``inside``: words before its command, that run it in other namespaces. ``user``: who logs in."""
        self.folder = folder
        self.port = free_port()
        self._extra = extra
        self._inside = inside
        self._user = user or getpass.getuser()
        self._far = far or {}
        self._program = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
        self._ssh = shutil.which("ssh")
        self._server: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)

    async def __aenter__(self) -> Self:
        """
        Raises:
            Skipped: there is no sshd or ssh here.
        """
        if self._program is None or self._ssh is None:
            raise Skipped("needs sshd and ssh (on Debian and Ubuntu: apt install openssh-server openssh-client)")
        if os.getuid() == 0:
            PRIVILEGE_SEPARATION.mkdir(mode=0o755, exist_ok=True)
        self.make_key("host")
        self.make_key("person")
        shutil.copy(self.folder / "person.pub", self.folder / "authorized_keys")
        self.know_host()
        self._configure()
        with (self.folder / "sshd.log").open("ab") as log:
            command = [*self._inside, self._program, "-D", "-e", "-f", str(self.folder / "sshd_config")]
            self._server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=log)
        await until(self._listens, f"sshd listens (its log: {self.folder / 'sshd.log'})")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._server is not None:
            family = [*self._children(), psutil.Process(self._server.pid)]
            for process in family:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            await asyncio.to_thread(self._server.wait)

    @property
    def environment(self) -> Mapping[str, str]:
        """In which ``ssh koala`` leads here."""
        return {"PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}"}

    def collectors(self) -> list[psutil.Process]:
        """The far pythons."""
        return [process for process in self._children() if _is_collector(process)]

    def sessions(self) -> list[psutil.Process]:
        """The processes of sshd that serve connections."""
        return [process for process in self._children() if process.name() == "sshd"]

    def make_key(self, name: str) -> None:
        for old in (self.folder / name, self.folder / f"{name}.pub"):
            old.unlink(missing_ok=True)
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(self.folder / name)]
        subprocess.run(command, check=True)

    def know_host(self, key: str = "host") -> None:
        public = (self.folder / f"{key}.pub").read_text(encoding="utf-8")
        known = f"[127.0.0.1]:{self.port} {public}"
        (self.folder / "known_hosts").write_text(known, encoding="utf-8")

    def forget_host(self) -> None:
        (self.folder / "known_hosts").write_text("", encoding="utf-8")

    def _configure(self) -> None:
        lines = [
            f"Port {self.port}",
            "ListenAddress 127.0.0.1",
            f"HostKey {self.folder / 'host'}",
            f"AuthorizedKeysFile {self.folder / 'authorized_keys'}",
            "PidFile none",
            "UsePAM no",
            "StrictModes no",
            "PasswordAuthentication no",
            "KbdInteractiveAuthentication no",
            "PermitRootLogin yes",
            # Of several lines sshd heeds the first.
            *([f"SetEnv {' '.join(f'{name}={value}' for name, value in self._far.items())}"] if self._far else []),
            *self._extra,
        ]
        (self.folder / "sshd_config").write_text("\n".join(lines) + "\n", encoding="utf-8")
        client = [
            "Host koala",
            "HostName 127.0.0.1",
            f"Port {self.port}",
            f"User {self._user}",
            f"IdentityFile {self.folder / 'person'}",
            "IdentitiesOnly yes",
            "IdentityAgent none",
            f"UserKnownHostsFile {self.folder / 'known_hosts'}",
            "GlobalKnownHostsFile none",
            "StrictHostKeyChecking yes",
        ]
        (self.folder / "ssh_config").write_text("\n".join(client) + "\n", encoding="utf-8")
        programs = self.folder / "bin"
        programs.mkdir(exist_ok=True)
        # ssh finds its configuration by the password file, whatever HOME says.
        ssh = programs / "ssh"
        ssh.write_text(f"#!/bin/sh\nexec {self._ssh} -F '{self.folder / 'ssh_config'}' \"$@\"\n", encoding="utf-8")
        ssh.chmod(0o755)

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def _children(self) -> list[psutil.Process]:
        if self._server is None:
            return []
        with suppress(psutil.NoSuchProcess):
            children: list[psutil.Process] = psutil.Process(self._server.pid).children(recursive=True)
            return children
        return []


def _is_collector(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return "python" in process.name() and "-u" in process.cmdline()
    return False
