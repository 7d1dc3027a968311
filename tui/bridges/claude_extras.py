"""What else Claude Code can have of fleetdeck: an ``/external`` skill, and an entry in a component registry."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence

from tui.bridges.json_text import (
    NoSuchPlace,
    append_item,
    items,
    mark_and_text,
    member,
    read_json_text,
    remove,
    set_member,
)
from tui.bridges.phrases import EXAMPLES, Said

ENTRY = "external-mode"
"""What our entry is called in a component registry."""

_MARK = "<!-- written by `fleetdeck claude install --skill`; uninstall removes it -->"


def skill_text(program: Sequence[str]) -> str:
    """``skills/external/SKILL.md``, which Claude Code 2.1 offers as ``/external on|off|status``.

    The words behind ``/external`` are for the model to judge, and never part of a shell command by themselves.
    """
    run = shlex.join([*program, "external"])
    phrases = ", ".join(f'"{phrases[0]}"' for phrases in EXAMPLES["external"].values())
    return f"""---
name: external
description: Turns external mode on or off, or says which it is. For {phrases}.
argument-hint: on|off|status
allowed-tools: Bash({run}:*)
---
{_MARK}

The person said: $ARGUMENTS

Run exactly one of these commands, and answer with what it prints and nothing else:

- `on`: `{run} on --reason "asked for in Claude Code"`
- `off`: `{run} off`
- `status`, or nothing: `{run} status`
- other words: `{run} --say "THEIR WORDS"`, as they were said; when it says that it does not know the phrase, tell
  the person so and change nothing.

While external mode is on, hand work on with `{shlex.join([*program, "delegate"])} --tier opus|sonnet|haiku`.
"""


def is_own_skill(text: str) -> bool:
    """True for a skill that :func:`skill_text` wrote, whatever the program was called then."""
    return _MARK in text


def entry_of(program: Sequence[str]) -> dict[str, object]:
    """Our entry in a component registry: which phrase means what, and the command that understands all of them."""
    run = shlex.join([*program, "external"])
    return {
        "type": "command",
        "description": "Sends what tiers ask for to other models instead of Claude's subscription.",
        "command": f"{run} --say",
        "triggers": [
            {"phrase": phrase, "action": str(said), "command": f"{run} {said}"}
            if said is not Said.ONCE
            else {"phrase": phrase, "action": str(said), "command": f"{shlex.join([*program, 'invoke'])} --external"}
            for said, phrases in EXAMPLES["external"].items()
            for phrase in phrases
        ],
    }


def with_entry(text: str, program: Sequence[str]) -> str:
    """A component registry with our entry: among its ``components``, which are an object by name or a list.

    Raises:
        NoJson: the text is no JSON, comments let pass.
        NoSuchPlace: its components are neither.
    """
    entry = entry_of(program)
    mark, bare = mark_and_text(text)
    if not bare.strip():
        return json.dumps({"components": {ENTRY: entry}}, indent=2, ensure_ascii=False) + "\n"
    components = member(read_json_text(bare).root.value, "components")
    if isinstance(components, list):
        named = {"name": ENTRY, **entry}
        place = _place(components)
        if place is None:
            changed = append_item(bare, ("components",), named)
        else:
            changed = bare if components[place] == named else _replaced(bare, place, named)
    elif components is None:
        changed = set_member(bare, ("components",), {ENTRY: entry})
    elif isinstance(components, dict):
        changed = bare if components.get(ENTRY) == entry else set_member(bare, ("components", ENTRY), entry)
    else:
        raise NoSuchPlace("has components that are neither an object nor a list")
    return mark + changed


def without_entry(text: str) -> str:
    """A component registry without our entry.

    Raises:
        NoJson: the text is no JSON, comments let pass.
    """
    mark, bare = mark_and_text(text)
    components = member(read_json_text(bare).root.value, "components") if bare.strip() else None
    if isinstance(components, list) and (place := _place(components)) is not None:
        changed = remove(bare, ("components", place))
    elif isinstance(components, dict) and ENTRY in components:
        changed = remove(bare, ("components", ENTRY))
    else:
        return text
    return mark + changed


def _place(components: Sequence[object]) -> int | None:
    return next((place for place, one in enumerate(items(components)) if member(one, "name") == ENTRY), None)


def _replaced(text: str, place: int, entry: dict[str, object]) -> str:
    for name, value in entry.items():
        text = set_member(text, ("components", place, name), value)
    return text
