"""``pipeline`` from the command line: inputs in, the result out, and exit codes for what may become of it."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path

import pytest

from tests.chat.scripted import Scripted
from tests.cli.demo_process import PATIENCE
from tests.cli.house import House
from tests.waiting import until
from tui.routing.mode_files import Flip, flip_private

TWO = """
[inputs]
document = "the text"
tone = { about = "how", default = "plain" }
[steps.cut]
model = "one/cut"
prompt = "cut {{ document }}"
[steps.judge]
model = "one/judge"
prompt = "judge {{ cut }}, {{ tone }}"
"""
SECRET = "ghp_" + "a1B2" * 9
CLOUD = '[models."one/judge"]\nwhere = "cloud"\n'


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "two.toml"
    path.write_text(TWO)
    return str(path)


@pytest.fixture
def document(tmp_path: Path) -> str:
    path = tmp_path / "report.md"
    path.write_text("a = b")
    return f"@{path}"


async def test_the_last_answer_goes_to_stdout_and_the_rest_is_told_beside(
    house: House, file: str, document: str
) -> None:
    async with Scripted({"cut": "1.", "judge": "It \x1bholds."}).running() as server:
        house.configure(server.config_toml())
        ran = await house.call("pipeline", file, "-i", document)
        quiet = await house.call("pipeline", file, "-i", document, "-i", "tone=a = c", "-q")
        assert [said for _, said in server.prompts] == ["cut a = b", "judge 1., plain", "cut a = b", "judge 1., a = c"]
    assert (ran.code, ran.out) == (0, "It \x1bholds.")
    assert "fleetdeck: cut: asking one/cut (local; asked for by name" in ran.err
    assert "fleetdeck: judge: one/judge answered" in ran.err
    assert (quiet.code, quiet.err) == (0, "")
    assert {row["face"] for row in house.remembered()} == {"pipeline"}


async def test_the_input_that_is_missing_is_read_from_standard_input(house: House, file: str) -> None:
    async with Scripted({"cut": "1.", "judge": "J"}).running() as server:
        house.configure(server.config_toml())
        ran = await house.process("pipeline", file, said=b"piped")
        assert (ran.code, ran.out, server.prompts[0][1]) == (0, "J", "cut piped")
        empty = await house.process("pipeline", file)
    assert (empty.code, "the input document (the text) is missing" in empty.err) == (2, True)


async def test_the_document_has_every_step(house: House, file: str) -> None:
    async with Scripted({"cut": "1.", "judge": 500}).running() as server:
        house.configure(server.config_toml())
        ran = await house.call("pipeline", file, "-i", "x", "--json", "-q")
    assert ran.code == 1
    assert (ran.document["schema"], ran.document["finished"], ran.document["output"]) == (1, False, {"judge": None})
    steps = ran.document["steps"]
    assert isinstance(steps, list)
    cut, judge = steps
    assert (cut["step"], cut["outcome"], cut["response"], cut["needs"]) == ("cut", "answered", "1.", [])
    assert (judge["outcome"], judge["kind"], judge["needs"]) == ("failed", "server_error", ["cut"])
    assert judge["asked"] == {"model": "one/judge"}
    assert set(cut) == set(judge)


async def test_a_failed_step_stops_what_needs_it_and_says_so(house: House, file: str) -> None:
    async with Scripted({"cut": 500, "judge": "J"}).running() as server:
        house.configure(server.config_toml())
        ran = await house.call("pipeline", file, "-i", "x")
        stopped = await house.call("pipeline", file, "-i", "x", "--json")
    assert (ran.code, ran.out) == (1, "")
    assert "cut: one/cut: " in ran.err
    assert "judge: stopped, since it needs cut, which did not answer" in ran.err
    steps = stopped.document["steps"]
    assert isinstance(steps, list)
    assert (steps[1]["stopped_by"], steps[1]["outcome"]) == ("cut", "skipped")


async def test_what_modes_and_guards_refuse_has_their_exit_codes(house: House, file: str) -> None:
    async with Scripted({"cut": "1.", "judge": "J"}).running() as server:
        house.configure(server.config_toml(CLOUD))
        private = await house.call("pipeline", file, "-i", "x", "--private")
        guarded = await house.call("pipeline", file, "-i", "x", "-i", f"tone={SECRET}")
        allowed = await house.call("pipeline", file, "-i", "x", "-i", f"tone={SECRET}", "--allow-secrets")
        flip_private(house.modes_file, Flip.ON, "tax")
        mode = await house.call("pipeline", file, "-i", "x")
        assert [model for model, _ in server.prompts].count("judge") == 1
    assert (private.code, guarded.code, allowed.code, mode.code) == (3, 4, 0, 3)
    assert "private mode is on" in mode.err


async def test_a_wrong_file_or_call_is_told_before_anybody_is_asked(house: House, file: str, tmp_path: Path) -> None:
    broken = tmp_path / "broken.toml"
    broken.write_text("[steps.a]\ntask = 'nosuch'\nprompt = 'x'\n")
    for arguments, words in (
        ((str(broken),), "steps.a: there is no task nosuch"),
        ((str(tmp_path / "none.toml"),), "does not exist"),
        ((file, "-i", "@/nowhere"), "/nowhere cannot be read: no such file"),
        ((file, "-i", "document=a", "-i", "document=b"), "the input document is given twice"),
    ):
        ran = await house.call("pipeline", *arguments)
        assert (ran.code, words in ran.err) == (2, True), ran.err
    assert house.prompted() == {}


async def test_a_dry_run_shows_where_each_step_would_go_and_sends_nothing(house: House, tmp_path: Path) -> None:
    path = tmp_path / "p.toml"
    path.write_text(
        "[steps.a]\ntask = 'private'\nprompt = '1'\n[steps.b]\nmodel = 'litellm/gpt-5.2'\nprompt = '{{ a }}'\n"
    )
    ran = await house.call("pipeline", str(path), "--dry-run")
    first, second = ran.out.splitlines()
    assert first.split()[:4] == ["a", "at", "once", "private"]
    assert "llama-swap/qwen3 (local" in first
    assert "after a" in second
    assert "nowhere: no model on your own machines may take this private request" in second
    assert (ran.code, house.prompted()) == (0, {})


async def test_several_results_stand_under_their_names(house: House, tmp_path: Path) -> None:
    path = tmp_path / "p.toml"
    path.write_text("[steps.a]\nmodel='one/a'\nprompt='1'\n[steps.b]\nmodel='one/b'\nprompt='2'\n")
    async with Scripted({"a": "A", "b": "B"}).running() as server:
        house.configure(server.config_toml())
        ran = await house.call("pipeline", str(path))
    assert ran.out == "## a\n\nA\n\n## b\n\nB\n\n"


async def test_an_interrupted_pipeline_ends_its_requests_and_tells_what_it_has(house: House, tmp_path: Path) -> None:
    house.fleet.llama_swap.speed = 20.0
    path = tmp_path / "p.toml"
    path.write_text("[steps.a]\nmodel='llama-swap/gemma'\nprompt='write 900000 tokens'\n")
    process = await house.started("pipeline", str(path), "--json")
    await until(house.prompted, "the step is asked", timeout=PATIENCE)
    process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(PATIENCE):
        out, errors = await process.communicate()
    assert process.returncode == 143
    assert json.loads(out)["steps"][0]["kind"] == "interrupted"
    assert b"Traceback" not in errors
