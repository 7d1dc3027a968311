"""Random routes, modes and troubles over one simulated fleet at home and another one that is somebody else's."""

from __future__ import annotations

import contextlib
import json
import random
import shutil
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from tests.cli.house import CHAT_PATHS, CLAUDE, House
from tui.demo.fleet import DemoFleet
from tui.demo.request_log import RequestRecord
from tui.demo.scenes import SceneName
from tui.demo.server import DemoServer
from tui.routing.mode_files import Flip, flip_external, flip_private

T = TypeVar("T")
AT_HOME = {
    "llama-swap": ("qwen3", "gemma", "coder", "reasoning", "code", "gpt-4o-mini"),
    "ollama": ("llama3.2:latest", "qwen3:8b"),
    "litellm": ("local-chat", "local-code", "local-small", "flaky", "dead"),
}
"""What never leaves the person's machine, read off the simulated servers' own settings."""
HOME_IDS = tuple(f"{service}/{name}" for service, names in AT_HOME.items() for name in names)
PASSED_ON = (
    "llama-swap/openrouter/glm-4.7",
    "llama-swap/anything",
    "ollama/gpt-oss:120b-cloud",
    "litellm/mixed",
    "litellm/gpt-5.2",
    "litellm/rate-limited",
    "litellm/breaks-midway",
)
"""What the servers at home send to somebody else, or may."""
ELSEWHERE = ("away-swap/gemma", "away-ollama/llama3.2:latest", "away-openai/model-000", "claude/opus", "tee/m")
SERVED = (*HOME_IDS, *PASSED_ON, *(model for model in ELSEWHERE if model.startswith("away")))
IDS = (*HOME_IDS, *HOME_IDS, *PASSED_ON, *ELSEWHERE, "llama-swap/no-such-model")
SCENES: tuple[SceneName, ...] = ("down", "error", "drop", "unauthorized", "garbage", "loading")


