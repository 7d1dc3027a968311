"""A real llama-swap with small models: one that loads slowly, one that sees, one that cannot start."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

from tests.live.processes import ServerProcess, free_port

UPSTREAM = Path(__file__).with_name("openai_upstream.py")
START_DELAY = 0.6
FAILURE = "cannot open the weights: no such file"


def llama_swap_server(program: Path, folder: Path, keys: tuple[str, ...] = ()) -> ServerProcess:
    """llama-swap in `folder`, not yet started, that asks for one of `keys` where there are any.

    Models: `bird` (alias `gpt-4o-mini`), `owl`, `broken` (unlisted).
    """
    folder.mkdir(parents=True, exist_ok=True)
    configuration = folder / "config.yaml"
    # JSON is YAML too, and needs no library to write.
    configuration.write_text(json.dumps(_configuration() | ({"apiKeys": keys} if keys else {})), encoding="utf-8")
    port = free_port()
    return ServerProcess(
        "llama-swap",
        [str(program), "-config", str(configuration), "-listen", f"127.0.0.1:{port}"],
        folder=folder,
        port=port,
        ready_path="/wol-health",
        ready_within=15.0,
    )


def _configuration() -> dict[str, object]:
    bird = {
        "cmd": _upstream("--start-delay", str(START_DELAY), "--api-key", "sk-not-to-be-shown"),
        "name": "Bird",
        "description": "sings",
        "ttl": 300,
        "aliases": ["gpt-4o-mini"],
        "capabilities": {"in": ["text"], "out": ["text"], "tools": True, "context": 4096},
    }
    owl = {"cmd": _upstream(), "capabilities": {"in": ["text", "image"], "out": ["text"], "context": 8192}}
    return {
        "healthCheckTimeout": 15,
        "startPort": free_port(),
        "models": {
            "bird": bird,
            "owl": owl,
            "broken": {"cmd": _upstream("--fail", FAILURE), "unlisted": True},
        },
        "selectors": {"any-bird": {"strategy": "warm", "targets": ["bird", "owl"]}},
        "profiles": {"night": {"description": "at night", "pins": {"gpt-night": "owl", "gpt-none": None}}},
        "peers": {"neighbour": {"proxy": f"http://127.0.0.1:{free_port()}", "models": ["goose"]}},
    }


def _upstream(*arguments: str) -> str:
    return shlex.join([sys.executable, str(UPSTREAM), "--port", "${PORT}", *arguments])
