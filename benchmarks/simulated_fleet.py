"""The simulated fleet in a process of its own, and configurations that name parts of it."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import tomlkit

HEALTH_BY_HTTP = "/health"


@dataclass(frozen=True, slots=True)
class Ready:
    """What the simulated fleet says once it answers."""

    config: str
    control: str
    env: Mapping[str, str]


class SimulatedFleet:
    """Runs ``python -m tui.demo`` for the length of the block; its servers rest unless they are asked something."""

    def __init__(self, folder: Path, extra_services: int = 0) -> None:
        self._folder = folder
        self._command = [sys.executable, "-m", "tui.demo", "--no-life", "--extra-services", str(extra_services)]
        self._command += ["--config-file", str(folder / "fleet.toml")]

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        said = json.loads(self._process.stdout.readline())
        self._ready = Ready(config=said["config"], control=said["control"], env=said["env"])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    @property
    def env(self) -> Mapping[str, str]:
        """Keys for its servers, and folders of its own for what its watchers write."""
        return self._ready.env

    @property
    def service_names(self) -> tuple[str, ...]:
        return tuple(self._document()["services"])

    def hang(self, services: Iterable[str]) -> None:
        """From now on these accept connections and answer nothing."""
        for name in services:
            request = urllib.request.Request(f"{self._ready.control}/{name}/scene/hang", method="POST")
            with urllib.request.urlopen(request, timeout=10):
                pass

    def config(
        self, services: Iterable[str], *, refresh: float | None = None, watched_as_pages: Iterable[str] = ()
    ) -> Path:
        """Writes a configuration that names ``services``, each asked every ``refresh`` seconds (None: as its kind is).

        ``watched_as_pages`` are watched by their health page alone, as servers of an unknown kind are.
        """
        document = self._document()
        wanted, pages = set(services), set(watched_as_pages)
        tables = document["services"]
        for name in list(tables):
            if name not in wanted:
                del tables[name]
                continue
            if refresh is not None:
                tables[name]["refresh"] = refresh
            if name in pages:
                tables[name]["kind"] = "http"
                tables[name]["url"] = tables[name]["url"].removesuffix("/v1") + HEALTH_BY_HTTP
        # The demo's stand-in for ssh is a Python program and takes more than ssh does: its machine stays unwatched.
        for machine in document["machines"].values():
            machine.pop("ssh", None)
        for section in ("models", "tiers", "tasks", "mcp"):
            document.pop(section, None)
        path = self._folder / f"{len(wanted)}-services-every-{refresh or 'default'}.toml"
        path.write_text(tomlkit.dumps(document))
        path.chmod(0o600)
        return path

    def _document(self) -> tomlkit.TOMLDocument:
        return tomlkit.parse(Path(self._ready.config).read_text())
