"""Reads the command lines by which older scripts asked a program, and says the same in today's settings.

opencode took ``--print --provider NAME --model M -p PROMPT`` then and takes ``-m PROVIDER/M`` now, where ``-p`` is a
password (1.18); gemini took ``-m M -p PROMPT``. Prompts go to standard input today, so that they are left out.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from tui.config.schema import CliKind

PROVIDERS: Mapping[str, str] = {"copilot": "github-copilot", "zai": "zai-coding-plan", "z.ai": "zai-coding-plan"}
"""What older scripts called opencode's providers → what opencode 1.18 calls them."""

_KINDS: Mapping[str, CliKind] = {"opencode": "opencode", "gemini": "gemini", "claude": "claude", "copilot": "copilot"}
_PROMPT_FLAGS = frozenset({"-p", "--prompt", "--print"})
_PROMPT_WORDS = frozenset({"prompt", "{prompt}", "$prompt", "${prompt}", "<prompt>", '"$prompt"', "$1", "-"})
_MODEL_FLAGS = frozenset({"-m", "--model"})


class NotUnderstood(Exception):
    """A command that names no program or no model; the text says which."""


@dataclass(frozen=True, slots=True)
class AskedProgram:
    """A program and the one of its models that a command asked."""

    kind: CliKind
    model: str
    provider: str | None = None
    command: tuple[str, ...] | None = None
    """For a program that fleetdeck does not know: what to run, with ``{model}`` where the model goes."""

    @property
    def usual_name(self) -> str:
        """What a person would call it in the configuration."""
        if self.kind == "opencode":
            return next(
                (old for old, today in PROVIDERS.items() if today == self.provider), self.provider or "opencode"
            )
        if self.kind == "copilot":
            # "copilot" is what opencode's provider is usually called, which is another program.
            return "copilot-cli"
        return PurePath(self.command[0]).name if self.command else self.kind


def asked_program(arguments: Sequence[str], *, model: str = "", provider: str = "") -> AskedProgram:
    """What a command asked. ``model`` and ``provider`` are what was said beside it, where it says nothing itself.

    Raises:
        NotUnderstood: no program or no model is named.
    """
    if not arguments:
        raise NotUnderstood("names no program")
    program, *rest = arguments
    flags, plain = _flags(rest)
    model = next((flags[flag] for flag in _MODEL_FLAGS if flag in flags), model)
    provider = flags.get("--provider", provider)
    kind = _KINDS.get(PurePath(program).name)
    if kind is None:
        command = tuple("{model}" if word == model and model else word for word in (program, *plain))
        if not model:
            raise NotUnderstood(f"asks {PurePath(program).name} and names no model")
        return AskedProgram("command", model, command=command)
    if kind == "opencode":
        before, slash, behind = model.partition("/")
        if slash and not provider:
            provider, model = before, behind
        elif slash and PROVIDERS.get(before, before) == PROVIDERS.get(provider, provider):
            model = behind
        if not provider:
            raise NotUnderstood("asks opencode and names no provider")
    if not model:
        raise NotUnderstood(f"asks {kind} and names no model")
    return AskedProgram(kind, model, PROVIDERS.get(provider, provider) if kind == "opencode" else None)


def words_of(command: str) -> list[str]:
    """The words of a command line.

    Raises:
        NotUnderstood: a quote is not closed.
    """
    try:
        return shlex.split(command)
    except ValueError:
        raise NotUnderstood("holds a command in which a quote is not closed") from None


def _flags(arguments: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """The options with their values, and the words of the command without the prompt."""
    flags: dict[str, str] = {}
    plain: list[str] = []
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        name, equals, value = word.partition("=")
        if name in _PROMPT_FLAGS:
            if not equals and rest and rest[0].lower() in _PROMPT_WORDS:
                rest.pop(0)
            continue
        if word.lower() in _PROMPT_WORDS:
            continue
        plain.append(word)
        if equals and name.startswith("--"):
            flags[name] = value
        elif word in (*_MODEL_FLAGS, "--provider") and rest:
            flags[word] = rest.pop(0)
            plain.append(flags[word])
    return flags, plain
