"""A person's first configuration: the one that ships, with what was found in place of its servers and models."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

from tui.config.schema import Config, MachineSettings, ServiceSettings

MOST_MODELS = 2
"""A row that names every model of a server would be an order that nobody chose."""


def starting_text(template: str, found: Config, models: Sequence[str], installed: Callable[[str], bool]) -> str:
    """``template`` for the machines and services of ``found``. Where no service was found it is unchanged.

    What it said of others stays as comments, to learn from. In tiers and tasks, candidates on services that are not
    there give way to ``models``: ids of those that take prompts, the best first.

    Args:
        installed: whether there is a program of a kind ("opencode") on this machine.
    """
    if not found.services:
        return template
    clis = tomllib.loads(template).get("clis", {})
    programs = frozenset(name for name, settings in clis.items() if installed(settings["kind"]))
    return "\n\n".join(_block(block, found, models, programs) for block in template.split("\n\n"))


def _block(block: str, found: Config, models: Sequence[str], programs: Collection[str]) -> str:
    """One part of the file: comments, and the tables of one section."""
    section = next((line[1:].partition(".")[0].rstrip("]") for line in block.splitlines() if line.startswith("[")), "")
    match section:
        case "machines":
            return _replaced(block, "".join(map(_machine_table, found.machines.values())))
        case "services":
            return _replaced(block, "".join(map(_service_table, found.services.values())))
        case "models":
            return _replaced(block, "")
        case "clis":
            return _without_programs(block, programs)
        case "tiers" | "tasks" | "mcp":
            return _with_models(block, section, models, programs)
        case _:
            return block


def _replaced(block: str, tables: str) -> str:
    """The comments that a block begins with, then ``tables``, then what stood there as comments."""
    lines = block.split("\n")
    begin = next(number for number, line in enumerate(lines) if line.startswith("["))
    before, examples = lines[:begin], lines[begin:]
    commented = [line if line.startswith("#") else f"# {line}" for line in examples]
    return "\n".join([*before, *tables.splitlines(), *commented])


def _without_programs(block: str, programs: Collection[str]) -> str:
    """The tables of those that are not there become comments."""
    lines, there = [], True
    for line in block.split("\n"):
        if line.startswith("[clis."):
            there = line.removeprefix("[clis.").rstrip("]") in programs
        lines.append(line if there or line.startswith("#") else f"# {line}")
    return "\n".join(lines)


def _machine_table(machine: MachineSettings) -> str:
    text = f"[machines.{json.dumps(machine.name) if not machine.name.isidentifier() else machine.name}]\n"
    if machine.about:
        text += f"about = {json.dumps(machine.about)}\n"
    return text + ("local = true\n" if machine.local else "")


def _service_table(service: ServiceSettings) -> str:
    return f"[services.{service.name}]\nkind = {json.dumps(service.kind)}\nurl  = {json.dumps(service.url)}\n"


def _with_models(block: str, section: str, models: Sequence[str], programs: Collection[str]) -> str:
    """The rows of a section with candidates that are there; a row that is left without any goes."""
    import tomlkit

    def there(ids: Iterable[str]) -> list[str]:
        kept: list[str] = []
        for model_id in ids:
            is_there = model_id in models or model_id.partition("/")[0] in programs
            kept += [model_id] if is_there else models[:MOST_MODELS]
        return list(dict.fromkeys(kept))

    document = tomlkit.parse(block)
    table: Any = document[section]
    for name in list(table):
        if not _keep_candidates(table, name, there):
            del table[name]
    return tomlkit.dumps(document).rstrip("\n")


def _keep_candidates(table: Any, name: str, there: Callable[[Iterable[str]], list[str]]) -> bool:
    """Writes what is there into one row. False where nothing is."""
    row = table[name]
    if isinstance(row, str):
        models = there([row])
        if models:
            table[name] = models[0]
        return bool(models)
    if isinstance(row, list):
        models = there(row)
        _set(row, models)
        return bool(models)
    listed = row.get("models", row.get("fallback"))
    models = there(listed)
    _set(listed, models)
    if "external" in row and row["external"] not in there([row["external"]]):
        del row["external"]
    return bool(models) or "external" in row


def _set(listed: Any, models: Sequence[str]) -> None:
    if list(listed) != list(models):
        listed.clear()
        listed.extend(models)
