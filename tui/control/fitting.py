"""Whether a model will fit into the memory of its machine's GPUs, going by what it took when it was last loaded."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from tui.config.paths import data_home
from tui.control.own_records import read_record, write_record
from tui.fleet.monitor import Monitor
from tui.fleet.printable import printable
from tui.fleet.snapshot import (
    FleetSnapshot,
    MachineSnapshot,
    ModelRole,
    ModelSnapshot,
    ModelState,
    ServiceSnapshot,
)
from tui.fleet.wording import size_words

NEWS = 64 * 1024**2
"""Bytes by which what a model takes has to differ to be written down anew: caches grow a little all the time."""
SHARE_NEWS = 0.02
MOST_SPLITS = 20
WHOLE = 0.995
"""The part of a model on GPUs from which on it counts as all of it: servers round."""


@dataclass(frozen=True, slots=True)
class Split:
    """The part of a model that has been on GPUs since a time."""

    since: float
    gpu_share: float


@dataclass(frozen=True, slots=True)
class Taken:
    """What a model took when it was last seen loaded. Sizes are bytes."""

    at: float
    size: int
    """Wherever it was."""
    vram: int
    splits: tuple[Split, ...] = ()
    """The latest last; only of servers that can leave a part of a model to the processor."""


class Verdict(StrEnum):
    """Whether a model fits."""

    LOADED = "loaded"
    FITS = "fits"
    FITS_ALONE = "fits alone"
    """Once its service has unloaded others."""
    TOO_LARGE = "too large"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Fit:
    """Whether a model fits, and a sentence for a person. Sizes are bytes; None: not known."""

    verdict: Verdict
    words: str
    needed: int | None = None
    free: int | None = None
    evicted: tuple[str, ...] = ()
    """The ids of models that its service would unload, or may."""


@dataclass(frozen=True, slots=True)
class SplitCost:
    """What it costs that a part of a model is on the processor, in tokens per second, each the median of what was
    measured."""

    gpu_share: float
    split: float
    whole: float

    @property
    def words(self) -> str:
        return f"{self.split:.0f} instead of {self.whole:.0f} tokens/s: {1 - self.gpu_share:.0%} on the CPU"


def gpu_memory(machine: MachineSnapshot) -> tuple[int | None, int | None]:
    """Bytes that are free on all of a machine's GPUs together, and that they have; None where a part is not known."""
    gpus = machine.gpus or ()
    free, total = [gpu.free for gpu in gpus], [gpu.total for gpu in gpus]
    if not gpus or None in free or None in total:
        return None, None
    return sum(size or 0 for size in free), sum(size or 0 for size in total)


def will_it_fit(snapshot: FleetSnapshot, model_id: str, book: Mapping[str, Taken]) -> Fit:
    """Compares what a model took last time with what is free now, and with what its service would unload for it."""
    found = snapshot.find_model(model_id)
    if found is None:
        return Fit(Verdict.UNKNOWN, f"{printable(model_id, 60)} is not known")
    service, model = found
    if model.role is ModelRole.ALIAS and model.targets:
        model = service.model(model.targets[0]) or model
    if model.state is ModelState.READY:
        return Fit(Verdict.LOADED, "it is loaded")
    taken = book.get(service.model_id(model))
    free, reason = _free_on(snapshot, service)
    if taken is None:
        return Fit(Verdict.UNKNOWN, "what it takes is known once it has been loaded under our eyes", free=free)
    needed = taken.size
    if free is None:
        words = f"it took {size_words(needed)} last time; what is free is not known: {reason}"
        return Fit(Verdict.UNKNOWN, words, needed)
    others = [other for other in service.models if other.loaded and other.name != model.name and other.vram]
    # Ollama makes room where there is too little; llama-swap unloads what is not in the new model's group at once.
    others = others if needed > free or service.kind == "llama-swap" else []
    return _judged(service, others, needed, free)


def _judged(service: ServiceSnapshot, others: Sequence[ModelSnapshot], needed: int, free: int) -> Fit:
    evicted = tuple(service.model_id(other) for other in others)
    room = free + sum(other.vram or 0 for other in others)
    words = f"it took {size_words(needed)} last time, and {size_words(free)} are free"
    if needed <= free:
        return Fit(Verdict.FITS, words, needed, free, evicted)
    if evicted:
        words += f", {size_words(room)} without {printable(', '.join(evicted), 120)}"
    if needed <= room:
        return Fit(Verdict.FITS_ALONE, words, needed, free, evicted)
    words += f": {size_words(needed - room)} too little"
    if service.kind == "ollama":
        words += ", which would run on the CPU, slowly"
    return Fit(Verdict.TOO_LARGE, words, needed, free, evicted)


