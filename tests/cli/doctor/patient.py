"""A person's set-up, broken on purpose, and what ``fleetdeck doctor`` says of it."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.chat.stand_ins import StandIns
from tests.collector.far import FakeSsh
from tui.cli.main import run

TOOLS = ("sh", "cat", "cut", "grep", "tail", "sleep", "env", "id")
"""What a far machine's shell and its systemd need."""
PATIENT_LIMITS = (
    "examination.CHECKED_WITHIN",
    "fleet_look.LOOKED_WITHIN",
    "fleet_look.JOURNAL_WITHIN",
    "network.RESOLVED_WITHIN",
    "programs.ANSWERED_WITHIN",
    "services.IDENTIFIED_WITHIN",
)
UNSET = (
    *("LC_ALL", "LC_CTYPE", "NO_COLOR", "TMUX", "DISPLAY", "WAYLAND_DISPLAY", "SSH_CONNECTION", "SSL_CERT_FILE"),
    *("XDG_RUNTIME_DIR", "LD_LIBRARY_PATH", "FLEETDECK_CONFIG", "CLAUDE_CONFIG_DIR", "ANTHROPIC_BASE_URL"),
    *("GH_TOKEN", "GITHUB_TOKEN", "COPILOT_GITHUB_TOKEN", "COPILOT_PROVIDER_BASE_URL"),
    *("GEMINI_API_KEY", "GEMINI_CLI_HOME", "GOOGLE_GENAI_USE_VERTEXAI", "GOOGLE_GENAI_USE_GCA"),
)


@dataclass(frozen=True, slots=True)
class Found:
    """One finding."""

    area: str
    about: str
    severity: str
    text: str
    fix: str | None


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What one examination said."""

    code: int
    findings: tuple[Found, ...]

    @property
    def wrong(self) -> tuple[Found, ...]:
        return tuple(found for found in self.findings if found.severity != "fine")

    def names(self, area: str, about: str, *, cause: str, fix: str, severity: str = "problem") -> None:
        """Fails unless there is one such finding whose text has the cause, and whose fix says what to do."""
        told = [found for found in self.wrong if (found.area, found.about) == (area, about) and cause in found.text]
        assert len(told) == 1, f"{about}: {cause!r} is told {len(told)} times in {self.wrong}"
        assert fix in (told[0].fix or ""), told[0]
        assert told[0].severity == severity
        assert self.code == int(any(found.severity == "problem" for found in self.findings))


class Patient:
    """Nothing of the tester's own home, variables and programs is seen."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.programs = StandIns(folder)
        self.home = self.programs.home
        self.config = folder / "config.toml"
        self._capsys = capsys
        for name in UNSET:
            monkeypatch.delenv(name, raising=False)
        for kind in ("CONFIG", "STATE", "DATA", "CACHE"):
            monkeypatch.setenv(f"XDG_{kind}_HOME", str(self.home / kind.lower()))
        healthy = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8", "USER": "p"}
        for name, value in (healthy | {"HOME": str(self.home), "PATH": str(self.programs.folder)}).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("tempfile.tempdir", str(self.programs.temporary))
        # A busy machine changes no diagnosis: what is waited for comes, or the test is about that it does not.
        for limit in PATIENT_LIMITS:
            monkeypatch.setattr(f"tui.cli.doctor.{limit}", 60.0)
        # Claude Code's settings are looked for in the folder that one is in, too.
        monkeypatch.chdir(self.home)

    def write(self, toml: str) -> None:
        external = f'[panel]\nexternal_mode_file = "{self.home}/external-mode.json"\n'
        self.config.write_text(toml if "[panel]" in toml else external + toml, encoding="utf-8")

    async def examine(self, *options: str) -> Diagnosis:
        code, out = await self.call(*(options or ("--config", str(self.config))), "doctor", "--json")
        document = json.loads(out)
        assert document["schema"] == 1
        assert document["ok"] == (code == 0)
        return Diagnosis(code, tuple(Found(**found) for found in document["findings"]))

    async def diagnosis_of(self, toml: str) -> Diagnosis:
        self.write(toml)
        return await self.examine()

    async def call(self, *arguments: str) -> tuple[int, str]:
        code = await asyncio.to_thread(run, list(arguments))
        return code, self._capsys.readouterr().out


def far_machine(folder: Path, monkeypatch: pytest.MonkeyPatch, patient: Patient) -> FakeSsh:
    """A program called ssh that leads to a machine with python3 and the usual tools."""
    for tool in TOOLS:
        path = shutil.which(tool, path="/usr/bin:/bin")
        assert path is not None
        (patient.programs.folder / tool).symlink_to(path)
    folder.mkdir()
    ssh = FakeSsh(folder)
    ssh.place(patient.programs.folder / "python3", f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    for name, value in ssh.environment.items():
        monkeypatch.setenv(name, value)
    return ssh
