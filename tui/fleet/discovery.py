"""Finds the servers that run on this machine's usual ports, for a person who has no configuration yet."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from tui.config.schema import Config, MachineSettings, ServiceKind, ServiceSettings
from tui.fleet.asking import Asker
from tui.fleet.failures import LookFailed

TIMEOUT = 3.0
"""Seconds for one question. Nobody waits for them where nobody listens: loopback refuses at once. But all ports are
asked while the panel itself starts, which on a slow machine takes a second of its own."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A server that may listen on a port, and the harmless question by whose answer it is known."""

    kind: ServiceKind
    ports: tuple[int, ...]
    path: str
    says: str
    """What its answer holds, whatever the status."""


# The order matters where a port is shared: the question that only one server answers comes first.
CANDIDATES: tuple[Candidate, ...] = (
    Candidate("llama-swap", (8080, 8443, 9292), "/api/version", '"build_date"'),
    Candidate("ollama", (11434,), "/", "Ollama is running"),
    Candidate("litellm", (4000,), "/health/liveliness", "I'm alive!"),
    Candidate("qdrant", (6333,), "/", "qdrant - vector search engine"),
    Candidate("localai", (8080,), "/system", '"backends"'),
    Candidate("llama-server", (8080, 9931), "/props", '"chat_template"'),
    Candidate("vllm", (8000,), "/v1/models", '"owned_by":"vllm"'),
)


async def discover(candidates: Iterable[Candidate] = CANDIDATES, host: str = "127.0.0.1") -> Config:
    """A configuration of the known servers that answer on ``host``."""
    by_port: dict[int, list[Candidate]] = {}
    for candidate in candidates:
        for port in candidate.ports:
            by_port.setdefault(port, []).append(candidate)
    async with asyncio.TaskGroup() as group:
        tasks = {port: group.create_task(identify(host, port, some)) for port, some in by_port.items()}
    services: dict[str, ServiceSettings] = {}
    for port, task in tasks.items():
        kind = task.result()
        if kind is not None:
            name = kind if kind not in services else f"{kind}-{port}"
            services[name] = ServiceSettings(name=name, kind=kind, url=f"http://{host}:{port}")
    machine = MachineSettings(name="localhost", about="this machine", local=True)
    return Config(machines={machine.name: machine}, services=services)


async def identify(host: str, port: int, candidates: Iterable[Candidate] = CANDIDATES) -> ServiceKind | None:
    """Which of ``candidates`` listens on ``port``; None where nobody does, or somebody else.

    It takes three seconds to connect and three for each question at the most.
    """
    try:
        async with asyncio.timeout(TIMEOUT):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError):
        return None
    writer.close()
    for candidate in candidates:
        url = f"http://{host}:{port}"
        asker = Asker(ServiceSettings(name=candidate.kind, kind=candidate.kind, url=url, timeout=TIMEOUT))
        try:
            answer = await asker.send("GET", candidate.path, accepts=lambda status: True)
        except LookFailed:
            continue
        finally:
            await asker.close()
        if candidate.says in answer.text:
            return candidate.kind
    return None