@dataclass
class RandomHouse:
    """A house whose routes are thrown anew for every situation."""

    house: House
    away: DemoFleet
    dice: random.Random
    ids: Sequence[str]
    away_host: str
    cloud: frozenset[str] = frozenset()
    """Models that the configuration of this situation declares to be somebody else's."""

    @property
    def child_input(self) -> Path:
        """All that was ever said to the program ``tee``."""
        return self.house.home / "child-input"

    def servers(self) -> Iterator[tuple[str, DemoServer]]:
        """All servers that take prompts, by their names in the configuration."""
        yield from ((name, self.house.fleet.servers[name]) for name in AT_HOME)
        yield "away-swap", self.away.llama_swap
        yield "away-ollama", self.away.ollama
        yield "away-openai", self.away.extra[0]

    def well_ones(self) -> set[str]:
        """The servers that answer everything, if they are given the time."""
        return {name for name, server in self.servers() if server.playing.name == "normal"}

    async def throw(self) -> None:
        """Another configuration, other modes, other troubles, other models in memory; nothing was asked yet."""
        self._write_config()
        for file in (self.house.external_file, self.house.modes_file):
            file.unlink(missing_ok=True)
        if self._happens(0.4):
            flip_external(self.house.external_file, Flip.ON, self._one(None, "quota"))
        for _, server in self.servers():
            await server.scene(self._one(*SCENES) if self._happens(0.3) else "normal")
        fleet = self.house.fleet
        await fleet.llama_swap.load(self._one("qwen3", "gemma", "coder"))
        await fleet.ollama.load(self._one("llama3.2:latest", "qwen3:8b"))
        for _, server in self.servers():
            server.requests.clear()
        shutil.rmtree(self.house.ledger_file.parent, ignore_errors=True)

    def target(self) -> list[str]:
        """Options that name where the prompt is to go, in any of the ways."""
        kind = self._one("tier", "task", "model", "model", "nothing")
        asked = {
            "tier": ["-t", self._one("opus", "haiku")],
            "task": ["-k", self._one("quick", "default")],
            "model": ["-m", self._one(*self.ids), "--fallback"],
            "nothing": [],
        }[kind]
        return asked + (["--external"] if self._happens(0.2) else [])

    def private_target(self) -> list[str]:
        """The same, of a request that has to stay at home, for any of the reasons there are."""
        match self._one("option", "mode", "broken file", "task"):
            case "task":
                return ["-k", "secret"]
            case "option":
                return [*self.target(), "--private"]
            case "mode":
                flip_private(self.house.modes_file, Flip.ON, None)
            case "broken file":
                self.write_modes('{"private": {"ena')
        return self.target()

    def maybe_hold(self) -> None:
        """Sometimes lends koala's GPU, which all models at home are on."""
        if self._happens(0.15):
            self.write_modes('{"hold": {"koala": {"enabled": true}}}')

    def write_modes(self, text: str) -> None:
        self.house.modes_file.parent.mkdir(parents=True, exist_ok=True)
        self.house.modes_file.write_text(text)

    def prompts(self) -> list[tuple[str, RequestRecord]]:
        """Every prompt that any server got since the throw, with the model that was asked, the first one first."""
        found = [
            (f"{name}/{model_of(record)}", record)
            for name, server in self.servers()
            for record in server.requests
            if record.path in CHAT_PATHS
        ]
        return sorted(found, key=lambda one: one[1].at)

    def _one(self, *choices: T) -> T:
        return self.dice.choice(choices)

    def _happens(self, share: float) -> bool:
        return self.dice.random() < share

    def _some(self, least: int, most: int) -> str:
        """Models in the form of a TOML list."""
        drawn = self.dice.choices(self.ids, k=self.dice.randint(least, most))
        return json.dumps(list(dict.fromkeys(drawn)))

    def _write_config(self) -> None:
        parts = [self.house.fleet.config_toml().partition('\n[models."llama-swap/qwen3"]')[0], CLAUDE]
        parts.append(f'\n[clis.tee]\nkind = "command"\ncommand = ["tee", "-a", "{self.child_input}"]\nmodels = ["m"]\n')
        for name, kind, url in (
            ("away-swap", "llama-swap", self.away.llama_swap.url),
            ("away-ollama", "ollama", self.away.ollama.url),
            ("away-openai", "openai", f"{self.away.extra[0].url}/v1"),
        ):
            address = url.replace("127.0.0.1", self.away_host)
            parts.append(f'\n[services.{name}]\nkind = "{kind}"\nurl = "{address}"\n')
        described = dict.fromkeys(self.dice.choices(self.ids, k=self.dice.randint(0, 8)))
        self.cloud = frozenset(model for model in described if self._happens(0.15))
        parts += [self._model(model) for model in described]
        parts.append("\n[tiers]\n")
        for tier in ("opus", "haiku"):
            external = f'external = "{self._one(*self.ids)}", ' if self._happens(0.8) else ""
            parts.append(f"{tier} = {{ {external}fallback = {self._some(1, 4)} }}\n")
        parts.append("\n[tasks]\n")
        for task, more in (("default", ""), ("quick", ', prefer = "warm"'), ("secret", ", private = true")):
            parts.append(f"{task} = {{ models = {self._some(1, 5)}{more} }}\n")
        self.house.config.write_text("".join(parts))

    def _model(self, model: str) -> str:
        rows = [f'\n[models."{model}"]', f"fallback = {self._some(1, 4)}"]
        if model in self.cloud:
            rows.append('where = "cloud"')
        if self._happens(0.2):
            rows.append(f"context = {self._one(40, 200_000)}")
        if self._happens(0.2):
            rows.append("limit = { requests_per_minute = 1 }")
        return "\n".join(rows) + "\n"


def model_of(record: RequestRecord) -> str:
    body = record.json()
    assert isinstance(body, dict)
    return str(body["model"])


@contextlib.asynccontextmanager
async def a_random_house(
    house: House, seed: int, ids: Sequence[str] = IDS, *, away_host: str = "localhost"
) -> AsyncIterator[RandomHouse]:
    tee = shutil.which("tee", path="/usr/bin:/bin")
    assert tee is not None
    (house.programs.folder / "tee").symlink_to(tee)
    async with DemoFleet(speed=house.fleet.speed, services=("llama-swap", "ollama"), extra_services=1) as away:
        yield RandomHouse(house, away, random.Random(seed), ids, away_host)


@contextlib.contextmanager
def resolving(name: str) -> Iterator[str]:
    """A name that leads to this machine, though no rule knows it for a name of this machine."""
    resolve = socket.getaddrinfo

    def answer(host: Any, *others: Any, **more: Any) -> Any:
        return resolve("127.0.0.1" if host in (name, name.encode()) else host, *others, **more)

    socket.getaddrinfo = answer
    try:
        yield name
    finally:
        socket.getaddrinfo = resolve
