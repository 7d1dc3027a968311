"""A simulated fleet with its configuration and a home of its own, and the commands of a person who lives there."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import os
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.chat.stand_ins import StandIns
from tui.cli.main import run
from tui.demo.fleet import DemoFleet
from tui.demo.request_log import RequestRecord

Json = dict[str, object]
CHAT_PATHS = ("/v1/chat/completions", "/api/chat", "/v1/messages")
CLAUDE = '\n[clis.claude]\nkind = "claude"\n'


@dataclass(frozen=True)
class Ran:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Json:
        document = json.loads(self.out)
        assert isinstance(document, dict)
        return document

    @property
    def events(self) -> list[Json]:
        return [json.loads(line) for line in self.out.splitlines()]

    def models(self, kind: str = "candidates") -> list[str]:
        rows = self.document[kind]
        assert isinstance(rows, list)
        return [row["model"] for row in rows]


@dataclass
class House:
    """The fleet's servers run in the test's own process."""

    fleet: DemoFleet
    home: Path
    programs: StandIns
    capsys: pytest.CaptureFixture[str]

    @property
    def config(self) -> Path:
        return self.home / "config.toml"

    @property
    def modes_file(self) -> Path:
        return self.fleet.folder / "state" / "fleetdeck" / "modes.json"

    @property
    def external_file(self) -> Path:
        return self.fleet.folder / "external-mode.json"

    @property
    def ledger_file(self) -> Path:
        return self.fleet.folder / "data" / "fleetdeck" / "ledger.sqlite3"

    def configure(self, more: str) -> None:
        """Writes the fleet's configuration with ``more`` behind it."""
        self.config.write_text(self.fleet.config_toml() + CLAUDE + more)

    async def call(self, *arguments: str) -> Ran:
        """A command in this process: faster than one of its own."""
        code = await asyncio.to_thread(run, ["--config", str(self.config), *arguments])
        output = self.capsys.readouterr()
        return Ran(code, output.out, output.err)

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "tui", "--config", str(self.config), *arguments]

    async def process(self, *arguments: str, said: bytes = b"") -> Ran:
        """A command in a process of its own, with ``said`` on its standard input."""
        process = await self.started(*arguments, stdin=asyncio.subprocess.PIPE)
        out, err = await asyncio.wait_for(process.communicate(said), 60)
        assert process.returncode is not None
        return Ran(process.returncode, out.decode(), err.decode())

    async def started(self, *arguments: str, stdin: int = subprocess.DEVNULL) -> asyncio.subprocess.Process:
        """A command that runs on."""
        return await asyncio.create_subprocess_exec(
            *self.command(*arguments), stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ
        )

    def prompts(self, service: str) -> list[RequestRecord]:
        """What a server was asked to answer, oldest first."""
        return [record for record in self.fleet.servers[service].requests if record.path in CHAT_PATHS]

    def prompted(self) -> dict[str, int]:
        """How many prompts each server got, of those that got any."""
        return {name: len(self.prompts(name)) for name in self.fleet.servers if self.prompts(name)}

    def said_to(self, service: str) -> list[Json]:
        """The messages of the last prompt that a server got."""
        body = self.prompts(service)[-1].json()
        assert isinstance(body, dict)
        messages = body["messages"]
        assert isinstance(messages, list)
        return messages

    def remembered(self, table: str = "requests") -> list[sqlite3.Row]:
        with contextlib.closing(sqlite3.connect(self.ledger_file)) as connection:
            connection.row_factory = sqlite3.Row
            return connection.execute(f"SELECT * FROM {table} ORDER BY id").fetchall()


@contextlib.asynccontextmanager
async def a_house(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], fleet: DemoFleet | None = None
) -> AsyncIterator[House]:
    """Programs are only those that a test puts on the PATH; there is a ``claude`` that fails at once."""
    async with fleet or DemoFleet(speed=math.inf) as fleet:
        for name, value in fleet.env.items():
            monkeypatch.setenv(name, value)
        programs = StandIns(tmp_path)
        programs.add("claude", err="claude is not to be asked here\n", exit_code=1)
        monkeypatch.setenv("HOME", str(programs.home))
        monkeypatch.setenv("PATH", str(programs.folder))
        monkeypatch.setattr("tempfile.tempdir", str(programs.temporary))
        monkeypatch.setenv("TMPDIR", str(programs.temporary))
        monkeypatch.delenv("ANTHROPIC_BASE_URL", raising=False)
        house = House(fleet, tmp_path, programs, capsys)
        house.configure("")
        try:
            yield house
        finally:
            programs.end_orphans()
