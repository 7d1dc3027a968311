"""Whom to ask: found by a few letters, among ten thousand as among ten."""

from __future__ import annotations

import stat
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from tests.app.still_fleet import all_up
from tui.app.last_choice import choice_file, keep_choice, last_choice
from tui.app.widgets.choices import Choice, choice_rows, first_choice
from tui.app.widgets.finding import find
from tui.config.schema import CliSettings, Config, TaskSettings, TierSettings
from tui.fleet.snapshot import FleetSnapshot, ModelSnapshot, ModelState

CONFIG = Config(
    tiers={"haiku": TierSettings(name="haiku", fallback=("ollama/llama3.2:latest",))},
    tasks={"default": TaskSettings(name="default", models=("llama-swap/qwen3",))},
    clis={"gemini": CliSettings(name="gemini", kind="gemini", models=("gemini-3-pro",))},
)


def names(typed: str, snapshot: FleetSnapshot | None = None) -> list[str]:
    return [row.choice.name for row in find(choice_rows(CONFIG, snapshot or all_up()), typed)]


def test_tiers_and_tasks_come_first_then_what_is_loaded_then_the_rest() -> None:
    assert names("")[:3] == ["haiku", "default", "llama-swap/gemma"]
    assert "gemini/gemini-3-pro" in names("")
    assert not any(name.startswith(("qdrant/", "k3s/")) for name in names(""))


def test_the_nearest_comes_first() -> None:
    assert names("cod")[:2] == ["llama-swap/code", "llama-swap/coder"]
    assert names("ollama mix")[0] == "ollama/mixtral:8x7b"
    assert names("lsq3")[0] == "llama-swap/qwen3", "letters in their order are enough"
    assert names("WRITES")[0] == "llama-swap/coder", "what a model is for is looked through, too"
    assert names("zzz") == []


def test_letters_that_mean_something_to_a_pattern_are_letters() -> None:
    assert names("3.2:l")[0] == "ollama/llama3.2:latest"
    assert names(".*") == []
    assert names("[") == []


def test_ten_thousand_models_are_looked_through_while_a_key_is_let_go() -> None:
    service = replace(
        all_up().services[1],
        models=tuple(
            ModelSnapshot(name=f"model-{number:05d}:{number % 70}b-instruct-q4_K_M", state=ModelState.IDLE)
            for number in range(10_000)
        ),
    )
    rows = choice_rows(CONFIG, FleetSnapshot(at=0.0, services=(service,)))
    for typed in ("m", "model-09", "zq", "77binstr", "a" * 60, "o l l a m a"):
        # The best of three: a sweep of the garbage collector through a whole test run's objects is none of its doing.
        assert min(_seconds(lambda typed=typed: find(rows, typed)) for _ in range(3)) < 0.1, typed


def _seconds(act: Callable[[], object]) -> float:
    began = time.process_time()
    act()
    return time.process_time() - began


def test_the_first_choice_is_the_default_task_else_a_model() -> None:
    assert first_choice(CONFIG, None) == Choice("task", "default")
    assert first_choice(replace(CONFIG, tasks={}, tiers={}), all_up()) == Choice("model", "llama-swap/gemma")
    assert first_choice(Config(), None) is None


def test_the_last_choice_is_kept_for_this_person_alone(tmp_path: Path) -> None:
    assert last_choice() is None
    keep_choice(Choice("model", "ollama/[/red]x"))
    assert last_choice() == Choice("model", "ollama/[/red]x")
    assert stat.S_IMODE(choice_file().stat().st_mode) == 0o600
    choice_file().write_text("{broken")
    assert last_choice() is None
