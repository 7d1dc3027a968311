"""Whether a model fits: what it took last time, beside what is free and what would make room for it."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fleet.watching import demo_config, watching
from tests.ledger.earlier import answered
from tui.control.fitting import (
    MemoryBook,
    Split,
    SplitCost,
    Taken,
    Verdict,
    gpu_memory,
    keep_book,
    split_cost,
    split_words,
    will_it_fit,
)
from tui.demo.fleet import DemoFleet
from tui.fleet.gpu_snapshot import GpuSnapshot
from tui.fleet.snapshot import (
    FleetSnapshot,
    MachineSnapshot,
    MachineState,
    ModelRole,
    ModelSnapshot,
    ModelState,
    ServiceSnapshot,
)
from tui.ledger.store import Ledger

GIB = 1024**3
READY, IDLE = ModelState.READY, ModelState.IDLE


def fleet(
    *models: ModelSnapshot, kind: str = "llama-swap", free: int | None = 6 * GIB, at: float = 0.0
) -> FleetSnapshot:
    used = None if free is None else 24 * GIB - free
    gpus = (GpuSnapshot(index=0, total=24 * GIB, used=used),)
    koala = MachineSnapshot(name="koala", state=MachineState.UP, reason="", gpus=gpus)
    service = ServiceSnapshot(name="s", kind=kind, url="", machine="koala", models=models)
    return FleetSnapshot(at=at, machines=(koala,), services=(service,))


def idle(name: str = "m") -> ModelSnapshot:
    return ModelSnapshot(name=name, state=IDLE)


def loaded(name: str, vram: int | None, size: int | None = None) -> ModelSnapshot:
    return ModelSnapshot(name=name, state=READY, vram=vram, size=size)


def took(size: int) -> dict[str, Taken]:
    return {"s/m": Taken(0.0, size, size)}


@pytest.mark.parametrize(
    ("seen", "size", "verdict", "words"),
    [
        (fleet(idle()), 5 * GIB, Verdict.FITS, "it took 5.0 GiB last time, and 6.0 GiB are free"),
        (
            fleet(idle(), loaded("o", 9 * GIB)),
            14 * GIB,
            Verdict.FITS_ALONE,
            "it took 14.0 GiB last time, and 6.0 GiB are free, 15.0 GiB without s/o",
        ),
        (
            fleet(idle(), loaded("o", 9 * GIB)),
            17 * GIB,
            Verdict.TOO_LARGE,
            "it took 17.0 GiB last time, and 6.0 GiB are free, 15.0 GiB without s/o: 2.0 GiB too little",
        ),
        (
            fleet(idle(), kind="ollama"),
            7 * GIB,
            Verdict.TOO_LARGE,
            "it took 7.0 GiB last time, and 6.0 GiB are free: 1.0 GiB too little, which would run on the CPU, slowly",
        ),
        (
            fleet(idle(), free=None),
            7 * GIB,
            Verdict.UNKNOWN,
            "it took 7.0 GiB last time; what is free is not known: koala cannot be looked at from inside",
        ),
    ],
)
def test_the_verdict_and_its_figures(seen: FleetSnapshot, size: int, verdict: Verdict, words: str) -> None:
    fit = will_it_fit(seen, "s/m", took(size))
    assert (fit.verdict, fit.words, fit.needed) == (verdict, words, size)


def test_ollama_unloads_nothing_for_what_fits_and_llama_swap_may() -> None:
    beside = (idle(), loaded("o", GIB))
    assert will_it_fit(fleet(*beside, kind="ollama"), "s/m", took(GIB)).evicted == ()
    assert will_it_fit(fleet(*beside), "s/m", took(GIB)).evicted == ("s/o",)


def test_what_was_never_seen_loaded_is_not_guessed() -> None:
    fit = will_it_fit(fleet(idle()), "s/m", {})
    assert (fit.verdict, fit.needed, fit.free) == (Verdict.UNKNOWN, None, 6 * GIB)
    assert will_it_fit(fleet(idle()), "s/nothing", {}).verdict is Verdict.UNKNOWN
    assert will_it_fit(fleet(loaded("m", GIB)), "s/m", {}).verdict is Verdict.LOADED


def test_another_name_fits_as_the_model_that_it_means() -> None:
    alias = ModelSnapshot(name="gpt", role=ModelRole.ALIAS, targets=("m",), state=IDLE)
    assert will_it_fit(fleet(idle(), alias), "s/gpt", took(5 * GIB)).verdict is Verdict.FITS


def test_memory_of_several_gpus_counts_together_or_not_at_all() -> None:
    gpus = tuple(GpuSnapshot(index=at, total=10, used=used, reserved=1) for at, used in enumerate((2, 4)))
    assert gpu_memory(MachineSnapshot(name="k", gpus=gpus)) == (12, 20)
    assert gpu_memory(MachineSnapshot(name="k", gpus=(*gpus, GpuSnapshot(index=2, total=10)))) == (None, None)
    assert gpu_memory(MachineSnapshot(name="k")) == gpu_memory(MachineSnapshot(name="k", gpus=())) == (None, None)


sizes = st.integers(0, 40 * GIB)


@given(
    needed=sizes,
    free=st.integers(0, 24 * GIB),
    others=st.lists(sizes, max_size=4),
    kind=st.sampled_from(["llama-swap", "ollama"]),
)
def test_more_room_never_makes_a_model_fit_worse(needed: int, free: int, others: list[int], kind: str) -> None:
    order = [Verdict.TOO_LARGE, Verdict.FITS_ALONE, Verdict.FITS]
    beside = [loaded(f"o{at}", size) for at, size in enumerate(others)]
    here = will_it_fit(fleet(idle(), *beside, kind=kind, free=free), "s/m", took(needed)).verdict
    with_more = will_it_fit(fleet(idle(), *beside, kind=kind, free=free + GIB), "s/m", took(needed)).verdict
    assert order.index(with_more) >= order.index(here)
    assert (here is Verdict.FITS) is (needed <= free)
    assert (here is not Verdict.TOO_LARGE) is (needed <= free + sum(others) or needed <= free)


def test_the_book_remembers_between_runs_what_was_loaded(tmp_path: Path) -> None:
    file = tmp_path / "data" / "model-memory.json"
    book = MemoryBook(file)
    assert book.note(fleet(loaded("m", 17 * GIB), idle("n"), at=5.0))
    assert not book.note(fleet(loaded("m", 17 * GIB + 1000), at=6.0)), "a little more is no news"
    book.save()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert MemoryBook(file).taken == {"s/m": Taken(5.0, 17 * GIB, 17 * GIB)}
    assert book.note(fleet(loaded("m", 15 * GIB), at=7.0))


def test_two_programs_keep_one_book(tmp_path: Path) -> None:
    file = tmp_path / "book.json"
    ours, theirs = MemoryBook(file), MemoryBook(file)
    ours.note(fleet(loaded("m", 5 * GIB), loaded("a", GIB), at=1.0))
    theirs.note(fleet(loaded("m", 6 * GIB), loaded("b", GIB), at=2.0))
    theirs.save()
    ours.save()
    assert {name: taken.size for name, taken in MemoryBook(file).taken.items()} == {
        "s/m": 6 * GIB,
        "s/a": GIB,
        "s/b": GIB,
    }


@pytest.mark.parametrize("content", ["", "nonsense", "[]", '{"s/m": 5}', "\ud800"])
def test_a_book_that_makes_no_sense_is_begun_anew(tmp_path: Path, content: str) -> None:
    file = tmp_path / "book.json"
    file.write_bytes(content.encode("utf-8", "surrogatepass"))
    book = MemoryBook(file)
    assert book.taken == {}
    book.note(fleet(loaded("m", GIB)))
    book.save()
    assert "s/m" in MemoryBook(file).taken


def test_a_split_is_flagged_with_its_share() -> None:
    assert split_words(loaded("m", 6, 10)) == "40% on the CPU"
    assert split_words(loaded("m", 0, 10)) == "100% on the CPU"
    assert split_words(loaded("m", 10, 10)) == split_words(loaded("m", 10)) == split_words(idle()) == ""


def test_what_a_split_costs_is_known_once_both_speeds_were_measured(tmp_path: Path) -> None:
    book = MemoryBook(tmp_path / "book.json")
    book.note(fleet(loaded("m", 10 * GIB, 10 * GIB), kind="ollama", at=100.0))
    book.note(fleet(loaded("m", 6 * GIB, 10 * GIB), kind="ollama", at=200.0))
    taken = book.taken["s/m"]
    assert taken.splits == (Split(100.0, 1.0), Split(200.0, 0.6))
    with Ledger(tmp_path / "ledger.sqlite3") as ledger:
        for at, speed in ((50.0, 999.0), (150.0, 80.0), (160.0, 86.0), (250.0, 12.0)):
            answered(ledger, "s/m", at, speed)
        answered(ledger, "s/other", 260.0, 1.0)
        speeds = ledger.speeds("s/m")
    cost = split_cost(taken, speeds)
    assert cost == SplitCost(0.6, 12.0, 83.0)
    assert cost.words == "12 instead of 83 tokens/s: 40% on the CPU"
    assert split_cost(taken, [(250.0, 12.0)]) is None
    assert split_cost(taken, [(150.0, 80.0)]) is None
    assert split_cost(replace(taken, splits=taken.splits[:1]), speeds) is None


async def test_the_book_is_kept_while_a_fleet_is_watched(tmp_path: Path) -> None:
    book = MemoryBook(tmp_path / "book.json")
    failures: list[OSError] = []
    async with DemoFleet(speed=20, services=["ollama"]) as fleet, watching(demo_config(fleet)) as monitor:
        await fleet.ollama.load("llama3.2:latest")
        monitor.look_now("ollama")
        async for _ in keep_book(monitor, book, failures.append):
            break
    assert MemoryBook(tmp_path / "book.json").taken["ollama/llama3.2:latest"].size > GIB
    assert failures == []
