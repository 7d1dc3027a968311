"""Joins what llama-swap lists, what its processes do and which profile is active into one row per name."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from tui.fleet.printable import printable
from tui.fleet.probes.shapes import OpenAiModel, all_take_images, line, names
from tui.fleet.probes.shapes import field as field_of
from tui.fleet.snapshot import ModelRole, ModelSnapshot, ModelState

PROCESS_STATES = {
    "starting": ModelState.STARTING,
    "ready": ModelState.READY,
    "stopping": ModelState.STOPPING,
    "stopped": ModelState.IDLE,
    "shutdown": ModelState.IDLE,
}
ROLES = {"alias": ModelRole.ALIAS, "peer": ModelRole.PEER, "selector": ModelRole.SELECTOR, "profile": ModelRole.PROFILE}
STATES_BY_WARMTH = (ModelState.READY, ModelState.STARTING, ModelState.STOPPING, ModelState.UNKNOWN, ModelState.IDLE)
"""A name that may lead to several models is as warm as the warmest."""


@dataclass(frozen=True, slots=True)
class Process:
    """The process of one model. ``ttl`` is seconds without a request until it is stopped; 0: never; None: not known."""

    state: ModelState
    ttl: float | None = None
    about: str = ""
    port: int | None = None
    """Where it listens on llama-swap's own machine."""
    command: tuple[str, ...] = ()
    """Redacted."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A set of names that lead elsewhere while it is active; a pin to "" makes its name answer 404.

    Without a name and pins it stands for "none is active".
    """

    name: str
    pins: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Observed:
    """All that the probe has heard; None: nothing has been heard of it yet."""

    listed: Mapping[str, OpenAiModel]
    processes: Mapping[str, Process] | None
    profile: Profile | None = None
    failures: Mapping[str, str] = field(default_factory=dict)
    busy: frozenset[str] = frozenset()
    """Models with requests in flight."""
    last_ends: Mapping[str, float] = field(default_factory=dict)
    """Unix time at which each model's last request ended, as far as we saw it."""


def models_of(observed: Observed) -> tuple[ModelSnapshot, ...]:
    """One model per name, in the server's order; unlisted ones where they are loaded, have failed, or are led to."""
    rows: dict[str, ModelSnapshot] = {}
    for name, entry in observed.listed.items():
        row = _listed(name, entry, observed)
        if row.role is ModelRole.PROFILE and observed.profile is not None:
            continue
        rows[name] = row
        for alias in names(field_of(_extras(entry), "aliases")):
            if alias not in observed.listed:
                rows.setdefault(alias, ModelSnapshot(name=alias, role=ModelRole.ALIAS, targets=(name,)))
    _add_unlisted(rows, observed)
    # A peer's model also goes by its bare name, without the peer's before it.
    bare = {name.partition("/")[2]: row for name, row in rows.items() if row.role is ModelRole.PEER}
    known = bare | rows
    base = {name: _as_its_targets(row, known) if row.targets else row for name, row in rows.items()}
    if observed.profile is not None:
        # A pin's target and a selector's are read without the profile: pins do not chain.
        known = bare | base
        base |= {name: _pinned(name, target, known, observed.profile) for name, target in observed.profile.pins.items()}
    return tuple(base.values())


def _extras(entry: OpenAiModel) -> object:
    return field_of(entry.meta, "llamaswap")


def _listed(name: str, entry: OpenAiModel, observed: Observed) -> ModelSnapshot:
    extras = _extras(entry)
    kind = field_of(extras, "type")
    role = ROLES.get(kind, ModelRole.MODEL) if isinstance(kind, str) else ModelRole.MODEL
    if role is ModelRole.MODEL:
        return _local(name, entry.about, entry, observed)
    # What a peer has loaded it does not tell: its status here is always "unloaded".
    remote = f"peer {line(field_of(extras, 'peerID'), 60) or 'unnamed'}" if role is ModelRole.PEER else None
    return ModelSnapshot(
        name=name,
        role=role,
        about=entry.about,
        context=entry.context,
        takes_images=entry.takes_images,
        remote=remote,
        targets=_targets(role, extras),
    )


