"""What the answers of many kinds of server have in common, and how a value of uncertain type is read.

Fields that decorate a row are typed ``object`` and examined here: one odd description must not cost the whole list.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime
from typing import TypeVar

import msgspec

from tui.config.schema import ServiceSettings
from tui.fleet.failures import LookFailed
from tui.fleet.printable import printable
from tui.fleet.redact import redact
from tui.fleet.snapshot import ServiceState

T = TypeVar("T")

LONGEST_ABOUT = 200
LONGEST_VERSION = 40
LARGEST_NUMBER = 2**62
"""Beyond any count of bytes or tokens; what is larger is nonsense, and would not fit a database's integer."""


class OpenAiModel(msgspec.Struct):
    """One entry of an OpenAI-style model list, with the fields by which servers extend it."""

    id: object = None
    name: object = None
    description: object = None
    context_length: object = None
    """llama-swap, OpenRouter."""
    context_window: object = None
    """Groq."""
    max_model_len: object = None
    """vLLM."""
    max_input_tokens: object = None
    """LiteLLM, Anthropic."""
    display_name: object = None
    """Anthropic."""
    parent: object = None
    """vLLM: the model that a LoRA adapter changes."""
    mode: object = None
    """LiteLLM: "chat", "embedding"…"""
    architecture: object = None
    """OpenRouter, llama-swap: ``{"input_modalities": ["text", "image"]}``."""
    capabilities: object = None
    """Anthropic: ``{"image_input": {"supported": true}}``."""
    meta: object = None
    metadata: object = None
    status: object = None

    @property
    def about(self) -> str:
        return line(self.description) or line(self.display_name) or line(self.name)

    @property
    def context(self) -> int | None:
        """Tokens."""
        given = (self.max_model_len, self.context_length, self.context_window, self.max_input_tokens)
        return next((number for value in given if (number := count(value))), None)

    @property
    def takes_images(self) -> bool | None:
        """None: it is not said."""
        told = field(field(self.capabilities, "image_input"), "supported")
        if isinstance(told, bool):
            return told
        inputs = field(self.architecture, "input_modalities")
        return "image" in inputs if isinstance(inputs, list) else None


class OpenAiModels(msgspec.Struct):
    """``/v1/models``. Servers in Go write an empty list as null."""

    data: list[OpenAiModel] | None
    has_more: object = None
    last_id: object = None

    def by_name(self) -> dict[str, OpenAiModel]:
        return first_of_each((model.id, model) for model in self.data or ())


def first_of_each(pairs: Iterable[tuple[object, T]]) -> dict[str, T]:
    """The values by name: without those that have none, and of equal names only the first."""
    named: dict[str, T] = {}
    for name, value in pairs:
        if isinstance(name, str) and name:
            named.setdefault(name, value)
    return named


def all_take_images(told: Iterable[bool | None]) -> bool | None:
    """Whether images may go to whichever of several models answers; None: not known of all, and of none that not."""
    answers = set(told)
    return False if False in answers else True if answers == {True} else None


def line(value: object, limit: int = LONGEST_ABOUT) -> str:
    """A value that should be text, on one harmless line; empty where it is no text."""
    return printable(value.strip(), limit) if isinstance(value, str) else ""


def reason_line(text: str, limit: int = 160) -> str:
    """A server's words about what went wrong: such lines may quote commands, and those may hold keys."""
    return printable(redact(text.strip()[:2000]), limit)


def count(value: object) -> int | None:
    """A whole number from 0 on, also where it came as 4096.0; None where it is none, or beyond reason."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not 0 <= value <= LARGEST_NUMBER or value != math.floor(value):
        return None
    return int(value)


def names(value: object) -> tuple[str, ...]:
    """The non-empty strings of a list, each once; empty where it is no list."""
    if not isinstance(value, list):
        return ()
    return tuple(dict.fromkeys(item for item in value if isinstance(item, str) and item))


def field(value: object, name: str) -> object:
    """``value[name]`` where that exists."""
    return value.get(name) if isinstance(value, dict) else None


def unix_time(value: object) -> float | None:
    """An RFC 3339 time as Unix seconds; None where it is none, or Go's zero time of the year 1."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
        seconds = moment.timestamp()
    except (ValueError, OverflowError, OSError):
        return None
    return seconds if moment.tzinfo is not None and seconds > 0 else None


def liveness_period(service: ServiceSettings, usual: float) -> float:
    """Seconds between looks at a service's health: the person's setting, else what suits its kind."""
    return usual if service.refresh is None else service.refresh


def not_as_expected(kind: str, body: str) -> LookFailed:
    """A 2xx answer whose body is not what a server of this kind says."""
    said = reason_line(body.partition("\n")[0], 40)
    told = f"with {said!r}, " if said and not said.startswith("<") else ""
    return LookFailed(ServiceState.DOWN, f"answers, but {told}not as {kind} does: is something else on its port?")
