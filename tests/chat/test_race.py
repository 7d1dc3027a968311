"""Several models at once: each by its own plan, all of them together, and none left running."""

from __future__ import annotations

import asyncio

import pytest

from tests.chat.asking import remembered
from tests.chat.scripted import Scripted
from tests.waiting import until
from tui.chat.drill import Stage
from tui.chat.prompt import Prompt
from tui.chat.race import Lane, lanes_for, race
from tui.chat.race_figures import RaceFigure, ordered, value_of
from tui.chat.reply import Failed, FailureKind, Finished, ReplyEvent, Text, Timings, Usage
from tui.chat.sending import Sender
from tui.config.load import parse_config
from tui.config.schema import Config
from tui.demo.fleet import DemoFleet
from tui.demo.models import answer_to
from tui.demo.request_log import RequestRecord
from tui.fleet.monitor import running_monitor
from tui.routing.modes import Mode, Modes
from tui.routing.policy import Request

ENDLESS = "write 900000 tokens"
CHAT_PATHS = ("/v1/chat/completions", "/api/chat")


def configured(fleet: DemoFleet, more: str = "") -> Config:
    return parse_config(fleet.config_toml() + more, fleet.folder / "config.toml")


async def raced(config: Config, *models: str, said: str = "hi", modes: Modes | None = None) -> dict[str, Lane]:
    lanes = lanes_for(models, Request(model=""))
    async with Sender(config, "cli") as sender:
        await race(lanes, Prompt.of(said), said, sender, config, modes or Modes(), timeout=20.0)
    return {lane.model: lane for lane in lanes}


def prompts(fleet: DemoFleet) -> list[RequestRecord]:
    """All that the fleet's servers were asked to answer, as it stands now."""
    return [record for server in fleet.servers.values() for record in server.requests if record.path in CHAT_PATHS]


async def test_everybody_answers_and_is_remembered(fleet: DemoFleet) -> None:
    models = ("litellm/gpt-5.2", "llama-swap/gemma", "ollama/llama3.2:latest")
    lanes = await raced(configured(fleet), *models)
    for lane in lanes.values():
        assert lane.stage is Stage.ANSWERED
        assert lane.text == "".join(answer_to("hi").text)
        assert lane.finished is not None
        assert lane.finished.timings.total is not None
    assert sorted(row["asked_name"] for row in remembered(fleet)) == sorted(models)
    assert {row["outcome"] for row in remembered(fleet)} == {"finished"}


async def test_all_are_asked_before_the_first_has_answered(fleet: DemoFleet) -> None:
    async with Scripted({"a": "A", "b": "B", "c": "C"}, together=3).running() as server:
        lanes = await raced(configured(fleet, server.config_toml()), "one/a", "one/b", "one/c")
    assert [lane.text for lane in lanes.values()] == ["A", "B", "C"]


async def test_what_is_told_of_a_lane_is_its_own_events_in_order(fleet: DemoFleet) -> None:
    told: list[tuple[str, ReplyEvent]] = []
    config = configured(fleet)
    lanes = lanes_for(("llama-swap/gemma", "ollama/llama3.2:latest"), Request(model=""))

    def note(lane: Lane, event: ReplyEvent) -> None:
        told.append((lane.model, event))

    async with Sender(config, "cli") as sender:
        await race(lanes, Prompt.of("hi"), "hi", sender, config, Modes(), told=note)
    for lane in lanes:
        events = [event for model, event in told if model == lane.model]
        assert "".join(event.text for event in events if isinstance(event, Text)) == lane.text
        assert [event for event in events if isinstance(event, Finished | Failed)] == [events[-1]]


async def test_private_mode_holds_for_each_and_sends_nothing_away(fleet: DemoFleet) -> None:
    modes = Modes(private=Mode(enabled=True))
    lanes = await raced(configured(fleet), "litellm/gpt-5.2", "llama-swap/gemma", modes=modes)
    away = lanes["litellm/gpt-5.2"]
    assert (away.stage, away.where) == (Stage.SKIPPED, "cloud")
    assert "private mode is on" in away.words
    assert lanes["llama-swap/gemma"].stage is Stage.ANSWERED
    assert len(prompts(fleet)) == 1


async def test_a_model_that_is_over_its_limit_is_not_asked(fleet: DemoFleet) -> None:
    more = '[models."one/a"]\nlimit = { requests_per_minute = 1 }\n'
    async with Scripted({"a": "A", "b": "B"}).running() as server:
        config = configured(fleet, server.config_toml(more))
        await raced(config, "one/a", "one/b")
        lanes = await raced(config, "one/a", "one/b")
        assert sorted(model for model, _ in server.prompts) == ["a", "b", "b"]
    assert "its limit is 1 requests a minute" in lanes["one/a"].words
    assert lanes["one/b"].stage is Stage.ANSWERED


async def test_one_that_fails_ends_nobody_else(fleet: DemoFleet) -> None:
    async with Scripted({"a": 500, "b": "B"}).running() as server:
        lanes = await raced(configured(fleet, server.config_toml()), "one/a", "one/b")
    failed = lanes["one/a"]
    assert (failed.stage, failed.finished, failed.prefill) == (Stage.FAILED, None, None)
    assert "out of order" in failed.words
    assert lanes["one/b"].text == "B"