def _free_on(snapshot: FleetSnapshot, service: ServiceSnapshot) -> tuple[int | None, str]:
    machine = snapshot.machine(service.machine) if service.machine is not None else None
    if machine is None:
        return None, f"{service.name} runs on no machine of yours"
    free, _ = gpu_memory(machine)
    return free, machine.gpu_reason or machine.reason or f"{machine.name} cannot be looked at from inside"


def split_words(model: ModelSnapshot) -> str:
    """A flag for a loaded model of which a part is on the processor; empty where none is, or it is not known."""
    share = model.gpu_share
    return f"{1 - share:.0%} on the CPU" if model.loaded and share is not None and share < WHOLE else ""


def split_cost(taken: Taken, speeds: Iterable[tuple[float, float]]) -> SplitCost | None:
    """What the split of a model costs; None where it has none now, or one of the two speeds was never measured.

    ``speeds``: when an answer of the model ended, and its tokens per second.
    """
    if not taken.splits or taken.splits[-1].gpu_share >= WHOLE:
        return None
    now = taken.splits[-1].gpu_share
    split: list[float] = []
    whole: list[float] = []
    for at, tokens_per_second in speeds:
        share = next((one.gpu_share for one in reversed(taken.splits) if one.since <= at), None)
        if share is not None and share >= WHOLE:
            whole.append(tokens_per_second)
        elif share is not None and abs(share - now) <= SHARE_NEWS:
            split.append(tokens_per_second)
    return SplitCost(now, statistics.median(split), statistics.median(whole)) if split and whole else None


class MemoryBook:
    """What each model took when it was last loaded, kept between runs and shared by all of them."""

    def __init__(self, file: Path | None = None) -> None:
        """Reads the book at ``file`` (None: the person's).

        Raises:
            OSError: it is there and cannot be read.
        """
        self._file = file or data_home() / "model-memory.json"
        self._taken = self._read()

    @property
    def taken(self) -> Mapping[str, Taken]:
        """By model id."""
        return self._taken

    def note(self, snapshot: FleetSnapshot) -> bool:
        """Takes in what is loaded now. True where that is worth saving."""
        news = False
        for service, model in snapshot.models():
            if (
                model.role is not ModelRole.MODEL
                or model.state is not ModelState.READY
                or not (model.size or model.vram)
            ):
                continue
            model_id = service.model_id(model)
            before = self._taken.get(model_id)
            now = _taken_now(model, before, snapshot.at)
            if before is None or _differs(before, now):
                self._taken[model_id] = now
                news = True
        return news

    def save(self) -> None:
        """Writes the book, with what others have noted meanwhile. Waits for the disk.

        Raises:
            OSError: it cannot be written.
        """
        for model_id, theirs in self._read().items():
            ours = self._taken.get(model_id)
            if ours is None or theirs.at > ours.at:
                self._taken[model_id] = theirs
        write_record(self._file, self._taken)

    def _read(self) -> dict[str, Taken]:
        return read_record(self._file, dict[str, Taken]) or {}


def _taken_now(model: ModelSnapshot, before: Taken | None, at: float) -> Taken:
    vram = model.vram or 0
    splits = before.splits if before is not None else ()
    share = model.gpu_share
    if share is not None and (not splits or abs(splits[-1].gpu_share - share) > SHARE_NEWS):
        splits = (*splits, Split(at, share))[-MOST_SPLITS:]
    return Taken(at, model.size or vram, vram, splits)


def _differs(before: Taken, now: Taken) -> bool:
    return abs(before.size - now.size) > NEWS or abs(before.vram - now.vram) > NEWS or before.splits != now.splits


async def keep_book(monitor: Monitor, book: MemoryBook, failed: Callable[[OSError], None]) -> AsyncIterator[None]:
    """Notes what models take for as long as ``monitor`` runs, and yields whenever there is news.

    ``failed`` is told when the book cannot be written.
    """
    async for snapshot in monitor.subscribe():
        if book.note(snapshot):
            try:
                await asyncio.to_thread(book.save)
            except OSError as error:
                failed(error)
            yield