def _targets(role: ModelRole, extras: object) -> tuple[str, ...] | None:
    match role:
        case ModelRole.ALIAS:
            return names([field_of(extras, "modelID")]) or None
        case ModelRole.SELECTOR:
            return names(field_of(extras, "targets")) or None
        case ModelRole.PROFILE:
            return None
        case _:
            return ()


def _local(name: str, about: str, entry: OpenAiModel | None, observed: Observed) -> ModelSnapshot:
    """A model with a process of its own; ``entry`` is None where it is not listed."""
    process = observed.processes.get(name) if observed.processes is not None else None
    if process is not None:
        state = process.state
    else:
        # "loaded" in the list also means starting and stopping, so of the two words only "unloaded" tells a state.
        unloaded = entry is not None and field_of(entry.status, "value") == "unloaded"
        state = ModelState.IDLE if observed.processes is not None or unloaded else ModelState.UNKNOWN
    return ModelSnapshot(
        name=name,
        state=state,
        reason=observed.failures.get(name, "") if state is ModelState.IDLE else "",
        about=about,
        ttl=(process.ttl or None) if process is not None else None,
        until=_until(name, process, observed) if process is not None else None,
        context=entry.context if entry is not None else None,
        takes_images=entry.takes_images if entry is not None else None,
        port=process.port if process is not None else None,
        command=process.command if process is not None else (),
    )


def _until(name: str, process: Process, observed: Observed) -> float | None:
    """An estimate: llama-swap counts from the end of a model's last request, and tells neither that nor the rest."""
    if process.state is not ModelState.READY or process.ttl is None:
        return None
    if process.ttl == 0:
        return math.inf
    ended = observed.last_ends.get(name)
    return None if ended is None or name in observed.busy else ended + process.ttl


def _add_unlisted(rows: dict[str, ModelSnapshot], observed: Observed) -> None:
    led_to = {target for row in rows.values() for target in row.targets or ()}
    if observed.profile is not None:
        led_to.update(observed.profile.pins.values())
    for name, process in (observed.processes or {}).items():
        idle = process.state is ModelState.IDLE
        if name not in rows and (not idle or name in led_to or name in observed.failures):
            rows[name] = _local(name, process.about, None, observed)


def _as_its_targets(row: ModelSnapshot, known: Mapping[str, ModelSnapshot]) -> ModelSnapshot:
    """A name that leads to others: as warm as the warmest of them, and remote where one of them is."""
    found = [_behind(target, known) for target in row.targets or ()]
    first = found[0] if found else None
    return replace(
        row,
        state=_warmest(found),
        remote=next((target.remote for target in found if target is not None and target.remote), None),
        about=row.about or (first.about if first is not None and row.role is ModelRole.ALIAS else ""),
        context=row.context or _smallest_context(found),
        takes_images=all_take_images(target.takes_images if target is not None else None for target in found),
    )


def _behind(name: str, known: Mapping[str, ModelSnapshot]) -> ModelSnapshot | None:
    """The row that a target means: the model itself where it is named by an alias."""
    row = known.get(name)
    if row is not None and row.role is ModelRole.ALIAS and row.targets:
        return known.get(row.targets[0], row)
    return row


def _warmest(found: Iterable[ModelSnapshot | None]) -> ModelState:
    states = {row.state if row is not None else ModelState.UNKNOWN for row in found}
    return next((state for state in STATES_BY_WARMTH if state in states), ModelState.UNKNOWN)


def _smallest_context(found: Iterable[ModelSnapshot | None]) -> int | None:
    contexts = [row.context if row is not None else None for row in found]
    known = [context for context in contexts if context is not None]
    return min(known) if known and len(known) == len(contexts) else None


def _pinned(name: str, target: str, known: Mapping[str, ModelSnapshot], profile: Profile) -> ModelSnapshot:
    shown = printable(profile.name, 40)
    if not target:
        return ModelSnapshot(name=name, role=ModelRole.PROFILE, reason=f"profile {shown} answers 404 for it")
    row = ModelSnapshot(name=name, role=ModelRole.PROFILE, targets=(target,), about=f"profile {shown}")
    return _as_its_targets(row, known)
