"""The config.toml of the simulated fleet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.demo.machine import NAME, UNIT

if TYPE_CHECKING:
    from tui.demo.fleet import DemoFleet

KEY_VARIABLE = "FLEETDECK_DEMO_KEY"
MASTER_KEY = "sk-demo"

HEAD = """\
# The simulated fleet of `fleetdeck --demo`.

[panel]
external_mode_file = "{folder}/external-mode.json"

[machines.koala]
about     = "GPU inference (simulated)"
addresses = ["127.0.0.1"]
"""
SSH = f'ssh       = "{NAME}"\n'

ROUTES = """
[models."llama-swap/qwen3"]
about = "general purpose, quality"
fallback = ["llama-swap/gemma"]
[models."llama-swap/coder"]
about = "writes code"
[models."litellm/gpt-5.2"]
about = "reasoning, in the cloud"
price = { input = 1.25, output = 10.0 }
limit = { requests_per_minute = 20, usd_per_day = 5.0 }
fallback = ["llama-swap/qwen3"]

[tiers]
opus   = { external = "litellm/gpt-5.2",    fallback = ["llama-swap/qwen3", "litellm/gpt-5.2"] }
sonnet = { external = "litellm/local-chat", fallback = ["llama-swap/qwen3"] }
haiku  = { external = "llama-swap/gemma",   fallback = ["llama-swap/gemma", "ollama/llama3.2:latest"] }

[tasks]
reasoning       = ["llama-swap/reasoning", "litellm/gpt-5.2"]
code-generation = ["llama-swap/coder", "litellm/gpt-5.2"]
quick           = { models = ["llama-swap/gemma", "ollama/llama3.2:latest"], prefer = "warm" }
private         = { models = ["llama-swap/qwen3", "ollama/qwen3:8b"], private = true }
summarize       = ["ollama/llama3.2:latest", "llama-swap/gemma"]
default         = ["llama-swap/qwen3", "ollama/qwen3:8b"]

[mcp]
local  = "llama-swap/qwen3"
coding = "llama-swap/coder"
"""


def _service(name: str, kind: str, url: str, *lines: str) -> str:
    rows = [f"[services.{name}]", f'kind = "{kind}"', f'url  = "{url}"', *lines]
    return "\n" + "\n".join(rows) + "\n"


def fleet_config_toml(fleet: DemoFleet) -> str:
    """Describes the servers of a running fleet. The external mode's file lies in the fleet's own folder."""
    key = f'key  = {{ env = "{KEY_VARIABLE}" }}'
    guarded = {"litellm"} if fleet.keys else set()
    if fleet.every_key:
        guarded |= {"llama-swap", "qdrant"}
    parts = [HEAD.replace("{folder}", str(fleet.folder)), SSH if fleet.has_machine else ""]
    for name, server in fleet.servers.items():
        lines = [key] if name in guarded else []
        if name == "llama-swap" and fleet.has_machine:
            lines.append(f'unit = "{UNIT}"')
        if name == "k3s":
            parts.append(_service(name, "http", f"{server.url}/ping", 'expect = "pong"'))
        elif name.startswith("extra-"):
            parts.append(_service(name, "openai", f"{server.url}/v1"))
        else:
            parts.append(_service(name, name, server.url, *lines))
    if {"llama-swap", "ollama", "litellm"} <= set(fleet.services):
        parts.append(ROUTES)
    return "".join(parts)
