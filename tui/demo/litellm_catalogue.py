"""The deployments and groups of the simulated LiteLLM proxy, and how 1.106 describes them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

from tui.demo.litellm_fields import OPENAI_PARAMETERS, PRICE_FIELDS
from tui.demo.models import SimulatedModel

Trouble = Literal["", "down", "rate-limited", "cooling-down", "breaks-midway"]


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
    row["mode"] = "chat"
    if deployment is not None and deployment.limit is not None:
        row |= {"max_input_tokens": deployment.limit, "max_output_tokens": 128_000}
    if fallbacks is not None:
        row["metadata"] = {"fallbacks": list(fallbacks)}
    return row


def deployment_info(deployment: Deployment, api_base: str) -> dict[str, object]:
    """One row of /model/info, about as long as the real one (~8 KB for a known model), keys removed."""
    known: dict[str, object] = dict.fromkeys(PRICE_FIELDS)
    known |= {
        "supports_function_calling": deployment.priced or None,
        "supports_parallel_function_calling": deployment.priced or None,
        "supports_vision": deployment.priced or None,
        "supported_openai_params": OPENAI_PARAMETERS,
        "input_cost_per_token": deployment.input_cost,
        "output_cost_per_token": deployment.output_cost,
        "max_tokens": 128_000 if deployment.limit else None,
        "max_input_tokens": deployment.limit,
        "max_output_tokens": 128_000 if deployment.limit else None,
    }
    parameters: dict[str, object] = {
        "allow_client_keepalive_override": False,
        "use_in_pass_through": False,
        "use_litellm_proxy": False,
        "use_xai_oauth": False,
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
            "member_auto_router": False,
            "pricing_overrides": [],
            "mode": "chat",
            "key": deployment.bare_model if deployment.priced else deployment.model,
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
        "input_cost_per_token": first.input_cost,
        "output_cost_per_token": first.output_cost,
        "input_cost_per_pixel": None,
        "mode": "chat",
        "tpm": None,
        "rpm": None,
        "itpm": None,
        "otpm": None,
        "supports_parallel_function_calling": False,
        "supports_vision": first.priced,
        "supports_web_search": False,
        "supports_url_context": False,
        "supports_reasoning": first.simulated.thinking,
        "supports_function_calling": first.priced,
        "supports_fast_mode": False,
        "supported_reasoning_efforts": [] if len(deployments) == 1 else None,
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
        "routing_strategy_args": {},
        "routing_strategy": "simple-shuffle",
        "allowed_fails": 3,
        "cooldown_time": 5,
        "num_retries": 0,
        "timeout": 6000.0,
        "retry_after": 0,
        "fallbacks": [{group: list(to)} for group, to in fallbacks],
        "context_window_fallbacks": None,
        "model_group_retry_policy": {},
        "retry_policy": None,
        "model_group_alias": {},
        "enable_weighted_failover": False,
        "enable_tag_filtering": False,
        "tag_routing_prefix": "",
        "routing_groups": [],
    }


STRATEGIES = {
    "simple-shuffle": "Randomly picks a deployment from the list. Simple and fast.",
    "least-busy": "Routes to the deployment with the lowest number of ongoing requests.",
    "latency-based-routing": "Routes to the deployment with the lowest latency over a sliding window.",
}


FORM_FIELDS = (
    "routing_strategy",
    "routing_strategy_args",
    "routing_groups",
    "num_retries",
    "timeout",
    "stream_timeout",
    "max_fallbacks",
    "fallbacks",
    "context_window_fallbacks",
    "content_policy_fallbacks",
    "allowed_fails",
    "cooldown_time",
    "retry_after",
    "retry_policy",
    "model_group_alias",
    "enable_pre_call_checks",
    "default_litellm_params",
    "set_verbose",
    "default_max_parallel_requests",
    "enable_tag_filtering",
    "tag_filtering_match_any",
    "disable_cooldowns",
)


def router_fields(fallbacks: tuple[tuple[str, tuple[str, ...]], ...]) -> dict[str, object]:
    """/router/settings: the settings as a list of fields for a form, with where each value comes from."""
    told = router_settings(fallbacks)
    types = {str: "String", int: "Integer", float: "Float", list: "List", dict: "Dictionary", bool: "Boolean"}
    unset = ("stream_timeout", "retry_policy", "default_max_parallel_requests", "disable_cooldowns")
    more: dict[str, object] = {"max_fallbacks": 5, "enable_pre_call_checks": False, "set_verbose": False}
    settings = {name: told.get(name, more.get(name)) for name in FORM_FIELDS}
    fields = [
        {
            "field_name": name,
            "field_type": types.get(type(value), "String"),
            "field_value": value,
            "field_description": name.replace("_", " ").capitalize(),
            "field_default": None,
            "options": list(STRATEGIES) if name == "routing_strategy" else None,
            "ui_field_name": name.replace("_", " ").title(),
            "link": None,
        }
        for name, value in settings.items()
    ]
    return {
        "fields": fields,
        "routing_strategy_descriptions": STRATEGIES,
        "routing_group_strategies": [*STRATEGIES, "priority"],
        "current_values": settings,
        "source": {name: "unset" if name in unset else "default" for name in settings},
    }
