"""A GPU in one line: a bar of who holds how much of its memory, and how hard it works."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size

from tui.app.widgets.row_painter import Cell
from tui.fleet.gpu_snapshot import GpuHolder, GpuSnapshot, HolderKind
from tui.fleet.printable import printable
from tui.fleet.snapshot import Freshness, Seen
from tui.fleet.wording import NOT_KNOWN

NAME_WIDTH = 14
LEAST_BAR = 12
LEAST_LABEL = 4
"""Cells of a bar's part below which a name would be no more than a riddle."""


@dataclass(frozen=True, slots=True)
class GpuRow:
    """A GPU with the machine that it is in."""

    machine: str
    gpu: GpuSnapshot
    seen: Seen


def gpu_parts(row: GpuRow, width: int, now: float) -> tuple[Cell, ...]:
    """The line's parts, ``width`` cells together."""
    gpu = row.gpu
    name = f"  {short_name(gpu):<{NAME_WIDTH}} "
    if gpu.reason:
        return (Cell(name, "accent"), Cell(printable(gpu.reason, max(0, width - len(name))), "down"))
    work = _work(gpu, stale=row.seen.freshness(now) is not Freshness.FRESH)
    bar_width = width - len(name) - cell_len(work) - 2
    if bar_width < LEAST_BAR:
        work, bar_width = "", width - len(name)
    return (Cell(name, "accent"), *_bar(gpu, bar_width), Cell(f"  {work}" if work else "", "dim"))


def short_name(gpu: GpuSnapshot) -> str:
    """The name that people use: "RTX 4090" of "NVIDIA GeForce RTX 4090"."""
    name = gpu.name.removeprefix("NVIDIA ").removeprefix("GeForce ") or f"GPU {gpu.index}"
    return set_cell_size(printable(name), NAME_WIDTH).rstrip()


def _work(gpu: GpuSnapshot, *, stale: bool) -> str:
    parts = [
        f"{gpu.utilization_percent:3d}%" if gpu.utilization_percent is not None else f"   {NOT_KNOWN}",
        f"{gpu.temperature_c} °C" if gpu.temperature_c is not None else "",
        f"{gpu.power_w:.0f} W" if gpu.power_w is not None else "",
        f"▼ {', '.join(gpu.throttled)}" if gpu.throttled else "",
        "stale" if stale else "",
    ]
    return "  ".join(part for part in parts if part)


def _bar(gpu: GpuSnapshot, width: int) -> Iterator[Cell]:
    if gpu.total is None or gpu.used is None or gpu.total <= 0:
        yield Cell(set_cell_size(f"memory {NOT_KNOWN}", width), "dim")
        return
    holders = [holder for holder in gpu.holders if holder.bytes]
    if (rest := gpu.used - sum(holder.bytes or 0 for holder in holders)) > 0:
        holders.append(GpuHolder("in use", None, rest, HolderKind.UNATTRIBUTED))
    reserved = gpu.reserved or 0
    free = max(0, gpu.total - gpu.used - reserved)
    sizes = [*(holder.bytes or 0 for holder in holders), reserved, free]
    widths = share_out(sizes, width)
    for number, (holder, cells) in enumerate(zip(holders, widths, strict=False)):
        style = "reserved" if holder.kind is HolderKind.UNATTRIBUTED else ("held", "held-too")[number % 2]
        yield Cell(_label(holder, cells), style)
    yield Cell("▒" * widths[-2], "reserved")
    what = "shared RAM free" if gpu.unified else "free"
    yield Cell(_free_label(f"{what} {free / 1024**3:.1f} GiB", widths[-1]), "free")


def share_out(sizes: Sequence[int], width: int) -> list[int]:
    """``width`` cells in proportion to ``sizes``, every size that is there at all getting one where there is room.

    What rounding leaves goes to those that lost most by it, so that the parts always fill the width.
    """
    total = sum(sizes)
    if total <= 0 or width <= 0:
        return [0] * len(sizes)
    exact = [size * width / total for size in sizes]
    cells = [max(1 if size else 0, int(share)) for size, share in zip(sizes, exact, strict=True)]
    while sum(cells) > width and any(cells):
        largest = max(range(len(cells)), key=lambda at: cells[at])
        cells[largest] -= 1
    order = sorted(range(len(cells)), key=lambda at: exact[at] - cells[at], reverse=True)
    for at in order[: width - sum(cells)]:
        cells[at] += 1
    if (missing := width - sum(cells)) > 0:
        cells[max(range(len(cells)), key=lambda at: cells[at])] += missing
    return cells


def _label(holder: GpuHolder, width: int) -> str:
    if width < LEAST_LABEL:
        return "▌" * width
    size = f" {(holder.bytes or 0) / 1024**3:.1f}"
    name = printable(holder.who)
    inside = width - 1
    if cell_len(name) + len(size) > inside:
        name = name.rpartition("/")[2]
    text = name + size if cell_len(name) + len(size) <= inside else name
    if cell_len(text) > inside:
        text = set_cell_size(text, inside - 1) + "…"
    return "▌" + set_cell_size(text, inside)


def _free_label(text: str, width: int) -> str:
    return f"{'░' * (width - len(text) - 2)} {text} " if width >= len(text) + 4 else "░" * width
