"""The services: whether they answer, are what they are called, and accept their keys."""

from __future__ import annotations

import asyncio
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from tui.cli.doctor.finding import Area, Finding, fine, problem, warning
from tui.cli.doctor.fleet_look import LOOKED_WITHIN, FleetLook
from tui.config.keys import KeyUnavailable, read_key
from tui.config.schema import Config, KeySource, ServiceSettings, is_loopback
from tui.fleet.snapshot import ServiceSnapshot, ServiceState, UnitSnapshot, UnitState
from tui.fleet.wording import latency_words, models_words

DEFAULT_PORTS = {"http": 80, "https": 443}
LISTENS_EVERYWHERE = {
    "llama-swap": "-listen :PORT",
    "ollama": "OLLAMA_HOST=0.0.0.0",
    "litellm": "--host 0.0.0.0",
    "vllm": "--host 0.0.0.0",
    "llama-server": "--host 0.0.0.0",
    "localai": "--address :PORT",
    "qdrant": "QDRANT__SERVICE__HOST=0.0.0.0",
}
"""How each kind of server is told to listen on more than its own machine's loopback."""
IDENTIFIED_WITHIN = 1.5
"""Seconds for all questions to a server that has answered already, if strangely."""
LISTS_NO_MODELS = frozenset({"qdrant", "http"})
STRANGE = re.compile(r"404|JSON|not HTTP|something else on its port")
"""In the reason of a service: somebody answers there, who may be another server than is thought."""


async def check_services(config: Config, look: FleetLook) -> tuple[Finding, ...]:
    async with asyncio.TaskGroup() as group:
        keys = group.create_task(_missing_keys(config))
        others = group.create_task(_other_kinds(config, look))
    findings: list[Finding] = []
    for service in config.services.values():
        findings += _key_findings(service, keys.result().get(service.name, ""), config)
        seen = look.snapshot.service(service.name)
        names = look.names.get(service.host)
        if (names is None or not names.trouble) and seen is not None:
            findings += _service(service, seen, config, look, others.result().get(service.name, ""))
    return tuple(findings)


async def _missing_keys(config: Config) -> Mapping[str, str]:
    """Service → why its key is not to be had. A command is not run once more: it may ask the person something."""
    missing = {}
    for service in config.services.values():
        if service.key is not None and service.key.command is None:
            try:
                await read_key(service.key)
            except KeyUnavailable as error:
                missing[service.name] = str(error)
    return missing


def _key_findings(service: ServiceSettings, missing: str, config: Config) -> Iterator[Finding]:
    key = service.key
    if key is None:
        return
    if missing:
        yield problem(Area.SERVICES, service.name, f"no key: {missing}", _key_fix(key))
    if key.file is not None and not missing and _readable_by_others(Path(key.file).expanduser()):
        text = f"other users of this machine can read its key in {key.file}"
        yield warning(Area.SERVICES, service.name, text, f"`chmod 600 {key.file}`")
    unguarded = service.url.startswith("http:") and not is_loopback(service.host)
    if unguarded and config.machine_of(service) is None:
        text = f"its key goes to {service.host} unencrypted"
        yield warning(Area.SERVICES, service.name, text, "use https:// in its url, or name its machine in [machines]")


def _readable_by_others(file: Path) -> bool:
    try:
        return bool(stat.S_IMODE(file.stat().st_mode) & (stat.S_IRGRP | stat.S_IROTH))
    except OSError:
        return False


def _key_fix(key: KeySource) -> str:
    if key.env is not None:
        return f"`export {key.env}=…` before fleetdeck starts; a shell's own variables need the export"
    if key.file is not None:
        return f"write the key alone into the first line of {key.file}, and `chmod 600` it"
    return f"try it in a terminal, where it must print the key and ask nothing: {' '.join(key.command or ())}"


async def _other_kinds(config: Config, look: FleetLook) -> Mapping[str, str]:
    """Service → the kind of server that really answers at its URL, where the configuration names another."""
    strange = [
        service
        for service in config.services.values()
        if (seen := look.snapshot.service(service.name)) is not None
        and seen.state is not ServiceState.UP
        and STRANGE.search(seen.reason)
        and service.url.startswith("http:")
    ]
    async with asyncio.TaskGroup() as group:
        asked = {one.name: group.create_task(_kind_at(one.host, _port(one))) for one in strange}
    found = {name: task.result() for name, task in asked.items()}
    return {name: kind for name, kind in found.items() if kind is not None and kind != config.services[name].kind}


async def _kind_at(host: str, port: int) -> str | None:
    from tui.fleet.discovery import identify

    try:
        async with asyncio.timeout(IDENTIFIED_WITHIN):
            return await identify(host, port)
    except TimeoutError:
        return None


def _service(
    service: ServiceSettings, seen: ServiceSnapshot, config: Config, look: FleetLook, other: str
) -> Iterator[Finding]:
    name, reason = service.name, seen.reason
    if other:
        fix = f'write kind = "{other}" in [services.{name}], or the url of the {service.kind} that is meant'
        yield problem(Area.SERVICES, name, f"it is no {service.kind} that answers at {service.url}, but {other}", fix)
    elif seen.state is ServiceState.UP and seen.models_seen.at is None and service.kind not in LISTS_NO_MODELS:
        text = f"answers, and has not told its models within {LOOKED_WITHIN:g} s"
        yield problem(Area.SERVICES, name, text, _stuck_fix(service.key))
    elif seen.state is ServiceState.UP:
        parts = (f"answers in {latency_words(seen.latency)}", seen.version or "", models_words(seen))
        yield fine(Area.SERVICES, name, ", ".join(part for part in parts if part))
    elif seen.state is ServiceState.STARTING:
        yield warning(Area.SERVICES, name, f"is starting: {reason}", "wait, and look again")
    elif seen.state is ServiceState.UNKNOWN:
        text = f"did not answer within {LOOKED_WITHIN:g} s"
        yield problem(Area.SERVICES, name, text, "is its machine on, and its server not stuck?")
    elif reason.startswith("no key:"):
        if service.key is not None and service.key.command is not None:
            yield problem(Area.SERVICES, name, reason, _key_fix(service.key))
    else:
        # What TLS's words advise is no way out where there is a key: the fix knows better.
        told = reason.partition("; ")[0] if reason.startswith("TLS:") else reason
        text = f"does not answer: {told}" if seen.state is ServiceState.DOWN else told
        fix = _fix(service, reason, config, look)
        yield problem(Area.SERVICES, name, text, fix)
    yield from _half_set_up(name, seen)


