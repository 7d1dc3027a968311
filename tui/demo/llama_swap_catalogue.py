"""llama-swap's configuration, and how v250 and older releases list it: /v1/models, /running, modelStatus, profiles."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Literal

from tui.demo.llama_swap_processes import ModelSetup, Process, Processes
from tui.demo.models import GIB, SimulatedModel

Era = Literal["v250", "old"]


@dataclass(frozen=True, slots=True)
class Selector:
    """A name that stands for one of several models, chosen by a strategy."""

    name: str
    targets: tuple[str, ...]
    strategy: Literal["warm", "pin"] = "warm"


@dataclass(frozen=True, slots=True)
class Profile:
    """A set of names pinned to models; an empty target means 404 for that name."""

    name: str
    about: str
    pins: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Peer:
    """Another server that llama-swap passes requests on to."""

    name: str
    models: tuple[str, ...]

    def full_names(self) -> tuple[str, ...]:
        return tuple(f"{self.name}/{model}" for model in self.models)


@dataclass(frozen=True, slots=True)
class LlamaSwapConfig:
    """What the simulated config.yaml says. `era` "old" answers as releases up to v185 did."""

    models: tuple[ModelSetup, ...]
    selectors: tuple[Selector, ...] = ()
    profiles: tuple[Profile, ...] = ()
    peers: tuple[Peer, ...] = ()
    api_keys: tuple[str, ...] = ()
    list_aliases: bool = False
    send_loading_state: bool = False
    era: Era = "v250"
    error_shape: Literal["string", "object"] = "string"


DEFAULT_CONFIG = LlamaSwapConfig(
    models=(
        ModelSetup(
            SimulatedModel(
                "qwen3",
                "general purpose, quality",
                load_seconds=2.5,
                tokens_per_second=83,
                context=40_960,
                vram=19_112_604_467,
                thinking=True,
            ),
            title="Qwen3 30B A3B",
            aliases=("gpt-4o-mini",),
            ttl=300,
            tools=True,
            secret="sk-secret-of-the-upstream-7c1f",  # noqa: S106 - a made-up key, there to be redacted
        ),
        ModelSetup(
            SimulatedModel(
                "gemma", "quick answers", load_seconds=1.2, tokens_per_second=140, context=131_072, vram=6 * GIB
            ),
            title="Gemma 3 4B",
            ttl=600,
            vision=True,
        ),
        ModelSetup(
            SimulatedModel("coder", "writes code", load_seconds=2.0, tokens_per_second=61, vram=18 * GIB),
            title="Qwen2.5 Coder 32B",
            tools=True,
        ),
        ModelSetup(
            SimulatedModel(
                "reasoning", "hard problems", load_seconds=3.0, tokens_per_second=45, vram=20 * GIB, thinking=True
            ),
            title="gpt-oss 20B",
        ),
        ModelSetup(
            SimulatedModel("too-large", "does not fit on this GPU", load_seconds=1.0, vram=48 * GIB, fails=True),
            title="Llama 3.3 70B",
        ),
        ModelSetup(
            SimulatedModel("draft", "used by other programs", load_seconds=0.6, vram=GIB, tokens_per_second=200),
            unlisted=True,
        ),
    ),
    selectors=(Selector("code", ("coder", "qwen3")), Selector("anything", ("qwen3", "openrouter/glm-4.7"))),
    profiles=(
        Profile("coding", "Coding", (("image-gen", ""), ("llm-code", "coder"))),
        Profile("away", "What leaves the house", (("llm-code", "openrouter/glm-4.7"),)),
    ),
    peers=(Peer("openrouter", ("glm-4.7", "deepseek-v3.2")),),
)


def capabilities(setup: ModelSetup) -> dict[str, object]:
    found: dict[str, object] = {}
    if setup.vision:
        found["vision"] = True
    if setup.tools:
        found["function_calling"] = True
    return found


def model_status(config: LlamaSwapConfig, processes: Processes, hostile: tuple[str, ...]) -> list[dict[str, object]]:
    """The list that the event `modelStatus` carries: every model with its state, sorted, then the peers' models."""
    rows: list[dict[str, object]] = []
    for process in sorted(processes.by_name.values(), key=lambda process: process.name):
        setup = process.setup
        row = _status_row(process.name, process.state)
        row.update({"name": setup.title, "description": setup.model.about, "unlisted": setup.unlisted})
        if config.era == "v250":
            if setup.aliases:
                row["aliases"] = list(setup.aliases)
            if setup.tools or setup.vision:
                row["capabilities"] = capabilities(setup)
                row["context_length"] = setup.model.context
        rows.append(row)
    rows.extend(_status_row(name, "stopped") | {"name": name, "description": name} for name in hostile)
    rows.extend(_status_row(name, "", peer.name) for peer in config.peers for name in peer.full_names())
    return rows


