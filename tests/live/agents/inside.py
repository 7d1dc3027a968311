"""One prompt to one real program, in a network namespace that has only loopback; prints what came of it as JSON.

Run as `python -m tests.live.agents.inside PROGRAM MODEL SECONDS`, HOME an empty folder and the program on the PATH.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped,unused-ignore]

from tests.live.agents.upstream import Upstream, upstream
from tui.chat.dispatch import Dispatcher
from tui.chat.prompt import Prompt
from tui.chat.reply import event_json
from tui.config.schema import CliSettings, Config

PROMPT = "--version canary-4711 'quoted' say hello"


@dataclass(frozen=True, slots=True)
class Asked:
    model: str
    where: str = "cloud"
    why: str = "the check wants it"


def prepare(program: str, provider: Upstream) -> CliSettings:
    """Points the program at the provider, as its owner would: by its own files and variables."""
    home = Path(os.environ["HOME"])
    os.environ["ANTHROPIC_API_KEY"] = "sk-ant-must-not-be-handed-on"
    match program:
        case "opencode":
            folder = home / ".config" / "opencode"
            folder.mkdir(parents=True)
            models = {name: {"name": name} for name in ("ok", "drop", "401", "429", "500")}
            options = {"baseURL": f"{provider.url}/v1", "apiKey": "sk-simulated"}
            settings = {"npm": "@ai-sdk/openai-compatible", "name": "Simulated", "options": options, "models": models}
            (folder / "opencode.json").write_text(json.dumps({"provider": {"simulated": settings}}))
            return CliSettings(name="program", kind="opencode", provider="simulated")
        case "gemini":
            (home / ".gemini").mkdir()
            login = {"security": {"auth": {"selectedType": "gemini-api-key"}}}
            (home / ".gemini" / "settings.json").write_text(json.dumps(login))
            os.environ |= {"GEMINI_API_KEY": "simulated", "GOOGLE_GEMINI_BASE_URL": provider.url}
            return CliSettings(name="program", kind="gemini")
        case "copilot":
            os.environ |= {"COPILOT_PROVIDER_BASE_URL": f"{provider.url}/v1", "COPILOT_OFFLINE": "true"}
            return CliSettings(name="program", kind="copilot")
        case _:
            return CliSettings(name="program", kind="claude")


async def ask(settings: CliSettings, model: str, seconds: float) -> list[dict[str, object]]:
    config = Config(clis={"program": settings})
    async with Dispatcher(config) as dispatcher:
        reply = dispatcher.ask([Asked(f"program/{model}")], Prompt.of(PROMPT), timeout=seconds)
        async with contextlib.aclosing(reply) as events:
            return [event_json(event) async for event in events]


def files_with_the_prompt(folder: Path) -> list[str]:
    """What the program has left on disk that holds the prompt."""
    found = []
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink() and b"canary-4711" in path.read_bytes():
            found.append(str(path.relative_to(folder)))
    return sorted(found)


def main(program: str, model: str, seconds: str) -> None:
    with upstream() as provider:
        settings = prepare(program, provider)
        events = asyncio.run(ask(settings, model, float(seconds)))
        temporary = Path(tempfile.gettempdir())
        told = {
            "events": events,
            "prompts": sum("canary-4711" in body for body in provider.bodies),
            "exact": sum(json.dumps(PROMPT)[1:-1] in body for body in provider.bodies),
            "left_behind": files_with_the_prompt(Path(os.environ["HOME"])),
            "temporary": sorted(path.name for path in temporary.iterdir()),
            "children": [child.name() for child in psutil.Process().children(recursive=True)],
        }
    print(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:4])
