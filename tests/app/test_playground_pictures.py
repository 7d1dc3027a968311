"""What the playground looks like. How these pictures are renewed stands in ``test_pictures``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest
from textual.pilot import Pilot

from tests.app.still_fleet import StillApp, all_up
from tests.app.test_pictures import SIZES, Compare
from tests.waiting import until
from tui.app.screens.playground import PlaygroundScreen
from tui.app.widgets.choices import Choice
from tui.app.widgets.prompt_editor import PromptEditor
from tui.chat.reply import (
    Failed,
    FailureKind,
    FellBack,
    Finished,
    Loading,
    Reasoning,
    ReplyEvent,
    Started,
    Text,
    Timings,
    Usage,
)
from tui.fleet.snapshot import FleetSnapshot
from tui.ledger.usage import Usage as NoUsage
from tui.routing.decide import Decision
from tui.routing.guard import Findings
from tui.routing.locality import Where
from tui.routing.modes import Modes
from tui.routing.plan import Candidate, Plan
from tui.routing.policy import Request

QUESTION = "How does a write-ahead log make a commit durable?\nOne paragraph, then an example."
QWEN = Candidate("llama-swap/qwen3", Where.LOCAL, "ready", "for default")
GPT = Candidate("litellm/gpt-5.2", Where.CLOUD, "up", "for default")
THOUGHTS = (
    "The person wants the idea first. A log that is written before the pages are is all that a commit has to wait for. "
    "Let me check the order of fsync and reply. Then a small example in SQL."
)
ANSWER = """\
A commit is durable once its **log record** is on disk; the pages themselves may follow *later*. After a crash the log \
is read from the last checkpoint on, and what it holds is done again.

## In order

1. The change is written to the log, with its number (`LSN`).
2. `fsync` returns: from here on the commit may be told.
   - Pages stay in memory, marked as dirty.
   - [ ] A checkpoint writes them one day.
3. The reader sees the new row.

> Without the log every commit would wait for as many pages as it has touched.

```sql
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;  -- one fsync for each checkpoint
```

| mode | waits for | after a power cut |
|------|-----------|-------------------|
| FULL | each commit | nothing is lost |
| NORMAL | checkpoints | the last commits may be |

See [the manual](https://sqlite.org/wal.html).
"""
CODE = """\
```python
class Song:  # what whales sing
    def __init__(self, notes: list[str]) -> None:
        self.notes = notes or ["low", 'high']
        self.seconds = 0x10 + 2.5e3

@lru_cache
def long_one(song: Song) -> bool:
    return len(song.notes) > 1_000 and None is not song
```

```diff
--- a/song
+++ b/song
-low
+high
```

| song | seconds | where |
|:-----|--------:|:-----:|
| the first | 12 | off the coast of Iceland |
| **another** | 1 300 | `here` |
"""
SERVED = Finished(
    model="llama-swap/qwen3",
    where="local",
    reason="stop",
    served_by="qwen3",
    usage=Usage(31, 412),
    timings=Timings(None, 0.412, 5.31, 83.2),
)


@dataclass
class Watch:
    """A clock that a picture sets."""

    now: float = 100.0

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True)
class Scene:
    """What has come of a reply, each event with the seconds after the one before, and the keys pressed then."""

    events: tuple[tuple[float, ReplyEvent], ...] = ()
    candidates: tuple[Candidate, ...] = (QWEN,)
    keys: tuple[str, ...] = ()


SCENES = {
    "idle": Scene(),
    "loading": Scene(((0, Started(QWEN)), (3, Loading("qwen3 is being loaded")))),
    "reasoning": Scene(((0, Started(QWEN)), (0.4, Reasoning(THOUGHTS[:150])), (1.6, Reasoning(THOUGHTS[150:])))),
    "streaming": Scene(
        ((0, Started(QWEN)), (0.4, Reasoning(THOUGHTS)), (2.1, Text(ANSWER[:300])), (1.4, Text(ANSWER[300:640])))
    ),
    "finished": Scene(
        ((0, Started(QWEN)), (0.4, Reasoning(THOUGHTS)), (2.1, Text(ANSWER)), (2.8, SERVED)), keys=("escape", "c")
    ),
    "code": Scene(((0, Started(QWEN)), (2.1, Text(CODE)), (2.8, SERVED)), keys=("escape",)),
    "failed": Scene(
        (
            (0, Started(QWEN)),
            (0.2, FellBack("llama-swap/qwen3", "litellm/gpt-5.2", "llama-swap answered 500: out of memory")),
            (0, Started(GPT)),
            (
                0.9,
                Failed(
                    error="litellm takes no more requests now (429)", kind=FailureKind.RATE_LIMITED, model=GPT.model
                ),
            ),
        ),
        candidates=(QWEN, GPT),
    ),
}


def shows(scene: Scene) -> Callable[[Pilot[object]], Awaitable[None]]:
    async def play(pilot: Pilot[object]) -> None:
        await pilot.press("3")
        await pilot.pause()
        screen = pilot.app.screen
        assert isinstance(screen, PlaygroundScreen)
        screen.query_one(PromptEditor).cursor_blink = False
        screen.choice = Choice("model", "llama-swap/qwen3")
        pane, watch = screen.pane, Watch()
        pane.clock = watch
        if scene.events:
            plan = Plan(candidates=scene.candidates)
            pane.begin(QUESTION, decision(plan), Request(task="default"))
        for seconds, event in scene.events:
            watch.now += seconds
            pane.take([event])
        await pilot.press(*scene.keys)
        await until(lambda: not pane.view.colouring, "the code has its colours")
        await pilot.pause()

    return play


def decision(plan: Plan) -> Decision:
    return Decision(plan, FleetSnapshot(at=0.0), Modes(), NoUsage(), Findings())


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("name", ["idle", "streaming", "reasoning", "failed"])
def test_playground(snap_compare: Compare, name: str, size: tuple[int, int]) -> None:
    assert snap_compare(StillApp(all_up()), terminal_size=size, run_before=shows(SCENES[name]))


@pytest.mark.parametrize("name", ["loading", "finished", "code"])
def test_more_of_the_playground(snap_compare: Compare, name: str) -> None:
    assert snap_compare(StillApp(all_up()), terminal_size=(120, 40), run_before=shows(SCENES[name]))


@pytest.mark.parametrize("theme", ["fleet-light", "terminal"])
def test_theme(snap_compare: Compare, theme: str) -> None:
    app = StillApp(all_up(), theme=theme)
    assert snap_compare(app, terminal_size=(120, 40), run_before=shows(SCENES["finished"]))


def test_finder(snap_compare: Compare) -> None:
    async def find(pilot: Pilot[object]) -> None:
        await pilot.press("3", "ctrl+o")
        await pilot.pause()
        pilot.app.screen.query_one("#find").cursor_blink = False  # type: ignore[attr-defined]
        await pilot.press("g", "e", "m")
        await pilot.pause()

    assert snap_compare(StillApp(all_up()), terminal_size=(120, 40), run_before=find)


def test_settings(snap_compare: Compare) -> None:
    async def open_settings(pilot: Pilot[object]) -> None:
        await pilot.press("3", "ctrl+s", "tab")
        await pilot.pause()
        for field in pilot.app.screen.query("Input, TextArea"):
            field.cursor_blink = False  # type: ignore[attr-defined]
        await pilot.press("tab", "tab")
        await pilot.pause()

    assert snap_compare(StillApp(all_up()), terminal_size=(80, 24), run_before=open_settings)
