"""What the tools of the MCP server give back, as the documents that agents read. Sizes are bytes, times seconds."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Place = Literal["local", "cloud"]


class Document(BaseModel):
    """A part of a tool's answer. A number that is not known is null, never 0."""

    model_config = ConfigDict(frozen=True)


class FallBack(Document):
    """A model that did not answer, and the one that was asked after it."""

    from_model: str
    to_model: str
    reason: str


class Answer(Document):
    """What a model answered, and which one that was."""

    answer: str
    model: str = Field(description="The model that answered: service/name or program/name.")
    where: Place = Field(description="local: on the person's own machines.")
    served_by: str = Field(description="What really answered, as its server says.")
    complete: bool = Field(description="False: it was cut off because it may not be longer.")
    finish_reason: str
    fell_back: list[FallBack]
    private: str | None = Field(description="Why only local models were asked; null: others might have been.")
    external_mode: bool = Field(description="Whether it was sent while external mode is on.")
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: float | None
    first_token_s: float | None
    total_s: float | None
    tokens_per_second: float | None
    remarks: list[str] = Field(description="What the person should know besides, such as a ledger that is full.")


class LocalModel(Document):
    """A model on the person's own machines."""

    id: str = Field(description="What ask and ask_local_llama take as model.")
    state: Literal["ready", "starting", "stopping", "idle", "unknown"] = Field(
        description="ready: loaded. idle: would be loaded first, which may take a minute."
    )
    about: str
    machine: str | None
    context_tokens: int | None
    memory_bytes: int | None
    tools: list[str] = Field(description="The tools that ask this very model.")


class LocalModels(Document):
    """The models on the person's own machines, loaded ones first."""

    models: list[LocalModel]
    unavailable: list[str] = Field(description="Local services that do not answer, each with the reason.")


class RouteCandidate(Document):
    """A model that the request may go to."""

    model: str
    where: Place
    state: str
    why: str


class RouteSkipped(Document):
    """A model that the request may not go to now."""

    model: str
    where: Place
    reason: str
    rule: str


class ModeNow(Document):
    """One mode. Only the person changes it."""

    enabled: bool
    since: str | None
    reason: str | None


class ModesNow(Document):
    """What changes where requests may go."""

    external: ModeNow = Field(description="On: tiers go to external models, and Claude's subscription is spared.")
    private: ModeNow = Field(description="On: only models on the person's own machines are asked.")
    hold: dict[str, ModeNow] = Field(description="Machines whose GPU is lent to something else.")


class Route(Document):
    """Where a request would go, in this order, and why nobody else."""

    candidates: list[RouteCandidate]
    skipped: list[RouteSkipped]
    private: str | None = Field(description="Why only local models may be asked; null: others may be.")
    error: str | None = Field(description="Why nobody may be asked; null: somebody may be.")
    modes: ModesNow
    remarks: list[str]


class Gpu(Document):
    """A graphics processor."""

    name: str
    memory_bytes: int | None
    memory_used_bytes: int | None
    memory_free_bytes: int | None
    utilization_percent: int | None
    held_by: list[str] = Field(description="Models and programs that hold its memory.")


class Machine(Document):
    """One of the person's computers."""

    name: str
    state: Literal["up", "down", "unknown"]
    stale: bool
    reason: str
    gpus: list[Gpu]


class Service(Document):
    """A server that answers prompts, or is needed by one."""

    name: str
    kind: str
    machine: str | None
    state: Literal["up", "busy", "starting", "down", "unknown"]
    stale: bool = Field(description="True: the state is the last one known.")
    reason: str
    models: int = Field(description="How many models it lists.")
    loaded: list[str]
    requests_in_flight: int | None


class FleetStatus(Document):
    """The fleet as it was just seen."""

    modes: ModesNow
    machines: list[Machine]
    services: list[Service]
    problems: list[str]
    remarks: list[str]