def _status_row(name: str, state: str, peer: str = "") -> dict[str, object]:
    return {"id": name, "name": "", "description": "", "state": state, "unlisted": False, "peerID": peer}


def _record(name: str, status: str, internal: dict[str, object]) -> dict[str, object]:
    return {
        "id": name,
        "object": "model",
        "created": int(time.time()),
        "owned_by": "llama-swap",
        "meta": {"llamaswap": internal},
        "status": {"value": status},
    }


def _model_record(process: Process, name: str, internal: dict[str, object]) -> dict[str, object]:
    setup = process.setup
    record = _record(name, "loaded" if process.running else "unloaded", internal)
    if setup.title:
        record["name"] = setup.title
    if setup.model.about:
        record["description"] = setup.model.about
    if setup.tools or setup.vision:
        inputs = ["text", "image"] if setup.vision else ["text"]
        record["architecture"] = {
            "input_modalities": inputs,
            "output_modalities": ["text"],
            "modality": "+".join(inputs) + "->text",
        }
        record["capabilities"] = capabilities(setup)
        if setup.tools:
            record["supported_parameters"] = ["tools", "tool_choice"]
        record["context_length"] = setup.model.context
        record["meta"] = {"llamaswap": internal, "n_ctx": setup.model.context}
    return record


def list_models(
    config: LlamaSwapConfig, processes: Processes, active: Profile | None, hostile: tuple[str, ...]
) -> dict[str, object]:
    """GET /v1/models. `created` is the time of the call, as the real server has it."""
    records: list[dict[str, object]] = []
    known = set(processes.by_name)
    for process in processes.by_name.values():
        setup = process.setup
        known.update(setup.aliases)
        if setup.unlisted:
            continue
        internal: dict[str, object] = {"type": "model"}
        if setup.aliases:
            internal["aliases"] = list(setup.aliases)
        records.append(_model_record(process, process.name, internal))
        if config.list_aliases:
            records.extend(
                _model_record(process, alias, {"type": "alias", "modelID": process.name}) for alias in setup.aliases
            )
    records.extend(
        _record(name, "unloaded", {"type": "model"}) | {"name": name, "description": name} for name in hostile
    )
    if config.era == "v250":
        records.extend(_indirect_records(config, processes, active, known))
    else:
        for record in records:
            record.pop("status", None)
            record.pop("meta", None)
    records.sort(key=lambda record: str(record["id"]))
    return {"object": "list", "data": records}


def _indirect_records(
    config: LlamaSwapConfig, processes: Processes, active: Profile | None, known: set[str]
) -> list[dict[str, object]]:
    records: list[dict[str, object]] = []
    for peer in config.peers:
        for model, full in zip(peer.models, peer.full_names(), strict=True):
            known.update((model, full))
            row = _record(full, "unloaded", {"type": "peer", "peerID": peer.name})
            records.append(row | {"name": f"{peer.name}: {model}"})
    for selector in config.selectors:
        known.add(selector.name)
        targets = selector.targets[:1] if selector.strategy == "pin" else selector.targets
        loaded = any(name in processes.by_name and processes.by_name[name].running for name in targets)
        internal: dict[str, object] = {
            "type": "selector",
            "strategy": selector.strategy,
            "targets": list(selector.targets),
        }
        records.append(_record(selector.name, "loaded" if loaded else "unloaded", internal))
    if active is not None:
        records.extend(
            _record(pin, "unloaded", {"type": "profile"}) for pin, target in active.pins if target and pin not in known
        )
    return records


def list_running(config: LlamaSwapConfig, processes: Processes, hostile: tuple[str, ...]) -> dict[str, object]:
    """GET /running: processes that are neither stopped nor shut down."""
    rows: list[dict[str, object]] = []
    for process in sorted(processes.running(), key=lambda process: process.name):
        row: dict[str, object] = {"model": process.name, "state": process.state}
        if config.era == "v250":
            row["cmd"] = process.setup.command(process.port)
            row["proxy"] = processes.address(process)
            row["ttl"] = math.ceil(process.ttl)
            row["name"] = process.setup.title
            row["description"] = process.setup.model.about
        rows.append(row)
    for name in hostile[:20]:
        row = {"model": name, "state": "ready"}
        if config.era == "v250":
            row |= {"cmd": f"server {name}", "proxy": "", "ttl": 0, "name": name, "description": name}
        rows.append(row)
    return {"running": rows}


def list_profiles(config: LlamaSwapConfig, active: Profile | None) -> dict[str, object]:
    return {
        "active": active.name if active else None,
        "profiles": [
            {"id": profile.name, "description": profile.about, "pins": dict(profile.pins)}
            for profile in sorted(config.profiles, key=lambda profile: profile.name)
        ],
    }
