"""What a race looks like. How these pictures are renewed stands in ``test_pictures``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from textual.pilot import Pilot

from tests.app.still_fleet import GIB, StillApp, all_up
from tests.app.test_pictures import SIZES, Compare
from tests.app.test_playground_pictures import ANSWER, THOUGHTS, Watch, decision
from tui.app.opening_race import open_race
from tui.app.racing import RaceAsking, RaceRules
from tui.app.screens.race import RaceScreen
from tui.app.widgets.choices import Choice
from tui.app.widgets.prompt_editor import PromptEditor
from tui.app.widgets.race_results import Page
from tui.chat.attachments import WrittenPrompt
from tui.chat.consensus import Consensus, Group
from tui.chat.race import Lane
from tui.chat.reply import Failed, FailureKind, Finished, Loading, Reasoning, ReplyEvent, Started, Text, Timings, Usage
from tui.ledger.votes import Standing
from tui.routing.locality import Where
from tui.routing.plan import Candidate, Plan

QUESTION = "How does a write-ahead log make a commit durable?"
MODELS = (
    "llama-swap/qwen3",
    "llama-swap/gemma",
    "litellm/gpt-5.2",
    "ollama/llama3.2:latest",
    "ollama/mixtral:8x7b",
    "openai/gpt-5.2-mini",
)
RULES = RaceRules(choices=tuple(Choice("model", model) for model in MODELS), task="reasoning")
FIGURES = {
    MODELS[0]: (Timings(None, 0.412, 5.31, 83.2), 0.0, int(17.8 * GIB), int(17.8 * GIB)),
    MODELS[1]: (Timings(4.2, 4.5, 7.9, 141.0), 0.0, 6 * GIB, 0),
    MODELS[2]: (Timings(None, 0.71, 3.8, 96.0), 0.0042, None, None),
    MODELS[3]: (Timings(0.02, 0.19, 2.6, 131.0), 0.0, 5 * GIB, 5 * GIB),
    MODELS[4]: (Timings(0.1, 2.9, 31.4, 14.2), 0.0, 16 * GIB, 16 * GIB),
}
"""What each measured, and what it held of a GPU; the last of them fails."""


def begin(name: str, *, told: int) -> tuple[ReplyEvent, ...]:
    """The first events of a lane's answer."""
    where = Where.LOCAL if name in MODELS[:2] + MODELS[3:5] else Where.CLOUD
    return (Started(Candidate(name, where, "up", "asked for by name")), Text(ANSWER[:told]))


def streaming(lane: Lane) -> tuple[ReplyEvent, ...]:
    place = MODELS.index(lane.name)
    started, _ = begin(lane.name, told=0)
    match place:
        case 1:
            return (started, Loading("gemma is being loaded"))
        case 4:
            return (started, Reasoning(THOUGHTS[:150]))
        case 5:
            return (started, Failed(error="openai refused the key (401)", kind=FailureKind.NOT_LOGGED_IN))
        case _:
            return begin(lane.name, told=200 + 90 * place)


def finished(lane: Lane) -> tuple[ReplyEvent, ...]:
    if lane.name not in FIGURES:
        return streaming(lane)
    timings, cost, _, _ = FIGURES[lane.name]
    end = Finished(
        model=lane.name,
        where=str(lane.where),
        reason="stop",
        served_by=lane.name.partition("/")[2],
        usage=Usage(31, 412),
        cost=cost,
        timings=timings,
    )
    return (*begin(lane.name, told=700), end)


def shows(
    events_of: Callable[[Lane], tuple[ReplyEvent, ...]], page: Page = Page.NONE
) -> Callable[[Pilot[object]], Awaitable[None]]:
    async def play(pilot: Pilot[object]) -> None:
        await pilot.press("3")
        await pilot.pause()
        await open_race(pilot.app, None, WrittenPrompt(""), RULES)
        await pilot.pause()
        race = pilot.app.screen
        assert isinstance(race, RaceScreen)
        race.query_one(PromptEditor).cursor_blink = False
        watch = Watch()
        made = RaceAsking.of(1, WrittenPrompt(QUESTION), RULES)
        asking = replace(made, lanes=tuple(Lane(lane.request, clock=watch) for lane in made.lanes))
        race._lanes.asking = asking
        for widget, lane in zip(race.lanes, asking.lanes, strict=True):
            widget.take_lane(lane)
        race.results.begin(asking)
        for widget in race.lanes:
            lane = widget.lane
            widget.pane.clock = watch
            lane.plan(decision(Plan(candidates=(begin(lane.name, told=0)[0].candidate,))))  # type: ignore[attr-defined]
        race._lanes.begin(asking)
        race._asked.show_asking(asking, busy=page is Page.NONE)
        race._lanes.go(0)
        for widget in race.lanes:
            events = events_of(widget.lane)
            for event in events:
                watch.now += 0.4
                widget.lane.take(event)
                widget.take([event])
            _, _, widget.lane.memory, widget.lane.memory_before = FIGURES.get(
                widget.lane.name, (None, None, None, None)
            )
            widget.show_figures()
        if page is not Page.NONE:
            show_results(race, page)
        # The panel's clock does this each second; a slow machine is to draw the same picture.
        race.show_state(pilot.app.state)  # type: ignore[attr-defined]
        race.refresh_bindings()
        await pilot.pause()

    return play


def show_results(race: RaceScreen, page: Page) -> None:
    results = race.results
    groups = (
        Group((MODELS[1], MODELS[0], MODELS[3]), ANSWER[:160]),
        Group((MODELS[2],), "Because the log is written first, and the pages whenever there is time for them."),
        Group((MODELS[4],), "It is not: only a checkpoint makes it so."),
    )
    results.standings = [
        Standing(task="reasoning", model=MODELS[0], wins=7, races=9, tokens_per_second=82.0, first_token_s=0.43),
        Standing(task="reasoning", model=MODELS[2], wins=2, races=8, tokens_per_second=97.5, first_token_s=0.8),
        Standing(task="reasoning", model=MODELS[4], wins=0, races=1, tokens_per_second=None, first_token_s=None),
    ]
    results.rules = replace(RULES, judge="litellm/gpt-5.2", threshold=0.5)
    results.better = MODELS[0]
    if page is Page.AGREEMENT:
        results.found = Consensus(groups=groups, asked=6, threshold=0.5)
    results.page = page


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize(
    ("events_of", "page"),
    [(streaming, Page.NONE), (finished, Page.CHART), (finished, Page.AGREEMENT)],
    ids=["streaming", "finished", "consensus"],
)
def test_race(
    snap_compare: Compare,
    events_of: Callable[[Lane], tuple[ReplyEvent, ...]],
    page: Page,
    size: tuple[int, int],
) -> None:
    assert snap_compare(StillApp(all_up()), terminal_size=size, run_before=shows(events_of, page))


def test_standings_in_the_light(snap_compare: Compare) -> None:
    app = StillApp(all_up(), theme="fleet-light")
    assert snap_compare(app, terminal_size=(120, 40), run_before=shows(finished, Page.STANDINGS))
