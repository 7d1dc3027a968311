"""What must hold of a setting beyond its type, and between settings.

A check yields what is wrong: the way from what it was given to the part meant, and the words. No text quotes a value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tui.config.errors import Where, setting_name, suggestion
from tui.config.schema import (
    CliSettings,
    Config,
    KeySource,
    MachineSettings,
    McpSettings,
    ModelSettings,
    PanelSettings,
    ServiceSettings,
    TaskSettings,
    TierSettings,
)

Finding = tuple[Where, str]


@dataclass(frozen=True, slots=True)
class Names:
    """What other settings may refer to: services and programs, and machines, whether they are right or not."""

    servers: tuple[str, ...]
    machines: tuple[str, ...]


NO_NAMES = Names((), ())

BUILT_IN_TOOLS = {
    "ask_local_llama": "mcp.local",
    "ask_coding_model": "mcp.coding",
    "ask": "fleetdeck itself",
    "explain_route": "fleetdeck itself",
    "fleet_status": "fleetdeck itself",
    "list_available_local_models": "fleetdeck itself",
}
"""The tools that the MCP server has in any case, and whose each of them is."""

_SECRET_NAME = re.compile(
    r"(?i)(?:^|[_.-])(?:key|api-?key|token|secret|passw(?:or)?d|passphrase|bearer|auth|authorization|credential)s?(?:$|[_.-])"
)
_ENVIRONMENT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PASTED_KEY = re.compile(
    # Prefixes that vendors print on their keys, and long runs that nobody would call a variable.
    r"(?:sk|pk|rk|hf|gsk|gh[pousr]|github_pat)_\w{12,}|AIza\w{16,}|AKIA\w{12,}|[A-Za-z0-9]{32,}"
)
_UNIT = re.compile(r"[A-Za-z0-9:_.\\@][A-Za-z0-9:_.\\@-]{0,254}")
_HOST = re.compile(r"[^\s/:@\[\]]+|[0-9A-Fa-f:.]+(?:%\w+)?")


def looks_secret(name: str) -> bool:
    """True for the name of a setting in which a person would write a key or a password."""
    return _SECRET_NAME.search(name) is not None


def key_variable(service: str) -> str:
    """The environment variable that one would expect to hold the key of a service of this name."""
    variable = re.sub(r"[^A-Z0-9]+", "_", service.upper()).strip("_") or "NAME"
    return f"_{variable}_API_KEY" if variable[0].isdigit() else f"{variable}_API_KEY"


def no_key_in_file(service: str = "") -> str:
    """The refusal of a key that is written in the file, with the three ways that work."""
    name = service if service.isprintable() and '"' not in service and "\\" not in service and service else "NAME"
    return (
        "a key is never written in the file itself; say where a service's key is: "
        f'key = {{ env = "{key_variable(service)}" }} or {{ command = ["pass", "show", "{name}"] }} '
        f'or {{ file = "~/.secrets/{name}" }}'
    )


def check_name(name: str, is_server: bool) -> Iterator[str]:
    """What is wrong with the name of a table."""
    if not name.strip() or name != name.strip() or not name.isprintable():
        yield "a name should not be empty, begin or end with a space, or hold a control character"
    if is_server and "/" in name:
        yield "a name holds no slash, because a model's id is service/name; give it another name"


def check_field(table: type, name: str, value: Any, names: Names) -> Iterator[Finding]:
    """What is wrong with one setting of a table, whatever the others of its table are."""
    check = _CHECKS.get((table, name))
    if check is not None:
        yield from check(value, names)


def check_url(url: str, _: Names = NO_NAMES) -> Iterator[Finding]:
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        yield (), "is no address of a server; write http://HOST:PORT, with a port up to 65535"
        return
    if "@" in parts.netloc:
        yield (), "should hold no user name or password; " + no_key_in_file()
    elif parts.scheme not in ("http", "https"):
        yield (), "should begin with http:// or https://"
    elif not host or any(character.isspace() or not character.isprintable() for character in url):
        yield (), "should name a host and hold no space: http://HOST:PORT"
    elif "?" in url or "#" in url:
        yield (), "should end before the ? or #; a key goes into its own setting, key"


def check_model_id(value: str, names: Names) -> Iterator[Finding]:
    server, slash, name = value.partition("/")
    if not slash or not server or not name:
        yield (), "should be a model's id, service/name or program/name"
    elif not names.servers:
        yield (), "is a model of a service or program that this file does not have; add [services.NAME] or [clis.NAME]"
    elif server not in names.servers:
        known = [f"{one}/…" for one in names.servers]
        yield (), f"is of no service or program in this file; {suggestion(f'{server}/…', known)}"


def check_model_ids(values: Sequence[str], names: Names) -> Iterator[Finding]:
    for place, value in enumerate(values):
        for _, text in check_model_id(value, names):
            yield (place,), f"item {place + 1} {text}"
    yield from _check_distinct(values)


def _check_distinct(values: Sequence[str], _: Names = NO_NAMES) -> Iterator[Finding]:
    first: dict[str, int] = {}
    for place, value in enumerate(values):
        if value in first:
            yield (place,), f"item {place + 1} is the same as item {first[value] + 1}; leave one out"
        first.setdefault(value, place)


def _check_task_models(values: Sequence[str], names: Names) -> Iterator[Finding]:
    if not values:
        yield (), "should name at least one model"
    yield from check_model_ids(values, names)


def _check_addresses(values: Sequence[str], _: Names) -> Iterator[Finding]:
    for place, value in enumerate(values):
        if not _HOST.fullmatch(value):
            yield (place,), f"item {place + 1} should be a host name or an address alone, without http://, port or [ ]"
    yield from _check_distinct([value.lower().rstrip(".") for value in values])


def _check_ssh(value: str, _: Names) -> Iterator[Finding]:
    # ssh takes a host that begins with a dash for an option, and some options run programs.
    if value.startswith("-") or any(character.isspace() for character in value):
        yield (), "should be a host of ~/.ssh/config or user@host, without options"


def _check_machine(value: str, names: Names) -> Iterator[Finding]:
    if value not in names.machines:
        known = suggestion(value, names.machines) if names.machines else "add [machines.NAME]"
        yield (), f"is no machine of this file; {known}"


def _check_unit(value: str, _: Names) -> Iterator[Finding]:
    if not _UNIT.fullmatch(value):
        yield (), 'should be the name of a systemd unit, such as "llama-swap.service"'


def _check_variable(value: str, _: Names) -> Iterator[Finding]:
    if not _ENVIRONMENT_NAME.fullmatch(value) or _PASTED_KEY.fullmatch(value):
        yield (), 'should be the name of an environment variable, such as "OPENAI_API_KEY", and not the key itself'


def _check_path(value: str, _: Names) -> Iterator[Finding]:
    # A relative path would mean another file in every folder that the program is started from.
    if not value.startswith(("/", "~")):
        yield (), "should be a whole path that begins with / or ~"


def _check_command(value: Sequence[str], _: Names) -> Iterator[Finding]:
    if not value or not value[0].strip():
        yield (), 'should begin with a program, as in ["pass", "show", "openai"]'


_CHECKS: Mapping[tuple[type, str], Callable[[Any, Names], Iterator[Finding]]] = {
    (PanelSettings, "external_mode_file"): _check_path,
    (MachineSettings, "ssh"): _check_ssh,
    (MachineSettings, "addresses"): _check_addresses,
    (KeySource, "env"): _check_variable,
    (KeySource, "file"): _check_path,
    (KeySource, "command"): _check_command,
    (ServiceSettings, "url"): check_url,
    (ServiceSettings, "unit"): _check_unit,
    (ServiceSettings, "machine"): _check_machine,
    (CliSettings, "command"): _check_command,
    (CliSettings, "models"): _check_distinct,
    (ModelSettings, "fallback"): check_model_ids,
    (TierSettings, "external"): check_model_id,
    (TierSettings, "fallback"): check_model_ids,
    (TaskSettings, "models"): _check_task_models,
    (McpSettings, "local"): check_model_id,
    (McpSettings, "coding"): check_model_id,
}


def check_row(table: type, right: Mapping[str, Any], given: Set[str]) -> Iterator[Finding]:
    """What is wrong between settings of one table: ``right`` has those that are right, ``given`` all that are there."""
    if table is ServiceSettings:
        yield from _check_service(right, given)
    if table is CliSettings:
        yield from _check_program(right, given)


def check_whole(config: Config) -> Iterator[Finding]:
    """What is wrong between tables that are each right by themselves; ``config`` holds those alone."""
    yield from _check_machines(config.machines.values())
    yield from _check_tools(config.models.values())


def _check_service(right: Mapping[str, Any], given: Set[str]) -> Iterator[Finding]:
    if "expect" in right and right.get("kind", "http") != "http":
        yield ("expect",), 'is only for kind = "http"; the other kinds know what their server answers'
    if "key" in given and right.get("verify_tls") is False:
        yield (
            ("verify_tls",),
            "a key is never sent to a server whose certificate is not checked; leave out verify_tls = false or the key",
        )


def _check_program(right: Mapping[str, Any], given: Set[str]) -> Iterator[Finding]:
    kind = right.get("kind")
    if kind is None:
        return
    if kind == "opencode" and "provider" not in given:
        yield ("provider",), 'is missing; opencode needs it, for example provider = "github-copilot"'
    if kind != "opencode" and "provider" in right:
        yield ("provider",), 'is only for kind = "opencode"'
    if kind != "command" and "command" in right:
        yield ("command",), 'is only for kind = "command"; the other kinds are found on the PATH'
    if kind == "command" and "command" not in given:
        yield ("command",), 'is missing; say what to run, for example command = ["aichat", "-m", "{model}"]'
    if kind == "command" and ("models" not in given or right.get("models") == ()):
        yield ("models",), 'is missing; name what it can run, for example models = ["openai:gpt-4o"]'


def _check_machines(machines: Iterable[MachineSettings]) -> Iterator[Finding]:
    owner: dict[str, str] = {}
    local: str | None = None
    for machine in machines:
        where: Where = ("machines", machine.name)
        if machine.local and local is not None:
            yield (*where, "local"), f"only one machine can be this one, and {setting_name(('machines', local))} is"
        local = machine.name if machine.local and local is None else local
        taken = owner.get(machine.name.lower())
        if taken is not None:
            yield where, f"its name is also a name or address of {setting_name(('machines', taken))}; change one"
        for place, address in enumerate(machine.addresses):
            taken = owner.get(address.lower().rstrip("."))
            if taken is not None:
                other = setting_name(("machines", taken))
                yield (*where, "addresses", place), f"item {place + 1} is also a name or address of {other}; keep one"
        for address in (machine.name, *machine.addresses):
            owner.setdefault(address.lower().rstrip("."), machine.name)


def _check_tools(models: Iterable[ModelSettings]) -> Iterator[Finding]:
    owner = dict(BUILT_IN_TOOLS)
    for model in models:
        if model.tool is None:
            continue
        taken = owner.setdefault(model.tool.name, setting_name(("models", model.id)))
        if taken != setting_name(("models", model.id)):
            yield ("models", model.id, "tool", "name"), f"is also the name of the tool of {taken}; give it another"
