"""Pipelines: what a file may say, in which order its steps are asked, and that what is private stays so on its way."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.chat.asking import config_of, remembered
from tests.chat.scripted import Scripted
from tests.waiting import until
from tui.chat.drill import Stage
from tui.chat.pipeline import FACE, PipelineCall, StepRun, run_pipeline, runs_of, wrong_targets
from tui.chat.pipeline_file import Pipeline, Template, in_order, load_pipeline
from tui.chat.sending import Sender
from tui.config.errors import ConfigError
from tui.config.load import load_config, parse_config
from tui.config.schema import Config
from tui.demo.fleet import DemoFleet
from tui.routing.modes import Mode, Modes

REPOSITORY = Path(__file__).parents[2]
CLOUD = '[models."one/cloud"]\nwhere = "cloud"\n'


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "pipeline.toml"
    path.write_text(text)
    return path


def step(name: str, prompt: str, *lines: str, model: str = "") -> str:
    return "\n".join([f"[steps.{name}]", f'model = "one/{model or name}"', f"prompt = '''{prompt}'''", *lines, ""])


async def ran(
    pipeline: Pipeline, config: Config, *, modes: Modes | None = None, private: bool = False, **inputs: str
) -> dict[str, StepRun]:
    call = PipelineCall(pipeline=pipeline, inputs=inputs, private=private)
    runs = runs_of(call)
    async with Sender(config, FACE) as sender, asyncio.timeout(20):
        await run_pipeline(call, runs, sender, config, lambda: modes or Modes())
    return runs


def configured(fleet: DemoFleet, server: Scripted, more: str = "") -> Config:
    return parse_config(fleet.config_toml() + server.config_toml(more), fleet.folder / "config.toml")


async def test_steps_use_inputs_and_each_others_answers_and_are_remembered(fleet: DemoFleet, tmp_path: Path) -> None:
    text = step("a", "cut {{ input }}") + step("b", "judge {{a}} of {{ input }}; {json} {{ }}")
    async with Scripted({"a": "A{{ input }}", "b": "B"}).running() as server:
        runs = await ran(load_pipeline(written(tmp_path, text)), configured(fleet, server), input="x")
        assert server.prompts == [("a", "cut x"), ("b", "judge A{{ input }} of x; {json} {{ }}")]
    assert runs["b"].lane.text == "B"
    assert [(row["face"], row["asked_name"], row["outcome"]) for row in remembered(fleet)] == [
        ("pipeline", "one/a", "finished"),
        ("pipeline", "one/b", "finished"),
    ]


async def test_what_does_not_depend_on_each_other_is_asked_at_once(fleet: DemoFleet, tmp_path: Path) -> None:
    text = step("a", "1") + step("b", "2") + step("c", "3") + step("merged", "{{a}} {{b}} {{c}}")
    async with Scripted({"a": "A", "b": "B", "c": "C", "merged": "M"}, together=3).running() as server:
        runs = await ran(load_pipeline(written(tmp_path, text)), configured(fleet, server))
        assert server.prompts[3:] == [("merged", "A B C")]
    assert all(run.answered for run in runs.values())


async def test_a_step_that_fails_stops_what_needs_it_and_nothing_else(fleet: DemoFleet, tmp_path: Path) -> None:
    text = step("a", "1") + step("b", "{{a}}") + step("c", "{{b}}") + step("d", "4") + step("e", "5", 'after = ["a"]')
    async with Scripted({"a": 500, "b": "B", "c": "C", "d": "D", "e": "E"}).running() as server:
        runs = await ran(load_pipeline(written(tmp_path, text)), configured(fleet, server))
        assert sorted(model for model, _ in server.prompts) == ["a", "d"]
    assert runs["a"].lane.stage is Stage.FAILED
    assert [runs[name].stopped_by for name in "bcde"] == ["a", "b", "", "a"]
    assert runs["b"].lane.words == "stopped, since it needs a, which did not answer"
    assert runs["d"].answered


async def test_what_was_told_to_a_private_step_goes_no_further_than_it(fleet: DemoFleet, tmp_path: Path) -> None:
    text = step("a", "1", "private = true") + step("b", "{{a}}") + step("c", "{{b}}", model="cloud")
    async with Scripted({"a": "A", "b": "B", "cloud": "C"}).running() as server:
        runs = await ran(load_pipeline(written(tmp_path, text)), configured(fleet, server, CLOUD))
        assert [model for model, _ in server.prompts] == ["a", "b"]
    assert runs["c"].lane.stage is Stage.SKIPPED
    assert "the request is private" in runs["c"].lane.words
    assert [(row["private"], row["answer"]) for row in remembered(fleet)] == [(1, None), (1, None)]


@pytest.mark.parametrize(("private", "asked"), [(False, ["a", "cloud"]), (True, ["a"])])
async def test_a_step_may_release_its_answer_unless_all_is_private(
    fleet: DemoFleet, tmp_path: Path, private: bool, asked: list[str]
) -> None:
    text = step("a", "1", "private = true", "releases = true") + step("b", "{{a}}", model="cloud")
    async with Scripted({"a": "A", "cloud": "B"}).running() as server:
        await ran(load_pipeline(written(tmp_path, text)), configured(fleet, server, CLOUD), private=private)
        assert [model for model, _ in server.prompts] == asked


async def test_a_private_task_and_private_mode_are_inherited_likewise(fleet: DemoFleet, tmp_path: Path) -> None:
    text = "[steps.a]\ntask = 'home'\nprompt = '1'\n" + step("b", "{{a}}", model="cloud")
    async with Scripted({"a": "A", "cloud": "B"}).running() as server:
        toml = fleet.config_toml().replace("[tasks]", "[tasks.home]\nmodels = ['one/a']\nprivate = true\n[tasks]")
        config = parse_config(toml + server.config_toml(CLOUD), fleet.folder / "config.toml")
        runs = await ran(load_pipeline(written(tmp_path, text)), config)
        assert [model for model, _ in server.prompts] == ["a"]
    assert runs["b"].lane.stage is Stage.SKIPPED


async def test_modes_are_read_anew_for_each_step(fleet: DemoFleet, tmp_path: Path) -> None:
    text = step("a", "1") + step("b", "2 {{a}}", model="cloud")
    modes = iter([Modes(), Modes(private=Mode(enabled=True))])
    async with Scripted({"a": "A", "cloud": "B"}).running() as server:
        config = configured(fleet, server, CLOUD)
        call = PipelineCall(pipeline=load_pipeline(written(tmp_path, text)), inputs={})
        runs = runs_of(call)
        async with Sender(config, FACE) as sender:
            await run_pipeline(call, runs, sender, config, lambda: next(modes))
    assert runs["a"].answered
    assert "private mode is on" in runs["b"].lane.words


async def test_cancelling_ends_what_runs_and_keeps_what_has_come(fleet: DemoFleet, tmp_path: Path) -> None:
    fleet.llama_swap.speed = 20.0
    text = "[steps.a]\nmodel = 'llama-swap/gemma'\nprompt = 'write 900000 tokens'\n" + step("b", "{{a}}")
    call = PipelineCall(pipeline=load_pipeline(written(tmp_path, text)), inputs={})
    runs = runs_of(call)
    config = config_of(fleet)
    async with Sender(config, FACE) as sender:
        running = asyncio.create_task(run_pipeline(call, runs, sender, config, Modes))
        await until(lambda: runs["a"].lane.text, "the first step answers")
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    assert [run.lane.stage for run in runs.values()] == [Stage.FAILED, Stage.FAILED]
    assert [row["outcome"] for row in remembered(fleet)] == ["cancelled"]


WRONG = [
    ("", "has no steps"),
    ("[steps.a]\ntier='opus'\n", "steps.a.prompt: is missing"),
    ("[steps.a]\nprompt='x'\ntier='opus'\ntask='y'\n", "one of tier, task and model"),
    ("[steps.a]\nprompt='{{ b }}'\n", "{{ b }} is no input or step"),
    ("[steps.structure]\nprompt='x'\n[steps.b]\nprompt='{{ structur }}'\n", 'did you mean "structure"?'),
    ("[steps.a]\nprompt='{{ b }}'\n[steps.b]\nprompt='{{ a }}'\n", "waits for itself: "),
    ("[steps.a]\nprompt='{{ a }}'\n", "waits for itself: a → a"),
    ("[steps.a]\nprompt='x'\nmodle='y/z'\n", 'unknown setting; did you mean "model"?'),
    ("[steps.a]\nprompt='x'\nafter=['c']\n", "c is no step"),
    ("[steps.a]\nprompt='x'\ntimeout=0\n", "steps.a.timeout: should be at least"),
    ("[steps.a]\nprompt='x'\nfallback=true\n", "goes with a model"),
    ("output='b'\n[steps.a]\nprompt='x'\n", "names no step"),
    ("[inputs]\na='x'\n[steps.a]\nprompt='x'\n", "also the name of an input"),
    ("[steps]\na='x'\n", "should be a table"),
    ("[step.a]\nprompt='x'\n", 'did you mean "steps"?'),
    ("[steps.'a b']\nprompt='x'\n", "a name is letters"),
]


@pytest.mark.parametrize(("text", "words"), WRONG, ids=[words for _, words in WRONG])
def test_what_is_wrong_in_a_file_is_named_with_its_line(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_pipeline(written(tmp_path, text))
    assert words in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_a_target_that_does_not_exist_is_found_before_anything_is_sent(tmp_path: Path, fleet: DemoFleet) -> None:
    text = "[steps.a]\ntask='nosuch'\nprompt='x'\n[steps.b]\nmodel='nobody/x'\nprompt='x'\n[steps.c]\nprompt='x'\n"
    found = wrong_targets(load_pipeline(written(tmp_path, text)), config_of(fleet))
    assert list(found) == ["a", "b"]
    assert "there is no task nosuch" in found["a"]


@pytest.mark.parametrize("name", ["document", "review"])
def test_the_worked_examples_are_right(name: str, fleet: DemoFleet) -> None:
    pipeline = load_pipeline(REPOSITORY / "docs" / "pipelines" / f"{name}.toml")
    assert len(pipeline.output) == 1
    for config in (config_of(fleet), load_config(REPOSITORY / "config.toml")):
        assert wrong_targets(pipeline, config) == {}


@given(st.text(), st.text(), st.text())
def test_a_value_is_data_whatever_it_holds(before: str, value: str, after: str) -> None:
    around = before.replace("{", "").replace("}", ""), after.replace("{", "").replace("}", "")
    template = Template(f"{around[0]}{{{{ name }}}}{around[1]}")
    assert template.names == ("name",)
    assert template.filled({"name": value}) == f"{around[0]}{value}{around[1]}"


@settings(max_examples=50)
@given(st.lists(st.sets(st.integers(0, 5)), min_size=1, max_size=6))
def test_an_order_has_every_step_behind_what_it_needs(needs: list[set[int]]) -> None:
    names = [f"s{number}" for number in range(len(needs))]
    text = "".join(
        step(name, " ".join(f"{{{{ s{other} }}}}" for other in sorted(wanted) if other < number))
        if any(other < number for other in wanted)
        else step(name, "x")
        for number, (name, wanted) in enumerate(zip(names, needs, strict=True))
    )
    with tempfile.TemporaryDirectory() as folder:
        pipeline = load_pipeline(written(Path(folder), text))
    seen: set[str] = set()
    for one in in_order(pipeline):
        assert set(pipeline.needs(one)) <= seen
        seen.add(one.name)
    assert seen == set(names)