async def test_cancelling_ends_every_request_and_keeps_what_had_come(fleet: DemoFleet) -> None:
    fleet.llama_swap.speed = fleet.ollama.speed = 20.0
    config = configured(fleet)
    lanes = lanes_for(("llama-swap/gemma", "ollama/llama3.2:latest"), Request(model=""))
    async with Sender(config, "cli") as sender:
        running = asyncio.create_task(race(lanes, Prompt.of(ENDLESS), ENDLESS, sender, config, Modes()))
        await until(lambda: all(lane.text for lane in lanes), "both answer")
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    for lane in lanes:
        assert isinstance(lane.end, Failed)
        assert (lane.end.kind, lane.end.partial) == (FailureKind.INTERRUPTED, True)
    await until(
        lambda: [chat.closed_early for chat in prompts(fleet)] == [True, True],
        "both servers see that nobody reads any more",
    )
    assert {row["outcome"] for row in remembered(fleet)} == {"cancelled"}


def finished_lane(
    model: str, timings: Timings, *, tokens: int | None = None, cost: float | None = None, memory: int | None = None
) -> Lane:
    lane = Lane(Request(model=model))
    usage = Usage(output=tokens)
    finished = Finished(
        model=model, where="local", reason="stop", served_by=model, timings=timings, usage=usage, cost=cost
    )
    lane.take(finished)
    lane.memory = memory
    return lane


def test_the_quickest_is_first_and_who_was_not_asked_is_last() -> None:
    skipped, failed = Lane(Request(model="one/s")), Lane(Request(model="one/f"))
    skipped.skip("it may not")
    failed.take(Failed(error="no", kind=FailureKind.UNREACHABLE, model="one/f"))
    slow, quick = finished_lane("one/slow", Timings(total=2.0)), finished_lane("one/quick", Timings(total=1.0))
    assert ordered([skipped, failed, slow, quick]) == [quick, slow, failed, skipped]


@pytest.mark.parametrize("figure", RaceFigure)
def test_any_figure_puts_the_lanes_in_order_and_what_is_not_known_behind(figure: RaceFigure) -> None:
    lanes = [
        finished_lane("one/more", Timings(2.0, 3.0, 9.0, 80.0), tokens=90, cost=0.2, memory=8),
        finished_lane("one/unknown", Timings()),
        finished_lane("one/less", Timings(1.0, 1.5, 4.0, 20.0), tokens=30, cost=0.1, memory=4),
    ]
    found = [lane.name.removeprefix("one/") for lane in ordered(lanes, figure)]
    assert found == (
        ["more", "less", "unknown"] if figure is RaceFigure.TOKENS_PER_SECOND else ["less", "more", "unknown"]
    )
    assert [value_of(lane, figure) is None for lane in lanes] == [False, True, False]


async def test_a_task_and_a_tier_go_where_their_plans_say(fleet: DemoFleet) -> None:
    config = configured(fleet)
    lanes = (Lane(Request(task="default")), Lane(Request(tier="haiku", private=True)), Lane(Request(model="ollama/x")))
    assert [lane.name for lane in lanes] == ["task default", "tier haiku", "ollama/x"]
    async with Sender(config, "cli") as sender:
        await race(lanes, Prompt.of("hi"), "hi", sender, config, Modes(), timeout=20.0)
    assert [lane.model for lane in lanes] == ["llama-swap/qwen3", "llama-swap/gemma", "ollama/x"]
    assert [lane.stage for lane in lanes[:2]] == [Stage.ANSWERED, Stage.ANSWERED]


async def test_what_a_model_holds_of_a_gpu_is_told_from_what_it_held_before(fleet: DemoFleet) -> None:
    config = configured(fleet)
    lanes = lanes_for(("ollama/llama3.2:latest", "litellm/gpt-5.2"), Request(model=""))
    async with Sender(config, "cli") as sender:
        await race(lanes, Prompt.of("hi"), "hi", sender, config, Modes(), timeout=20.0)
    local, cloud = lanes
    assert (local.memory_before, local.memory) == (0, None)
    async with running_monitor(config, ("ollama", "litellm")) as monitor:
        snapshot = await monitor.first_look(5.0)
    for lane in lanes:
        lane.observe(snapshot)
    found = snapshot.find_model(local.model)
    assert found is not None
    assert local.memory == found[1].vram
    assert (cloud.memory_before, cloud.memory) == (None, None)


@pytest.mark.parametrize(
    ("timings", "prefill"),
    [
        (Timings(load=None, first_token=0.5), 0.5),
        (Timings(load=2.0, first_token=2.5), 0.5),
        (Timings(load=2.5, first_token=2.5), None),
        (Timings(load=2.0, first_token=None), None),
    ],
    ids=["nothing loaded", "loaded first", "loaded until the token came", "no token"],
)
def test_loading_is_no_part_of_reading_the_prompt(timings: Timings, prefill: float | None) -> None:
    assert finished_lane("one/m", timings).prefill == prefill
