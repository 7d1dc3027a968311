"""The deployments and groups of the simulated LiteLLM proxy, and how 1.108 describes them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

from tui.demo.models import SimulatedModel

Trouble = Literal["", "down", "rate-limited", "cooling-down", "breaks-midway"]

# The fields of a price-list entry that /model/info repeats for every deployment, null where nothing is known.
PRICE_FIELDS = (
    "max_tokens",
    "max_input_tokens",
    "max_output_tokens",
    "input_cost_per_token",
    "input_cost_per_token_flex",
    "input_cost_per_token_priority",
    "cache_creation_input_token_cost",
    "cache_creation_input_token_cost_above_200k_tokens",
    "cache_creation_input_token_cost_above_1hr",
    "cache_read_input_token_cost",
    "cache_read_input_token_cost_flex",
    "cache_read_input_token_cost_priority",
    "cache_read_input_token_cost_above_200k_tokens",
    "input_cost_per_character",
    "input_cost_per_audio_token",
    "input_cost_per_token_above_128k_tokens",
    "input_cost_per_token_above_200k_tokens",
    "input_cost_per_character_above_128k_tokens",
    "input_cost_per_query",
    "input_cost_per_image",
    "input_cost_per_image_token",
    "input_cost_per_audio_per_second",
    "input_cost_per_video_per_second",
    "input_cost_per_second",
    "input_cost_per_token_batches",
    "output_cost_per_token_batches",
    "output_cost_per_token",
    "output_cost_per_token_flex",
    "output_cost_per_token_priority",
    "output_cost_per_character",
    "output_cost_per_audio_token",
    "output_cost_per_token_above_128k_tokens",
    "output_cost_per_token_above_200k_tokens",
    "output_cost_per_character_above_128k_tokens",
    "output_cost_per_image",
    "output_cost_per_image_token",
    "output_vector_size",
    "output_cost_per_reasoning_token",
    "output_cost_per_video_per_second",
    "output_cost_per_audio_per_second",
    "output_cost_per_second",
    "ocr_cost_per_page",
    "annotation_cost_per_page",
    "search_context_cost_per_query",
    "citation_cost_per_token",
    "tiered_pricing",
    "tpm",
    "rpm",
    "supports_system_messages",
    "supports_response_schema",
    "supports_vision",
    "supports_function_calling",
    "supports_tool_choice",
    "supports_assistant_prefill",
    "supports_prompt_caching",
    "supports_computer_use",
    "supports_audio_input",
    "supports_embedding_image_input",
    "supports_audio_output",
    "supports_pdf_input",
    "supports_native_streaming",
    "supports_web_search",
    "supports_reasoning",
    "supports_url_context",
    "supports_none_reasoning_effort",
    "supports_minimal_reasoning_effort",
    "supports_low_reasoning_effort",
    "supports_xhigh_reasoning_effort",
    "supports_max_reasoning_effort",
    "provider_specific_entry",
    "supported_openai_params",
)
OPENAI_PARAMETERS = [
    "frequency_penalty",
    "logit_bias",
    "logprobs",
    "top_logprobs",
    "max_tokens",
    "max_completion_tokens",
    "n",
    "presence_penalty",
    "seed",
    "stop",
    "stream",
    "stream_options",
    "temperature",
    "top_p",
    "tools",
    "tool_choice",
    "response_format",
    "user",
]


@dataclass(frozen=True, slots=True)
class Deployment:
    """One entry of LiteLLM's model_list. `base` names a server of the fleet, or is a URL of its own.

    `trouble` is what goes wrong when it is used; `input_cost` and `output_cost` are US$ per token.
    """

    group: str
    model: str
    base: str
    simulated: SimulatedModel
    trouble: Trouble = ""
    input_cost: float | None = None
    output_cost: float | None = None
    limit: int | None = None

    @property
    def id(self) -> str:
        return hashlib.sha256(f"{self.group}{self.model}{self.base}".encode()).hexdigest()

    @property
    def provider(self) -> str:
        return self.model.partition("/")[0]

    @property
    def bare_model(self) -> str:
        return self.model.partition("/")[2]

    @property
    def priced(self) -> bool:
        return self.input_cost is not None


def _cloud(name: str, speed: float, *, thinking: bool = False) -> SimulatedModel:
    return SimulatedModel(name, load_seconds=0, tokens_per_second=speed, vram=0, thinking=thinking)


DEFAULT_DEPLOYMENTS = (
    Deployment("local-chat", "openai/qwen3", "llama-swap", _cloud("qwen3", 83, thinking=True)),
    Deployment("local-code", "openai/coder", "llama-swap", _cloud("coder", 61)),
    Deployment("local-small", "openai/llama3.2:latest", "ollama", _cloud("llama3.2:latest", 95)),
    Deployment("flaky", "openai/qwen3", "http://127.0.0.1:9/v1", _cloud("qwen3", 83), trouble="down"),
    Deployment("dead", "openai/qwen3", "http://127.0.0.1:9/v1", _cloud("qwen3", 83), trouble="down"),
    Deployment("rate-limited", "openai/gpt-4o-mini", "", _cloud("gpt-4o-mini", 110), trouble="rate-limited"),
    Deployment("cooling-down", "openai/gpt-4o-mini", "", _cloud("gpt-4o-mini", 110), trouble="cooling-down"),
    Deployment("breaks-midway", "openai/gpt-4o-mini", "", _cloud("gpt-4o-mini", 110), trouble="breaks-midway"),
    # A group that is at home at first sight, but may fall back to one that is not.
    Deployment("mixed", "openai/qwen3", "llama-swap", _cloud("qwen3", 83)),
    Deployment(
        "gpt-5.2",
        "openai/gpt-5.2",
        "https://api.openai.com/v1",
        _cloud("gpt-5.2", 70, thinking=True),
        input_cost=1.25e-6,
        output_cost=1e-5,
        limit=272_000,
    ),
    Deployment(
        "claude-sonnet",
        "anthropic/claude-sonnet-4-5",
        "https://api.anthropic.com",
        _cloud("claude-sonnet-4-5", 65),
        input_cost=3e-6,
        output_cost=1.5e-5,
        limit=200_000,
    ),
)
DEFAULT_FALLBACKS = (("flaky", ("local-chat",)), ("mixed", ("gpt-5.2",)))


def listed_model(group: str, deployment: Deployment | None, fallbacks: tuple[str, ...] | None) -> dict[str, object]:
    """One row of /v1/models: a group, not a deployment. `fallbacks` are told with include_metadata only."""
    row: dict[str, object] = {"id": group, "object": "model", "created": 1_677_610_602, "owned_by": "openai"}
    if deployment is not None and deployment.limit is not None:
        row |= {"mode": "chat", "max_input_tokens": deployment.limit, "max_output_tokens": 128_000}
    if fallbacks is not None:
        row["metadata"] = {"fallbacks": list(fallbacks)}
    return row


def deployment_info(deployment: Deployment, api_base: str) -> dict[str, object]:
    """One row of /model/info, about as long as the real one (~8 KB for a known model), keys removed."""
    known: dict[str, object] = dict.fromkeys(PRICE_FIELDS)
    known |= {
        "supports_function_calling": True,
        "supports_vision": deployment.priced,
        "supported_openai_params": OPENAI_PARAMETERS,
        "input_cost_per_token": deployment.input_cost or 0,
        "output_cost_per_token": deployment.output_cost or 0,
        "max_tokens": 128_000 if deployment.limit else None,
        "max_input_tokens": deployment.limit,
        "max_output_tokens": 128_000 if deployment.limit else None,
    }
    parameters: dict[str, object] = {
        "use_in_pass_through": False,
        "use_litellm_proxy": False,
        "merge_reasoning_content_in_choices": False,
        "model": deployment.model,
    }
    if api_base:
        parameters["api_base"] = api_base
    return {
        "model_name": deployment.group,
        "litellm_params": parameters,
        "model_info": {
            "id": deployment.id,
            "db_model": False,
            "mode": "chat",
            "key": deployment.bare_model,
            "litellm_provider": deployment.provider,
            **known,
        },
    }


def group_info(group: str, deployments: list[Deployment]) -> dict[str, object]:
    """One row of /model_group/info."""
    first = deployments[0]
    return {
        "model_group": group,
        "providers": sorted({deployment.provider for deployment in deployments}),
        "max_input_tokens": first.limit,
        "max_output_tokens": 128_000 if first.limit else None,
        "input_cost_per_token": first.input_cost or 0.0,
        "output_cost_per_token": first.output_cost or 0.0,
        "input_cost_per_pixel": None,
        "mode": "chat",
        "tpm": None,
        "rpm": None,
        "supports_parallel_function_calling": False,
        "supports_vision": first.priced,
        "supports_web_search": False,
        "supports_url_context": False,
        "supports_reasoning": first.simulated.thinking,
        "supports_function_calling": True,
        "supported_openai_params": OPENAI_PARAMETERS,
        "configurable_clientside_auth_params": None,
        "is_public_model_group": False,
        "health_status": None,
        "health_response_time": None,
        "health_checked_at": None,
    }


def router_settings(fallbacks: tuple[tuple[str, tuple[str, ...]], ...]) -> dict[str, object]:
    """The `router_settings` of /get/config/callbacks."""
    return {
        "routing_strategy": "simple-shuffle",
        "routing_strategy_args": {},
        "allowed_fails": 3,
        "cooldown_time": 5,
        "num_retries": 0,
        "timeout": 6000.0,
        "max_retries": 2,
        "retry_after": 0,
        "fallbacks": [{group: list(to)} for group, to in fallbacks],
        "context_window_fallbacks": [],
        "model_group_alias": {},
        "model_group_retry_policy": {},
        "retry_policy": None,
    }


def router_fields(fallbacks: tuple[tuple[str, tuple[str, ...]], ...]) -> dict[str, object]:
    """/router/settings: the same settings as a list of fields for a form."""
    types = {str: "String", int: "Integer", float: "Float", list: "List", dict: "Dictionary"}
    settings = router_settings(fallbacks)
    fields = [
        {
            "field_name": name,
            "field_type": types.get(type(value), "String"),
            "field_value": value,
            "field_description": name.replace("_", " ").capitalize(),
            "field_default": None,
            "options": ["simple-shuffle", "least-busy", "usage-based-routing"] if name == "routing_strategy" else None,
            "ui_field_name": name.replace("_", " ").title(),
            "link": None,
        }
        for name, value in settings.items()
    ]
    strategies = {"simple-shuffle": "Randomly picks a deployment from the list. Simple and fast."}
    return {"fields": fields, "routing_strategy_descriptions": strategies}
