"""Which probe watches which kind of server. A new kind is one file beside this one, and one line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tui.config.schema import ServiceKind, ServiceSettings
from tui.fleet.probes.anthropic import AnthropicProbe
from tui.fleet.probes.http import HttpProbe
from tui.fleet.probes.litellm import LiteLlmProbe
from tui.fleet.probes.llama_server import LlamaServerProbe
from tui.fleet.probes.llama_swap import LlamaSwapProbe
from tui.fleet.probes.localai import LocalAiProbe
from tui.fleet.probes.ollama import OllamaProbe
from tui.fleet.probes.openai import OpenAiProbe
from tui.fleet.probes.probe import Probe
from tui.fleet.probes.qdrant import QdrantProbe
from tui.fleet.probes.vllm import VllmProbe

PROBES: Mapping[ServiceKind, Callable[[ServiceSettings], Probe]] = {
    "llama-swap": LlamaSwapProbe,
    "ollama": OllamaProbe,
    "litellm": LiteLlmProbe,
    "openai": OpenAiProbe,
    "anthropic": AnthropicProbe,
    "vllm": VllmProbe,
    "localai": LocalAiProbe,
    "llama-server": LlamaServerProbe,
    "qdrant": QdrantProbe,
    "http": HttpProbe,
}


def probe_for(service: ServiceSettings) -> Probe:
    """A probe that has asked nothing yet."""
    return PROBES[service.kind](service)