def _half_set_up(name: str, seen: ServiceSnapshot) -> Iterator[Finding]:
    """What a server that answers lacks all the same."""
    if seen.kind == "llama-swap" and seen.state is ServiceState.UP and seen.version is None:
        text = "is so old that it does not tell its version; much of what it does cannot be seen"
        # Its releases are called v250, which is no version to Go: the newest one that is comes from December 2024.
        fix = "install a release of this year; `go install github.com/mostlygeek/llama-swap@latest` gives one of 2024"
        yield warning(Area.SERVICES, name, text, fix)
    if any(remark == "db none" for remark in seen.remarks):
        text = "LiteLLM has no database: budgets, spending and keys per user are not kept, and no limit of them holds"
        fix = "set DATABASE_URL to a PostgreSQL for it; without need of these there is nothing to do"
        yield warning(Area.SERVICES, name, text, fix)


def _fix(service: ServiceSettings, reason: str, config: Config, look: FleetLook) -> str:
    if reason.startswith("TLS:"):
        return _tls_fix(service, reason)
    if "HTTPS" in reason or (service.url.startswith("http:") and re.search(r"not HTTP|without an answer", reason)):
        return f"does it speak TLS? write https:// in the url of [services.{service.name}]"
    if reason.startswith(("key refused", "needs a key")):
        return _refusal_fix(service, reason)
    if reason == "connection refused":
        return _refused_fix(service, config, look)
    if re.search(r"timed out|no answer within|no route|unreachable|machine is down", reason):
        return f"is {service.host} on, the VPN up, and port {_port(service)} open in its firewall?"
    if reason.startswith("no such name"):
        return f"correct the url of [services.{service.name}]"
    if "OLLAMA_HOST" in reason:
        return "`sudo systemctl edit ollama` there, with Environment=OLLAMA_HOST=0.0.0.0 under [Service]"
    if "404" in reason:
        path = urlsplit(service.url).path
        hint = 'for kind = "openai" it ends in /v1' if service.kind == "openai" and path != "/v1" else "or its kind"
        return f"correct the url of [services.{service.name}]: {hint}"
    if reason.startswith("redirects"):
        return f"write the address that it redirects to as url of [services.{service.name}]"
    return f"its own log tells more{f': `fleetdeck unit logs {service.name}`' if service.unit else ''}"


def _stuck_fix(key: KeySource | None) -> str:
    if key is not None and key.command is not None:
        return f"does the command of its key wait for somebody? {_key_fix(key)}"
    return "its server is stuck, or has far too much to do: its own log tells"


def _tls_fix(service: ServiceSettings, reason: str) -> str:
    if "not trusted" not in reason:
        return f"does it speak TLS at all? where it does not, write http:// in the url of [services.{service.name}]"
    if "expired" in reason:
        return "renew the server's certificate (and look at both machines' clocks)"
    if "mismatch" in reason.lower() or "not valid for" in reason:
        return f"use the name that its certificate is for in the url of [services.{service.name}]"
    if service.key is not None:
        # A key is never sent where a certificate is not checked, so that verify_tls = false is no way out.
        return "trust its authority: `export SSL_CERT_FILE=/path/to/ca.pem`, or add that to the system's own"
    return f"write verify_tls = false in [services.{service.name}], or `export SSL_CERT_FILE=/path/to/ca.pem`"


def _refusal_fix(service: ServiceSettings, reason: str) -> str:
    if service.key is None:
        return f'write where its key is in [services.{service.name}]: key = {{ env = "VARIABLE" }}'
    if service.kind == "litellm":
        return f"it takes its master_key, or with a database a key made by it. {_key_fix(service.key)}"
    return f"the key is there, and is the wrong one or has expired. {_key_fix(service.key)}"


def _refused_fix(service: ServiceSettings, config: Config, look: FleetLook) -> str:
    unit = _unit_of(service, config, look)
    start = f"`fleetdeck unit start {service.name}`"
    if unit is not None and unit.state is UnitState.ACTIVE:
        how = LISTENS_EVERYWHERE.get(service.kind, "its listen address").replace("PORT", str(_port(service)))
        return (
            f"its unit runs, so that it listens on another port than {_port(service)}, or on its own loopback alone: "
            f"{how} opens it to the network"
        )
    if unit is not None and unit.state in (UnitState.INACTIVE, UnitState.FAILED):
        return f"its unit is {unit.state}: {start}"
    return f"nothing listens at port {_port(service)} of {service.host}: start it, or correct the port in its url"


def _unit_of(service: ServiceSettings, config: Config, look: FleetLook) -> UnitSnapshot | None:
    machine = config.machine_of(service)
    seen = look.snapshot.machine(machine.name) if machine is not None else None
    return seen.unit(service.unit) if seen is not None and service.unit is not None else None


def _port(service: ServiceSettings) -> int:
    parts = urlsplit(service.url)
    return parts.port if parts.port is not None else DEFAULT_PORTS.get(parts.scheme, 80)
