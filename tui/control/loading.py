"""Loads and unloads models, and believes only what is then observed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from urllib.parse import quote

import msgspec

from tui.config.schema import Config, ServiceSettings
from tui.fleet.asking import Answer, Asker
from tui.fleet.failures import LookFailed
from tui.fleet.monitor import Monitor
from tui.fleet.printable import printable
from tui.fleet.service_watch import ALIVE
from tui.fleet.snapshot import FleetSnapshot, ModelSnapshot, ModelState, ServiceSnapshot

LOADABLE_KINDS = frozenset({"llama-swap", "ollama", "localai", "llama-server"})
LOAD_TIMEOUT = 600.0
"""Seconds: llama-swap's own limit on a start is 120 s, and a large model on a slow disk is given more by its owner."""
UNLOAD_TIMEOUT = 60.0
"""Seconds: llama-swap kills a model 10 s after asking it to stop; Ollama waits for the answer under way."""
LOOK_AGAIN = 0.25
"""Seconds between looks at a server that does not push, while its model changes."""


class LoadingFailed(Exception):
    """A model could not be loaded or unloaded; the text is a sentence for the person."""


def disturbed_by_load(service: ServiceSnapshot, model: ModelSnapshot) -> tuple[str, ...]:
    """What loading ``model`` may do to others, a sentence each."""
    others = [other for other in service.models if other.loaded and other.name != model.name]
    if service.kind != "llama-swap" or not others:
        return ()
    names = ", ".join(printable(other.name, 40) for other in others)
    return (f"{service.name} may unload {names} to make room.", *requests_in_flight(service))


def disturbed_by_unload(service: ServiceSnapshot, model: ModelSnapshot | None) -> tuple[str, ...]:
    """What unloading ``model`` (None: all of the service's) does to others, a sentence each."""
    loaded = [other for other in service.models if other.loaded]
    if model is None:
        names = ", ".join(printable(other.name, 40) for other in loaded)
        return (f"{len(loaded)} loaded: {names}.", *requests_in_flight(service)) if loaded else ()
    return requests_in_flight(service)


def requests_in_flight(service: ServiceSnapshot) -> tuple[str, ...]:
    """A sentence about those that the service is answering now, where there are any."""
    if not service.in_flight:
        return ()
    count = "1 request is" if service.in_flight == 1 else f"{service.in_flight} requests are"
    return (f"{count} being answered by {service.name} now and may be cut off.",)


async def load_model(
    monitor: Monitor, config: Config, model_id: str, *, timeout: float = LOAD_TIMEOUT
) -> ModelSnapshot:
    """Loads a model and waits until its service shows it ready; ``monitor`` has to be running.

    Raises:
        LoadingFailed: the model is not known, its service cannot load on demand, refused, or took too long.
    """
    service, model = _find(monitor.snapshot, config, model_id)
    if model.state is ModelState.READY:
        return model
    async with _asker(service) as asker:
        request = asyncio.ensure_future(_send_load(asker, service, model.name, timeout))
        try:
            return await _observed(monitor, model_id, _ready, request, timeout, "loaded")
        finally:
            await _abandon(request)


async def unload_model(
    monitor: Monitor, config: Config, model_id: str, *, timeout: float = UNLOAD_TIMEOUT
) -> ModelSnapshot:
    """Unloads a model and waits until its service shows it gone; ``monitor`` has to be running.

    Raises:
        LoadingFailed: the model is not known, its service cannot unload, refused, or took too long.
    """
    service, model = _find(monitor.snapshot, config, model_id)
    if model.state is ModelState.IDLE:
        return model
    async with _asker(service) as asker:
        request = asyncio.ensure_future(_send_unload(asker, service, model.name, timeout))
        try:
            return await _observed(monitor, model_id, _gone, request, timeout, "unloaded")
        finally:
            await _abandon(request)


async def unload_service(
    monitor: Monitor, config: Config, service_name: str, *, timeout: float = UNLOAD_TIMEOUT
) -> tuple[str, ...]:
    """Unloads every loaded model of a service, one after the other; returns the ids of those that were loaded."""
    service = monitor.snapshot.service(service_name)
    if service is None:
        raise LoadingFailed(f"there is no service {printable(service_name, 60)}")
    loaded = tuple(service.model_id(model) for model in service.models if model.loaded)
    for model_id in loaded:
        await unload_model(monitor, config, model_id, timeout=timeout)
    return loaded


def _find(snapshot: FleetSnapshot, config: Config, model_id: str) -> tuple[ServiceSettings, ModelSnapshot]:
    shown = printable(model_id, 80)
    name, _, _ = model_id.partition("/")
    service = config.services.get(name)
    if service is None:
        raise LoadingFailed(f"{shown}: there is no service {printable(name, 60)}")
    found = snapshot.find_model(model_id)
    if found is None:
        observed = snapshot.service(name)
        why = f" ({observed.reason})" if observed and observed.reason else ""
        raise LoadingFailed(f"{shown}: {name} lists no such model{why}")
    if service.kind not in LOADABLE_KINDS:
        raise LoadingFailed(f"{name} is of kind {service.kind}, which loads and unloads nothing on demand")
    if found[1].remote is not None:
        raise LoadingFailed(f"{shown} runs elsewhere ({found[1].remote}): there is nothing to load here")
    return service, found[1]


