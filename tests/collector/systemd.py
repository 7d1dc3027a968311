"""A systemd that says what a test wants: programs of its names, first on PATH, and its private socket."""

from __future__ import annotations

import asyncio
import json
import os
import struct
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

SYSTEMCTL = """\
#!/bin/sh
echo "$*" >> "$FAKE_SYSTEMD/calls"
for word; do
  case "$word" in
    show) cat "$FAKE_SYSTEMD/shown"; . "$FAKE_SYSTEMD/show.sh" ;;
    start|stop|restart|reset-failed) . "$FAKE_SYSTEMD/$word.sh" ;;
  esac
done
"""
JOURNALCTL = """\
#!/bin/sh
echo "journalctl $*" >> "$FAKE_SYSTEMD/calls"
. "$FAKE_SYSTEMD/journal.sh"
lines=10 follow=
while [ $# -gt 0 ]; do
  case "$1" in
    -n) lines=$2; shift ;;
    -f) follow=-f ;;
    --no-tail) [ "$lines" = 10 ] && lines=+1 ;;
    --after-cursor=*)
      found=$(grep -nF "\\"__CURSOR\\": \\"${1#*=}\\"" "$FAKE_SYSTEMD/journal" | cut -d: -f1)
      lines=+$((found + 1)) ;;
  esac
  shift
done
exec tail -n "$lines" $follow "$FAKE_SYSTEMD/journal"
"""
RUNNING = {
    "LoadState": "loaded",
    "ActiveState": "active",
    "SubState": "running",
    "Result": "success",
    "ExecMainCode": "0",
    "ExecMainStatus": "0",
    "NRestarts": "0",
    "MainPID": "4242",
    "InvocationID": "1c8f",
    "NeedDaemonReload": "no",
    "StateChangeTimestampMonotonic": "1000000",
}


class FakeSystemd:
    """``folder`` holds what the programs say, and what they were called with."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "systemd"
        self.runtime = folder / "run"
        self._programs = folder / "bin"
        self._entries = 0
        for each in (self.folder, self._programs, self.runtime / "systemd"):
            each.mkdir(parents=True)
        for name, text in (("systemctl", SYSTEMCTL), ("journalctl", JOURNALCTL)):
            program = self._programs / name
            program.write_text(text, encoding="utf-8")
            program.chmod(0o755)
        for verb in ("show", "start", "stop", "restart", "reset-failed", "journal"):
            self.answer(verb, "")
        (self.folder / "calls").touch()
        (self.folder / "journal").touch()
        self.show(**RUNNING)

    @property
    def environment(self) -> Mapping[str, str]:
        return {
            "PATH": f"{self._programs}{os.pathsep}{os.environ['PATH']}",
            "FAKE_SYSTEMD": str(self.folder),
            "XDG_RUNTIME_DIR": str(self.runtime),
        }

    @property
    def calls(self) -> list[str]:
        return (self.folder / "calls").read_text(encoding="utf-8").splitlines()

    def show(self, **properties: str) -> None:
        """What ``systemctl show`` says from now on."""
        text = "".join(f"{name}={value}\n" for name, value in properties.items())
        new = self.folder / "shown.new"
        new.write_text(text, encoding="utf-8")
        new.replace(self.folder / "shown")

    def answer(self, verb: str, script: str) -> None:
        """What a verb does, in shell's words."""
        (self.folder / f"{verb}.sh").write_text(script, encoding="utf-8")

    def write_journal(self, *messages: object) -> None:
        """Adds entries. Cursors count from c1."""
        with (self.folder / "journal").open("a", encoding="utf-8") as file:
            for message in messages:
                self._entries += 1
                entry = {
                    "__CURSOR": f"c{self._entries}",
                    "__REALTIME_TIMESTAMP": str(1_795_000_000_000_000 + self._entries),
                    "MESSAGE": message,
                    "PRIORITY": "6",
                    "_PID": "4242",
                    "SYSLOG_IDENTIFIER": "llama-swap",
                }
                file.write(json.dumps(entry) + "\n")

    @asynccontextmanager
    async def bell(self) -> AsyncIterator[Bell]:
        """systemd's private socket, on which it tells of changes."""
        bell = Bell()
        path = self.runtime / "systemd" / "private"
        server = await asyncio.start_unix_server(bell.answer, path)
        try:
            yield bell
        finally:
            server.close()
            bell.hang_up()


class Bell:
    """Sends signals to whoever has authenticated."""

    def __init__(self) -> None:
        self.listeners: list[asyncio.StreamWriter] = []

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await reader.readuntil(b"BEGIN\r\n")
        assert asked == b"\0AUTH EXTERNAL %b\r\nBEGIN\r\n" % str(os.getuid()).encode().hex().encode()
        writer.write(b"OK 0123456789abcdef0123456789abcdef\r\n")
        self.listeners.append(writer)

    def ring(self, path: str, member: str, body: bytes = b"") -> None:
        for writer in self.listeners:
            writer.write(signal(path, member, body))

    def hang_up(self) -> None:
        for writer in self.listeners:
            writer.close()
        self.listeners.clear()


def signal(path: str, member: str, body: bytes) -> bytes:
    """A D-Bus signal, little-endian, as systemd sends it."""
    fields = b""
    for code, kind, text in ((1, b"o", path), (2, b"s", "org.freedesktop.DBus.Properties"), (3, b"s", member)):
        fields += bytes(-len(fields) % 8)
        fields += bytes((code, 1)) + kind + b"\0" + struct.pack("<I", len(text)) + text.encode() + b"\0"
    head = b"l\x04\x01\x01" + struct.pack("<III", len(body), 7, len(fields)) + fields
    return head + bytes(-len(head) % 8) + body