@contextlib.asynccontextmanager
async def _asker(service: ServiceSettings) -> AsyncIterator[Asker]:
    asker = Asker(service)
    try:
        yield asker
    finally:
        await asker.close()


async def _abandon(request: asyncio.Future[None]) -> None:
    """Closes a request that is no longer waited for; what it failed with has been told already."""
    request.cancel()
    with contextlib.suppress(asyncio.CancelledError, LoadingFailed):
        await request


def _ready(service: ServiceSnapshot, name: str) -> ModelSnapshot | None:
    model = service.model(name)
    return model if model is not None and model.state is ModelState.READY else None


def _gone(service: ServiceSnapshot, name: str) -> ModelSnapshot | None:
    """The unloaded model. Of a service that is down nothing is known, so that its models are not gone."""
    if service.state not in ALIVE:
        return None
    model = service.model(name)
    if model is None:
        # llama-swap shows an unlisted model only while it is loaded.
        return ModelSnapshot(name=name, state=ModelState.IDLE)
    return model if model.state is ModelState.IDLE else None


async def _observed(
    monitor: Monitor,
    model_id: str,
    outcome: Callable[[ServiceSnapshot, str], ModelSnapshot | None],
    request: asyncio.Future[None],
    timeout: float,
    wanted: str,
) -> ModelSnapshot:
    """The model once ``outcome`` finds it as wanted; a request that failed ends the wait."""
    service_name, _, name = model_id.partition("/")
    try:
        async with asyncio.timeout(timeout):
            while True:
                service = monitor.snapshot.service(service_name)
                found = outcome(service, name) if service is not None else None
                if found is not None:
                    return found
                if request.done():
                    request.result()
                await asyncio.sleep(LOOK_AGAIN)
                monitor.look_now(service_name)
    except TimeoutError:
        raise LoadingFailed(
            f"{printable(model_id, 80)} is still not {wanted} after {timeout:g} s; what it does is in its service's log"
        ) from None


async def _send_load(asker: Asker, service: ServiceSettings, name: str, timeout: float) -> None:
    match service.kind:
        case "llama-swap":
            # There is no endpoint for it: llama-swap's own page asks for a model's front page, which loads it. What
            # that page answers is the model's business, so only llama-swap's own errors count.
            answer = await _ask(asker, "GET", f"/upstream/{_in_path(name)}/", None, timeout, name)
            if _said_by_llama_swap(answer):
                raise _refusal(asker, name, answer)
        case "ollama":
            answer = await _ask(asker, "POST", "/api/generate", {"model": name, "stream": False}, timeout, name)
            if answer.status == 400 and b"does not support generate" in answer.body:
                # A model that only embeds: embedding nothing loads it (Ollama 0.33).
                answer = await _ask(asker, "POST", "/api/embed", {"model": name}, timeout, name)
            if answer.status >= 300:
                raise _refusal(asker, name, answer)
        case "localai":
            await _send(asker, "/backend/load", {"model": name}, timeout, name)
        case _:
            await _send(asker, "/models/load", {"model": name}, timeout, name)


async def _send_unload(asker: Asker, service: ServiceSettings, name: str, timeout: float) -> None:
    match service.kind:
        case "llama-swap":
            await _send(asker, f"/api/models/unload/{_in_path(name)}", None, timeout, name)
        case "ollama":
            body = {"model": name, "keep_alive": 0, "stream": False}
            await _send(asker, "/api/generate", body, timeout, name)
        case "localai":
            await _send(asker, "/backend/shutdown", {"model": name}, timeout, name)
        case _:
            await _send(asker, "/models/unload", {"model": name}, timeout, name)


class _Source(msgspec.Struct):
    src: str = ""


def _said_by_llama_swap(answer: Answer) -> bool:
    if answer.status < 300:
        return False
    try:
        return msgspec.json.decode(answer.body, type=_Source).src == "llama-swap"
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return answer.status >= 500


async def _send(asker: Asker, path: str, body: dict[str, object] | None, timeout: float, name: str) -> None:
    answer = await _ask(asker, "POST", path, body, timeout, name)
    if answer.status >= 300:
        raise _refusal(asker, name, answer)


async def _ask(
    asker: Asker, method: str, path: str, body: dict[str, object] | None, timeout: float, name: str
) -> Answer:
    try:
        return await asker.send(method, path, json=body, timeout=timeout, accepts=lambda status: True)
    except LookFailed as failure:
        raise LoadingFailed(f"{asker.service.name} could not be asked about {printable(name, 60)}: {failure}") from None


def _refusal(asker: Asker, name: str, answer: Answer) -> LoadingFailed:
    said = asker.said(answer, 240)
    told = f": {said}" if said else ""
    return LoadingFailed(f"{asker.service.name} refused {printable(name, 60)} ({answer.status}){told}")


def _in_path(name: str) -> str:
    """A model's name in a URL, its slashes as they are: llama-swap matches them so.

    Raises:
        LoadingFailed: httpx, as every browser, would make another path of it (RFC 3986 §5.2.4).
    """
    if not {".", ".."}.isdisjoint(name.split("/")):
        raise LoadingFailed(f"{printable(name, 60)} is a name that no path can hold")
    return quote(name, safe="/:@!$&'()*+,;=~")
